//! The model's calls on their way to the client.

use super::{adder, calls, offering, once, owned, unhurried};
use crate::support::Stage;
use gateway_tests::upstream::{Reply, Usage};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn parallel_calls_come_whole_with_their_usage_and_the_turn_is_let_go() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        let mut body = offering(&[adder("one"), adder("two")], stream);
        if stream {
            body["stream_options"] = json!({"include_usage": true});
        }
        let arguments = r#"{"n": 1e400, "s": "\u0000 \"é\" 𝄞"}"#;
        let reply = Reply::new()
            .text("Let me see.")
            .function_call_as("call_a", "one", arguments)
            .function_call_as("call_b", "two", "{}")
            .function_call_as("call_c", "one", "{\"n\":3}")
            .completed(Usage::new(50, 10, 20, 5));
        let got = once(&stage, reply, &body).await;
        let expected =
            owned(&[("call_a", "one", arguments), ("call_b", "two", "{}"), ("call_c", "one", "{\"n\":3}")]);
        assert_eq!(calls(&got, stream), (expected, "tool_calls".to_owned()));
        let usage = if stream {
            let stream = got.stream();
            assert_eq!(stream.complete("tool_calls"), "Let me see.");
            stream.chunks().last().expect("a chunk")["usage"].clone()
        } else {
            assert_eq!(got.json()["choices"][0]["message"]["content"], "Let me see.");
            got.json()["usage"].clone()
        };
        assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(50), &json!(20)));
    }
    let sent = stage.upstream.requests()[0].json()["tools"].clone();
    let tool = |name: &str| {
        json!({"type": "function", "name": name, "description": "Adds.", "strict": false,
            "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}})
    };
    assert_eq!(sent, json!([tool("one"), tool("two")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_cannot_be_made_is_decided_here_and_not_asked_about_again() {
    let stage = unhurried().await;
    for stream in [false, true] {
        let body = offering(&[adder("one")], stream);
        // A name that nobody declared is the client's to answer, as it is with OpenAI.
        let reply = Reply::new().function_call_as("call_a", "made_up", "{}");
        let got = once(&stage, reply, &body).await;
        assert_eq!(calls(&got, stream), (owned(&[("call_a", "made_up", "{}")]), "tool_calls".to_owned()));
        // A function without parameters may be called with nothing.
        let got = once(&stage, Reply::new().function_call_as("call_a", "one", ""), &body).await;
        assert_eq!(calls(&got, stream), (owned(&[("call_a", "one", "{}")]), "tool_calls".to_owned()));
        // What is no JSON would break the client.
        let got = once(&stage, Reply::new().function_call_as("call_a", "one", "{\"n\": "), &body).await;
        let error = if got.status == 200 { got.stream().broken().1 } else { got.json()["error"].clone() };
        assert_eq!(
            (&error["code"], &error["retryable"]),
            (&json!("upstream_error"), &json!(true)),
            "{}",
            got.shown()
        );
        assert_eq!(
            error["message"],
            "The model called a function with arguments that are not JSON; try again."
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_where_there_are_no_functions_is_a_failure() {
    let stage = unhurried().await;
    let mut bodies = [offering(&[adder("one")], false), offering(&[], false)];
    bodies[0]["tool_choice"] = "none".into();
    for body in &bodies {
        let got = once(&stage, Reply::new().function_call("one", "{}"), body).await;
        assert_eq!(
            (got.status, &got.json()["error"]["code"]),
            (502, &json!("upstream_error")),
            "{}",
            got.shown()
        );
        let requests = stage.upstream.requests();
        let sent = requests[requests.len() - 2].json();
        assert!(sent.get("tools").is_none_or(|tools| tools == &json!([])), "{:#}", sent["tools"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_where_parallel_ones_are_off() {
    let stage = Stage::new().await;
    let reply = || Reply::new().function_call_as("a", "one", "{\"n\":1}").function_call_as("b", "two", "{}");
    for stream in [false, true] {
        let mut body = offering(&[adder("one"), adder("two")], stream);
        body["parallel_tool_calls"] = false.into();
        let got = once(&stage, reply(), &body).await;
        assert_eq!(calls(&got, stream), (owned(&[("a", "one", "{\"n\":1}")]), "tool_calls".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_form_is_answered_in_the_old_form() {
    let stage = Stage::new().await;
    let function = adder("one")["function"].clone();
    for stream in [false, true] {
        let mut body = offering(&[], stream);
        body["tools"] = Value::Null;
        body["functions"] = json!([function]);
        let reply =
            Reply::new().function_call_as("a", "one", "{\"n\":1}").function_call_as("b", "one", "{\"n\":2}");
        let got = once(&stage, reply, &body).await;
        let (called, reason) = if stream {
            let stream = got.stream();
            stream.complete("function_call");
            let deltas: Vec<Value> =
                stream.chunks().iter().map(|c| c["choices"][0]["delta"]["function_call"].clone()).collect();
            let arguments: String = deltas.iter().filter_map(|d| d["arguments"].as_str()).collect();
            let name = deltas.iter().find_map(|d| d["name"].as_str()).expect("a name");
            (json!({"name": name, "arguments": arguments}), "function_call".to_owned())
        } else {
            let choice = got.json()["choices"][0].clone();
            let reason = choice["finish_reason"].as_str().expect("a reason").to_owned();
            (choice["message"]["function_call"].clone(), reason)
        };
        assert_eq!(
            (called, reason.as_str()),
            (json!({"name": "one", "arguments": "{\"n\":1}"}), "function_call")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_and_reserved_names_come_back_as_the_client_wrote_them() {
    let stage = Stage::new().await;
    let names = ["exec_command", "shell_command", "mcp__files__read", "a.b", "a_b", "über", &"n".repeat(100)];
    let tools: Vec<Value> = names.iter().map(|name| adder(name)).collect();
    let body = offering(&tools, false);
    // One round to see how they go up.
    let got = once(&stage, Reply::new().text("none"), &body).await;
    assert_eq!(got.header("x-codex-repairs"), Some("tool_name"));
    let sent: Vec<String> = stage.upstream.requests()[0].json()["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .map(|tool| tool["name"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(sent.len(), names.len(), "{sent:?}");
    let reply = sent.iter().fold(Reply::new(), |reply, name| reply.function_call(name, "{}"));
    let got = once(&stage, reply, &body).await;
    let back: Vec<String> = calls(&got, false).0.into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(back, names);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_and_twenty_eight_functions_go_up_and_one_more_is_refused() {
    let stage = Stage::new().await;
    let mut tools: Vec<Value> = (0..128).map(|n| adder(&format!("f{n}"))).collect();
    let got = once(&stage, Reply::new().function_call_as("a", "f127", "{}"), &offering(&tools, false)).await;
    assert_eq!(calls(&got, false).0, owned(&[("a", "f127", "{}")]));
    tools.push(adder("f128"));
    let got = stage.ask([], &offering(&tools, false)).await;
    assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!("tools")));
}

/// codex waits for the results of its calls before it tells that the upstream failed behind them.
#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_fails_behind_a_call_is_told_soon() {
    let stage = Stage::new().await;
    let call = || Reply::new().function_call_as("a", "one", "{\"n\":1}");
    let failures: [(Reply, u16, &str); 3] = [
        (call().cut(), 502, "upstream_error"),
        (call().failed("server_error", "Oops."), 502, "upstream_error"),
        (call().failed("rate_limit_exceeded", "Please try again in 5s."), 429, "rate_limit_exceeded"),
    ];
    for (reply, status, code) in failures {
        let got = stage.ask([reply], &offering(&[adder("one")], false)).await;
        assert_eq!((got.status, &got.json()["error"]["code"]), (status, &json!(code)), "{}", got.shown());
    }
    let got = stage.ask([call().incomplete("max_output_tokens")], &offering(&[adder("one")], false)).await;
    assert_eq!(calls(&got, false), (owned(&[("a", "one", "{\"n\":1}")]), "length".to_owned()));
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_come_without_usage_where_the_upstream_tells_none() {
    let stage = Stage::new().await;
    let end = json!({"type": "response.completed", "response": {"id": "r", "usage": null}});
    let reply = Reply::new().function_call_as("a", "one", "{\"n\":1}").raw(end).end_of_stream();
    let got = stage.ask([reply], &offering(&[adder("one")], false)).await;
    assert_eq!(calls(&got, false), (owned(&[("a", "one", "{\"n\":1}")]), "tool_calls".to_owned()));
    assert!(got.json().get("usage").is_none(), "{}", got.shown());
}
