//! What the front makes of clients' schemas, with OpenAI's rules and a JSON Schema validator as the judges.

mod generate;
mod instance;

use gateway_tests::upstream;
use http_front::schema::{
    Level,
    calls::{self, Callable},
    output, tool,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn strict(schema: &Value) -> Vec<String> {
    let format = json!({"type": "json_schema", "name": "n", "strict": true, "schema": schema});
    upstream::refused(&json!({"model": "m", "stream": true, "input": "hi", "text": {"format": format}}))
}

fn loose(parameters: &Value) -> Vec<String> {
    let tool = json!({"type": "function", "name": "f", "strict": false, "parameters": parameters});
    upstream::refused(&json!({"model": "m", "stream": true, "input": "hi", "tools": [tool]}))
}

fn valid(schema: &Value, instance: &str) -> bool {
    let instance = serde_json::from_str(instance).expect("a restored answer is JSON");
    let schema = generate::with_nullable_spelled(schema);
    jsonschema::draft202012::new(&schema).expect("a legal schema").is_valid(&instance)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a client sends for a schema: an answer or a refusal, and what is made is what OpenAI takes.
    #[test]
    fn no_json_is_too_strange(schema in generate::strange(), answer in generate::strange()) {
        if let Ok(carried) = tool::carried(&schema, false) {
            prop_assert_eq!(loose(&carried.schema), Vec::<String>::new());
        }
        for level in [Level::Guaranteed, Level::BestEffort] {
            if let Ok(output) = output::convert(&schema, level) {
                prop_assert_eq!(strict(&output.schema), Vec::<String>::new());
                let _ = output.restore(&answer.to_string());
            }
        }
        if let Ok(calls) = calls::convert(&[Callable { name: "f", parameters: &schema }], true) {
            prop_assert_eq!(strict(&calls.schema), Vec::<String>::new());
            let _ = calls.read(&answer.to_string());
        }
    }

    /// An answer under the converted schema, once restored, is valid under the client's.
    #[test]
    fn a_restored_answer_is_valid(schema in generate::legal(), seed in any::<u64>()) {
        let Ok(output) = output::convert(&schema, Level::Guaranteed) else { return Ok(()) };
        prop_assert_eq!(strict(&output.schema), Vec::<String>::new());
        let mut maker = instance::Maker::new(&output.schema, seed);
        for _ in 0..8 {
            let Some(answer) = maker.make() else { continue };
            let text = answer.to_string();
            let restored = output.restore(&text);
            prop_assert!(restored.is_some(), "{} is not restored under {}", text, output.schema);
            let restored = restored.expect("just seen");
            prop_assert!(valid(&schema, &restored), "{} became {}, not valid under {}", text, restored, schema);
            if output.is_exact() {
                prop_assert_eq!(restored, text);
            }
        }
    }

    /// The arguments of a call are valid too, where nothing was left out of the schema.
    #[test]
    fn the_arguments_of_a_call_are_valid(a in generate::exact(), b in generate::exact(), many: bool, seed in any::<u64>()) {
        let tools = [Callable { name: "a", parameters: &a }, Callable { name: "b", parameters: &b }];
        let Ok(calls) = calls::convert(&tools, many) else { return Ok(()) };
        prop_assert_eq!(strict(&calls.schema), Vec::<String>::new());
        let mut maker = instance::Maker::new(&calls.schema, seed);
        for _ in 0..8 {
            let Some(answer) = maker.make() else { continue };
            let read = calls.read(&answer.to_string());
            prop_assert!(read.is_some(), "{} is no call of {}", answer, calls.schema);
            let whole = |at: &usize| output::convert(tools[*at].parameters, Level::Guaranteed).is_ok();
            for (number, arguments) in read.expect("just seen").into_iter().filter(|(at, _)| whole(at)) {
                prop_assert!(valid(tools[number].parameters, &arguments), "{}", arguments);
            }
        }
    }

    /// Every keyword of a tool's schema is carried or told.
    #[test]
    fn a_tool_loses_nothing(schema in generate::legal()) {
        let schema = generate::numbered(&schema);
        let Ok(carried) = tool::carried(&schema, false) else { return Ok(()) };
        prop_assert_eq!(loose(&carried.schema), Vec::<String>::new());
        let known = format!("{} {}", carried.schema, carried.told.unwrap_or_default());
        for keyword in generate::numbers(&schema) {
            prop_assert!(known.contains(&keyword), "{} is not in {}", keyword, known);
        }
    }

    /// What is carried takes what the client's schema takes: the model is never told that a valid call is not.
    #[test]
    fn a_carried_schema_takes_what_is_valid(schema in generate::exact(), seed in any::<u64>()) {
        let Ok(carried) = tool::carried(&schema, false) else { return Ok(()) };
        let Ok(output) = output::convert(&schema, Level::Guaranteed) else { return Ok(()) };
        let mut maker = instance::Maker::new(&output.schema, seed);
        for _ in 0..4 {
            let restored = maker.make().and_then(|answer| output.restore(&answer.to_string()));
            let Some(restored) = restored.filter(|restored| restored.starts_with('{')) else { continue };
            prop_assert!(valid(&carried.schema, &restored), "{} under {}", restored, carried.schema);
        }
    }
}
