//! The functions and custom tools of a request, and which of them the model may or must call. Pure.
//!
//! codex always asks the model with `tool_choice: auto`. So a function that may not be called isn't declared at all,
//! and a call that must come is guaranteed by the schema of the text: the model calls, or what it writes is the call.

use crate::{
    error::{ApiError, Kind},
    openai::{chat::ChatRequest, tool::Function},
    schema::{
        calls::{self, Callable, Calls},
        tool,
    },
    translate::{
        answer::{Allowed, Calling},
        custom::{self, Customs},
        names::Names,
    },
};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use std::{collections::HashSet, sync::Arc};

/// The most functions that the upstream takes.
const MOST: usize = 128;

/// What becomes of the functions.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// As `dynamicTools` has them.
    pub declared: Option<Arc<RawValue>>,
    /// How the model's calls are taken.
    pub calling: Calling,
    /// The schema of a text that is a call, where there must be one.
    pub forced: Option<Forced>,
}

/// A text that is a call.
#[derive(Debug)]
pub(super) struct Forced {
    /// Its schema.
    pub calls: Calls,
    /// The functions that it may call, by their names.
    pub functions: Vec<String>,
}

/// A function of the request and where it stands.
struct Declared<'a> {
    path: String,
    function: &'a Function,
    parameters: Value,
    /// What the model is told of a custom tool's text.
    text: Option<String>,
}

/// Which functions may or must be called.
enum Choice<'a> {
    None,
    Auto,
    Required,
    /// This one.
    Named(&'a str, &'static str),
    /// Only these; whether one of them must be.
    Among(Vec<&'a str>, bool),
}

/// Reads the functions and the choice.
///
/// # Errors
/// 400 with the path of what can't be carried or guaranteed.
pub(super) fn tools(request: &ChatRequest<'_>, names: &Names) -> Result<Tools, ApiError> {
    let (declared, legacy) = declared(request)?;
    let choice = choice(request, legacy)?;
    let has = |name: &str| declared.iter().any(|d| d.function.name == name);
    let unknown = |name: &str, param: &str| {
        let shown: String = name.chars().take(64).collect();
        Err(ApiError::invalid(param, format!("`{shown}` is not among the functions of this request.")))
    };
    let (offered, must): (Vec<&Declared<'_>>, bool) = match &choice {
        Choice::None => (Vec::new(), false),
        Choice::Auto => (declared.iter().collect(), false),
        Choice::Required => (declared.iter().collect(), true),
        Choice::Named(name, param) if !has(name) => return unknown(name, param),
        Choice::Named(name, _) => (declared.iter().filter(|d| d.function.name == *name).collect(), true),
        Choice::Among(names, must) => {
            if let Some(name) = names.iter().find(|name| !has(name)) {
                return unknown(name, "tool_choice.allowed_tools.tools");
            }
            (declared.iter().filter(|d| names.contains(&d.function.name.as_str())).collect(), *must)
        }
    };
    if must && offered.is_empty() {
        return Err(ApiError::invalid(
            "tool_choice",
            "A call can't be required where no function may be called.",
        ));
    }
    let allowed = match choice {
        // A model that makes a name up is the client's to correct, as it is with OpenAI.
        Choice::Auto | Choice::Required if !offered.is_empty() => Allowed::Any,
        Choice::Named(..) | Choice::Among(..) => {
            Allowed::Only(offered.iter().map(|d| d.function.name.clone()).collect())
        }
        Choice::None | Choice::Auto | Choice::Required => Allowed::None,
    };
    let one = legacy || request.parallel_tool_calls == Some(false) || matches!(choice, Choice::Named(..));
    let forced = if must { Some(forced(&offered, names, !one)?) } else { None };
    let declared = if offered.is_empty() { None } else { Some(raw(&offered, names)?) };
    let customs = Customs::of(request);
    Ok(Tools { declared, calling: Calling { allowed, single: one, legacy, customs }, forced })
}

