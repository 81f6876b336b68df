//! `POST /v1/chat/completions`.

use super::{
    answer::{self, Answer, Job},
    asked::Asked,
    dispatch::Call,
    prepare,
    told::Told,
};
use crate::{
    auth::KeyName,
    error::ApiError,
    record::Record,
    translate::{output::Form, request::Chat},
};
use tokio::time::Instant;
use warp::reply::Response;

/// Serves a request whose body was read.
pub async fn serve(call: &Call<'_>, body: &[u8], key: Option<KeyName>, mut record: Record) -> Response {
    let mut told = Told::default();
    let mut response = match answer(call, body, key, &mut record, &mut told).await {
        Ok(answer) => answer.into_response(record),
        Err(error) => call.refuse(error, record),
    };
    told.tell(call, &mut response);
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
    let asked = Asked::of(call)?;
    let Chat { plan, expect, choices, model, stream, include_usage, ignored, repairs } =
        prepare::chat(call, body, &asked).await?;
    (told.ignored, told.repairs) = (ignored, repairs);
    told.note(call, record);
    let job = Job {
        form: Form::Chat,
        plans: vec![plan; choices],
        echoes: Vec::new(),
        expect,
        model,
        stream,
        include_usage,
        metadata: asked.metadata,
        profile: asked.profile,
    };
    answer::answer(call, job, key, began, record).await
}
