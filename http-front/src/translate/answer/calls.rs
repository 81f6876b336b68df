//! The calls of the model: which of them are the client's, and their ids.

use super::{Allowed, Call, Gather, strange};
use crate::error::ApiError;
use serde_json::value::RawValue;

impl Gather {
    /// A call of the model.
    pub(super) fn call(&mut self, id: &str, name: &str, arguments: String) -> Result<(), ApiError> {
        if self.expect.calling.single && !self.calls.is_empty() {
            return Ok(());
        }
        let name = self.expect.names.original(name);
        let allowed = match &self.expect.calling.allowed {
            Allowed::Any => true,
            Allowed::Only(names) => names.iter().any(|allowed| allowed == name),
            Allowed::None => false,
        };
        if !allowed {
            return Err(strange("The model called a function that it was not given; try again."));
        }
        // A function without parameters is sometimes called with nothing at all.
        let arguments = if arguments.trim().is_empty() { "{}".to_owned() } else { arguments };
        if serde_json::from_str::<&RawValue>(&arguments).is_err() {
            return Err(strange("The model called a function with arguments that are not JSON; try again."));
        }
        if !self.expect.calling.customs.takes(name, &arguments) {
            return Err(strange("The model called a custom tool without a text; try again."));
        }
        let usable = (1..=64).contains(&id.len()) && !self.calls.iter().any(|call| call.id == id);
        let id = if usable { id.to_owned() } else { self.mint() };
        let name = name.to_owned();
        self.calls.push(Call { id, name, arguments, custom: false });
        Ok(())
    }

    pub(super) fn mint(&self) -> String {
        format!("call_{}_{}", self.id, self.calls.len())
    }
}
