//! Maintenance around the real codex: a stream that runs finishes, what comes after it never reaches the model.

use crate::support::{Got, Stage, asking};
use gateway_tests::{
    pair::KEY,
    upstream::{Gate, Pieces, Reply},
};
use serde_json::{Value, json};

async fn set(stage: &Stage, path: &str, body: Option<Value>) -> Value {
    let url = format!("http://{}{path}", stage.pair.internal);
    let client = stage.pair.client();
    let request = match body {
        Some(body) => client.put(url).json(&body),
        None => client.delete(url),
    };
    let answer = request.bearer_auth(KEY).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("the state")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_finishes_and_what_comes_later_is_not_asked_of_the_model() {
    let stage = Stage::new().await;
    for (path, closed, code) in [
        ("/internal/maintenance", json!({ "enabled": true, "message": "Later." }), "maintenance"),
        ("/internal/app-server", json!({ "enabled": false }), "app_server_disabled"),
    ] {
        let gate = Gate::new();
        let pieces = Pieces::new("Begun.").wait(&gate).delta(" Done.");
        let running = stage.begin(Reply::new().text(pieces), &asking(true)).await;
        let state = set(&stage, path, Some(closed)).await;
        assert_eq!(state["kept"], true, "{state}");
        let before = stage.upstream.totals().requests;
        for stream in [false, true] {
            let refused = Got::read(stage.send(&asking(stream)).await).await;
            assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!(code)));
        }
        assert_eq!(stage.upstream.totals().requests, before);
        gate.open();
        assert_eq!(Got::read(running).await.stream().complete("stop"), "Begun. Done.");
        set(&stage, path, None).await;
        assert_eq!(stage.ask([Reply::new().text("Again.")], &asking(false)).await.content(), "Again.");
    }
    stage.check_upstream();
}
