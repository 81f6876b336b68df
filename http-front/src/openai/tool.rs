//! Functions and custom tools that the model may call, and its calls.
//!
//! Source: `ChatCompletionTool`, `CustomToolChatCompletions`, `FunctionObject`, `ChatCompletionMessageToolCall` and
//! `ChatCompletionMessageCustomToolCall` of OpenAI's API description; `CustomToolParam` for the flat form.

use super::object::optional;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::rpc::text::Text;

/// The one argument of the function that a custom tool goes up as.
pub const INPUT: &str = "input";

/// A tool of a request.
#[derive(Debug, Deserialize)]
#[serde(from = "AnyTool")]
pub struct Tool {
    /// `function` or `custom`; nothing else is served.
    pub r#type: String,
    /// The function. That of a custom tool has one argument, a text.
    pub function: Option<Function>,
    /// What a custom tool's text must be like, as the client says it.
    pub format: Option<Value>,
    /// Whether its members stand in the tool itself, as the Responses API has them.
    pub flat: bool,
}

impl Tool {
    /// Whether its calls have a text in the place of arguments.
    pub fn is_custom(&self) -> bool {
        self.r#type == "custom"
    }
}

/// A tool in either form.
#[derive(Deserialize)]
struct AnyTool {
    r#type: String,
    #[serde(default, deserialize_with = "optional")]
    function: Option<Function>,
    #[serde(default, deserialize_with = "optional")]
    custom: Option<Custom>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
    #[serde(default)]
    format: Option<Value>,
}

/// A custom tool.
#[derive(Deserialize)]
struct Custom {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    format: Option<Value>,
}

impl From<AnyTool> for Tool {
    fn from(tool: AnyTool) -> Self {
        let AnyTool { r#type, function, custom, name, description, parameters, strict, format } = tool;
        if r#type == "custom" {
            let flat = custom.is_none() && name.is_some();
            let custom = custom.or(name.map(|name| Custom { name, description, format }));
            let (function, format) = custom.map(Custom::read).unzip();
            return Self { r#type, function, format: format.flatten(), flat };
        }
        match (function, name) {
            (None, Some(name)) => {
                let function = Some(Function { name, description, parameters, strict });
                Self { r#type, function, format: None, flat: true }
            }
            (function, _) => Self { r#type, function, format: None, flat: false },
        }
    }
}

impl Custom {
    /// The function that it goes up as, and what its text must be like.
    fn read(self) -> (Function, Option<Value>) {
        let parameters = json!({
            "type": "object",
            "properties": {INPUT: {"type": "string"}},
            "required": [INPUT],
            "additionalProperties": false,
        });
        let Self { name, description, format } = self;
        (Function { name, description, parameters: Some(parameters), strict: None }, format)
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
    /// `function`, also when it is absent, or `custom`.
    #[serde(default)]
    pub r#type: Option<String>,
    /// What is called.
    #[serde(borrow, default, deserialize_with = "optional")]
    pub function: Option<Called<'a>>,
    /// The same, where it is a custom tool.
    #[serde(borrow, default, deserialize_with = "optional")]
    pub custom: Option<CalledCustom<'a>>,
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

/// A custom tool with the text of a call.
#[derive(Debug, Deserialize)]
pub struct CalledCustom<'a> {
    /// Its name.
    pub name: String,
    /// The text.
    #[serde(borrow)]
    pub input: Text<'a>,
}
