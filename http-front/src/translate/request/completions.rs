//! A completion request: for each prompt the chat body that asks the same. Pure.
//!
//! A prompt is one message of the user. Nothing is added to it, but with `suffix`: codex knows no insertion, so the model
//! is told in words what to write.
//!
//! Source: `CreateCompletionRequest` of OpenAI's API description. A member that is `null` is an absent one.

use super::parameters::{Ignored, whole};
use crate::error::{ApiError, Kind};
use serde_json::{Value, json, value::RawValue};
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// The most answers to one request, over all its prompts.
const MOST: usize = 128;

/// What goes into the chat bodies as it is.
const CARRIED: &[&str] = &[
    "model",
    "stream",
    "stream_options",
    "stop",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "logit_bias",
    "user",
    "metadata",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "store",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
];

/// How the model is told to insert.
const INSERT: &str = "Write the text that belongs between the two that follow, so that the three of them read as one. Answer with that text alone.";

/// A completion request.
#[derive(Debug)]
pub struct Completions<'a> {
    prompts: Vec<Arc<str>>,
    suffix: Option<String>,
    echo: bool,
    /// The members of every chat body, as the client wrote them.
    shared: Vec<(&'static str, &'a RawValue)>,
    /// Parameters that have no effect, beside those of the chat bodies.
    pub ignored: Vec<&'static str>,
}

/// Reads a body; `strict` refuses what would have no effect. The bodies of all prompts together may be as large as
/// `most` bytes allow, or as this one.
///
/// # Errors
/// 400 with the field that is wrong.
pub fn read(body: &[u8], strict: bool, most: usize) -> Result<Completions<'_>, ApiError> {
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(ApiError::new(Kind::InvalidRequest, "Invalid request: the body must be an object."));
    }
    let sent: HashMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(body).map_err(|error| super::parse::not_json(&error))?;
    let take = |name: &str| sent.get(name).map(|raw| value(raw)).filter(|value| !value.is_null());
    let prompts = prompts(take("prompt"))?;
    let suffix = string("suffix", take("suffix"))?.filter(|suffix| !suffix.is_empty());
    let echo = match take("echo") {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(_) => return Err(ApiError::invalid("echo", "`echo` must be true or false.")),
    };
    if take("logprobs").is_some() {
        let text = "`logprobs` is not supported here, since codex doesn't tell any; leave it out.";
        return Err(ApiError::new(Kind::UnsupportedParameter, text).with_param("logprobs"));
    }
    let n = take("n").as_ref().and_then(whole).unwrap_or(1);
    let mut ignored = Ignored::default();
    best_of(take("best_of"), n, &mut ignored)?;
    let ignored = ignored.into_names(strict)?;
    if n.saturating_mul(prompts.len() as u64) > MOST as u64 {
        let text = format!("A request may ask for {MOST} texts; this one asks for {n} of each prompt.");
        return Err(ApiError::invalid("prompt", text));
    }
    let shared: Vec<_> = CARRIED.iter().filter_map(|name| Some((*name, *sent.get(*name)?))).collect();
    let each: usize = shared.iter().map(|(_, raw)| raw.get().len()).sum();
    let each = each + suffix.as_ref().map_or(0, String::len);
    if prompts.len() > 1 && prompts.len().saturating_mul(each) > most.max(body.len()) {
        let text = "What all prompts share would be sent with each of them, which is too much; send fewer prompts at once.";
        return Err(ApiError::invalid("prompt", text));
    }
    Ok(Completions { prompts, suffix, echo, shared, ignored })
}

/// A member's value. Its text was found to be JSON, but for numbers and texts that no value can hold.
fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_else(|_| Value::Array(vec![Value::Null]))
}

