//! Names that we send, wait for or read: each is one of the child's.

use http_front::trace::{methods, redact};
use serde_json::{Value, json};
use shared::app_server::{
    failure::{Info, TurnError},
    method,
};
use worker_daemon::child::harness::OPT_OUTS;

use crate::generated::Generated;

/// Notifications that exist and are in no union: `experimentalRawEvents` turns them on, and each has a schema file.
const RAW: [(&str, &str); 2] = [
    (method::RAW_ITEM_COMPLETED, "v2/RawResponseItemCompletedNotification"),
    (method::RAW_RESPONSE_COMPLETED, "v2/RawResponseCompletedNotification"),
];

#[tokio::test]
async fn the_methods_that_we_use_exist() {
    let generated = Generated::new().await;
    let requests = generated.methods("ClientRequest");
    for name in [
        method::INITIALIZE,
        method::CONFIG_READ,
        method::MODEL_LIST,
        method::THREAD_START,
        method::THREAD_FORK,
        method::THREAD_RESUME,
        method::THREAD_INJECT_ITEMS,
        method::THREAD_UNSUBSCRIBE,
        method::TURN_START,
        method::TURN_INTERRUPT,
    ] {
        assert!(requests.iter().any(|r| r == name), "{name} is no request of the child");
    }
    assert_eq!(generated.methods("ClientNotification"), [method::INITIALIZED]);
    let notifications = generated.methods("ServerNotification");
    for name in [
        method::THREAD_CLOSED,
        method::TURN_STARTED,
        method::TURN_COMPLETED,
        method::ITEM_STARTED,
        method::AGENT_MESSAGE_DELTA,
        method::ERROR,
        method::RATE_LIMITS_UPDATED,
    ] {
        assert!(notifications.iter().any(|n| n == name), "{name} is no notification");
    }
}

/// The members that `translate::event` reads of the raw notifications.
#[tokio::test]
async fn the_raw_notifications_are_described() {
    let generated = Generated::new().await;
    for (name, file) in RAW {
        let members = generated.read(file)["properties"].clone();
        for member in ["threadId", "turnId"] {
            assert!(members[member].is_object(), "{name} has no {member}: {members}");
        }
    }
}

/// What `shared::app_server::limits` reads.
#[tokio::test]
async fn the_accounts_limits_are_described() {
    let schema = Generated::new().await.read("v2/AccountRateLimitsUpdatedNotification");
    assert!(schema["properties"]["rateLimits"].is_object(), "{schema}");
    let limits = &schema["definitions"]["RateLimitSnapshot"]["properties"];
    for window in ["primary", "secondary"] {
        assert!(limits[window].to_string().contains("RateLimitWindow"), "{window}: {limits}");
    }
    let window = &schema["definitions"]["RateLimitWindow"]["properties"];
    for member in ["usedPercent", "resetsAt"] {
        assert!(window[member].to_string().contains("integer"), "{member}: {window}");
    }
}

#[tokio::test]
async fn the_opt_outs_exist() {
    let notifications = Generated::new().await.methods("ServerNotification");
    let fronts = http_front::daemon::session::OPT_OUTS;
    let agents = http_front::daemon::session::AGENT_OPT_OUTS;
    for name in OPT_OUTS.iter().chain(fronts).chain(agents) {
        assert!(
            notifications.iter().any(|n| n == name),
            "{name} is no notification, so opting out of it has no effect"
        );
    }
}

/// What `http_front::translate::work` reads of the items that an agent's turn has.
#[tokio::test]
async fn the_work_of_agents_is_described() {
    let schema = Generated::new().await.read("v2/ItemCompletedNotification");
    let variants = schema["definitions"]["ThreadItem"]["oneOf"].as_array().expect("a union");
    let command = ["id", "command", "commandActions", "status", "exitCode", "durationMs"];
    for (kind, members) in [
        ("commandExecution", &command[..]),
        ("fileChange", &["id", "status"]),
        ("mcpToolCall", &["id", "status", "durationMs"]),
        ("webSearch", &["id"]),
        ("contextCompaction", &["id"]),
    ] {
        let variant = variants.iter().find(|variant| variant["properties"]["type"]["enum"][0] == kind);
        let properties = &variant.expect("a kind of item")["properties"];
        for member in members {
            assert!(properties[member].is_object(), "{kind} has no {member}: {properties}");
        }
    }
    let statuses = schema["definitions"]["CommandExecutionStatus"]["enum"].to_string();
    assert!(statuses.contains("\"completed\""), "{statuses}");
}

