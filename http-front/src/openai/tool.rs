//! Functions that the model may call, and its calls.
//!
//! Source: `ChatCompletionTool`, `FunctionObject` and `ChatCompletionMessageToolCall` of OpenAI's API description.

use super::object::optional;
use serde::Deserialize;
use serde_json::Value;
use shared::rpc::text::Text;

/// A tool of a request.
#[derive(Debug, Deserialize)]
#[serde(from = "AnyTool")]
pub struct Tool {
    /// `function`; nothing else is served.
    pub r#type: String,
    /// The function.
    pub function: Option<Function>,
    /// Whether its members stand in the tool itself, as the Responses API has them.
    pub flat: bool,
}

/// A tool in either form.
#[derive(Deserialize)]
struct AnyTool {
    r#type: String,
    #[serde(default, deserialize_with = "optional")]
    function: Option<Function>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
}

impl From<AnyTool> for Tool {
    fn from(tool: AnyTool) -> Self {
        let AnyTool { r#type, function, name, description, parameters, strict } = tool;
        match (function, name) {
            (None, Some(name)) => {
                let function = Some(Function { name, description, parameters, strict });
                Self { r#type, function, flat: true }
            }
            (function, _) => Self { r#type, function, flat: false },
        }
    }
}

/// A function that the model may call.
#[derive(Debug, Deserialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    #[serde(default)]
    pub description: Option<String>,
    /// The JSON Schema of its arguments; without one it has none.
    #[serde(default)]
    pub parameters: Option<Value>,
    /// Whether the arguments must match the schema.
    #[serde(default)]
    pub strict: Option<bool>,
}

/// A call in a message of the model.
#[derive(Debug, Deserialize)]
pub struct ToolCall<'a> {
    /// The name that its result refers to.
    pub id: String,
    /// `function`, also when it is absent.
    #[serde(default)]
    pub r#type: Option<String>,
    /// What is called.
    #[serde(borrow, default, deserialize_with = "optional")]
    pub function: Option<Called<'a>>,
}

/// A function with the arguments of a call.
#[derive(Debug, Deserialize)]
pub struct Called<'a> {
    /// Its name.
    pub name: String,
    /// The arguments as the model wrote them: JSON as a rule.
    #[serde(borrow)]
    pub arguments: Text<'a>,
}