impl Completions<'_> {
    /// How many prompts there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.prompts.len()
    }

    /// For each prompt what stands before the text of its choices: with `echo` the prompt, else nothing.
    pub fn echoes(&self) -> impl Iterator<Item = Arc<str>> {
        let none: Arc<str> = "".into();
        self.prompts.iter().map(move |prompt| Arc::clone(if self.echo { prompt } else { &none }))
    }

    /// The chat body of each prompt.
    pub fn bodies(&self) -> impl Iterator<Item = Vec<u8>> {
        self.prompts.iter().map(|prompt| {
            let content = match &self.suffix {
                None => json!(**prompt),
                Some(suffix) => [INSERT, &**prompt, suffix]
                    .iter()
                    .map(|text| json!({"type": "text", "text": text}))
                    .collect(),
            };
            let mut body = br#"{"messages":[{"role":"user","content":"#.to_vec();
            serde_json::to_writer(&mut body, &content).expect("JSON serializes into memory");
            body.extend_from_slice(b"}]");
            for (name, raw) in &self.shared {
                // The names need no escapes.
                body.extend_from_slice(format!(",\"{name}\":{raw}").as_bytes());
            }
            body.push(b'}');
            body
        })
    }
}

/// The error with the field that the client sent.
#[must_use]
pub fn tell(error: ApiError) -> ApiError {
    match error.param() {
        Some(param) if param.starts_with("messages") => error.with_param("prompt"),
        Some(_) | None => error,
    }
}

fn prompts(sent: Option<Value>) -> Result<Vec<Arc<str>>, ApiError> {
    let tokens = || {
        let text = "Prompts of tokens are not supported here; send texts.";
        Err(ApiError::new(Kind::UnsupportedValue, text).with_param("prompt"))
    };
    match sent {
        Some(Value::String(prompt)) => Ok(vec![prompt.into()]),
        Some(Value::Array(list)) if list.is_empty() => {
            Err(ApiError::invalid("prompt", "`prompt` must have at least one text."))
        }
        Some(Value::Array(list)) => {
            if matches!(list.first(), Some(Value::Number(_) | Value::Array(_))) {
                return tokens();
            }
            let texts = list.into_iter().enumerate().map(|(at, prompt)| match prompt {
                Value::String(prompt) => Ok(prompt.into()),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    Err(ApiError::invalid(format!("prompt[{at}]"), "Each prompt must be a string."))
                }
            });
            texts.collect()
        }
        Some(_) => Err(ApiError::invalid("prompt", "`prompt` must be a string or an array of strings.")),
        None => Err(ApiError::invalid("prompt", "`prompt` is needed: a string or an array of strings.")),
    }
}

fn string(name: &'static str, sent: Option<Value>) -> Result<Option<String>, ApiError> {
    match sent {
        Some(Value::String(text)) => Ok(Some(text)),
        None => Ok(None),
        Some(_) => Err(ApiError::invalid(name, format!("`{name}` must be a string."))),
    }
}

