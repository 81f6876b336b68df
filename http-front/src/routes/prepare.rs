//! From the body of a chat completion request to what is to be run for it.

use super::{asked::Asked, dispatch::Call};
use crate::{
    app::App,
    daemon::{conversation::Conversation, health::Health},
    error::{self, ApiError, Kind},
    images::{Note, Source},
    openai::{chat::ChatRequest, message::Message},
    translate::{
        agent::{self, AgentPlan},
        failure,
        items::{self, Image},
        mode::Profile,
        request::{self, Chat, Options, responses},
    },
};
use std::{collections::BTreeSet, sync::Arc};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::SemaphorePermit,
};

/// A body of more bytes is read where it holds up nobody else.
const LARGE: usize = 16 * 1024;

/// Reads a body, with its images.
///
/// # Errors
/// 400 with the field that is wrong, 503 where nothing can be run now.
pub(super) async fn chat(call: &Call<'_>, body: &[u8], asked: &Asked) -> Result<Chat, ApiError> {
    let refused = match planned(call, body, asked).await {
        Err(refused) if refused.param() == Some("messages") => refused,
        planned => return planned,
    };
    let converted = alone(call.app, body.len(), || responses::convert(body, refused)).await?;
    planned(call, &converted.body, asked).await.map_err(|error| converted.paths.tell(error))
}

async fn planned(call: &Call<'_>, body: &[u8], asked: &Asked) -> Result<Chat, ApiError> {
    let config = &call.app.config;
    let health = call.app.daemon.health();
    let bytes = body.len();
    let room = room(call.app, bytes).await;
    let mut parsed = aside(bytes, || request::parse(body))?;
    call.app.prompt.apply(&mut parsed.messages, &parsed.model)?;
    // The models are kept while the child is down; before they came once, no name can be resolved.
    if health.models.models.is_empty() {
        return Err(failure::unavailable(health.retry_after()));
    }
    health.models.permit(&parsed.model, &config.aliases, call.allowed_models())?;
    let options = Options { output: asked.output, reasoning: asked.reasoning, ..config.options() };
    let plan = || request::plan(&parsed, &health.models, options);
    let mut chat = aside(bytes, plan)?;
    drop(room);
    if let Some(agent) = agent(asked.profile, &parsed, call.app, &health)? {
        chat.run_as(agent);
    }
    if call.app.daemon.is_pool() {
        let caller = call.key.as_ref().map(|key| key.name.as_str());
        chat.plan.conversation = Some(aside(bytes, || Conversation::of(caller, &parsed)));
    }
    if call.app.shutdown.is_draining() {
        return Err(ApiError::new(Kind::Draining, "The service is shutting down; try again."));
    }
    if !health.connected {
        return Err(failure::unavailable(health.retry_after()));
    }
    let (urls, notes) = images(call.app, &parsed.messages).await?;
    aside(bytes, || chat.fill(&parsed.messages, &urls))?;
    chat.repairs.extend(notes.into_iter().map(Note::as_str));
    Ok(chat)
}

/// How the agent works that is to answer; `None` for a completion.
///
/// # Errors
/// 400 for what an agent can't be asked for, 503 where there are no agents.
fn agent(
    profile: Profile,
    request: &ChatRequest<'_>,
    app: &App,
    health: &Health,
) -> Result<Option<Arc<AgentPlan>>, ApiError> {
    if profile == Profile::Completion {
        return Ok(None);
    }
    agent::check(request)?;
    // A daemon that has not said anything yet has not said that there are no agents.
    let plan = app.daemon.agent(&app.config.agent())?;
    plan.map(|plan| Some(Arc::new(plan))).ok_or_else(|| failure::unavailable(health.retry_after()))
}

/// Waits for a place among those who read large bodies: what is read takes many times its bytes.
async fn room(app: &App, bytes: usize) -> Option<SemaphorePermit<'_>> {
    if bytes > LARGE { app.reading.acquire().await.ok() } else { None }
}

/// As [`aside`], with a place among those who read large bodies.
pub(super) async fn alone<R>(app: &App, bytes: usize, work: impl FnOnce() -> R) -> R {
    let _room = room(app, bytes).await;
    aside(bytes, work)
}

/// Does what keeps a thread busy with so many bytes, so that others' tasks go on elsewhere.
pub(super) fn aside<R>(bytes: usize, work: impl FnOnce() -> R) -> R {
    // With a single thread there is none on which they could.
    if bytes > LARGE && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
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
            let late = ApiError::new(Kind::Timeout, "The images could not be read in time; try again.");
            return Err(late.caused_by(error::Source::Client));
        }
    };
    let notes = loaded.iter().flat_map(|image| image.notes.iter().copied()).collect();
    Ok((loaded.into_iter().map(|image| image.url).collect(), notes))
}
