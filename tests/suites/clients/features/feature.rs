//! What is tried with each client, and what its program reports.

use serde_json::Value;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Feature {
    /// A whole answer.
    Plain,
    /// A stream.
    Stream,
    /// Two rounds of calls, where the second one needs the result of the first.
    Tools,
    /// Two calls at once.
    Parallel,
    /// An object of a class or schema of the client's own kind.
    Structured,
    /// A picture beside a question.
    Images,
    /// What was used, of a whole answer and of a stream.
    Usage,
    /// A request that the upstream refuses.
    Errors,
    /// An overload that has passed at the second try.
    Retries,
    /// Giving up a stream that has begun.
    Cancellation,
}

impl Feature {
    pub(super) const ALL: [Self; 10] = [
        Self::Plain,
        Self::Stream,
        Self::Tools,
        Self::Parallel,
        Self::Structured,
        Self::Images,
        Self::Usage,
        Self::Errors,
        Self::Retries,
        Self::Cancellation,
    ];

    /// As programs and prompts say it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Stream => "stream",
            Self::Tools => "tools",
            Self::Parallel => "parallel",
            Self::Structured => "structured",
            Self::Images => "images",
            Self::Usage => "usage",
            Self::Errors => "errors",
            Self::Retries => "retries",
            Self::Cancellation => "cancellation",
        }
    }

    /// As the table's head says it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Plain => "answer",
            Self::Tools => "tools, two rounds",
            Self::Parallel => "parallel tools",
            Self::Structured => "structured output",
            Self::Errors => "a refusal (400) is",
            Self::Stream | Self::Images | Self::Usage | Self::Retries | Self::Cancellation => self.name(),
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.name() == name)
    }
}

/// What a program said of a feature.
#[derive(Debug)]
pub(super) enum Report {
    /// What it saw.
    Saw(Value),
    /// The client has no such thing, and why that is no fault.
    NotOffered(String),
    /// It ran into what nobody expects.
    Failed(String),
    /// There was no line.
    Nothing,
}

impl Report {
    /// A line of a program; `None` for what a client itself prints.
    pub(super) fn parse(line: &str) -> Option<(Feature, Self)> {
        let line: Value = serde_json::from_str(line).ok()?;
        let feature = Feature::named(line["feature"].as_str()?)?;
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        let report = text("not_offered").map(Self::NotOffered).or_else(|| text("failed").map(Self::Failed));
        Some((feature, report.unwrap_or_else(|| Self::Saw(line["saw"].clone()))))
    }
}
