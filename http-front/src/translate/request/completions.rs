//! A completion request: for each prompt the chat body that asks the same. Pure.
//!
//! A prompt is one message of the user. Nothing is added to it, but with `suffix`: codex knows no insertion, so the model
//! is told in words what to write.
//!
//! Source: `CreateCompletionRequest` of OpenAI's API description. A member that is `null` is an absent one.

use super::parameters::{Ignored, whole};
use crate::error::{ApiError, Kind};
use serde_json::{Map, Value, json};

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
pub struct Completions {
    /// One chat body for each prompt.
    pub bodies: Vec<Vec<u8>>,
    /// What stands before the text of each choice of a prompt; empty without `echo`.
    pub echoes: Vec<String>,
    /// Parameters that have no effect, beside those of the chat bodies.
    pub ignored: Vec<&'static str>,
}

/// Reads a body; `strict` refuses what would have no effect.
///
/// # Errors
/// 400 with the field that is wrong.
pub fn read(body: &[u8], strict: bool) -> Result<Completions, ApiError> {
    let mut sent = match serde_json::from_slice(body) {
        Ok(Value::Object(sent)) => sent,
        Ok(_) => {
            return Err(ApiError::new(Kind::InvalidRequest, "Invalid request: the body must be an object."));
        }
        Err(error) => return Err(super::parse::not_json(&error)),
    };
    let mut take = |name: &str| sent.remove(name).filter(|value| !value.is_null());
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
    let mut ignored = Ignored::default();
    best_of(take("best_of"), sent.get("n"), &mut ignored)?;
    let ignored = ignored.into_names(strict)?;
    let choices = sent.get("n").and_then(whole::<u64>).unwrap_or(1);
    if choices.saturating_mul(prompts.len() as u64) > MOST as u64 {
        let text = format!("A request may ask for {MOST} texts; this one asks for {choices} of each prompt.");
        return Err(ApiError::invalid("prompt", text));
    }
    sent.retain(|name, _| CARRIED.contains(&name.as_str()));
    let bodies = prompts.iter().map(|prompt| chat(&sent, prompt, suffix.as_deref())).collect();
    let echoes = if echo { prompts } else { vec![String::new(); prompts.len()] };
    Ok(Completions { bodies, echoes, ignored })
}

/// The error with the field that the client sent.
#[must_use]
pub fn tell(error: ApiError) -> ApiError {
    match error.param() {
        Some(param) if param.starts_with("messages") => error.with_param("prompt"),
        Some(_) | None => error,
    }
}

fn prompts(sent: Option<Value>) -> Result<Vec<String>, ApiError> {
    let tokens = || {
        let text = "Prompts of tokens are not supported here; send texts.";
        Err(ApiError::new(Kind::UnsupportedValue, text).with_param("prompt"))
    };
    match sent {
        Some(Value::String(prompt)) => Ok(vec![prompt]),
        Some(Value::Array(list)) if list.is_empty() => {
            Err(ApiError::invalid("prompt", "`prompt` must have at least one text."))
        }
        Some(Value::Array(list)) => {
            if matches!(list.first(), Some(Value::Number(_) | Value::Array(_))) {
                return tokens();
            }
            let texts = list.into_iter().enumerate().map(|(at, prompt)| match prompt {
                Value::String(prompt) => Ok(prompt),
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
fn best_of(sent: Option<Value>, n: Option<&Value>, ignored: &mut Ignored) -> Result<(), ApiError> {
    let n = n.and_then(whole::<u64>).unwrap_or(1);
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

fn chat(sent: &Map<String, Value>, prompt: &str, suffix: Option<&str>) -> Vec<u8> {
    let content = match suffix {
        None => json!(prompt),
        Some(suffix) => {
            [INSERT, prompt, suffix].iter().map(|text| json!({"type": "text", "text": text})).collect()
        }
    };
    let mut body = sent.clone();
    body.insert("messages".to_owned(), json!([{"role": "user", "content": content}]));
    serde_json::to_vec(&body).expect("JSON serializes into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(body: Value) -> Vec<Value> {
        let read = read(body.to_string().as_bytes(), false).unwrap();
        read.bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
    }

    #[test]
    fn each_prompt_is_a_message() {
        let user = |text: &str| json!([{"role": "user", "content": text}]);
        let shared = json!({"model": "m", "prompt": "a", "n": 2, "stop": "x", "tools": [], "messages": 3, "suffix": null});
        assert_eq!(bodies(shared), [json!({"model": "m", "n": 2, "stop": "x", "messages": user("a")})]);
        let two = bodies(json!({"prompt": ["a", "b"], "echo": true}));
        assert_eq!(two, [json!({"messages": user("a")}), json!({"messages": user("b")})]);
        let echoes = |echo: bool| {
            read(json!({"prompt": ["a", "b"], "echo": echo}).to_string().as_bytes(), false).unwrap().echoes
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
            let error = read(body.to_string().as_bytes(), false).unwrap_err();
            assert_eq!((error.status().as_u16(), error.param()), (400, Some(param)), "{body}");
        }
        for body in ["[]", "3", "{", ""] {
            assert_eq!(read(body.as_bytes(), false).unwrap_err().status(), 400, "{body}");
        }
        for best in [json!(3), json!(3.0)] {
            let best = json!({"prompt": "a", "best_of": best, "logprobs": null});
            assert_eq!(read(best.to_string().as_bytes(), false).unwrap().ignored, ["best_of"]);
        }
    }
}
