//! Refusals: codex drops the model's words, the fact remains.

use super::asking_for;
use crate::support::{Stage, asking};
use gateway_tests::upstream::Reply;
use serde_json::{Value, json};

const REFUSED: &str = "The model refused to answer.";

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_as_one() {
    let stage = Stage::new().await;
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
        "additionalProperties": false});
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}});
    for stream in [false, true] {
        for body in
            [asking(stream), asking_for(&format, stream), asking_for(&json!({"type": "json_object"}), stream)]
        {
            let got = stage.ask([Reply::new().refusal("I can't help with that.")], &body).await;
            if stream {
                let stream = got.stream();
                assert_eq!(stream.complete("stop"), "");
                let refusals: String = stream
                    .chunks()
                    .iter()
                    .filter_map(|chunk| chunk["choices"][0]["delta"]["refusal"].as_str())
                    .collect();
                assert_eq!(refusals, REFUSED);
            } else {
                let message = got.json()["choices"][0]["message"].clone();
                assert_eq!((&message["refusal"], &message["content"]), (&json!(REFUSED), &Value::Null));
            }
        }
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_message_is_no_refusal() {
    let stage = Stage::new().await;
    let got = stage.ask([Reply::new().text("")], &asking(false)).await;
    let message = got.json()["choices"][0]["message"].clone();
    assert_eq!((&message["refusal"], &message["content"]), (&Value::Null, &json!("")));
}
