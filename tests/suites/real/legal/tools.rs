//! Functions, and the choices among them.

use super::{
    schemas::parameters,
    texts::{NAMES, odd, text},
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select, subsequence},
};
use serde_json::{Value, json};

/// What a request says of functions: the members `tools`, `tool_choice`, `functions`, ….
pub(super) fn members() -> BoxedStrategy<Vec<(&'static str, Value)>> {
    let some =
        (functions(), choice(), option::of(any::<bool>())).prop_map(|(functions, choice, parallel)| {
            let tools: Vec<Value> =
                functions.iter().map(|f| json!({"type": "function", "function": f})).collect();
            let mut members = Vec::new();
            if let Some(choice) = choice.of(&functions) {
                members.push(("tool_choice", choice));
            }
            members.push(("tools", tools.into()));
            if let Some(parallel) = parallel {
                members.push(("parallel_tool_calls", parallel.into()));
            }
            members
        });
    let old = (functions(), any::<Index>(), 0..4_u8).prop_map(|(functions, one, choice)| {
        let name = one.get(&functions)["name"].clone();
        let mut members = vec![("functions", Value::from(functions))];
        match choice {
            0 => members.push(("function_call", "none".into())),
            1 => members.push(("function_call", "auto".into())),
            2 => members.push(("function_call", json!({"name": name}))),
            _ => {}
        }
        members
    });
    let none = select(&["", "none", "auto", "empty"][..]).prop_map(|word| match word {
        "" => vec![],
        "empty" => vec![("tools", json!([]))],
        word => vec![("tool_choice", word.into())],
    });
    prop_oneof![3 => none, 6 => some, 1 => old].boxed()
}

/// The parameters, the description and `strict` of a function.
type Others = (Option<Value>, Option<String>, Option<bool>);

fn functions() -> BoxedStrategy<Vec<Value>> {
    let names = (subsequence(NAMES, 1..6), option::weighted(0.3, odd())).prop_map(|(names, odd)| {
        let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        names.extend(odd.filter(|odd| !NAMES.contains(&odd.as_str())));
        names
    });
    (names, vec((option::of(parameters()), option::of(text()), option::of(any::<bool>())), 7))
        .prop_map(|(names, others)| {
            let with = |(name, (parameters, description, strict)): (String, Others)| {
                let mut function = json!({"name": name});
                if let Some(description) = description {
                    function["description"] = description.into();
                }
                if let Some(parameters) = parameters {
                    function["parameters"] = parameters;
                }
                if let Some(strict) = strict {
                    function["strict"] = strict.into();
                }
                function
            };
            names.into_iter().zip(others).map(with).collect()
        })
        .boxed()
}

/// A choice that is yet to learn which functions there are.
#[derive(Debug, Clone)]
enum Choice {
    Absent,
    Word(&'static str),
    Named(Index),
    Allowed(&'static str, Vec<Index>),
}

fn choice() -> BoxedStrategy<Choice> {
    prop_oneof![
        6 => Just(Choice::Absent),
        4 => select(&["none", "auto", "required"][..]).prop_map(Choice::Word),
        2 => any::<Index>().prop_map(Choice::Named),
        2 => (select(&["auto", "required"][..]), vec(any::<Index>(), 1..4)).prop_map(|(mode, list)| Choice::Allowed(mode, list)),
    ]
    .boxed()
}

impl Choice {
    fn of(&self, functions: &[Value]) -> Option<Value> {
        let named =
            |one: &Index| json!({"type": "function", "function": {"name": one.get(functions)["name"]}});
        Some(match self {
            Self::Absent => return None,
            Self::Word(word) => (*word).into(),
            Self::Named(one) => named(one),
            Self::Allowed(mode, list) => {
                let list: Vec<Value> = list.iter().map(named).collect();
                json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list}})
            }
        })
    }
}
