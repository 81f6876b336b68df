//! The functions that blocks may call. Pure.

use crate::{
    openai::chat::ChatRequest,
    schema::kinds::{self, Kinds},
    translate::answer::Allowed,
};
use serde_json::Value;
use std::collections::HashMap;

/// The functions that blocks may call, with the types of their parameters. It holds no schemas.
#[derive(Debug, Clone, Default)]
pub struct Tools(HashMap<String, Function>);

/// The parameters of a function.
#[derive(Debug, Clone, Default)]
pub(super) struct Function(HashMap<String, Kinds>);

impl Function {
    /// What a parameter may be; `None` where the schema doesn't name it.
    pub(super) fn parameter(&self, name: &str) -> Option<Kinds> {
        self.0.get(name).copied()
    }
}

impl Tools {
    /// These functions, each with the JSON Schema of its parameters, if it has one.
    pub fn new<'a>(functions: impl IntoIterator<Item = (&'a str, Option<&'a Value>)>) -> Self {
        let all = functions.into_iter().map(|(name, schema)| {
            (name.to_owned(), Function(schema.map(kinds::members).unwrap_or_default()))
        });
        Self(all.collect())
    }

    /// The functions of a request, as the client names them, as far as they are `allowed`.
    pub fn of(request: &ChatRequest<'_>, allowed: &Allowed) -> Self {
        let tools = request.tools.iter().flatten().filter_map(|tool| tool.function.as_ref());
        let functions = tools.chain(request.functions.iter().flatten());
        let may = |name: &str| match allowed {
            Allowed::Any => true,
            Allowed::Only(names) => names.iter().any(|allowed| allowed == name),
            Allowed::None => false,
        };
        Self::new(
            functions
                .filter(|function| may(&function.name))
                .map(|function| (function.name.as_str(), function.parameters.as_ref())),
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
