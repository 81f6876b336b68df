//! Bodies that are made to be slow: each is read, or refused, in a time that grows with its size alone.
//!
//! A quadratic step would take most of a minute and more with these sizes. The bound leaves room for a build without
//! optimization. What counts is the processor's time of this thread alone, so that a busy machine makes no difference.

use super::tests::read;
use crate::translate::history::UNKNOWN;
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{fmt::Write, time::Duration};

const BOUND: Duration = Duration::from_secs(20);
/// How many of each thing there are: some MiB of JSON.
const MANY: usize = 30_000;

/// `count` elements, joined.
fn list(count: usize, element: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for n in 0..count {
        write!(text, "{}{}", if n == 0 { "" } else { "," }, element(n)).expect("a string takes any text");
    }
    text
}

/// How long this thread has kept a processor busy.
fn worked() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock of each thread").into()
}

/// Reads a request with these messages and members, in time; whether it was taken.
fn quick(what: &str, messages: &str, members: &str) -> bool {
    let comma = if members.is_empty() { "" } else { "," };
    let body = format!("{{\"model\":\"m\",\"messages\":[{messages}]{comma}{members}}}");
    let start = worked();
    let taken = read(body.as_bytes(), usize::MAX).is_ok();
    let took = worked() - start;
    assert!(took < BOUND, "{what}: {took:?} for {} bytes", body.len());
    taken
}

const HELLO: &str = r#"{"role":"user","content":"json"}"#;

