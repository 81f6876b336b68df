//! Every request that we send and every answer that we give to the child, against the child's own schema.

use std::time::SystemTime;

use gateway_tests::schema::{closed, faults, fits};
use serde_json::{Value, json};
use shared::app_server::{
    decline, method,
    model::ModelListParams,
    start::{
        Capabilities, ClientInfo, InitializeParams, ThreadParams, ThreadStartParams, TurnInterruptParams,
        TurnStartParams,
    },
};
use worker_daemon::child::harness::OPT_OUTS;

use crate::generated::Generated;

fn value(params: &impl serde::Serialize) -> Value {
    serde_json::to_value(params).expect("own types serialize")
}

/// Every request with every member that we ever set.
fn requests() -> Vec<(&'static str, Value)> {
    let initialize = |opt_outs: Option<Vec<String>>, title: Option<&str>| InitializeParams {
        client_info: ClientInfo {
            name: "codex_gateway".into(),
            title: title.map(str::to_owned),
            version: "0".into(),
        },
        capabilities: Some(Capabilities { experimental_api: true, opt_out_notification_methods: opt_outs }),
    };
    let tools =
        json!([{ "type": "function", "name": "f", "description": "d", "inputSchema": { "type": "object" } }]);
    let tools = serde_json::value::to_raw_value(&tools).expect("JSON");
    let schema = serde_json::value::to_raw_value(&json!({ "type": "object" })).expect("JSON");
    let start = |model: Option<&str>| ThreadStartParams {
        ephemeral: true,
        cwd: "/".into(),
        environments: model.is_some().then_some([]),
        base_instructions: model.map(|_| String::new()),
        developer_instructions: model.map(|_| "i".to_owned()),
        model: model.map(str::to_owned),
        experimental_raw_events: true,
        approval_policy: "never",
        sandbox: "read-only",
        config: model.map(|_| ("model_verbosity".to_owned(), json!("low"))).into_iter().collect(),
        dynamic_tools: model.map(|_| &*tools),
    };
    let turn = |effort: Option<&'static str>| TurnStartParams {
        thread_id: "t",
        environments: effort.is_some().then_some([]),
        cwd: effort.map(|_| "/w"),
        input: [],
        effort,
        summary: effort.map(|_| "auto"),
        service_tier: effort.map(|_| "priority"),
        sandbox_policy: effort.map(|_| json!({ "type": "readOnly" })),
        output_schema: effort.map(|_| &*schema),
    };
    let opt_outs = OPT_OUTS.iter().map(|m| (*m).to_owned()).collect();
    vec![
        (method::INITIALIZE, value(&initialize(Some(opt_outs), Some("T")))),
        (method::INITIALIZE, value(&initialize(None, None))),
        (method::CONFIG_READ, json!({})),
        (method::MODEL_LIST, value(&ModelListParams::default())),
        (
            method::MODEL_LIST,
            value(&ModelListParams { cursor: Some("c".into()), include_hidden: Some(true) }),
        ),
        (method::THREAD_START, value(&start(None))),
        (method::THREAD_START, value(&start(Some("m")))),
        (
            method::THREAD_INJECT_ITEMS,
            json!({ "threadId": "t", "items": [
                { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "x" }] }
            ] }),
        ),
        (method::TURN_START, value(&turn(None))),
        (method::TURN_START, value(&turn(Some("low")))),
        (method::TURN_INTERRUPT, value(&TurnInterruptParams { thread_id: "t", turn_id: "u" })),
        (method::THREAD_UNSUBSCRIBE, value(&ThreadParams { thread_id: "t" })),
    ]
}

#[tokio::test]
async fn every_request_is_one_of_the_childs() {
    let generated = Generated::new().await;
    let open = generated.read("ClientRequest");
    let shut = closed(open.clone());
    for (method, params) in requests() {
        let request = json!({ "id": 1, "method": method, "params": params });
        fits(method, &open, &request);
        // With every object closed, a member that the child doesn't know fails, too.
        fits(method, &shut, &request);
    }
}

#[tokio::test]
async fn a_request_with_a_misspelt_member_would_be_seen() {
    let shut = closed(Generated::new().await.read("ClientRequest"));
    for (method, params) in [
        (method::TURN_INTERRUPT, json!({ "threadId": "t" })),
        (method::TURN_START, json!({ "threadId": "t", "input": [], "efort": "low" })),
        (method::THREAD_START, json!({ "sandbox": "readonly" })),
        ("thread/inject", json!({ "threadId": "t", "items": [] })),
    ] {
        let request = json!({ "id": 1, "method": method, "params": params });
        assert!(!faults(&shut, &request).is_empty(), "{request} passed");
    }
}

/// Server requests with the schema of their answer.
const ANSWERS: [(&str, &str); 9] = [
    ("item/commandExecution/requestApproval", "CommandExecutionRequestApprovalResponse"),
    ("item/fileChange/requestApproval", "FileChangeRequestApprovalResponse"),
    ("item/permissions/requestApproval", "PermissionsRequestApprovalResponse"),
    ("item/tool/requestUserInput", "ToolRequestUserInputResponse"),
    ("item/tool/call", "DynamicToolCallResponse"),
    ("mcpServer/elicitation/request", "McpServerElicitationRequestResponse"),
    ("execCommandApproval", "ExecCommandApprovalResponse"),
    ("applyPatchApproval", "ApplyPatchApprovalResponse"),
    ("currentTime/read", "CurrentTimeReadResponse"),
];
/// Server requests that have no "no": they are answered with an error.
const REFUSED: [&str; 2] = ["account/chatgptAuthTokens/refresh", "attestation/generate"];

#[tokio::test]
async fn every_server_request_gets_an_answer_of_its_schema() {
    let generated = Generated::new().await;
    let now = SystemTime::now();
    for (method, schema) in ANSWERS {
        let answer = decline::answer(method, now).expect("an answer");
        fits(method, &closed(generated.read(schema)), &answer);
    }
    for method in REFUSED {
        let error = decline::answer(method, now).expect_err("an error");
        let line = json!({ "id": 1, "error": error });
        fits(method, &generated.read("JSONRPCError"), &line);
    }
    // A request that a new version brings must be decided on, not fall through.
    let mut known: Vec<&str> = ANSWERS.iter().map(|(m, _)| *m).chain(REFUSED).collect();
    let mut theirs = generated.methods("ServerRequest");
    known.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(known, theirs);
}
