//! How an answer ends.

/// A call for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Joins it with its result; at most 64 characters, and no other call of the answer has it.
    pub id: String,
    /// The function, as the client names it.
    pub name: String,
    /// The arguments, valid JSON; of a custom tool the text, once the answer is complete.
    pub arguments: String,
    /// Whether it is told in the form of a custom tool.
    pub custom: bool,
}

/// Why an answer ended, in the words of chat completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// A bound was reached.
    Length,
    /// A filter stopped it.
    ContentFilter,
    /// The model calls functions.
    ToolCalls,
    /// The same in the old form.
    FunctionCall,
}

impl FinishReason {
    /// As JSON strings have it, without the quotes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::ToolCalls => "tool_calls",
            Self::FunctionCall => "function_call",
        }
    }
}

/// The end of an answer.
#[derive(Debug, Clone)]
pub struct Closing {
    /// The end of the text that went out before.
    pub rest: String,
    /// A message that was held back, if any was.
    pub text: Option<String>,
    /// The model's calls.
    pub calls: Vec<Call>,
    /// Whether they have the old form.
    pub legacy: bool,
    /// That the model refused.
    pub refusal: Option<&'static str>,
    /// Why it ended.
    pub reason: FinishReason,
}

impl Closing {
    /// Whether the model says something with it: a call, or text that was held back.
    pub fn says(&self) -> bool {
        !self.calls.is_empty()
            || !self.rest.is_empty()
            || self.text.as_ref().is_some_and(|text| !text.is_empty())
    }
}

impl Closing {
    /// Why it ended, in the words of completions, which know neither calls nor refusals.
    pub fn text_reason(&self) -> &'static str {
        match self.reason {
            FinishReason::Stop if self.refusal.is_some() => FinishReason::ContentFilter.as_str(),
            FinishReason::ToolCalls | FinishReason::FunctionCall => FinishReason::Stop.as_str(),
            FinishReason::Stop | FinishReason::Length | FinishReason::ContentFilter => self.reason.as_str(),
        }
    }

    /// The end of an answer of which nothing more comes.
    pub fn early(reason: FinishReason) -> Self {
        Self { rest: String::new(), text: None, calls: Vec::new(), legacy: false, refusal: None, reason }
    }
}