/// The best of many can't be told without their probabilities: as many as are asked for are made.
fn best_of(sent: Option<Value>, n: u64, ignored: &mut Ignored) -> Result<(), ApiError> {
    match sent.as_ref().map(whole::<u64>) {
        None => Ok(()),
        Some(Some(best)) if best == n => Ok(()),
        Some(Some(best)) if best > n && best <= 20 => {
            ignored.add("best_of");
            Ok(())
        }
        Some(_) => Err(ApiError::invalid("best_of", "`best_of` is a whole number from `n` to 20.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(body: Value) -> Vec<Value> {
        let body = body.to_string();
        let read = read(body.as_bytes(), false, 0).unwrap();
        read.bodies().map(|body| serde_json::from_slice(&body).unwrap()).collect()
    }

    #[test]
    fn each_prompt_is_a_message() {
        let user = |text: &str| json!([{"role": "user", "content": text}]);
        let shared = json!({"model": "m", "prompt": "a", "n": 2, "stop": "x", "tools": [], "messages": 3, "suffix": null});
        assert_eq!(bodies(shared), [json!({"model": "m", "n": 2, "stop": "x", "messages": user("a")})]);
        let two = bodies(json!({"prompt": ["a", "b"], "echo": true}));
        assert_eq!(two, [json!({"messages": user("a")}), json!({"messages": user("b")})]);
        let echoes = |echo: bool| -> Vec<String> {
            let body = json!({"prompt": ["a", "b"], "echo": echo}).to_string();
            read(body.as_bytes(), false, 0).unwrap().echoes().map(|echo| echo.to_string()).collect()
        };
        assert_eq!((echoes(true), echoes(false)), (vec!["a".into(), "b".into()], vec![String::new(); 2]));
        let inserted = bodies(json!({"prompt": "a", "suffix": "z"}));
        let parts: Vec<&str> = inserted[0]["messages"][0]["content"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part["text"].as_str().unwrap())
            .collect();
        assert_eq!(parts, [INSERT, "a", "z"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, param) in [
            (json!({}), "prompt"),
            (json!({"prompt": 7}), "prompt"),
            (json!({"prompt": []}), "prompt"),
            (json!({"prompt": [1, 2]}), "prompt"),
            (json!({"prompt": [[1], [2]]}), "prompt"),
            (json!({"prompt": ["a", 2]}), "prompt[1]"),
            (json!({"prompt": vec!["a"; 129]}), "prompt"),
            (json!({"prompt": vec!["a"; 65], "n": 2}), "prompt"),
            (json!({"prompt": vec!["a"; 65], "n": 2.0}), "prompt"),
            (json!({"prompt": "a", "suffix": 1}), "suffix"),
            (json!({"prompt": "a", "echo": "yes"}), "echo"),
            (json!({"prompt": "a", "logprobs": 0}), "logprobs"),
            (json!({"prompt": "a", "n": 3, "best_of": 2}), "best_of"),
            (json!({"prompt": "a", "best_of": 21}), "best_of"),
        ] {
            let error = read(body.to_string().as_bytes(), false, 0).unwrap_err();
            assert_eq!((error.status().as_u16(), error.param()), (400, Some(param)), "{body}");
        }
        for body in ["[]", "3", "{", ""] {
            assert_eq!(read(body.as_bytes(), false, 0).unwrap_err().status(), 400, "{body}");
        }
        for best in [json!(3), json!(3.0)] {
            let best = json!({"prompt": "a", "best_of": best, "logprobs": null});
            assert_eq!(read(best.to_string().as_bytes(), false, 0).unwrap().ignored, ["best_of"]);
        }
    }

    #[test]
    fn what_prompts_share_is_not_multiplied_without_bound() {
        for shared in ["suffix", "user", "logit_bias"] {
            let body = |prompts: usize| {
                let mut body = json!({"prompt": vec![""; prompts]});
                body[shared] = json!("a".repeat(10_000));
                body.to_string()
            };
            let error = read(body(128).as_bytes(), false, 1_000_000).unwrap_err();
            assert_eq!((error.status().as_u16(), error.param()), (400, Some("prompt")), "{shared}");
            let two = body(2);
            let read = read(two.as_bytes(), false, 1_000_000).unwrap();
            assert!(read.bodies().all(|body| body.len() > 10_000));
        }
    }

    #[test]
    fn members_go_up_as_they_were_written() {
        let body = r#"{"prompt":"a","seed":1.0e2,"user":null,"user":"\u0061","metadata":{"b":1,"a":2},"stop":1e999}"#;
        let read = read(body.as_bytes(), false, 0).unwrap();
        let bodies: Vec<_> = read.bodies().map(|body| String::from_utf8(body).unwrap()).collect();
        let expected = r#"{"messages":[{"role":"user","content":"a"}],"stop":1e999,"seed":1.0e2,"user":"\u0061","metadata":{"b":1,"a":2}}"#;
        assert_eq!(bodies, [expected]);
    }
}
