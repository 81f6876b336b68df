//! What each client raises for each failure, and how often it tries.
//!
//! One program asks all the cases at once: a client that waits before it tries again holds up no other case.

mod cases;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use gateway_tests::{
    pair::{Builder, Pair},
    upstream::{Recorded, Reply, Upstream},
};
use serde_json::{Value, json};

use crate::client::Client;
use cases::{CASES, Case};

async fn check(client: Client) {
    let seen = Mutex::new(BTreeMap::<&str, usize>::new());
    let brain = move |request: &Recorded| {
        let Some(case) = case_of(request) else { return Reply::error(400, "no such case") };
        let mut seen = seen.lock().expect("nothing panics in here");
        let count = seen.entry(case.name).or_default();
        *count += 1;
        (case.reply)(*count)
    };
    let upstream = Upstream::start(brain).await.expect("an upstream");
    let builder = Builder::real(&upstream.base_url()).expect("a home");
    let pair = builder
        .front("PROXY_MAX_BODY_BYTES", "65536")
        // Only the case `timeout` is silent, and it is a stream.
        .front("PROXY_STREAM_IDLE_TIMEOUT_MS", "8000")
        .start()
        .await
        .expect("a ready pair");

    let sent: Vec<Value> = CASES.iter().map(Case::for_program).collect();
    let got = client.run_with(&pair, "errors", &json!(sent)).await;
    let mut wrong = Vec::new();
    for case in CASES {
        let wanted = case.wanted(client);
        if got[case.name] != wanted {
            wrong.push(format!("{}: {} in place of {wanted}", case.name, got[case.name]));
        }
        let should = case.attempts(client);
        let tried = match case.refused_at_the_door() {
            Some(code) => refusals(&pair, code, should).await,
            None => upstream.requests().iter().filter(|request| is_for(request, case)).count(),
        };
        if tried != should {
            wrong.push(format!("{}: tried {tried} times in place of {should}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{client:?}\n{}", wrong.join("\n"));
}

/// The case that the prompt's first word names.
fn case_of(request: &Recorded) -> Option<&'static Case> {
    let text = request.last_user_text()?;
    let name = text.split_whitespace().next()?;
    CASES.iter().find(|case| case.name == name)
}

fn is_for(request: &Arc<Recorded>, case: &Case) -> bool {
    case_of(request).is_some_and(|found| found.name == case.name)
}

/// How often the front refused something with this code, as its log says: what it wrote last may still be on its way.
async fn refusals(pair: &Pair, code: &str, expected: usize) -> usize {
    let count = || {
        let log = pair.front.log();
        let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["error_code"] == code).count()
    };
    let seen = || async move { (count() >= expected).then_some(()) };
    pair.eventually("the front's log", seen).await.expect("a refusal in the log");
    count()
}

for_every_client!(check);
