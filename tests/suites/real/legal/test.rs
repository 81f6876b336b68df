//! The property.

use super::{
    answers::{Form, Plan, Told, plan},
    bodies::body,
    history::wanted,
    seen::{Renamed, Seen, check_ids, fits, sent},
    stage::Stage,
};
use crate::{support::Got, tools::calls};
use gateway_tests::pair::DEADLINE;
use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner,
};
use serde_json::{Value, json};
use std::{cell::Cell, collections::BTreeSet};

/// Cases that failed once.
const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/suites/real/legal/regressions.txt");
/// How many of a hundred requests must be taken: the others hold schemas that can't be carried.
const TAKEN: u32 = 75;

/// Sends so many requests of this seed, one after the other, and checks each.
pub(super) fn run(cases: u32, seed: [u8; 32]) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let stage = runtime.block_on(Stage::new());
    let config = Config {
        cases,
        max_shrink_iters: 150,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(REGRESSIONS))),
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let (all, taken) = (Cell::new(0), Cell::new(0));
    let result = runner.run(&(body(), plan()), |(body, plan)| {
        let _inside = runtime.enter();
        all.set(all.get() + 1);
        if runtime.block_on(check(&stage, &body, &plan))? {
            taken.set(taken.get() + 1);
        }
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, (body, plan))) => {
            panic!("{why}\n{plan:?}\n{}", serde_json::to_string(&body).expect("JSON"))
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
    assert!(taken.get() * 100 >= all.get() * TAKEN, "{} of {} were taken", taken.get(), all.get());
}

/// One request: whether it was taken.
async fn check(stage: &Stage, body: &Value, plan: &Plan) -> Result<bool, TestCaseError> {
    let form = form(body);
    stage.plan(plan.clone(), form);
    let stream = body["stream"] == true;
    let got = tokio::time::timeout(DEADLINE, stage.pair.chat(body)).await;
    let got = Got::read(got.expect("the head of an answer in time").expect("an answer")).await;
    let heard = stage.heard();
    if got.status == 400 {
        assert!(heard.is_none(), "refused once the model had answered: {}", got.shown());
        check_refusal(&got);
        return Ok(false);
    }
    let (request, told) = heard.unwrap_or_else(|| panic!("an answer of nobody: {}", got.shown()));
    let names = check_request(body, &request, &got);
    if told.impossible {
        // A text that no model held to the schema could have written.
        return Ok(true);
    }
    assert_eq!(got.status, 200, "{}", got.shown());
    check_answer(body, &names, form, &request, &told, &got, stream);
    Ok(true)
}

/// Only for what the documents say: a schema that can't be carried.
fn check_refusal(got: &Got) {
    let error = got.json()["error"].clone();
    let param = error["param"].as_str().unwrap_or_else(|| panic!("no param: {error}"));
    let starts = ["tools[", "functions[", "response_format.json_schema.schema"];
    let schema = param.contains(".parameters") || param.starts_with("response_format");
    assert!(schema && starts.iter().any(|start| param.starts_with(start)), "{error}");
}

fn form(body: &Value) -> Form {
    let choice = if body["function_call"].is_null() { &body["tool_choice"] } else { &body["function_call"] };
    let mode = &choice["allowed_tools"]["mode"];
    if choice == "required" || mode == "required" || choice.is_object() && mode.is_null() {
        return Form::Call;
    }
    match body["response_format"]["type"].as_str() {
        Some("json_object") => Form::Object,
        Some("json_schema") => Form::Schema,
        _ => Form::Text,
    }
}

/// The functions that may be called, as the client declares them.
fn offered(body: &Value) -> Vec<Value> {
    let tools = body["tools"].as_array().into_iter().flatten().map(|tool| tool["function"].clone());
    let all: Vec<Value> = tools.chain(body["functions"].as_array().into_iter().flatten().cloned()).collect();
    let choice = if body["function_call"].is_null() { &body["tool_choice"] } else { &body["function_call"] };
    if choice == "none" {
        return Vec::new();
    }
    let Some(choice) = choice.as_object() else { return all };
    let named: Vec<&Value> = match choice.get("allowed_tools") {
        Some(allowed) => {
            let tools = allowed["tools"].as_array().into_iter().flatten();
            tools.map(|tool| &tool["function"]["name"]).collect()
        }
        None => choice.get("name").or(choice.get("function").map(|f| &f["name"])).into_iter().collect(),
    };
    all.iter().filter(|function| named.contains(&&function["name"])).cloned().collect()
}

