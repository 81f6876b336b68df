//! The log is as `shared::telemetry::events` has it: the documents, the check of each line, and the sources.

mod documents;
mod sources;

use gateway_tests::log::{faults, samples, schema::schema};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::telemetry::line::{Line, Look};
use std::sync::LazyLock;

static SCHEMA: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::validator_for(&schema()).expect("a schema"));

/// The check and the JSON Schema say the same of a line, and it is this.
fn both_say(line: &Value, good: bool) {
    let found = faults(&line.to_string());
    assert_eq!(found.is_empty(), good, "{line}: {found:?}");
    assert_eq!(SCHEMA.is_valid(line), good, "the schema: {line}");
}

#[test]
fn every_event_passes_with_all_its_fields_and_with_those_that_it_needs() {
    let mut seen = 0;
    for (_, _, event, mut line) in samples() {
        both_say(&line, true);
        for field in event.may {
            line.as_object_mut().expect("an object").remove(*field);
        }
        both_say(&line, true);
        seen += 1;
    }
    assert!(seen > 80, "{seen}");
}

#[test]
fn what_is_missing_too_much_or_of_another_type_is_found() {
    for (_, _, event, line) in samples() {
        let with = |name: &str, value: Value| {
            let mut other = line.clone();
            other[name] = value;
            other
        };
        let always = event.text == shared::telemetry::events::Text::Always;
        for needed in event.needs.iter().copied().chain(always.then_some("message")) {
            let mut other = line.clone();
            other.as_object_mut().expect("an object").remove(needed);
            both_say(&other, false);
        }
        for (name, _) in line.as_object().expect("an object") {
            both_say(&with(name, Value::Null), false);
            both_say(&with(name, json!([1])), false);
            if line[name].is_string() {
                both_say(&with(name, json!("two\nlines")), false);
                both_say(&with(name, json!("\u{1b}[2J")), false);
                both_say(&with(name, 1.into()), false);
            }
            if line[name].is_number() {
                both_say(&with(name, json!("1")), false);
                both_say(&with(name, json!(1.5)), false);
            }
        }
        both_say(&with("prompt", "said by a client".into()), false);
        both_say(&with("event", "no_such_event".into()), false);
        both_say(&with("component", "other".into()), false);
        both_say(&with("level", "loud".into()), false);
        both_say(&with("timestamp", "yesterday".into()), false);
    }
}

/// Every event can be written, in both looks, and keeps the first four in front.
#[test]
fn every_event_can_be_written_in_both_looks() {
    for (of, level, event, sample) in samples() {
        let fields = event.needs.iter().chain(event.may).chain(["message"].iter());
        let fields = fields.filter_map(|field| Some((*field, sample.get(*field)?.clone().into()))).collect();
        let line = Line::now(level.as_str(), of.as_str(), event.name, fields);
        let json = line.written(Look::Json);
        assert_eq!(faults(json.strip_suffix('\n').expect("its end")), Vec::<String>::new(), "{json}");
        let text = line.written(Look::Text);
        let words: Vec<&str> = text.split_whitespace().take(4).collect();
        let level = level.as_str().to_ascii_uppercase();
        assert_eq!(words, [line.timestamp.as_str(), &level, of.as_str(), event.name], "{text}");
        assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
        for field in event.needs {
            assert!(text.contains(&format!(" {field}=")), "{field}: {text}");
        }
    }
}

/// What no JSON value shows.
#[test]
fn what_is_no_line_is_found() {
    let (_, _, _, line) = samples().next().expect("a line");
    let line = line.to_string();
    assert_eq!(faults(&line), Vec::<String>::new());
    let twice = line.replacen("\"level\":", "\"level\":\"info\",\"level\":", 1);
    let order = line.replacen("{", "{\"error\":\"e\",", 1);
    for bad in [
        "",
        "plain text",
        "[1]",
        "null",
        &line[1..],
        &line[..line.len() - 1],
        &format!("{line}{line}"),
        &format!("{line}\r"),
        &format!("{line} more"),
        &line.replacen(' ', "\t", 1),
        &format!("\u{1b}[31m{line}"),
        &twice,
        &order,
    ] {
        assert!(!faults(bad).is_empty(), "{bad}");
    }
}

proptest! {
    /// However a line is changed, both say the same of it.
    #[test]
    fn the_check_and_the_schema_agree(
        at in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..9_usize), 0..3),
    ) {
        let all: Vec<Value> = samples().map(|(_, _, _, line)| line).collect();
        let mut line = at.get(&all).clone();
        for (field, change) in changes {
            let members = line.as_object_mut().expect("an object");
            let names: Vec<String> = members.keys().cloned().collect();
            let name = field.get(&names).clone();
            match change {
                // The order of the first four is told by the check alone.
                0 if !gateway_tests::log::FIRST.contains(&name.as_str()) => {
                    members.remove(&name);
                }
                0 | 1 => members[&name] = json!(-7),
                2 => members[&name] = json!("warn"),
                3 => members[&name] = json!("2026-11-21T19:30:01Z"),
                4 => members[&name] = json!(true),
                5 => members[&name] = json!("x".repeat(9_000)),
                6 => members[&name] = json!({ "a": "\u{7f}" }),
                7 => members[&name] = json!("none"),
                _ => {
                    members.insert(format!("{name}_of_ours"), json!(1));
                }
            }
        }
        prop_assert_eq!(faults(&line.to_string()).is_empty(), SCHEMA.is_valid(&line), "{}", line);
    }
}

/// The routes of the table are those of the front.
#[test]
fn the_routes_are_those_of_the_front() {
    use http_front::routes::table::Route;
    use shared::telemetry::events::{FIELDS, Kind};
    let route = FIELDS.iter().find(|field| field.name == "route").expect("the field").kind;
    let Kind::Word(words) = route else { panic!("{route:?}") };
    let routes = [
        Route::Chat,
        Route::Completions,
        Route::Models,
        Route::Model(String::new()),
        Route::Ready,
        Route::Live,
        Route::Metrics,
        Route::Verify,
        Route::Maintenance,
        Route::AppServer,
    ];
    let names: Vec<&str> = routes.iter().map(Route::name).chain(["none"]).collect();
    assert_eq!(words, names);
}