/// The functions of the request, and whether they have the old form.
fn declared<'a>(request: &'a ChatRequest<'_>) -> Result<(Vec<Declared<'a>>, bool), ApiError> {
    let tools = request.tools.as_deref().unwrap_or_default();
    let functions = request.functions.as_deref().unwrap_or_default();
    if !tools.is_empty() && !functions.is_empty() {
        return Err(ApiError::invalid(
            "functions",
            "`functions` is the old form of `tools`: send one of them.",
        ));
    }
    let legacy = !functions.is_empty();
    let list = if legacy { "functions" } else { "tools" };
    if tools.len() + functions.len() > MOST {
        return Err(ApiError::invalid(list, format!("`{list}` may have {MOST} functions.")));
    }
    let mut all = Vec::with_capacity(tools.len() + functions.len());
    for (at, function) in functions.iter().enumerate() {
        all.push((format!("functions[{at}]"), function, None));
    }
    for (at, tool) in tools.iter().enumerate() {
        let kind = tool.r#type.as_str();
        if !matches!(kind, "function" | "custom") {
            let text = "Only tools of the types `function` and `custom` are supported here.";
            return Err(ApiError::new(Kind::UnsupportedValue, text).with_param(format!("tools[{at}].type")));
        }
        let path = if tool.flat { format!("tools[{at}]") } else { format!("tools[{at}].{kind}") };
        let Some(function) = &tool.function else {
            return Err(ApiError::invalid(path, format!("A tool of this type needs `{kind}` with a name.")));
        };
        let text = if tool.is_custom() {
            Some(custom::described(tool.format.as_ref(), &format!("{path}.format"))?)
        } else {
            None
        };
        all.push((path, function, text));
    }
    let mut seen = HashSet::new();
    let mut declared = Vec::with_capacity(all.len());
    for (path, function, text) in all {
        if function.name.is_empty() {
            return Err(ApiError::invalid(format!("{path}.name"), "A function needs a name."));
        }
        if !seen.insert(function.name.as_str()) {
            return Err(ApiError::invalid(format!("{path}.name"), "Two functions have the same name."));
        }
        let parameters = function.parameters.clone();
        let parameters = parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
        declared.push(Declared { path, function, parameters, text });
    }
    Ok((declared, legacy))
}

fn choice<'a>(request: &'a ChatRequest<'_>, legacy: bool) -> Result<Choice<'a>, ApiError> {
    let old = request.function_call.as_ref();
    if old.is_some() && request.tool_choice.is_some() {
        let text = "`function_call` is the old form of `tool_choice`: send one of them.";
        return Err(ApiError::invalid("function_call", text));
    }
    let (param, value) = match (old, &request.tool_choice) {
        (Some(value), _) => ("function_call", value),
        (None, Some(value)) => ("tool_choice", value),
        (None, None) => return Ok(Choice::Auto),
    };
    match value {
        Value::String(word) => match (word.as_str(), old.is_some()) {
            ("none", _) => Ok(Choice::None),
            ("auto", _) => Ok(Choice::Auto),
            ("required", false) => Ok(Choice::Required),
            (_, true) => {
                Err(ApiError::invalid(param, "`function_call` is `none`, `auto` or an object with a name."))
            }
            (_, false) => {
                Err(ApiError::invalid(param, "`tool_choice` is `none`, `auto`, `required` or an object."))
            }
        },
        Value::Object(_) if old.is_some() || legacy => {
            let name = value["name"].as_str().or_else(|| value["function"]["name"].as_str());
            let missing =
                || ApiError::invalid(format!("{param}.name"), "The function's name is needed here.");
            let path = if old.is_some() { "function_call.name" } else { "tool_choice.function.name" };
            name.map(|name| Choice::Named(name, path)).ok_or_else(missing)
        }
        Value::Object(_) => object(value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err(ApiError::invalid(param, format!("`{param}` must be a string or an object.")))
        }
    }
}