/// A function with these parameters; a form with this schema, strict and not; a call that must come.
fn schema(what: &str, schema: &str) {
    let function = |strict: bool| {
        format!(r#"{{"type":"function","function":{{"name":"f","strict":{strict},"parameters":{schema}}}}}"#)
    };
    quick(&format!("{what}, a function"), HELLO, &format!(r#""tools":[{}]"#, function(false)));
    quick(
        &format!("{what}, a call"),
        HELLO,
        &format!(r#""tools":[{}],"tool_choice":"required""#, function(true)),
    );
    for strict in [false, true] {
        let form = format!(
            r#""response_format":{{"type":"json_schema","json_schema":{{"name":"a","strict":{strict},"schema":{schema}}}}}"#
        );
        quick(&format!("{what}, an answer, {strict}"), HELLO, &form);
    }
}

fn call(id: &str, name: &str) -> String {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}}).to_string()
}

#[test]
fn conversations() {
    let calls = |calls: String| format!(r#"{{"role":"assistant","tool_calls":[{calls}]}}"#);
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "x"}).to_string();
    let same = calls(list(MANY, |_| call("a", "f")));
    assert!(quick("one id for all calls", &same, ""));
    assert!(quick("and for all results", &format!("{same},{}", list(MANY, |_| result("a"))), ""));
    let rounds = list(MANY / 4, |_| format!("{},{}", calls(call("a", "f")), HELLO));
    assert!(quick("no result anywhere", &rounds, ""));
    assert!(quick("no call anywhere", &list(MANY, |_| result("a")), ""));
    assert!(quick("long ids", &calls(list(8, |_| call(&"i".repeat(1 << 20), "f"))), ""));
    let old = r#"{"role":"assistant","function_call":{"name":"f","arguments":""}}"#;
    assert!(quick("calls without an id", &list(MANY, |_| old.to_owned()), ""));
    // All ids that would be made up, taken before they are.
    let made = |n: usize| {
        let hash = Sha256::digest(u64::try_from(n).expect("a small number").to_le_bytes());
        let text: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("call_{text}")
    };
    let taken = calls(list(MANY / 2, |n| call(&made(n), "f")));
    assert!(quick("ids that are taken", &format!("{taken},{}", list(MANY / 2, |_| old.to_owned())), ""));
    let taken = calls(list(MANY / 2, |n| call(&made(MANY / 2 + n), "f")));
    assert!(quick("and the next ones", &format!("{taken},{}", list(MANY / 2, |_| old.to_owned())), ""));
    assert!(quick("odd names", &calls(list(MANY, |n| call("", &format!("a.{n}")))), ""));
    let alike = list(MANY, |n| call("", &format!("{}{n}", "x".repeat(64))));
    assert!(quick("names that are alike", &calls(alike), ""));
    let parts = list(MANY, |_| r#"{"type":"text","text":""}"#.to_owned());
    assert!(quick("empty parts", &format!(r#"{{"role":"user","content":[{parts}]}}"#), ""));
    assert!(!quick("no parts", &list(MANY, |_| r#"{"role":"user","content":[]}"#.to_owned()), ""));
}

#[test]
fn functions_and_choices() {
    let tool = |n: usize| format!(r#"{{"type":"function","function":{{"name":"f{n}"}}}}"#);
    assert!(!quick("too many functions", HELLO, &format!(r#""tools":[{}]"#, list(MANY, tool))));
    for mode in ["auto", "required"] {
        let choice = |count: usize| {
            format!(
                r#""tools":[{}],"tool_choice":{{"type":"allowed_tools","allowed_tools":{{"mode":"{mode}","tools":[{}]}}}}"#,
                list(128, tool),
                list(count, |n| tool(n % 128))
            )
        };
        assert!(!quick("the same functions again and again", HELLO, &choice(MANY)));
    }
    // A made-up name is nobody's.
    let odd = UNKNOWN.replace('_', ".");
    assert!(quick(
        "a name like our own",
        &format!(r#"{{"role":"tool","tool_call_id":"a","content":"x","name":"{odd}"}}"#),
        ""
    ));
}

#[test]
fn schemas_of_many_values() {
    let numbers = list(MANY, |n| n.to_string());
    schema("an enum", &format!(r#"{{"type":"object","properties":{{"a":{{"enum":[{numbers}]}}}}}}"#));
    let half = list(MANY / 2, |n| format!("\"{n}\""));
    schema(
        "two enums",
        &format!(
            r#"{{"type":"object","properties":{{"a":{{"allOf":[{{"enum":[{half}]}},{{"enum":[{half},1]}}]}}}},"allOf":[{{"enum":[{half}]}},{{"enum":[{half},1]}}]}}"#
        ),
    );
    schema(
        "alternatives of enums",
        &format!(
            r#"{{"type":"object","properties":{{"a":{{"oneOf":[{{"enum":[{half}]}},{{"enum":[{numbers}]}}]}}}}}}"#
        ),
    );
    let types = list(MANY, |_| "\"string\"".to_owned());
    schema("types", &format!(r#"{{"type":"object","properties":{{"a":{{"type":[{types}]}}}}}}"#));
}

#[test]
fn schemas_of_many_members() {
    let members = list(MANY, |n| format!(r#""p{n}":{{"type":"null"}}"#));
    let names = list(MANY, |n| format!(r#""p{n}""#));
    let others = list(MANY, |n| format!(r#""q{n}""#));
    schema("members", &format!(r#"{{"type":"object","properties":{{{members}}},"required":[{names}]}}"#));
    schema("required", &format!(r#"{{"type":"object","properties":{{{members}}},"required":[{others}]}}"#));
    schema(
        "required twice",
        &format!(
            r#"{{"type":"object","allOf":[{{"type":"object","required":[{names}]}},{{"type":"object","required":[{others}]}}]}}"#
        ),
    );
    schema(
        "closed",
        &format!(
            r#"{{"type":"object","allOf":[{{"properties":{{{members}}}}},{{"additionalProperties":false,"required":[{others}]}}]}}"#
        ),
    );
    let part = format!(r#"{{"type":"object","properties":{{{members}}},"required":[{others},{names}]}}"#);
    schema(
        "alternatives",
        &format!(r#"{{"type":"object","properties":{{"a":{{"oneOf":[{part},{part}]}}}}}}"#),
    );
    let few = list(4000, |n| format!(r#""p{n}":{{"type":"null"}}"#));
    let dependent = list(MANY, |n| format!(r#""q{n}":["x"]"#));
    schema(
        "dependent",
        &format!(
            r#"{{"type":"object","properties":{{{few}}},"dependentRequired":{{{dependent},"p1":[{names}]}}}}"#
        ),
    );
}

#[test]
fn schemas_of_many_parts() {
    let parts = list(MANY, |n| format!(r#"{{"enum":[{n}]}}"#));
    for (first, rest) in [("prefixItems", "items"), ("items", "additionalItems")] {
        schema(
            "a tuple",
            &format!(
                r#"{{"type":"object","properties":{{"a":{{"type":"array","{first}":[{parts}],"{rest}":false}}}}}}"#
            ),
        );
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        schema(
            key,
            &format!(r#"{{"type":"object","properties":{{"a":{{"{key}":[{parts}]}}}},"{key}":[{parts}]}}"#),
        );
    }
    let referring = list(MANY / 8, |n| format!(r##""p{n}":{{"$ref":"#/$defs/d{n}"}}"##));
    let definitions = list(MANY / 8, |n| format!(r#""d{n}":{{"type":"string","pattern":"a"}}"#));
    schema(
        "references",
        &format!(r#"{{"type":"object","properties":{{{referring}}},"$defs":{{{definitions}}}}}"#),
    );
    let chain = list(MANY / 8, |n| format!(r##""d{n}":{{"$ref":"#/$defs/d{}"}}"##, n + 1));
    schema(
        "a chain",
        &format!(r##"{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/d0"}}}},"$defs":{{{chain}}}}}"##),
    );
}

/// A small schema that would be told in a large text, again and again.
#[test]
fn schemas_that_would_grow() {
    let large = format!(r#"{{"type":"string","pattern":"{}"}}"#, "a".repeat(1 << 19));
    let telling = list(4000, |n| format!(r##""p{n}":{{"type":"string","not":{{"$ref":"#/$defs/L"}}}}"##));
    schema("told", &format!(r#"{{"type":"object","properties":{{{telling}}},"$defs":{{"L":{large}}}}}"#));
    let mut nested = format!(r#"{{"description":"{}"}}"#, "a".repeat(1 << 19));
    for _ in 0..25 {
        nested = format!(r#"{{"prefixItems":[{nested}],"items":false}}"#);
    }
    schema("tuples in tuples", &format!(r#"{{"type":"object","properties":{{"a":{nested}}}}}"#));
    let long = "n".repeat(1 << 16);
    let deep = (0..25).fold("{}".to_owned(), |inner, n| {
        format!(r#"{{"type":"object","minProperties":{n},"properties":{{"{long}{n}":{inner}}}}}"#)
    });
    schema("long names", &deep);
}

#[test]
fn what_a_schema_becomes_is_not_much_larger() {
    let large = "a".repeat(1 << 16);
    let telling = list(500, |n| format!(r##""p{n}":{{"type":"string","not":{{"$ref":"#/$defs/L"}}}}"##));
    let schema = format!(
        r#"{{"type":"object","properties":{{{telling}}},"$defs":{{"L":{{"type":"string","pattern":"{large}"}}}}}}"#
    );
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}});
    let made = read(body.to_string().as_bytes(), usize::MAX)
        .map(|chat| chat.plan.output_schema.expect("a schema").get().len());
    assert!(made.as_ref().map_or(true, |length| *length < 20 << 20), "{made:?}");
}
