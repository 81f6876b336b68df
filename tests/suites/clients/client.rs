//! The clients of the scenarios, and the one line of result that their programs print.

use gateway_tests::pair::Pair;
use serde_json::Value;

use crate::process::{Ended, Installed, Program, logs};

/// A client, by its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    OpenaiPython,
    OpenaiNode,
    LangchainPython,
    /// The AI SDK with the provider for whatever speaks OpenAI's protocol.
    AiSdkCompatible,
    /// The AI SDK with OpenAI's own provider.
    AiSdkOpenai,
}

impl Client {
    pub(crate) const ALL: [Self; 5] = [
        Self::OpenaiPython,
        Self::OpenaiNode,
        Self::LangchainPython,
        Self::AiSdkCompatible,
        Self::AiSdkOpenai,
    ];

    /// Whether it has retries of its own in place of those of OpenAI's SDKs.
    pub(crate) fn is_ai_sdk(self) -> bool {
        matches!(self, Self::AiSdkCompatible | Self::AiSdkOpenai)
    }

    fn program(self) -> Program {
        let (file, installed) = match self {
            Self::OpenaiPython => ("openai_python.py", Installed::Python),
            Self::OpenaiNode => ("openai_node.mjs", Installed::Node),
            Self::LangchainPython => ("langchain_python.py", Installed::Python),
            Self::AiSdkCompatible | Self::AiSdkOpenai => ("ai_sdk.mjs", Installed::Node),
        };
        Program { file, installed }
    }

    /// The result of a scenario.
    pub(crate) async fn run(self, pair: &Pair, scenario: &str) -> Value {
        self.run_with(pair, scenario, &Value::Null).await
    }

    /// The same for a scenario that gets cases.
    pub(crate) async fn run_with(self, pair: &Pair, scenario: &str, cases: &Value) -> Value {
        let cases = cases.to_string();
        let provider = if self == Self::AiSdkOpenai { "openai" } else { "compatible" };
        let variables = [("CASES", cases.as_str()), ("AI_PROVIDER", provider)];
        let Ended { status, out, err } = self.program().run(pair, scenario, &variables, &[]).await;
        let result = out.lines().last().and_then(|line| serde_json::from_str(line).ok());
        match result {
            Some(result) if status.success() => result,
            _ => panic!("{self:?} failed at {scenario} ({status})\n{out}\n{err}{}", logs(pair)),
        }
    }
}
