//! The brain of the binary: a user says in the prompt what the model is to do.
//!
//! It follows the lines of the LAST user message that start with `!`, and ignores that message's other
//! lines; a message without such a line is echoed. Once the function calls it made have been answered, it
//! makes no more calls: it goes on with the rest of the directives, or else says what the outputs were. An
//! unknown or malformed directive gets a 400 that says so.
#![doc = include_str!("directives.md")]

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::brain::Brain;
use super::events::Usage;
use super::gate::Gate;
use super::pieces::Pieces;
use super::reasoning::Reasoning;
use super::record::Recorded;
use super::reply::Reply;

/// What the binary prints for `--help` about directives.
pub const DIRECTIVES: &str = include_str!("directives.md");

/// The largest text that a directive may ask for.
const MAX_TEXT: usize = 64 * 1024 * 1024;
/// How many threads `!cut_once` remembers.
const MAX_CUT: usize = 10_000;
/// How many gates may have a name.
const MAX_GATES: usize = 1000;
const FILLER: &str = "The quick brown 🦊 jumps over 13 lazy 🐶.\n";

/// The brain that follows directives.
#[derive(Debug, Default)]
pub struct Directives {
    /// The threads that `!cut_once` has cut.
    cut: Mutex<HashSet<String>>,
    /// Those of `!wait` and `!open`.
    gates: Mutex<BTreeMap<String, Gate>>,
}

impl Directives {
    /// A brain that has cut nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this is the thread's first attempt at this prompt.
    fn first_time(&self, request: &Recorded, prompt: &str) -> bool {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        if cut.len() >= MAX_CUT {
            cut.clear();
        }
        cut.insert(format!("{}\n{prompt}", request.cache_key().unwrap_or_default()))
    }

    /// The gate of this name, a closed one at first.
    fn gate(&self, name: &str) -> Gate {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if gates.len() >= MAX_GATES && !gates.contains_key(name) {
            gates.clear();
        }
        gates.entry(name.to_owned()).or_default().clone()
    }
}

impl Brain for Directives {
    fn reply(&self, request: &Recorded) -> Reply {
        let prompt = match request.json().get("input") {
            Some(Value::String(text)) => text.clone(),
            _ => request.last_user_text().unwrap_or_default(),
        };
        let outputs = request.outputs_since_user();
        let script = match Script::parse(&prompt) {
            Ok(script) => script,
            Err(problem) => return Reply::error(400, &problem),
        };
        let cut_once = script.cut_once.filter(|_| self.first_time(request, &prompt));
        if let Some(name) = &script.open {
            self.gate(name).open();
        }
        let gate = script.wait.as_ref().map(|name| self.gate(name));
        script.play(&prompt, &outputs, cut_once, gate.as_ref())
    }
}

#[derive(Debug)]
enum Part {
    Text(String),
    Reasoning(String),
    Call { name: String, arguments: String },
}

#[derive(Debug)]
enum Instead {
    Status(u16),
    UsageLimit,
}

/// The directives of one prompt: what to say, and how.
#[derive(Debug, Default)]
struct Script {
    followed: bool,
    parts: Vec<Part>,
    instead: Option<Instead>,
    fail: Option<(String, String)>,
    chunks: Option<usize>,
    pause: Option<Duration>,
    delay: Option<Duration>,
    cut: Option<usize>,
    cut_once: Option<usize>,
    stall: bool,
    wait: Option<String>,
    open: Option<String>,
    usage: Usage,
}

impl Script {
    fn parse(prompt: &str) -> Result<Self, String> {
        let mut script = Self::default();
        for line in prompt.lines() {
            if let Some(directive) = line.strip_prefix('!') {
                script.followed = true;
                script.add(directive).map_err(|problem| format!("!{directive}: {problem}"))?;
            }
        }
        Ok(script)
    }