/// The model saw what was said, all of it, in its order, and nothing else.
fn check_request(body: &Value, up: &Value, got: &Got) -> Renamed {
    let mut names = Renamed::default();
    let functions = offered(body);
    let tools = up["tools"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(tools.len(), functions.len(), "{tools:?}");
    for (function, tool) in functions.iter().zip(tools) {
        names.take(function["name"].as_str().expect("a name"), tool["name"].as_str().expect("a name"));
        let described = tool["description"].as_str().unwrap_or_default();
        let own = function["description"].as_str().unwrap_or_default();
        assert!(described.starts_with(own), "{own:?} became {described:?}");
    }
    let mut wanted = wanted(body["messages"].as_array().expect("messages"));
    let sent = sent(up["input"].as_array().expect("items"));
    for (wanted, sent) in wanted.steps.iter_mut().zip(&sent.steps) {
        if let (Seen::Call(name, _), Seen::Call(up, _)) = (wanted, sent) {
            names.take(name, up);
            up.clone_into(name);
        }
    }
    for (at, (wanted, sent)) in wanted.steps.iter().zip(&sent.steps).enumerate() {
        assert_eq!(sent, wanted, "step {at}");
    }
    assert_eq!(sent.steps.len(), wanted.steps.len(), "{:?}", sent.steps);
    if !check_ids(&wanted.ids, &sent.ids) {
        wanted.repairs.insert("tool_call_id");
    }
    let declared = body["tools"].as_array().into_iter().flatten().map(|tool| &tool["function"]);
    let mut declared = declared.chain(body["functions"].as_array().into_iter().flatten());
    if declared.any(|function| !function["name"].as_str().is_some_and(fits)) {
        wanted.repairs.insert("tool_name");
    }
    let named: BTreeSet<&str> =
        got.header("x-codex-repairs").into_iter().flat_map(|names| names.split(',')).collect();
    if got.status == 200 {
        assert_eq!(named, wanted.repairs, "the header of repairs");
    }
    names
}

/// The client reads what the model said: its texts, its calls, and what it used.
fn check_answer(body: &Value, names: &Renamed, form: Form, up: &Value, told: &Told, got: &Got, stream: bool) {
    let legacy = body["functions"].as_array().is_some_and(|functions| !functions.is_empty());
    let (content, usage) = if stream {
        let stream = got.stream();
        let usage = stream.chunks().last().expect("a chunk")["usage"].clone();
        (stream.text(), usage)
    } else {
        let object = got.json();
        (
            object["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned(),
            object["usage"].clone(),
        )
    };
    let used = json!([
        usage["prompt_tokens"],
        usage["prompt_tokens_details"]["cached_tokens"],
        usage["completion_tokens"],
        usage["completion_tokens_details"]["reasoning_tokens"],
    ]);
    assert_eq!(used, told.usage);
    let (called, reason) = if legacy { old_call(got, stream) } else { calls(got, stream) };
    let said = told.calls.iter().map(|(_, name, arguments)| (names.back(name), arguments.clone()));
    let mut wanted: Vec<(String, String)> = said.collect();
    if form == Form::Call
        && let Some(written) = &told.written
    {
        assert_eq!(content, "");
        check_written_calls(body, names, written, &called);
        return;
    }
    if is_single(body) {
        wanted.truncate(1);
    }
    let found: Vec<(String, String)> =
        called.iter().map(|(_, name, arguments)| (name.clone(), arguments.clone())).collect();
    assert_eq!(found, wanted);
    for ((id, _, _), (own, _, _)) in called.iter().zip(&told.calls) {
        let unique = called.iter().filter(|(other, _, _)| other == id).count() == 1;
        let kept =
            legacy || own.len() > 64 || told.calls.iter().filter(|(other, _, _)| other == own).count() > 1;
        assert!(unique && id.len() <= 64 && (kept || id == own), "{own:?} became {id:?}");
    }
    let expected = match (wanted.is_empty(), legacy) {
        (true, _) => "stop",
        (false, false) => "tool_calls",
        (false, true) => "function_call",
    };
    assert_eq!(reason, expected);
    match &told.written {
        Some(value) => check_written(body, up, value, &content),
        None => {
            let texts: Vec<&str> =
                told.texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
            assert_eq!(content, texts.join("\n\n"));
        }
    }
}

/// A call in the old form, without an id.
fn old_call(got: &Got, stream: bool) -> (Vec<(String, String, String)>, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let choices: Vec<Value> = if stream {
        got.stream().chunks().iter().map(|chunk| chunk["choices"][0].clone()).collect()
    } else {
        let choice = got.json()["choices"][0].clone();
        vec![json!({"delta": choice["message"], "finish_reason": choice["finish_reason"]})]
    };
    let (mut name, mut arguments, mut reason) = (None, String::new(), String::new());
    for choice in choices {
        let call = &choice["delta"]["function_call"];
        name = name.or(call["name"].as_str().map(str::to_owned));
        arguments.push_str(&text(&call["arguments"]));
        reason.push_str(&text(&choice["finish_reason"]));
    }
    (name.map(|name| (String::new(), name, arguments)).into_iter().collect(), reason)
}

/// Without the members that are `null`: strict mode makes the model say these where a client would leave them away.
fn bare(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), bare(value)))
            .collect(),
        Value::Array(values) => values.iter().map(bare).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// An answer of a schema says what the model wrote, in the client's own form.
