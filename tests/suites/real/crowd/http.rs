//! Clients of the front.

use super::{
    account::{Account, Finish, judge},
    dice::Dice,
};
use gateway_tests::pair::{Answer, DEADLINE, End};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// After an error a client waits for a moment, as a client should.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// Asks again and again, on a connection of its own, until it is stopped.
pub(super) async fn ask_on(
    lane: String,
    url: String,
    mut dice: Dice,
    account: Arc<Account>,
    stop: CancellationToken,
) {
    let client = reqwest::Client::new();
    let mut number = 0;
    while !stop.is_cancelled() {
        let wanted = dice.request(&lane, number);
        let begun = Instant::now();
        let finish = ask(&client, &url, &wanted.prompt, &wanted.text, wanted.stream).await;
        let failed = finish != Finish::Done;
        account.note(format!("{lane}:{number}{}", if wanted.stream { " stream" } else { "" }), begun, finish);
        if failed {
            tokio::time::sleep(AFTER_ERROR).await;
        }
        number += 1;
    }
}

/// Asks `prompt`, to which the answer is `wanted`, and reads to the end.
pub(crate) async fn ask(
    client: &reqwest::Client,
    url: &str,
    prompt: &str,
    wanted: &str,
    stream: bool,
) -> Finish {
    let mut answer = match Answer::of(client, url, prompt, stream).await {
        Ok(answer) => answer,
        Err(error) => return Finish::Wrong(format!("no answer at all: {error}")),
    };
    // The keep-alives of a stream that never ends are no end.
    let end = tokio::time::timeout(DEADLINE, answer.end()).await;
    match end.unwrap_or_else(|_| Err(io::Error::other(format!("no end within {DEADLINE:?}")))) {
        Ok(End::Done) => judge(wanted, &answer.text(), None),
        Ok(End::Refused { code, .. } | End::Broken { code }) => judge(wanted, &answer.text(), Some(code)),
        Ok(End::Torn(how)) => Finish::Wrong(how),
        Err(error) => Finish::Wrong(error.to_string()),
    }
}
