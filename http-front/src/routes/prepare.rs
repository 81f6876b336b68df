//! From the body of a chat completion request to what is to be run for it.

use super::{asked::Asked, dispatch::Call};
use crate::{
    app::App,
    error::{ApiError, Kind},
    images::{Note, Source},
    openai::message::Message,
    translate::{
        failure,
        items::{self, Image},
        request::{self, Chat, Options, responses},
    },
};
use std::collections::BTreeSet;
use tokio::runtime::{Handle, RuntimeFlavor};

/// A body of more bytes is read where it holds up nobody else.
const LARGE: usize = 16 * 1024;

/// Reads a body, with its images.
///
/// # Errors
/// 400 with the field that is wrong, 503 where nothing can be run now.
pub(super) async fn chat(call: &Call<'_>, body: &[u8], asked: Asked) -> Result<Chat, ApiError> {
    let large = body.len() > LARGE;
    let refused = match planned(call, body, asked, large).await {
        Err(refused) if refused.param() == Some("messages") => refused,
        planned => return planned,
    };
    let converted = aside(large, || responses::convert(body, refused))?;
    planned(call, &converted.body, asked, large).await.map_err(|error| converted.paths.tell(error))
}

async fn planned(call: &Call<'_>, body: &[u8], asked: Asked, large: bool) -> Result<Chat, ApiError> {
    let config = &call.app.config;
    let health = call.app.daemon.health();
    let room = if large { Some(call.app.reading.acquire().await) } else { None };
    let mut parsed = aside(large, || request::parse(body))?;
    call.app.prompt.apply(&mut parsed.messages, &parsed.model);
    // The models are kept while the child is down; before they came once, no name can be resolved.
    if health.models.models.is_empty() {
        return Err(failure::unavailable(health.retry_after()));
    }
    let options = Options { output: asked.output, ..config.options() };
    let plan = || request::plan(&parsed, &health.models, options);
    let mut chat = aside(large, plan)?;
    drop(room);
    if call.app.shutdown.is_draining() {
        return Err(ApiError::new(Kind::Draining, "The service is shutting down; try again."));
    }
    if !health.connected {
        return Err(failure::unavailable(health.retry_after()));
    }
    let (urls, notes) = images(call.app, &parsed.messages).await?;
    aside(large, || chat.fill(&parsed.messages, &urls))?;
    chat.repairs.extend(notes.into_iter().map(Note::as_str));
    Ok(chat)
}

/// Does what keeps a thread busy, so that others' tasks go on elsewhere.
fn aside<R>(large: bool, work: impl FnOnce() -> R) -> R {
    // With a single thread there is none on which they could.
    if large && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

/// The images of the conversation, as codex takes them, and what becomes of them.
async fn images(app: &App, messages: &[Message<'_>]) -> Result<(Vec<String>, BTreeSet<Note>), ApiError> {
    let sources: Vec<Source<'_>> = items::images(messages)
        .map(|Image { message, part, url }| Source {
            url,
            path: format!("messages[{message}].content[{part}].image_url.url"),
        })
        .collect();
    if sources.is_empty() {
        return Ok(Default::default());
    }
    let loaded = match tokio::time::timeout(app.config.timeout, app.images.load(&sources)).await {
        Ok(loaded) => loaded?,
        Err(_) => {
            return Err(ApiError::new(Kind::Timeout, "The images could not be read in time; try again."));
        }
    };
    let notes = loaded.iter().flat_map(|image| image.notes.iter().copied()).collect();
    Ok((loaded.into_iter().map(|image| image.url).collect(), notes))
}
