//! A body of the Responses API that is posted to chat completions, as Cursor does.

use crate::support::Stage;
use gateway_tests::upstream::Reply;
use serde_json::json;

const CHAT: &str = "/v1/chat/completions";

#[tokio::test(flavor = "multi_thread")]
async fn it_is_served_as_the_chat_that_it_says() {
    let stage = Stage::new().await;
    let body = json!({
        "model": "codex-5", "stream": true, "user": "u", "instructions": "Be brief.",
        "reasoning": {"effort": "low", "summary": "auto"}, "text": {"verbosity": "low"}, "store": false,
        "include": ["reasoning.encrypted_content"], "max_output_tokens": 4000, "truncation": "auto",
        "tools": [{"type": "function", "name": "read", "description": "Reads.", "strict": false,
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}}],
        "tool_choice": "auto", "messages": null,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Look."}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read", "arguments": "{\"path\":\"a\"}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "A"},
        ],
    });
    stage.will_say(Reply::new().text("Reading on.").function_call_as("call_2", "read", "{\"path\":\"b\"}"));
    let got = stage.post(CHAT, &[], &body).await;
    let (calls, reason) = crate::tools::calls(&got, true);
    assert_eq!((calls.len(), reason.as_str()), (1, "tool_calls"), "{}", got.shown());
    assert_eq!(got.header("x-codex-ignored-params"), Some("truncation"));
    let requests = stage.upstream.requests();
    let kinds: Vec<&str> = requests[0].input().iter().filter_map(|item| item["type"].as_str()).collect();
    assert_eq!(kinds, ["message", "message", "function_call", "function_call_output"]);
    assert_eq!(requests[0].input()[0]["role"], "developer");
    assert_eq!(requests[0].json()["reasoning"]["effort"], "low");
    assert_eq!(requests[0].json()["text"]["verbosity"], "low");
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_as_it_was_sent() {
    let stage = Stage::new().await;
    for (input, param) in [
        (
            json!([{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]),
            "input[0].content[0].type",
        ),
        (json!([{"role": "robot", "content": "x"}]), "input[0].role"),
        (json!([]), "input"),
        (json!([{"type": "web_search_call"}]), "input[0].type"),
        (json!([{"type": "function_call_output", "call_id": "c", "output": {}}]), "input[0].output"),
    ] {
        let got = stage.post(CHAT, &[], &json!({"model": "codex-5", "input": input})).await;
        assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!(param)), "{}", got.shown());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_custom_tool_is_called_as_it_reads_calls() {
    let stage = Stage::new().await;
    let patch = "*** Begin Patch\n*** Delete File: a\n*** End Patch";
    let body = json!({
        "model": "codex-5", "stream": true,
        "tools": [{"type": "custom", "name": "ApplyPatch", "description": "Edits.",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: begin_patch hunk+ end_patch"}}],
        "input": [
            {"role": "user", "content": "Edit."},
            {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "ApplyPatch", "input": patch},
            {"type": "custom_tool_call_output", "call_id": "call_1", "output": "Done!"},
        ],
    });
    let arguments = json!({ "input": patch }).to_string();
    stage.will_say(Reply::new().function_call_as("call_2", "ApplyPatch", arguments.as_str()));
    let got = stage.post(CHAT, &[], &body).await;
    let expected = crate::tools::owned(&[("call_2", "ApplyPatch", patch)]);
    assert_eq!(crate::tools::calls(&got, true), (expected, "tool_calls".to_owned()), "{}", got.shown());
    let requests = stage.upstream.requests();
    let input = requests[0].input();
    let kinds: Vec<&str> = input.iter().filter_map(|item| item["type"].as_str()).collect();
    assert_eq!(kinds, ["message", "function_call", "function_call_output"]);
    assert_eq!((&input[1]["arguments"], &input[2]["output"]), (&json!(arguments), &json!("Done!")));
    let told = requests[0].json()["tools"][0]["description"].as_str().expect("a description");
    assert!(told.contains("start: begin_patch hunk+ end_patch"), "{told}");
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_errors_name_what_was_sent() {
    let stage = Stage::new().await;
    for (more, param, words) in [
        (json!({"max_output_tokens": 0}), "max_output_tokens", "`max_output_tokens` must be"),
        (json!({"max_output_tokens": 5, "max_tokens": 6}), "max_tokens", "Send `max_output_tokens` alone."),
        (json!({"include": ["message.output_text.logprobs"]}), "include[0]", "`include[0]`"),
        (json!({"truncation": "some"}), "truncation", "`truncation` must be"),
    ] {
        let mut body = json!({"model": "codex-5", "input": "Hi."});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("members").clone());
        let got = stage.post(CHAT, &[], &body).await;
        let error = got.json()["error"].take();
        assert_eq!((got.status, &error["param"]), (400, &json!(param)), "{error}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(words) && !message.contains("max_completion_tokens"), "{message}");
    }
}
