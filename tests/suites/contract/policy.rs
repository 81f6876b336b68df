//! The policy's table of parameters against the schema of the pinned binary: what a new version adds must be decided
//! on, and what it takes away must go.

use std::collections::BTreeSet;

use serde_json::Value;
use worker_daemon::policy::{
    SERVING_SET,
    table::{CLOSED_INPUTS, INPUTS, METHODS, UNREAD},
};

use crate::generated::Generated;

/// The names of an object's members.
fn names(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().into_iter().flat_map(|p| p.keys().cloned()).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// What a `$ref` names, or the schema itself. An optional one is behind an `anyOf`.
fn resolved<'a>(schema: &'a Value, definitions: &'a Value) -> &'a Value {
    let mut schema = schema;
    if let Some(variants) = schema["anyOf"].as_array() {
        schema = variants.iter().find(|v| v.get("$ref").is_some()).unwrap_or(schema);
    }
    match schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/definitions/")) {
        Some(name) => &definitions[name],
        None => schema,
    }
}

/// The schema of the params of `method`.
fn params<'a>(union: &'a Value, method: &str) -> Option<&'a Value> {
    let variants = union["oneOf"].as_array().expect("a union");
    let of = |v: &&Value| v["properties"]["method"]["enum"][0] == method;
    Some(resolved(&variants.iter().find(of)?["properties"]["params"], &union["definitions"]))
}

#[tokio::test]
async fn every_method_of_the_serving_set_exists() {
    let requests = Generated::new().await.methods("ClientRequest");
    for method in SERVING_SET.split(',') {
        assert!(requests.iter().any(|r| r == method), "{method} is no request of the child");
    }
}

#[tokio::test]
async fn every_parameter_is_decided_on() {
    let union = Generated::new().await.read("ClientRequest");
    for method in METHODS {
        let theirs = names(params(&union, method.name).expect("the method exists"));
        let ours = set(method.members.iter().map(|(name, _)| *name));
        assert_eq!(
            ours, theirs,
            "the left is worker-daemon/src/policy/table.rs, the right what codex takes for {}: decide on each",
            method.name
        );
    }
    // Not read at all, so nothing but these may be in it.
    assert_eq!(UNREAD, ["thread/inject_items"]);
    assert_eq!(names(params(&union, UNREAD[0]).expect("it exists")), set(["threadId", "items"]));
}

#[tokio::test]
async fn every_kind_of_input_is_decided_on() {
    let schema = Generated::new().await.read("v2/TurnStartParams");
    let variants = schema["definitions"]["UserInput"]["oneOf"].as_array().expect("a union");
    let kind = |v: &Value| v["properties"]["type"]["enum"][0].as_str().expect("a type").to_owned();
    let theirs: BTreeSet<String> = variants.iter().map(kind).collect();
    let ours = set(INPUTS.iter().map(|(name, _)| *name).chain(CLOSED_INPUTS.iter().copied()));
    assert_eq!(ours, theirs);
    for (name, members) in INPUTS {
        let variant = variants.iter().find(|v| kind(v) == *name).expect("it exists");
        let known = names(variant);
        // `url` and `fileId` are each a variant of their own: one of them is open.
        let known: BTreeSet<String> = known.into_iter().chain(set(["url"])).collect();
        let open = set(members.iter().copied());
        assert!(open.is_subset(&known), "{name}: {open:?} of {known:?}");
    }
}

#[tokio::test]
async fn every_sandbox_policy_is_decided_on() {
    let schema = Generated::new().await.read("v2/TurnStartParams");
    let variants = schema["definitions"]["SandboxPolicy"]["oneOf"].as_array().expect("a union");
    let members: BTreeSet<String> = variants.iter().flat_map(names).collect();
    let known = ["type", "networkAccess", "writableRoots", "excludeSlashTmp", "excludeTmpdirEnvVar"];
    assert_eq!(members, set(known), "policy/rules.rs decides on these");
    let kinds = variants.iter().filter_map(|v| v["properties"]["type"]["enum"][0].as_str());
    assert_eq!(set(kinds), set(["dangerFullAccess", "externalSandbox", "readOnly", "workspaceWrite"]));
}