fn check_written(body: &Value, up: &Value, written: &Value, content: &str) {
    let asked = &body["response_format"]["json_schema"];
    let sent = &up["text"]["format"]["schema"];
    if sent == &asked["schema"] {
        return assert_eq!(content, written.to_string(), "a schema that is the client's own");
    }
    let read: Value = serde_json::from_str(content).unwrap_or_else(|error| panic!("{error}: {content}"));
    let same = bare(&read) == bare(written) || bare(&read) == bare(&written["value"]);
    assert!(same, "{written} became {read}");
    // What is of an older draft, or refers to other schemas where nobody looks, this judge can't read.
    let Ok(judge) = jsonschema::validator_for(&asked["schema"]) else { return };
    if asked["strict"] == true && jsonschema::is_valid(sent, written) {
        assert!(judge.is_valid(&read), "{read} is not what was guaranteed");
    }
}

/// Whether the client gets one call at most: it asked for that, has the old form, or named the function.
fn is_single(body: &Value) -> bool {
    let named = body["tool_choice"]["type"] == "function" || body["function_call"].is_object();
    named || body["parallel_tool_calls"] == false || body["functions"].is_array()
}

/// The calls that are in what the model wrote.
fn check_written_calls(body: &Value, names: &Renamed, written: &Value, called: &[(String, String, String)]) {
    let many = written.get("calls").and_then(Value::as_array);
    let one = written.get("call").unwrap_or(written);
    let wanted: Vec<&Value> = many.map_or_else(|| vec![one], |list| list.iter().collect());
    let wanted = if is_single(body) { &wanted[..1] } else { &wanted[..] };
    assert_eq!(called.len(), wanted.len(), "{written}");
    for ((_, name, arguments), wanted) in called.iter().zip(wanted) {
        assert_eq!(*name, names.back(wanted["name"].as_str().expect("a name")));
        let arguments: Value = serde_json::from_str(arguments).expect("JSON");
        assert_eq!(bare(&arguments), bare(&wanted["arguments"]));
    }
}

/// Every run the same requests, and those that failed once before them.
#[test]
fn nothing_legal_is_refused_lost_moved_or_doubled() {
    run(400, *b"whatever a client may lawfully a");
}
