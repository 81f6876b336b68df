//! Ids of every kind, twice the same, and answers that nobody asked for.

use super::Stage;
use crate::{raw::Raw, support::around};
use gateway_tests::fake_child::{First, Script};
use serde_json::{Value, json};

#[tokio::test]
async fn an_id_is_a_string_or_a_number_and_comes_back_as_it_was() {
    let stage = Stage::new().await;
    let mut client = Raw::greeted(&stage.pair).await;
    let long = format!("\"{}\"", "x".repeat(254));
    for id in [
        "0",
        "-0",
        "-7",
        "1.5",
        "1.50",
        "-1E+2",
        "123456789012345678901234567890",
        "\"\"",
        r#""é\u00e9\"""#,
        &long,
    ] {
        client.send(format!("{{\"id\":{id},\"method\":\"daemon/status\"}}\n").as_bytes()).await;
        let answer = client.text().await.expect("an answer");
        assert!(answer.starts_with(&format!("{{\"id\":{id},\"result\":")), "{id}: {answer}");
    }
    let too_long = format!("\"{}\"", "x".repeat(300));
    for id in ["null", "true", "false", "{}", "{\"id\":1}", "[]", "[1]", &too_long] {
        client.send(format!("{{\"id\":{id},\"method\":\"daemon/status\"}}\n").as_bytes()).await;
        let answer = client.line().await.expect("an error");
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!(-32600)), "{id}");
    }
    client.is_served().await;
    drop(client);
    stage.is_clean().await;
}

#[tokio::test]
async fn an_id_in_flight_is_refused_and_each_request_answered_once() {
    let lost = First::Of([("thread/loaded/list".to_owned(), 1)].into());
    let script = Script { lose_answers: lost, ..Script::default() };
    // Not `Stage`: its own look at the threads would be the one that is lost.
    let builder = around(&script).daemon("WORKER_REQUEST_TIMEOUT_MS", "2500");
    let pair = builder.start().await.expect("a ready pair");
    let mut client = Raw::greeted(&pair).await;
    let request = json!({ "id": 7, "method": "thread/loaded/list", "params": {} });
    for _ in 0..3 {
        client.say(&request).await;
    }
    let mut codes = Vec::new();
    for _ in 0..3 {
        let answer = client.line().await.expect("an answer");
        assert_eq!(answer["id"], 7, "{answer}");
        codes.push(answer["error"]["code"].as_i64().expect("an error"));
    }
    assert_eq!(codes, [-32600, -32600, -32012]);
    client.say(&request).await;
    let answer = client.line().await.expect("an answer");
    assert_eq!((&answer["id"], answer["result"].is_object()), (&json!(7), true), "{answer}");
}

/// Neither a request that does not exist nor one that another client was asked can be answered.
#[tokio::test]
async fn answers_that_nobody_asked_for_go_nowhere() {
    let stage = Stage::new().await;
    let mut asked = Raw::greeted(&stage.pair).await;
    let thread = asked.thread("!ask item/commandExecution/requestApproval").await;
    asked.turn(&thread).await;
    let is_request = |line: &Value| {
        line.get("id").is_some() && line["method"].as_str().is_some_and(|m| m.starts_with("item/"))
    };
    let request = asked.until("a request of the child", is_request).await;
    let key = request["id"].clone();
    stage
        .beside(async {
            let mut hostile = Raw::greeted(&stage.pair).await;
            for id in (0..200).map(|n| json!(n)).chain([key.clone(), json!(key.to_string()), Value::Null]) {
                hostile.say(&json!({ "id": id, "result": { "decision": "stolen" } })).await;
                hostile.say(&json!({ "id": id, "error": { "code": 1, "message": "stolen" } })).await;
            }
            hostile.is_served().await;
        })
        .await;
    asked.say(&json!({ "id": key, "result": { "decision": "mine" } })).await;
    // Once more, and about nothing.
    asked.say(&json!({ "id": key, "result": { "decision": "late" } })).await;
    let completed =
        |line: &Value| line["method"] == "item/completed" && line["params"]["item"]["type"] == "agentMessage";
    let said = asked.until("the child's message", completed).await;
    assert_eq!(said["params"]["item"]["text"], r#"{"decision":"mine"}"#, "{said}");
    asked.until("the end of the turn", |line| line["method"] == "turn/completed").await;
    asked.is_served().await;
    drop(asked);
    stage.is_clean().await;
}
