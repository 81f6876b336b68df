//! Custom tools: those whose calls have a text in the place of arguments. Pure.
//!
//! codex's own tools of a client are functions. So a custom tool goes up as a function with one argument, `input`, and
//! what its text must be like stands in the description. It owns both ways between the text and the arguments, and
//! the form in which a client reads a call. It promises that a text comes back as it went, whatever is in it. It never
//! checks a text against its grammar: the model alone is told that.

use super::answer::Call;
use crate::{
    error::{ApiError, Kind},
    openai::{
        chat::ChatRequest,
        object::Object,
        tool::{INPUT, Tool},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{borrow::Cow, collections::HashMap};

/// What the model is told of a text that may be anything.
const TEXT: &str = "This tool takes a text. Call it with that text, complete and as it is, in `input`: what is said of the \
                    tool's input or of its format is said of that text.";

/// How a client reads the calls of a custom tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As OpenAI's chat completions have them, `custom`.
    Custom,
    /// As calls of a function whose arguments are the text. OpenAI's chat completions refuse a flat custom tool, so who
    /// sends one, as Cursor does, has no form of OpenAI's to expect; Cursor reads `function` of every call.
    Function,
}

/// The custom tools of a request, by the client's names.
#[derive(Debug, Clone, Default)]
pub struct Customs(HashMap<String, Form>);

impl Customs {
    /// Those of a request.
    pub fn of(request: &ChatRequest<'_>) -> Self {
        let tools = request.tools.iter().flatten().filter(|tool| tool.is_custom());
        let form = |tool: &Tool| if tool.flat { Form::Function } else { Form::Custom };
        Self(tools.filter_map(|tool| Some((tool.function.as_ref()?.name.clone(), form(tool)))).collect())
    }

    /// How calls of `name` are read; `None` where it is no custom tool.
    pub fn form(&self, name: &str) -> Option<Form> {
        self.0.get(name).copied()
    }

    /// Whether these are arguments of `name`: those of a custom tool have its text.
    pub fn takes(&self, name: &str, arguments: &str) -> bool {
        self.form(name).is_none() || input(arguments).is_some()
    }

    /// The call in the form in which the client reads it.
    pub fn told(&self, call: Call) -> Call {
        match (self.form(&call.name), input(&call.arguments)) {
            (Some(form), Some(arguments)) => Call { arguments, custom: form == Form::Custom, ..call },
            (None, _) | (_, None) => call,
        }
    }

    /// The arguments that go up for those of a call that a client sends back as one of a function.
    pub fn sent<'a>(&self, name: &str, arguments: &'a str) -> Cow<'a, str> {
        match self.form(name) {
            Some(Form::Function) => Cow::Owned(self::arguments(arguments)),
            Some(Form::Custom) | None => Cow::Borrowed(arguments),
        }
    }
}

#[derive(Deserialize)]
struct Input {
    input: String,
}

/// The text of a call, out of the function's arguments; `None` where they don't have it.
pub fn input(arguments: &str) -> Option<String> {
    let Object(Input { input }) = serde_json::from_str(arguments).ok()?;
    Some(input)
}

/// The function's arguments with this text.
pub fn arguments(input: &str) -> String {
    json!({ INPUT: input }).to_string()
}

/// What the model is told of a custom tool's text. `format` is the client's, and stands at `path`.
///
/// # Errors
/// 400 for what OpenAI's description doesn't have.
pub fn described(format: Option<&Value>, path: &str) -> Result<String, ApiError> {
    let Some(format) = format else { return Ok(TEXT.to_owned()) };
    let grammar = match format["type"].as_str() {
        Some("text") => return Ok(TEXT.to_owned()),
        Some("grammar") => format.get("grammar").filter(|grammar| !grammar.is_null()),
        Some(_) | None => {
            let text = "The format of a custom tool is an object of the type `text` or `grammar`.";
            return Err(ApiError::new(Kind::UnsupportedValue, text).with_param(format!("{path}.type")));
        }
    };
    // The Responses API has the members of the grammar in the format itself.
    let (grammar, path) = match grammar {
        Some(grammar) => (grammar, format!("{path}.grammar")),
        None => (format, path.to_owned()),
    };
    let Some(syntax @ ("lark" | "regex")) = grammar["syntax"].as_str() else {
        return Err(ApiError::invalid(format!("{path}.syntax"), "`syntax` is `lark` or `regex`."));
    };
    let Some(definition) = grammar["definition"].as_str() else {
        return Err(ApiError::invalid(format!("{path}.definition"), "`definition` must be a string."));
    };
    let kind = if syntax == "lark" { "grammar, in the syntax of Lark" } else { "regular expression" };
    Ok(format!("{TEXT} The text must match this {kind}:\n\n{definition}"))
}

#[cfg(test)]
mod tests;
