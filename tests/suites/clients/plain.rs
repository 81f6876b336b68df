//! One completion, and one stream with usage.

use gateway_tests::{
    pair::Pair,
    upstream::{Pieces, Recorded, Reply, Upstream},
};
use serde_json::json;

use crate::client::Client;

const TEXT: &str = "Grüße, 你好 😀 \"quoted\" \\ <&>\n\nand a second paragraph.";

async fn check(client: Client) {
    let brain = |_: &Recorded| Reply::new().text(Pieces::new(TEXT).chars(5));
    let upstream = Upstream::start(brain).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");
    let got = client.run(&pair, "plain").await;
    let message = json!({
        "text": TEXT,
        "finish": "stop",
        "usage": {"input": 11, "output": 7, "total": 18, "cached": 3, "reasoning": 2},
    });
    assert_eq!(got, json!({"whole": message, "stream": message}));
    let asked: Vec<_> = upstream.requests().iter().map(|request| request.last_user_text()).collect();
    assert_eq!(asked, [Some("plain".to_owned()), Some("plain".to_owned())]);
    assert_eq!(upstream.problems(), Vec::<String>::new());
}

for_every_client!(check);
