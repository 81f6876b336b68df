//! One chat completion as its client sees it: the head, what of the body has come, and how it ended.

use super::{DEADLINE, KEY, Pair};
use crate::described;
use serde_json::{Value, json};
use std::io;

/// Bytes of a body that an error shows.
const SHOWN: usize = 600;

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// As it should: an object, or a stream up to `[DONE]`.
    Done,
    /// With an error in place of the answer.
    Refused {
        /// The HTTP status.
        status: u16,
        /// `error.code`.
        code: String,
    },
    /// With an error as the last frame of a stream.
    Broken {
        /// `error.code`.
        code: String,
    },
    /// Without any terminal frame, or in a way that no client expects or that OpenAI doesn't describe; says how.
    Torn(String),
}

impl End {
    /// The code of the error, if it was one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } | Self::Broken { code } => Some(code),
            Self::Done | Self::Torn(_) => None,
        }
    }
}

/// An answer that is being read. Dropping it hangs up.
pub struct Answer {
    response: reqwest::Response,
    body: Vec<u8>,
    /// Whether the body has come to its end, and not to a break.
    whole: bool,
}

/// The body of a chat completion request.
#[must_use]
pub fn asking(prompt: &str, stream: bool) -> Value {
    json!({
        "model": "codex-5",
        "stream": stream,
        "messages": [{ "role": "user", "content": prompt }],
    })
}

impl Answer {
    /// Asks and waits for the head of the answer.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn to(pair: &Pair, prompt: &str, stream: bool) -> io::Result<Self> {
        Self::of(pair.client(), &pair.url("/v1/chat/completions"), prompt, stream).await
    }

    /// The same for tasks that hold no pair.
    ///
    /// # Errors
    /// As [`Answer::to`].
    pub async fn of(client: &reqwest::Client, url: &str, prompt: &str, stream: bool) -> io::Result<Self> {
        let request = client.post(url).bearer_auth(KEY).json(&asking(prompt, stream)).send();
        let response = tokio::time::timeout(DEADLINE, request)
            .await
            .map_err(|_| {
                io::Error::other(format!("waited {DEADLINE:?} for the head of an answer to {prompt}"))
            })?
            .map_err(io::Error::other)?;
        Ok(Self { response, body: Vec::new(), whole: false })
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Whether the answer is a stream.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    /// Reads until the text so far is `wanted`; false when the body ended before.
    ///
    /// # Errors
    /// When neither happens in time; says what was waited for.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> io::Result<bool> {
        while !wanted(&self.text()) {
            if !self.more(what).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads a piece of the body; false at its end or break.
    async fn more(&mut self, what: &str) -> io::Result<bool> {
        match tokio::time::timeout(DEADLINE, self.response.chunk()).await {
            Ok(Ok(Some(chunk))) => self.body.extend_from_slice(&chunk),
            Ok(Ok(None)) => {
                self.whole = true;
                return Ok(false);
            }
            Ok(Err(_broken)) => return Ok(false),
            Err(_) => {
                return Err(io::Error::other(format!(
                    "waited {DEADLINE:?} for {what}, status {}, {}",
                    self.status(),
                    self.shown()
                )));
            }
        }
        Ok(true)
    }

    /// Reads the rest and says how it ended.
    ///
    /// # Errors
    /// When it doesn't end in time.
    pub async fn end(&mut self) -> io::Result<End> {
        while self.more("the end of an answer").await? {}
        if !self.whole {
            return Ok(End::Torn(format!("the body broke off: {}", self.shown())));
        }
        let body = String::from_utf8_lossy(&self.body);
        let faults = described::faults(self.status(), self.header("content-type"), &body);
        if !faults.is_empty() {
            return Ok(End::Torn(format!("not as described, {}: {}", faults.join("; "), self.shown())));
        }
        Ok(if self.is_stream() { self.end_of_stream() } else { self.end_of_object() })
    }

    /// What the model said, as far as it came.
    #[must_use]
    pub fn text(&self) -> String {
        if !self.is_stream() {
            let object: Value = serde_json::from_slice(&self.body).unwrap_or_default();
            let text = object["choices"][0]["message"]["content"].as_str();
            return text.unwrap_or_default().to_owned();
        }
        let frames = self.frames();
        let chunks = frames.iter().filter_map(|frame| serde_json::from_str::<Value>(frame).ok());
        chunks
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
            .collect()
    }

    /// The data of the stream's complete frames.
    fn frames(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.body);
        let complete = text.rfind("\n\n").map_or("", |end| &text[..end]);
        // Comments stand before the data of the frame that follows them.
        let frames =
            complete.split("\n\n").filter_map(|frame| frame.lines().find_map(|l| l.strip_prefix("data: ")));
        frames.map(str::to_owned).collect()
    }

    fn end_of_stream(&self) -> End {
        let mut frames = self.frames();
        let last = frames.pop().unwrap_or_default();
        if frames.iter().any(|frame| is_terminal(frame)) {
            return End::Torn(format!("a frame behind the terminal one: {}", self.shown()));
        }
        if last == "[DONE]" {
            return End::Done;
        }
        match code_of(last.as_bytes()) {
            Some(code) => End::Broken { code },
            None => End::Torn(format!("no terminal frame: {}", self.shown())),
        }
    }

    fn end_of_object(&self) -> End {
        let object: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        match (self.status(), code_of(&self.body)) {
            (200, None) if object["object"] == "chat.completion" => End::Done,
            (status, Some(code)) if status >= 400 => End::Refused { status, code },
            (status, _) => End::Torn(format!("status {status} with {}", self.shown())),
        }
    }

    fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let start = text.len().saturating_sub(SHOWN);
        let start = (start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        format!("{} bytes, the last: {}", text.len(), &text[start..])
    }
}

fn is_terminal(frame: &str) -> bool {
    frame == "[DONE]" || code_of(frame.as_bytes()).is_some()
}

/// The code in an error envelope.
fn code_of(json: &[u8]) -> Option<String> {
    let object: Value = serde_json::from_slice(json).ok()?;
    let error = object.get("error")?;
    Some(error["code"].as_str().unwrap_or("null").to_owned())
}
