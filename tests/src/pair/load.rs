//! Clients that ask without a pause, while something is replaced under them.

use super::{Answer, End};
use tokio::sync::watch;

/// Asks again and again by so many clients until `stop` says so: half of them for streams, half on connections that they keep. Gives
/// how many answers each got.
///
/// # Panics
/// An answer is not whole, or not the one to its question.
pub async fn load(url: &str, clients: usize, stop: watch::Receiver<bool>) -> Vec<usize> {
    let clients = (0..clients).map(|n| {
        let stop = stop.clone();
        async move {
            let kept = reqwest::Client::builder();
            let kept = if n % 2 == 0 { kept } else { kept.pool_max_idle_per_host(0) };
            let client = kept.build().expect("a client");
            let mut answers = 0;
            while !*stop.borrow() {
                let stream = n % 4 < 2;
                let mut answer =
                    Answer::of(&client, url, &format!("!echo {n}-{answers}"), stream).await.expect("a head");
                assert_eq!(answer.end().await.expect("an end"), End::Done, "client {n}");
                assert_eq!(answer.text(), format!("{n}-{answers}"));
                answers += 1;
            }
            answers
        }
    });
    futures_util::future::join_all(clients).await
}
