//! `POST /v1/chat/completions`.

mod running;
mod stream;
mod watched;

use super::dispatch::{Call, raw_json};
use crate::{
    app::App,
    auth::KeyName,
    error::{ApiError, Kind},
    images::{Note, Source},
    openai::message::Message,
    record::Record,
    translate::{
        answer::{Gather, Shape},
        chat::{Identity, Whole},
        failure,
        items::{self, Image},
        request::{self, Chat},
    },
};
use http::HeaderValue;
use running::{Again, Got, Running};
use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    time::Instant,
};
use uuid::Uuid;
use warp::reply::Response;
use watched::Watched;

/// A body of more bytes is read where it holds up nobody else.
const LARGE: usize = 16 * 1024;

/// Serves a request whose body was read.
pub async fn serve(call: &Call<'_>, body: &[u8], key: Option<KeyName>, mut record: Record) -> Response {
    match answer(call, body, key, &mut record).await {
        Ok(Answer::Object(response)) => {
            record.served();
            response
        }
        Ok(Answer::Stream(opened)) => opened.into_response(record),
        Err(error) => call.refuse(error, record),
    }
}

enum Answer {
    Object(Response),
    Stream(Box<stream::Opened>),
}

async fn answer(
    call: &Call<'_>,
    body: &[u8],
    key: Option<KeyName>,
    record: &mut Record,
) -> Result<Answer, ApiError> {
    let began = Instant::now();
    let config = &call.app.config;
    let health = call.app.daemon.health();
    let large = body.len() > LARGE;
    let room = if large { Some(call.app.reading.acquire().await) } else { None };
    let mut parsed = aside(large, || request::parse(body))?;
    call.app.prompt.apply(&mut parsed.messages, &parsed.model);
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
    let identity = identity(model);
    let idle = if stream { config.stream_idle_timeout } else { config.idle_timeout };
    let once_more = matches!(expect.shape, Shape::Object);
    let again = once_more.then(|| Again {
        daemon: call.app.daemon.clone(),
        plan: plan.clone(),
        key: key.clone(),
        request_id: record.id().as_str().to_owned(),
    });
    let turn = call.app.daemon.start(plan, key).await;
    let watched = Watched::new(
        turn,
        idle,
        config.timeout.saturating_sub(began.elapsed()),
        call.app.shutdown.force_token(),
    );
    let running = Running::new(watched, Gather::new(expect, &identity.id, stream), again);
    let told = Told { ignored, repairs };
    if stream {
        record.stream = true;
        let opened = stream::open(running, &identity, include_usage, config.keep_alive).await?;
        return Ok(Answer::Stream(Box::new(opened.telling(told))));
    }
    let mut response = raw_json(whole(running, &identity, record).await?);
    told.tell(&mut response);
    Ok(Answer::Object(response))
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

/// Waits for the whole answer.
async fn whole(mut running: Running, identity: &Identity, record: &mut Record) -> Result<Vec<u8>, ApiError> {
    let mut whole = Whole::default();
    loop {
        let got = running.next().await;
        record.usage = running.usage();
        match got? {
            Got::Alive => {}
            Got::Out(delta) => whole.take(&delta),
            Got::Done(closing) => {
                // Where the model calls, its turn still runs: it is ended first of all.
                drop(running);
                return Ok(whole.finish(identity, &closing, record.usage));
            }
        }
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

fn identity(model: String) -> Identity {
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Identity { id: format!("chatcmpl-{}", Uuid::now_v7().simple()), created, model }
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
