//! How hard the model thinks, and what the client reads of it. Pure.

use super::{Ignored, check};
use crate::{error::ApiError, openai::chat::ChatRequest, translate::mode::Reasoning};

/// An effort, and where the request names it.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Effort<'a> {
    pub(in super::super) word: &'a str,
    pub(in super::super) path: &'static str,
}

/// The effort that the request names: whether the model has it is not known here.
pub(in super::super) fn effort<'a>(request: &'a ChatRequest<'_>) -> Result<Option<Effort<'a>>, ApiError> {
    let own = request.reasoning_effort.as_deref();
    let nested = request.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_deref());
    let (own, nested) = (
        own.map(|word| Effort { word, path: "reasoning_effort" }),
        nested.map(|word| Effort { word, path: "reasoning.effort" }),
    );
    match (own, nested) {
        (Some(own), Some(nested)) if own.word != nested.word => Err(ApiError::invalid(
            nested.path,
            "`reasoning.effort` and `reasoning_effort` are different. Send one of them.",
        )),
        (own, nested) => Ok(own.or(nested)),
    }
}

/// How much is to be told of the reasoning, by what the request names and by what the operator wants; `None` is nothing.
pub(in super::super) fn summary(
    request: &ChatRequest<'_>,
    effort: Option<Effort<'_>>,
    mode: Reasoning,
    ignored: &mut Ignored,
) -> Result<Option<&'static str>, ApiError> {
    let words = &["auto", "concise", "detailed", "none"];
    let own = check::word("reasoning_summary", request.reasoning_summary.as_ref(), words)?;
    let nested = request.reasoning.as_ref().and_then(|reasoning| reasoning.summary.as_ref());
    let nested = check::word("reasoning.summary", nested, words)?;
    if own.is_some() && nested.is_some() && own != nested {
        return Err(ApiError::invalid(
            "reasoning.summary",
            "`reasoning.summary` and `reasoning_summary` are different. Send one of them.",
        ));
    }
    let named = own.or(nested);
    let wanted = named.filter(|word| *word != "none");
    Ok(match mode {
        Reasoning::Always => wanted.or(Some("auto")),
        // Who names an effort and no summary reads what there is; who wants none has said so.
        Reasoning::Auto if named.is_none() => effort.filter(|effort| effort.word != "none").map(|_| "auto"),
        Reasoning::Auto => wanted,
        Reasoning::Never => {
            if wanted.is_some() {
                let path = if own.is_some() { "reasoning_summary" } else { "reasoning.summary" };
                ignored.add_at("reasoning_summary", || path.to_owned());
            }
            None
        }
    })
}
