//! `POST /v1/chat/completions`.

use super::{
    answer::{self, Answer, Job},
    dispatch::Call,
};
use crate::{
    app::App,
    auth::KeyName,
    error::{ApiError, Kind},
    images::{Note, Source},
    openai::message::Message,
    record::Record,
    translate::{
        failure,
        items::{self, Image},
        mode::Profile,
        output::Form,
        request::{self, Chat},
    },
};
use http::HeaderValue;
use std::collections::BTreeSet;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    time::Instant,
};
use warp::reply::Response;

/// A body of more bytes is read where it holds up nobody else.
const LARGE: usize = 16 * 1024;

/// Serves a request whose body was read.
pub async fn serve(call: &Call<'_>, body: &[u8], key: Option<KeyName>, mut record: Record) -> Response {
    let mut told = Told::default();
    let mut response = match answer(call, body, key, &mut record, &mut told).await {
        Ok(answer) => answer.into_response(record),
        Err(error) => return call.refuse(error, record),
    };
    told.tell(&mut response);
    response
}

async fn answer(
    call: &Call<'_>,
    body: &[u8],
    key: Option<KeyName>,
    record: &mut Record,
    told: &mut Told,
) -> Result<Answer, ApiError> {
    let began = Instant::now();
    let config = &call.app.config;
    let health = call.app.daemon.health();
    let large = body.len() > LARGE;
    let room = if large { Some(call.app.reading.acquire().await) } else { None };
    let parsed = aside(large, || request::parse(body))?;
    // The models are kept while the child is down; before they came once, no name can be resolved.
    if health.models.models.is_empty() {
        return Err(failure::unavailable(health.retry_after()));
    }
    let plan = || request::plan(&parsed, &health.models, &config.aliases, config.max_schemas);
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
    drop(parsed);
    let Chat { plan, expect, model, stream, include_usage, ignored, repairs } = chat;
    *told = Told { ignored, repairs };
    let job = Job {
        form: Form::Chat,
        plans: vec![plan],
        echoes: Vec::new(),
        expect,
        model,
        stream,
        include_usage,
        metadata: config.codex_metadata,
        profile: Profile::Completion,
    };
    answer::answer(call, job, key, began, record).await
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

/// What the client is told beside the answer.
#[derive(Debug, Default)]
struct Told {
    /// Parameters that had no effect: ignored, but not in silence.
    ignored: Vec<&'static str>,
    /// What was changed of the conversation so that it could go up.
    repairs: Vec<&'static str>,
}

impl Told {
    fn tell(&self, response: &mut Response) {
        for (name, words) in [("x-codex-ignored-params", &self.ignored), ("x-codex-repairs", &self.repairs)] {
            if !words.is_empty()
                && let Ok(value) = HeaderValue::from_str(&words.join(","))
            {
                response.headers_mut().insert(name, value);
            }
        }
    }
}
