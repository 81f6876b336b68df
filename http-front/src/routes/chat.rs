//! `POST /v1/chat/completions`.

mod stream;
mod watched;

use super::dispatch::{Call, raw_json};
use crate::{
    auth::KeyName,
    error::ApiError,
    record::Record,
    translate::{
        chat::{FinishReason, Identity, Whole},
        event::Delta,
        failure,
        request::{self, Chat},
    },
};
use http::HeaderValue;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;
use warp::reply::Response;
use watched::Watched;

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
    let config = &call.app.config;
    let health = call.app.daemon.health();
    let parsed = request::parse(body)?;
    // The models are kept while the child is down; before they came once, no name can be resolved.
    if health.models.models.is_empty() {
        return Err(failure::unavailable(health.retry_after()));
    }
    let chat = request::plan(&parsed, &health.models, &config.aliases)?;
    drop(parsed);
    if call.app.shutdown.is_draining() {
        return Err(ApiError::new(crate::error::Kind::Draining, "The service is shutting down; try again."));
    }
    if !health.connected {
        return Err(failure::unavailable(health.retry_after()));
    }
    let Chat { plan, model, stream, include_usage, ignored } = chat;
    let identity = identity(model);
    let idle = if stream { config.stream_idle_timeout } else { config.idle_timeout };
    let turn = call.app.daemon.start(plan, key).await;
    let watched = Watched::new(turn, idle, config.timeout, call.app.shutdown.force_token());
    if stream {
        record.stream = true;
        let opened = stream::open(watched, &identity, include_usage, config.keep_alive).await?;
        return Ok(Answer::Stream(Box::new(opened.with_ignored(ignored))));
    }
    let mut response = raw_json(whole(watched, &identity, record).await?);
    tell_ignored(&mut response, &ignored);
    Ok(Answer::Object(response))
}

/// Waits for the whole answer.
async fn whole(mut turn: Watched, identity: &Identity, record: &mut Record) -> Result<Vec<u8>, ApiError> {
    let mut whole = Whole::default();
    loop {
        match turn.next().await? {
            Delta::End(end) => {
                record.usage = whole.usage();
                return match failure::error(&end) {
                    None => Ok(whole.finish(identity, FinishReason::of(&end))),
                    Some(error) => Err(error),
                };
            }
            delta @ (Delta::Alive
            | Delta::Text { .. }
            | Delta::Message { .. }
            | Delta::Usage(_)
            | Delta::Retry) => {
                whole.take(&delta);
            }
        }
    }
}

fn identity(model: String) -> Identity {
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Identity { id: format!("chatcmpl-{}", Uuid::now_v7().simple()), created, model }
}

/// Names the parameters that had no effect: ignored, but not in silence.
fn tell_ignored(response: &mut Response, ignored: &[&str]) {
    if !ignored.is_empty()
        && let Ok(value) = HeaderValue::from_str(&ignored.join(","))
    {
        response.headers_mut().insert("x-codex-ignored-params", value);
    }
}
