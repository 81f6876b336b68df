//! The functions that blocks may call. Pure.

use crate::{
    openai::chat::ChatRequest,
    schema::kinds::{self, Kinds},
    translate::{answer::Allowed, custom},
};
use serde_json::Value;
use std::collections::HashMap;

/// The functions that blocks may call, with the types of their parameters. It holds no schemas.
#[derive(Debug, Clone, Default)]
pub struct Tools(HashMap<String, Function>);

/// The parameters of a function.
#[derive(Debug, Clone, Default)]
pub(super) struct Function {
    parameters: HashMap<String, Kinds>,
    /// Whether it stands for a custom tool, which takes a text and nothing else.
    custom: bool,
}

impl Function {
    /// What a parameter may be; `None` where the schema doesn't name it.
    pub(super) fn parameter(&self, name: &str) -> Option<Kinds> {
        self.parameters.get(name).copied()
    }

    /// Whether it can be called with these arguments, a JSON object.
    pub(super) fn takes(&self, arguments: &str) -> bool {
        !self.custom || custom::input(arguments).is_some()
    }
}

impl Tools {
    /// These functions, each with the JSON Schema of its parameters, if it has one.
    pub fn new<'a>(functions: impl IntoIterator<Item = (&'a str, Option<&'a Value>)>) -> Self {
        Self::all(functions.into_iter().map(|(name, schema)| (name, schema, false)))
    }

    fn all<'a>(functions: impl Iterator<Item = (&'a str, Option<&'a Value>, bool)>) -> Self {
        let all = functions.map(|(name, schema, custom)| {
            let parameters = schema.map(kinds::members).unwrap_or_default();
            (name.to_owned(), Function { parameters, custom })
        });
        Self(all.collect())
    }

    /// The functions of a request, as the client names them, as far as they are `allowed`.
    pub fn of(request: &ChatRequest<'_>, allowed: &Allowed) -> Self {
        let tools = request.tools.iter().flatten();
        let tools = tools.filter_map(|tool| Some((tool.function.as_ref()?, tool.is_custom())));
        let functions = request.functions.iter().flatten().map(|function| (function, false));
        let may = |name: &str| match allowed {
            Allowed::Any => true,
            Allowed::Only(names) => names.iter().any(|allowed| allowed == name),
            Allowed::None => false,
        };
        Self::all(
            tools
                .chain(functions)
                .filter(|(function, _)| may(&function.name))
                .map(|(function, custom)| (function.name.as_str(), function.parameters.as_ref(), custom)),
        )
    }

    /// Whether no block can be a call.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Function> {
        self.0.get(name)
    }
}
