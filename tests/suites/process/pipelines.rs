//! A client that sends thousands of requests before it reads an answer gets an answer to each.

use crate::support::{ready, serves};
use gateway_tests::{fake_child::Script, pair::pipeline};

const REQUESTS: usize = 5000;

#[tokio::test]
async fn five_thousand_requests_get_five_thousand_answers() {
    let pair = ready(&Script::default()).await;
    pipeline(&pair.socket, "model/list", REQUESTS).await.expect("all answers");
    // The child was never asked so much at once that it would lose some.
    serves(&pair).await;
}

#[tokio::test]
async fn two_clients_that_pipeline_at_once_both_get_all_their_answers() {
    let pair = ready(&Script::default()).await;
    let both = tokio::try_join!(
        pipeline(&pair.socket, "model/list", REQUESTS),
        pipeline(&pair.socket, "model/list", REQUESTS),
    );
    both.expect("all answers of both");
    serves(&pair).await;
}
