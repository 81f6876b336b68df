//! The same over HTTP, where clients see it.

use super::{Stage, tool};
use gateway_tests::upstream::Reply;
use http_front::schema::{
    Level, output,
    samples::{self, Fate},
};
use serde_json::{Value, json};

fn request(extra: (&str, Value)) -> Value {
    let mut body = json!({"model": "codex-5", "messages": [{"role": "user", "content": "Go."}]});
    body[extra.0] = extra.1;
    body
}

/// What went up with the last request.
fn last(stage: &Stage) -> Value {
    stage.upstream.requests().last().expect("a request").json().clone()
}

fn refused(got: &crate::support::Got, path: &str) {
    let error = got.json()["error"].clone();
    let param = error["param"].as_str().unwrap_or_default();
    assert!(got.status == 400 && param.starts_with(path), "{path}: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_of_the_table_holds_for_functions() {
    let stage = Stage::new().await;
    for sample in samples::all() {
        let function = json!({"name": "f", "description": "Does.", "parameters": sample.schema});
        let body = request(("tools", json!([{"type": "function", "function": function}])));
        if let Fate::Refused(_) = sample.in_tool() {
            refused(&stage.ask([], &body).await, "tools[0].function.parameters");
            continue;
        }
        let got = stage.ask([Reply::new().text("ok")], &body).await;
        assert_eq!(got.content(), "ok", "{sample:?}");
        let made = tool::carried(&sample.schema, false).expect("carried");
        let told = made.told.map_or_else(|| "Does.".to_owned(), |told| format!("Does.\n\n{told}"));
        let sent = last(&stage)["tools"][0].take();
        assert_eq!((&sent["parameters"], &sent["description"]), (&made.schema, &json!(told)), "{sample:?}");
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_of_the_table_holds_for_the_answers_schema() {
    let stage = Stage::new().await;
    for sample in samples::all() {
        for (strict, level) in [(true, Level::Guaranteed), (false, Level::BestEffort)] {
            let named = json!({"name": "n", "strict": strict, "schema": sample.schema});
            let body = request(("response_format", json!({"type": "json_schema", "json_schema": named})));
            let Ok(made) = output::convert(&sample.schema, level) else {
                refused(&stage.ask([], &body).await, "response_format.json_schema.schema");
                continue;
            };
            // Whatever the model says to it: what goes up is what this is about.
            let _answer = stage.ask([Reply::new().text("{}")], &body).await;
            assert_eq!(last(&stage)["text"]["format"]["schema"], made.schema, "{sample:?}");
        }
    }
    stage.check_upstream();
}