    fn add(&mut self, directive: &str) -> Result<(), String> {
        let (name, rest) = directive.split_once(' ').unwrap_or((directive, ""));
        match name {
            "echo" => self.parts.push(Part::Text(unescape(rest))),
            "repeat" => {
                let (count, text) = rest.split_once(' ').ok_or("expected N TEXT")?;
                let (count, text) = (number(count)?, unescape(text));
                if count.saturating_mul(text.len()) > MAX_TEXT {
                    return Err(format!("the text would be longer than {MAX_TEXT} bytes"));
                }
                self.parts.push(Part::Text(text.repeat(count)));
            }
            "bytes" => self.parts.push(Part::Text(filler(number(rest)?.min(MAX_TEXT)))),
            "messages" => {
                let count = number(rest)?.min(1000);
                self.parts.extend((1..=count).map(|n| Part::Text(format!("message {n} of {count}"))));
            }
            "reasoning" => self.parts.push(Part::Reasoning(unescape(rest))),
            "call" => {
                let (name, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
                self.parts.push(Part::Call { name: name.to_owned(), arguments: arguments.to_owned() });
            }
            "chunks" => self.chunks = Some(number(rest)?),
            "pause" => self.pause = Some(millis(rest)?),
            "delay" => self.delay = Some(millis(rest)?),
            "status" => {
                let status = u16::try_from(number(rest)?).ok().filter(|status| (200..600).contains(status));
                self.instead = Some(Instead::Status(status.ok_or("expected a status from 200 to 599")?));
            }
            "usage_limit" => self.instead = Some(Instead::UsageLimit),
            "fail" => {
                let (code, message) = rest.split_once(' ').unwrap_or((rest, "scripted failure"));
                self.fail = Some((code.to_owned(), message.to_owned()));
            }
            "cut" => self.cut = Some(number(rest)?),
            "cut_once" => self.cut_once = Some(number(rest)?),
            "stall" => self.stall = true,
            "wait" => self.wait = Some(named(rest)?),
            "open" => self.open = Some(named(rest)?),
            "usage" => {
                let numbers: Vec<u64> = rest
                    .split_whitespace()
                    .map(number)
                    .collect::<Result<Vec<_>, _>>()?
                    .into_iter()
                    .map(widen)
                    .collect();
                let &[input, cached, output, reasoning] = numbers.as_slice() else {
                    return Err("expected IN CACHED OUT REASONING".to_owned());
                };
                self.usage = Usage::new(input, cached, output, reasoning);
            }
            _ => return Err("unknown directive".to_owned()),
        }
        Ok(())
    }

    fn play(
        mut self,
        prompt: &str,
        outputs: &[String],
        cut_once: Option<usize>,
        gate: Option<&Gate>,
    ) -> Reply {
        match self.instead {
            Some(Instead::Status(status)) => return self.late(Reply::error(status, "scripted status")),
            Some(Instead::UsageLimit) => return self.late(Reply::usage_limit(Duration::from_secs(3600))),
            None => {}
        }
        if !outputs.is_empty() {
            self.parts.retain(|part| !matches!(part, Part::Call { .. }));
            let said = self.parts.iter().any(|part| matches!(part, Part::Text(_)));
            if !said {
                self.parts.push(Part::Text(outputs.join("\n")));
            }
        }
        let silent = self.stall || self.fail.is_some();
        if self.parts.is_empty() && !silent {
            let text = if self.followed || prompt.is_empty() { "ok" } else { prompt };
            self.parts.push(Part::Text(text.to_owned()));
        }
        let mut left = cut_once.or(self.cut);
        let mut reply = Reply::new();
        if let Some(time) = self.delay {
            reply = reply.pause(time);
        }
        for part in std::mem::take(&mut self.parts) {
            reply = match part {
                Part::Text(text) => reply.text(self.pieces(&text, &mut left)),
                Part::Reasoning(text) => {
                    reply.reasoning(Reasoning::new().summary(self.pieces(&text, &mut left)))
                }
                Part::Call { name, arguments } => {
                    reply.function_call(&name, self.pieces(&arguments, &mut left))
                }
            };
        }
        if left.is_some() {
            reply = reply.cut();
        }
        if let Some(gate) = gate {
            reply = reply.wait(gate);
        }
        if self.stall {
            reply = reply.stall();
        }
        match self.fail {
            Some((code, message)) => reply.failed(&code, &message),
            None => reply.completed(self.usage),
        }
    }

    fn late(&self, reply: Reply) -> Reply {
        match self.delay {
            Some(time) => reply.delayed(time),
            None => reply,
        }
    }

    /// The deltas of one text; `left` counts down to the cut over all texts.
    fn pieces(&self, text: &str, left: &mut Option<usize>) -> Pieces {
        let mut pieces = Pieces::new(text);
        if let Some(count) = self.chunks {
            pieces = pieces.chars(count);
        }
        let count = pieces.count();
        match *left {
            Some(most) if most <= count => {
                *left = None;
                pieces = pieces.cut_after(most);
            }
            Some(most) => *left = Some(most - count),
            None => {}
        }
        match self.pause {
            Some(time) => pieces.paced(time),
            None => pieces,
        }
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_invalid| format!("'{text}' is not a number"))
}

fn named(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("expected a name".to_owned()),
        name => Ok(name.to_owned()),
    }
}

fn widen(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn millis(text: &str) -> Result<Duration, String> {
    Ok(Duration::from_millis(widen(number(text)?)))
}

/// `\n` is a line break and `\\` a backslash; any other backslash stays.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('n')) => {
                chars.next();
                out.push('\n');
            }
            ('\\', Some('\\')) => {
                chars.next();
                out.push('\\');
            }
            _ => out.push(c),
        }
    }
    out
}

/// The same text for the same size: characters of one and four bytes, and line breaks.
fn filler(size: usize) -> String {
    let mut text = FILLER.repeat(size / FILLER.len() + 1);
    let end = (0..=size).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text.push_str(&".".repeat(size - end));
    text
}
