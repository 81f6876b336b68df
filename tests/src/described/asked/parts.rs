//! The parts of a chat completion that we serve less of than OpenAI describes: messages, functions, the answer's form.

use serde_json::{Value, json};

use super::{CHARACTERS, ELEMENTS, object_of, or_null};

/// A PNG of one red pixel, and a GIF of one black one.
const IMAGES: [&str; 2] = [
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC",
    "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==",
];

pub(super) fn text() -> Value {
    json!({ "type": "string", "maxLength": CHARACTERS })
}

pub(super) fn one_of(schemas: &[Value]) -> Value {
    json!({ "anyOf": schemas })
}

pub(super) fn several(item: &Value) -> Value {
    json!({ "type": "array", "items": item, "minItems": 1, "maxItems": ELEMENTS })
}

/// What a function may be called in every API.
fn name() -> Value {
    json!({ "type": "string", "pattern": "^[a-zA-Z0-9_-]{1,20}$" })
}

/// An object whose `type` says what it is.
fn typed(kind: &str, member: &str, schema: Value) -> Value {
    object_of(&[("type", json!({ "const": kind })), (member, schema)], &["type", member])
}

/// A message of each role, of the parts that we serve.
pub(super) fn message() -> Value {
    let texts = typed("text", "text", text());
    let url =
        [("url", json!({ "enum": IMAGES })), ("detail", json!({ "enum": ["auto", "low", "high", null] }))];
    let image = typed("image_url", "image_url", object_of(&url, &["url"]));
    let refusal = typed("refusal", "refusal", text());
    let content = |parts: &[&Value]| {
        let parts = json!({ "type": "array", "items": { "anyOf": parts }, "minItems": 1, "maxItems": 2 });
        one_of(&[text(), parts])
    };
    let called = || object_of(&[("name", name()), ("arguments", text())], &["name", "arguments"]);
    let id = ("id", json!({ "type": "string", "minLength": 1, "maxLength": 12 }));
    let call_of = |kind: &str, what: Value| {
        let members = [id.clone(), ("type", json!({ "const": kind })), (kind, what)];
        object_of(&members, &["id", "type", kind])
    };
    let written = object_of(&[("name", name()), ("input", text())], &["name", "input"]);
    let call = one_of(&[call_of("function", called()), call_of("custom", written)]);
    let role = |role: &str, members: &[(&str, Value)], required: &[&str]| {
        let mut all = vec![("role", json!({ "const": role }))];
        all.extend(members.iter().cloned());
        object_of(&all, &[&["role"], required].concat())
    };
    let said = |name_of: &str, parts: &[&Value]| {
        role(name_of, &[("content", content(parts)), ("name", or_null(text()))], &["content"])
    };
    let spoken = content(&[&texts, &refusal]);
    one_of(&[
        said("user", &[&texts, &image]),
        said("system", &[&texts]),
        said("developer", &[&texts]),
        role(
            "assistant",
            &[
                ("content", spoken.clone()),
                ("name", or_null(text())),
                ("refusal", or_null(text())),
                ("audio", json!({ "type": "null" })),
                ("tool_calls", or_null(several(&call))),
                ("function_call", json!({ "type": "null" })),
            ],
            &["content"],
        ),
        // Who calls needs to say nothing.
        role("assistant", &[("content", or_null(spoken)), ("tool_calls", several(&call))], &["tool_calls"]),
        role(
            "assistant",
            &[("content", json!({ "type": "null" })), ("function_call", called())],
            &["function_call"],
        ),
        role(
            "tool",
            &[
                ("content", content(&[&texts, &image])),
                ("tool_call_id", json!({ "type": "string", "maxLength": 12 })),
            ],
            &["content", "tool_call_id"],
        ),
        role("function", &[("content", or_null(text())), ("name", name())], &["content", "name"]),
    ])
}

/// A tool: a function, or one whose call is a text.
pub(super) fn tool() -> Value {
    let syntax = json!({ "enum": ["lark", "regex"] });
    let grammar = object_of(&[("syntax", syntax), ("definition", text())], &["syntax", "definition"]);
    let format = one_of(&[
        object_of(&[("type", json!({ "const": "text" }))], &["type"]),
        typed("grammar", "grammar", grammar),
    ]);
    let members = [("name", name()), ("description", or_null(text())), ("format", or_null(format))];
    one_of(&[
        typed("function", "function", function(true)),
        typed("custom", "custom", object_of(&members, &["name"])),
    ])
}

/// A function. Its parameters are samples: nearly every schema of chance asks for what no object can be.
pub(super) fn function(strict: bool) -> Value {
    let parameters = json!([
        { "type": "object", "properties": {}, "required": [], "additionalProperties": false },
        { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"], "additionalProperties": false },
        {
            "type": "object",
            "properties": {
                "kind": { "enum": ["a", "b"], "type": "string" },
                "lines": { "type": "array", "items": { "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"], "additionalProperties": false } },
            },
            "required": ["kind", "lines"],
            "additionalProperties": false,
        },
    ]);
    let mut members = vec![
        ("name", name()),
        ("description", or_null(text())),
        ("parameters", json!({ "enum": parameters })),
    ];
    if strict {
        members.push(("strict", json!({ "type": ["boolean", "null"] })));
    }
    object_of(&members, &["name"])
}

fn named() -> Value {
    object_of(&[("name", name())], &["name"])
}

/// Which function is to be called: a word, one of them, or some of them.
pub(super) fn tool_choice() -> Value {
    let one = one_of(&[typed("function", "function", named()), typed("custom", "custom", named())]);
    let mode = json!({ "enum": ["auto", "required"] });
    let allowed = object_of(&[("mode", mode), ("tools", several(&one))], &["mode", "tools"]);
    one_of(&[
        json!({ "enum": ["none", "auto", "required"] }),
        one,
        typed("allowed_tools", "allowed_tools", allowed),
    ])
}

/// The same in the old form.
pub(super) fn function_call() -> Value {
    one_of(&[json!({ "enum": ["none", "auto"] }), named()])
}

/// The forms of the answer, with samples of schemas.
pub(super) fn format() -> Value {
    let strict = json!([
        { "type": "object", "properties": { "a": { "type": "integer" } }, "required": ["a"], "additionalProperties": false },
        {
            "type": "object",
            "properties": { "tags": { "type": "array", "items": { "type": "string" } }, "of": { "anyOf": [{ "type": "number" }, { "type": "null" }] } },
            "required": ["tags", "of"],
            "additionalProperties": false,
        },
    ]);
    // What isn't of the strict subset is converted, and its answer back.
    let loose = json!([
        strict[0],
        strict[1],
        { "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "boolean" } }, "required": ["b"], "additionalProperties": false },
        { "type": "array", "items": { "type": "integer", "minimum": 3 } },
    ]);
    let described = |schemas: Value, strict: Value, required: &[&str]| {
        let members = [
            ("name", name()),
            ("description", or_null(text())),
            ("schema", json!({ "enum": schemas })),
            ("strict", json!({ "enum": strict })),
        ];
        typed("json_schema", "json_schema", object_of(&members, required))
    };
    let alone = |kind: &str| object_of(&[("type", json!({ "const": kind }))], &["type"]);
    one_of(&[
        alone("text"),
        alone("json_object"),
        described(strict, json!([true]), &["name", "schema", "strict"]),
        described(loose, json!([false, null]), &["name", "schema"]),
    ])
}