/// A choice that names functions.
fn object(value: &Value) -> Result<Choice<'_>, ApiError> {
    match value["type"].as_str() {
        Some(kind @ ("function" | "custom")) => {
            let nested =
                if kind == "custom" { "tool_choice.custom.name" } else { "tool_choice.function.name" };
            match (value[kind]["name"].as_str(), value["name"].as_str()) {
                (Some(name), _) => Ok(Choice::Named(name, nested)),
                (None, Some(name)) => Ok(Choice::Named(name, "tool_choice.name")),
                (None, None) => Err(ApiError::invalid(nested, "The function's name is needed here.")),
            }
        }
        Some("allowed_tools") => {
            // The Responses API has its members in the choice itself.
            let nested = &value["allowed_tools"];
            let (allowed, place) =
                if nested.is_null() { (value, "tool_choice") } else { (nested, "tool_choice.allowed_tools") };
            let param = |name: &str| format!("{place}.{name}");
            let must = match allowed["mode"].as_str() {
                Some("auto") => false,
                Some("required") => true,
                Some(_) | None => {
                    return Err(ApiError::invalid(param("mode"), "`mode` is `auto` or `required`."));
                }
            };
            let Some(tools) = allowed["tools"].as_array() else {
                return Err(ApiError::invalid(param("tools"), "`tools` must be an array of functions."));
            };
            if tools.len() > MOST {
                return Err(ApiError::invalid(param("tools"), format!("`tools` may have {MOST} functions.")));
            }
            let mut names = Vec::with_capacity(tools.len());
            for (at, tool) in tools.iter().enumerate() {
                let nested = ["function", "custom"].into_iter().find_map(|kind| tool[kind]["name"].as_str());
                names.push(nested.or_else(|| tool["name"].as_str()).ok_or_else(|| {
                    let text = "Only functions and custom tools are supported here, each with its name.";
                    ApiError::invalid(param(&format!("tools[{at}].function.name")), text)
                })?);
            }
            Ok(Choice::Among(names, must))
        }
        Some(_) | None => Err(ApiError::new(
            Kind::UnsupportedValue,
            "`tool_choice` may be an object of the types `function`, `custom` and `allowed_tools`.",
        )
        .with_param("tool_choice.type")),
    }
}

/// The schema of a text that is a call of one of these.
fn forced(offered: &[&Declared<'_>], names: &Names, many: bool) -> Result<Forced, ApiError> {
    let callable: Vec<Callable<'_>> = offered
        .iter()
        .map(|d| Callable { name: names.sent(&d.function.name), parameters: &d.parameters })
        .collect();
    let functions = offered.iter().map(|d| d.function.name.clone()).collect();
    let calls = calls::convert(&callable, many).map_err(|(at, refusal)| {
        let path = offered.get(at).map_or("tools", |d| &d.path);
        let text = format!(
            "A call of this function can't be guaranteed, as `tool_choice` asks, because of its schema: {}",
            refusal.message
        );
        ApiError::new(Kind::UnsupportedValue, text).with_param(format!("{path}.parameters{}", refusal.path))
    })?;
    Ok(Forced { calls, functions })
}

/// A function as codex takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dynamic<'a> {
    r#type: &'static str,
    name: &'a str,
    description: String,
    input_schema: Value,
}

fn raw(offered: &[&Declared<'_>], names: &Names) -> Result<Arc<RawValue>, ApiError> {
    let mut dynamic = Vec::with_capacity(offered.len());
    for Declared { path, function, parameters, text } in offered {
        let strict = function.strict == Some(true);
        let carried = tool::carried(parameters, strict).map_err(|refusal| {
            ApiError::new(Kind::UnsupportedValue, refusal.message)
                .with_param(format!("{path}.parameters{}", refusal.path))
        })?;
        let name = names.sent(&function.name);
        let renamed = (name != function.name)
            .then(|| format!("In the conversation this function is also called `{}`.", function.name));
        let told = [function.description.clone(), text.clone(), renamed, carried.told];
        let told: Vec<String> = told.into_iter().flatten().filter(|text| !text.is_empty()).collect();
        dynamic.push(Dynamic {
            r#type: "function",
            name,
            description: told.join("\n\n"),
            input_schema: carried.schema,
        });
    }
    Ok(serde_json::value::to_raw_value(&dynamic).expect("own types serialize into memory").into())
}
