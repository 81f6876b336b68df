//! Answers of a form, and refusals.

use super::{answered, choices, pair, reason};
use serde_json::{Value, json};

/// A schema that goes up as it is, or one that is converted, and its answers back.
fn schema(stream: bool, strict: bool) -> Value {
    let mut schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
    if strict {
        schema["required"] = json!(["a"]);
        schema["additionalProperties"] = false.into();
    }
    let named = json!({ "name": "n", "strict": strict, "schema": schema });
    json!({ "stream": stream, "response_format": { "type": "json_schema", "json_schema": named } })
}

fn object(stream: bool) -> Value {
    json!({ "stream": stream, "response_format": { "type": "json_object" } })
}

#[tokio::test]
async fn answers_of_a_form_are_as_described() {
    let pair = pair().await;
    for stream in [false, true] {
        for more in [schema(stream, true), schema(stream, false)] {
            for text in ["!echo {\"a\": 1}", "!echo {\"a\": null}"] {
                assert_eq!(reason(&answered(&pair, text, &more).await), "stop");
            }
        }
        let answered = answered(&pair, "!echo {\"json\": 1}", &object(stream)).await;
        assert_eq!(reason(&answered), "stop");
    }
}

#[tokio::test]
async fn an_answer_of_another_form_is_a_failure_as_described() {
    let pair = pair().await;
    for stream in [false, true] {
        for more in [schema(stream, false), object(stream)] {
            let failure = answered(&pair, "no json", &more).await;
            assert_eq!(failure[0]["error"]["code"], "upstream_error", "{failure:?}");
        }
    }
    let more = json!({ "response_format": { "type": "xml" } });
    assert_eq!(answered(&pair, "hi", &more).await[0]["error"]["param"], "response_format.type");
}

#[tokio::test]
async fn refusals_are_as_described() {
    let pair = pair().await;
    for stream in [false, true] {
        for more in [json!({ "stream": stream }), schema(stream, true), schema(stream, false)] {
            let answered = answered(&pair, "!refuse", &more).await;
            assert_eq!(reason(&answered), "stop");
            let part = if stream { "delta" } else { "message" };
            let said = |name: &str| -> String {
                choices(&answered).into_iter().filter_map(|choice| choice[part][name].as_str()).collect()
            };
            assert_eq!((said("refusal").is_empty(), said("content").as_str()), (false, ""), "{answered:?}");
        }
    }
}
