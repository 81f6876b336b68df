//! What the last user message asks of a turn: lines that start with `!`, and the text to echo.
//!
//! A line whose word after `!` is none of ours is plain text. One of ours with a bad argument makes the turn fail with
//! `badRequest`, so that a typing error in a test is seen.

use serde_json::Value;

use super::methods;
use super::shape::Usage;

/// One request that the turn sends to its client before it answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask {
    /// `item/tool/call` for a tool (none: the thread's first), with the arguments as the model wrote them.
    Tool { name: Option<String>, arguments: String },
    /// Any other method.
    Request(String),
}

/// How the turn ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    Completed,
    Hang,
    Exit(u8),
    Fail { kind: Value, message: String },
    LoseCompleted,
}

/// An announced retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    No,
    BeforeDeltas,
    AfterDeltas,
}

/// A parsed message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Directives {
    pub(crate) text: String,
    pub(crate) chunks: usize,
    pub(crate) pause_ms: u64,
    pub(crate) messages: usize,
    pub(crate) end: End,
    pub(crate) retry: Retry,
    pub(crate) asks: Vec<Ask>,
    pub(crate) garbage: bool,
    pub(crate) flood: Option<usize>,
    pub(crate) early_started: bool,
    pub(crate) loses: Vec<String>,
    pub(crate) reasoning: Option<String>,
    pub(crate) refuses: bool,
    pub(crate) usage: Usage,
}

impl Directives {
    /// Echoes `text`, whatever it says.
    pub(crate) fn plain(text: String) -> Self {
        Self {
            text,
            chunks: 3,
            pause_ms: 0,
            messages: 1,
            end: End::Completed,
            retry: Retry::No,
            asks: Vec::new(),
            garbage: false,
            flood: None,
            early_started: false,
            loses: Vec::new(),
            reasoning: None,
            refuses: false,
            usage: Usage::new(11, 3, 7, 2),
        }
    }

    /// Reads a user message.
    pub(crate) fn parse(message: &str) -> Self {
        let mut told = Self::plain(String::new());
        let mut text = Vec::new();
        for line in message.lines() {
            match told.directive(line, &mut text) {
                Ok(true) => {}
                Ok(false) => text.push(line.to_owned()),
                Err(()) => {
                    told.end = End::Fail {
                        kind: Value::from("badRequest"),
                        message: format!("fake-codex: bad directive: {line}"),
                    };
                    return told;
                }
            }
        }
        told.text = text.join("\n");
        told
    }

    /// Takes one line in; false where it is no directive.
    fn directive(&mut self, line: &str, text: &mut Vec<String>) -> Result<bool, ()> {
        let Some(line) = line.strip_prefix('!') else {
            return Ok(false);
        };
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "echo" => text.push(rest.to_owned()),
            "big" => text.push("x".repeat(number(rest)?)),
            "chunks" => self.chunks = number(rest)?,
            "pause" => self.pause_ms = number(rest)?,
            "messages" => self.messages = number(rest)?,
            "flood" => self.flood = Some(number(rest)?),
            "hang" => self.end = End::Hang,
            "crash" => self.end = End::Exit(101),
            "exit" => self.end = End::Exit(number(rest)?),
            "lose_completed" => self.end = End::LoseCompleted,
            "fail" => self.fail(rest)?,
            "fail_message" => match &mut self.end {
                End::Fail { message, .. } => rest.clone_into(message),
                End::Completed | End::Hang | End::Exit(_) | End::LoseCompleted => return Err(()),
            },
            "retry" => self.retry = Retry::AfterDeltas,
            "retry_early" => self.retry = Retry::BeforeDeltas,
            "ask" => self.asks.push(ask(rest)?),
            "tool" => {
                let (name, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
                self.asks.push(Ask::Tool { name: Some(name.to_owned()), arguments: arguments.to_owned() });
            }
            "garbage" => self.garbage = true,
            "early_started" => self.early_started = true,
            "lose" => self.loses.push(named(rest)?),
            "reasoning" => self.reasoning = Some(rest.to_owned()),
            "refuse" => self.refuses = true,
            "usage" => self.usage = usage(rest)?,
            _ => return Ok(false),
        }
        if word == "big" {
            self.chunks = 1;
        }
        Ok(true)
    }

    fn fail(&mut self, kind: &str) -> Result<(), ()> {
        if kind.is_empty() {
            return Err(());
        }
        let kind = serde_json::from_str(kind).unwrap_or_else(|_| Value::from(kind));
        let message = format!("fake-codex: failed as told: {kind}");
        self.end = End::Fail { kind, message };
        Ok(())
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, ()> {
    text.trim().parse().map_err(|_| ())
}

fn ask(rest: &str) -> Result<Ask, ()> {
    match rest {
        "" => Err(()),
        "item/tool/call" => Ok(Ask::Tool { name: None, arguments: "{}".to_owned() }),
        method => Ok(Ask::Request(method.to_owned())),
    }
}

fn named(method: &str) -> Result<String, ()> {
    if methods::is_known(method) { Ok(method.to_owned()) } else { Err(()) }
}

fn usage(rest: &str) -> Result<Usage, ()> {
    let numbers = rest.split_whitespace().map(number).collect::<Result<Vec<u64>, ()>>()?;
    match numbers.as_slice() {
        &[input, cached, output, reasoning] => Ok(Usage::new(input, cached, output, reasoning)),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_directives_are_told_apart() {
        let told = Directives::parse("!chunks 5\nhello\n!important\n!echo !hang");
        assert_eq!(told.text, "hello\n!important\n!hang");
        assert_eq!(told.chunks, 5);
        assert_eq!(told.end, End::Completed);
    }

    #[test]
    fn a_failure_kind_may_be_json() {
        let told = Directives::parse("!fail {\"httpConnectionFailed\":{\"httpStatusCode\":503}}");
        let End::Fail { kind, .. } = told.end else { panic!("not a failure: {told:?}") };
        assert_eq!(kind["httpConnectionFailed"]["httpStatusCode"], 503);
    }

    #[test]
    fn a_bad_argument_is_seen() {
        for line in ["!chunks many", "!lose server/diagnostic", "!lose"] {
            let told = Directives::parse(line);
            assert!(matches!(told.end, End::Fail { .. }), "{told:?}");
        }
    }
}
