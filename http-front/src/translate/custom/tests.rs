//! Tests of custom tools.

use super::*;
use proptest::prelude::*;

fn customs() -> Customs {
    let body = json!({"model": "m", "messages": [], "tools": [
        {"type": "custom", "custom": {"name": "nested"}},
        {"type": "custom", "name": "flat"},
        {"type": "function", "name": "f"},
        {"type": "function", "function": {"name": "g"}},
    ]});
    Customs::of(&serde_json::from_str(&body.to_string()).unwrap())
}

fn call(name: &str, arguments: &str) -> Call {
    Call { id: "c".into(), name: name.into(), arguments: arguments.into(), custom: false }
}

#[test]
fn calls_are_told_in_the_form_of_their_tool() {
    let customs = customs();
    let told = |name: &str| {
        let Call { arguments, custom, .. } = customs.told(call(name, r#"{"input":"*** \"a\"\n","more":1}"#));
        (arguments, custom)
    };
    assert_eq!(told("nested"), ("*** \"a\"\n".to_owned(), true));
    assert_eq!(told("flat"), ("*** \"a\"\n".to_owned(), false));
    for name in ["f", "g", "nobody"] {
        assert_eq!(told(name), (r#"{"input":"*** \"a\"\n","more":1}"#.to_owned(), false));
    }
}

#[test]
fn arguments_without_a_text_are_none_of_a_custom_tool() {
    let customs = customs();
    for arguments in
        ["{}", r#"{"input":1}"#, r#"{"input":null}"#, r#"["x"]"#, r#""x""#, r#"{"patch":"x"}"#, "x", ""]
    {
        for name in ["nested", "flat"] {
            assert!(!customs.takes(name, arguments), "{arguments}");
        }
        assert!(customs.takes("f", arguments));
    }
    assert!(customs.takes("flat", r#"{"input":""}"#));
}

#[test]
fn what_the_text_must_be_like_is_told() {
    let grammar = json!({"syntax": "lark", "definition": "start: \"a\""});
    let mut flat = grammar.clone();
    flat["type"] = json!("grammar");
    let nested = json!({"type": "grammar", "grammar": grammar});
    let told = described(Some(&flat), "p").unwrap();
    assert!(told.starts_with(TEXT) && told.ends_with("syntax of Lark:\n\nstart: \"a\""), "{told}");
    assert_eq!(described(Some(&nested), "p").unwrap(), told);
    let regex = json!({"type": "grammar", "syntax": "regex", "definition": "a+"});
    assert!(described(Some(&regex), "p").unwrap().ends_with("regular expression:\n\na+"));
    for free in [None, Some(&json!({"type": "text"}))] {
        assert_eq!(described(free, "p").unwrap(), TEXT);
    }
    for (format, param) in [
        (json!({}), "p.type"),
        (json!("text"), "p.type"),
        (json!({"type": "json"}), "p.type"),
        (json!({"type": "grammar"}), "p.syntax"),
        (json!({"type": "grammar", "syntax": "ebnf", "definition": "x"}), "p.syntax"),
        (json!({"type": "grammar", "syntax": "lark"}), "p.definition"),
        (json!({"type": "grammar", "grammar": {"syntax": "lark", "definition": 1}}), "p.grammar.definition"),
    ] {
        let error = described(Some(&format), "p").unwrap_err();
        assert_eq!((error.status().as_u16(), error.param()), (400, Some(param)), "{format}");
    }
}

proptest! {
    #[test]
    fn a_text_comes_back_as_it_went(text in "\\PC*|(.|[\r\n\u{0}\u{2028}\"\\\\])*") {
        prop_assert_eq!(input(&arguments(&text)), Some(text.clone()));
        let customs = customs();
        let told = customs.told(call("flat", &arguments(&text)));
        prop_assert_eq!(customs.sent("flat", &told.arguments), arguments(&text));
        prop_assert_eq!(customs.sent("f", &text), text.as_str());
    }
}
