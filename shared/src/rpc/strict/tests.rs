use super::*;
use crate::rpc::scope::StrictScope;
use proptest::prelude::*;
use serde_json::Value;

/// What becomes of a line: its kind, or what is wrong with it.
fn read(line: &[u8]) -> String {
    match parse::<StrictScope<'_>>(line) {
        Ok(Message::Request { .. }) => "request".into(),
        Ok(Message::Notification { .. }) => "notification".into(),
        Ok(Message::Response { .. }) => "response".into(),
        Ok(Message::Error { .. }) => "error".into(),
        Err(why) => why.to_string(),
    }
}

/// A line with `value` wherever a client can put one.
fn everywhere(value: &str) -> Vec<String> {
    vec![
        format!(r#"{{"id":1,"method":"m","params":{{"x":{value}}}}}"#),
        format!(r#"{{"id":1,"method":"m","params":{{"threadId":"t","thread":{value}}}}}"#),
        format!(r#"{{"id":1,"method":"m","params":{{"threadId":"t","thread":{{"id":"t","x":{value}}}}}}}"#),
        format!(r#"{{"id":1,"method":"m","params":{{"threadId":{value}}}}}"#),
        format!(r#"{{"id":1,"method":"m","params":{{"x":[{{"y":{value}}}]}}}}"#),
        format!(r#"{{"id":1,"method":"m","x":{value}}}"#),
        format!(r#"{{"id":1,"result":{value}}}"#),
        format!(r#"{{"id":1,"error":{{"code":1,"message":"","data":{value}}}}}"#),
    ]
}

#[test]
fn what_the_child_reads_passes() {
    for value in
        ["null", "-1", "1.5e3", "18446744073709551616", r#""\ud83d\ude00 \u0000 é""#, r#"{"$serde":1}"#]
    {
        for line in everywhere(value) {
            assert!(["request", "response", "error"].contains(&read(line.as_bytes()).as_str()), "{line}");
        }
    }
}

#[test]
fn what_the_child_cannot_read_is_refused_wherever_it_stands() {
    for (value, why) in [
        (r#""\ud800""#, "not valid JSON"),
        (r#""\udc00""#, "not valid JSON"),
        (r#"{"\ud800":1}"#, "not valid JSON"),
        ("1e999", "not valid JSON"),
        ("\"\u{1}\"", "not valid JSON"),
        ("[1,]", "not valid JSON"),
        (r#"{"$serde_json::private::RawValue":"{}"}"#, PRIVATE_NAME),
        (r#"{"a":0,"$serde_json::private::Number":"x"}"#, PRIVATE_NAME),
        (r#"{"\u0024serde_json::private::RawValue":"{}"}"#, PRIVATE_NAME),
    ] {
        for line in everywhere(value) {
            let said = read(line.as_bytes());
            assert!(said.starts_with(why), "{line}: {said}");
        }
    }
    for line in everywhere("\"\u{7f}\"") {
        let mut line = line.into_bytes();
        let at = line.iter().position(|b| *b == 0x7f).unwrap();
        line[at] = 0xff;
        assert_eq!(read(&line), format!("not UTF-8 at column {}", at + 1));
    }
}

#[test]
fn names_of_serde_json_are_no_members_of_a_line_or_of_params() {
    for line in [
        r#"{"$serde_json::private::RawValue":"{}","id":1,"method":"m"}"#,
        r#"{"id":1,"method":"m","params":{"$serde_json::private::RawValue":"{\"threadId\":\"t\"}"}}"#,
    ] {
        assert_eq!(read(line.as_bytes()), PRIVATE_NAME, "{line}");
    }
}

#[test]
fn nesting_is_refused_just_where_the_child_stops() {
    let nested = |open: &str, close: &str, n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
    // The line and its params are the first two levels.
    let deep = |n: usize| format!(r#"{{"id":1,"method":"m","params":{{"x":{}}}}}"#, nested("[", "]", n));
    assert_eq!(read(deep(MAX_DEPTH - 2).as_bytes()), "request");
    let said = read(deep(MAX_DEPTH - 1).as_bytes());
    assert!(said.starts_with("nested deeper than 127 levels at column"), "{said}");
    let error =
        |n: usize| format!(r#"{{"id":1,"error":{{"code":1,"message":"","data":{}}}}}"#, nested("[", "]", n));
    assert_eq!(read(error(MAX_DEPTH - 2).as_bytes()), "error");
    assert!(read(error(MAX_DEPTH - 1).as_bytes()).starts_with("nested deeper"));
    // The daemon's own members, too.
    for name in ["caller", "once", "request"] {
        let own = |n: usize| format!(r#"{{"id":1,"method":"m","{name}":{}}}"#, nested("[", "]", n));
        assert_eq!(read(own(MAX_DEPTH - 1).as_bytes()), "request", "{name}");
        assert!(read(own(MAX_DEPTH).as_bytes()).starts_with("nested deeper"), "{name}");
    }
    for n in [500, 1_000_000] {
        for line in everywhere(&nested("[", "]", n)) {
            assert!(read(line.as_bytes()).starts_with("nested deeper"), "{n} levels");
        }
    }
}

#[test]
fn a_trace_or_an_error_of_another_shape_is_refused() {
    let trace = |trace: &str| read(format!(r#"{{"id":1,"method":"m","trace":{trace}}}"#).as_bytes());
    for good in ["null", "{}", r#"{"traceparent":"a","tracestate":null}"#] {
        assert_eq!(trace(good), "request", "{good}");
    }
    for bad in [
        "5",
        r#""x""#,
        "[]",
        r#"["00-a","v=1"]"#,
        r#"{"traceparent":5}"#,
        r#"{"traceparent":null,"traceparent":null}"#,
        r#"{"x":[]}"#,
    ] {
        assert_eq!(trace(bad), BAD_TRACE, "{bad}");
    }
    assert!(trace(r#"{},"trace":{}"#).starts_with("not a JSON-RPC message"));
    for bad in ["5", "{}", r#"[1,"x"]"#, r#"{"code":"1","message":""}"#, r#"{"code":1.5,"message":""}"#] {
        assert_eq!(read(format!(r#"{{"id":1,"error":{bad}}}"#).as_bytes()), BAD_ERROR, "{bad}");
    }
}

#[test]
fn the_id_of_a_refused_request_is_told_where_it_can_be() {
    let told = |line: &[u8]| id(line).map(|id| id.get().to_owned());
    assert_eq!(told(br#"{"id":"a","method":"m","params":{"x":"\ud800"}}"#).as_deref(), Some("\"a\""));
    assert_eq!(told(b"{\"id\":7,\"method\":\"m\",\"x\":\"\xff\"}").as_deref(), Some("7"));
    assert_eq!(told(br#"{"id":7,"method":"m""#), None);
    assert_eq!(told(br#"{"id":7,"result":"\ud800"}"#), None);
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1e400".to_owned()),
        any::<f64>().prop_map(|n| n.to_string()),
        "\"[a-z\\\\ud8c0-9é\u{1}$:]{0,12}\"",
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(","))),
            proptest::collection::vec(("[a-z\\\\$]{0,4}", inner), 0..4).prop_map(|v| {
                let members: Vec<String> = v.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_passes_is_a_value(value in json(), flip in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        for line in everywhere(&value) {
            let mut line = line.into_bytes();
            for torn in [false, true] {
                if torn {
                    let at = flip.index(line.len());
                    line[at] = byte;
                }
                if parse::<StrictScope<'_>>(&line).is_ok() {
                    prop_assert!(serde_json::from_slice::<Value>(&line).is_ok(), "{line:?}");
                }
            }
        }
    }

    /// And the other way round for the part that is skipped: what is a value to `serde_json` is not refused.
    #[test]
    fn a_value_passes(value in json()) {
        let good = serde_json::from_str::<Value>(&value).is_ok();
        prop_assert_eq!(serde_json::from_str::<Skipped>(&value).is_ok(), good, "{}", value);
    }
}