/// The kinds that the child can name, each as it writes it.
fn kinds(schema: &Value) -> Vec<Value> {
    let variants = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    let mut kinds = Vec::new();
    for variant in variants.expect("a union") {
        kinds.extend(variant["enum"].as_array().into_iter().flatten().cloned());
        for name in variant["properties"].as_object().into_iter().flat_map(|p| p.keys()) {
            kinds.push(json!({ name: { "httpStatusCode": 418 } }));
        }
    }
    kinds
}

/// Kinds that are deliberately "anything else": they come from features that the profiles turn off.
const OTHER: [&str; 4] = ["other", "tooManyDenials", "threadRollbackFailed", "sandboxError"];

#[tokio::test]
async fn every_kind_of_failure_is_known_or_deliberately_other() {
    let bundle = Generated::new().await.read("codex_app_server_protocol.schemas");
    let definitions = &bundle["definitions"];
    let kinds = kinds(&definitions["v2"]["CodexErrorInfo"]);
    let mut seen = Vec::new();
    for kind in &kinds {
        let error = TurnError {
            message: String::new(),
            codex_error_info: Some(kind.clone()),
            additional_details: None,
        };
        let name = kind.as_str().or_else(|| kind.as_object()?.keys().next().map(String::as_str));
        let name = name.expect("a name");
        let other = OTHER.contains(&name) || name == "activeTurnNotSteerable";
        assert_eq!(error.info() == Info::Other, other, "{name} is {:?}", error.info());
        seen.push(name);
    }
    // And the other way round: what `failure.rs` names is something that the child says.
    for name in [
        "contextWindowExceeded",
        "sessionBudgetExceeded",
        "usageLimitExceeded",
        "rateLimitExceeded",
        "serverOverloaded",
        "flexUnavailable",
        "policyCapacityUnavailable",
        "modelNotFound",
        "cyberPolicy",
        "misalignmentPolicyViolation",
        "inferenceHookDenied",
        "internalServerError",
        "unauthorized",
        "badRequest",
        "httpConnectionFailed",
        "responseStreamConnectionFailed",
        "responseStreamDisconnected",
        "responseTooManyFailedAttempts",
    ] {
        assert!(seen.contains(&name), "the child never says {name}");
    }
}

/// What a trace may name is what the child can say, and nothing else.
#[tokio::test]
async fn the_names_in_traces_are_the_childs() {
    let generated = Generated::new().await;
    let mut names: Vec<String> =
        ["ServerNotification", "ServerRequest"].map(|union| generated.methods(union)).concat();
    names.extend(RAW.map(|(name, _)| name.to_owned()));
    names.extend(
        [
            method::THREAD_START,
            method::THREAD_INJECT_ITEMS,
            method::THREAD_UNSUBSCRIBE,
            method::TURN_START,
            method::TURN_INTERRUPT,
        ]
        .map(str::to_owned),
    );
    names.sort();
    names.dedup();
    assert_eq!(names, methods::KNOWN);
    let schema = generated.read("v2/TurnCompletedNotification");
    let kinds = schema["definitions"]["CodexErrorInfo"]["anyOf"].as_array().expect("kinds");
    let texts =
        kinds.iter().flat_map(|kind| kind["enum"].as_array().into_iter().flatten()).filter_map(Value::as_str);
    let objects = kinds
        .iter()
        .flat_map(|kind| kind["required"].as_array().into_iter().flatten())
        .filter_map(Value::as_str);
    let mut infos: Vec<&str> = texts.chain(objects).collect();
    infos.sort_unstable();
    assert_eq!(infos, redact::INFOS);
    let statuses = schema["definitions"]["TurnStatus"]["enum"]
        .as_array()
        .expect("words")
        .iter()
        .filter_map(Value::as_str);
    let mut statuses: Vec<&str> = statuses.collect();
    statuses.sort_unstable();
    assert_eq!(statuses, redact::STATUSES);
}
