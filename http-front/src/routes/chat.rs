//! `POST /v1/chat/completions`.

use super::{
    answer::{self, Answer, Job},
    asked::Asked,
    dispatch::Call,
    prepare,
    told::Told,
};
use crate::{error::ApiError, record::Record, translate::output::Form};
use tokio::time::Instant;
use warp::reply::Response;

/// Serves a request whose body was read.
pub async fn serve(call: &Call<'_>, body: &[u8], mut record: Record) -> Response {
    let mut told = Told::default();
    let answer = answer(call, body, &mut record, &mut told).await;
    told.respond(call, answer, record)
}

async fn answer(
    call: &Call<'_>,
    body: &[u8],
    record: &mut Record,
    told: &mut Told,
) -> Result<Answer, ApiError> {
    let began = Instant::now();
    let asked = Asked::of(call)?;
    let mut chat = prepare::chat(call, body, &asked).await?;
    (told.ignored, told.repairs) = (std::mem::take(&mut chat.ignored), std::mem::take(&mut chat.repairs));
    told.note(call, record);
    prepare::aside(body.len(), || record.observe().body(body));
    let job = Job::new(Form::Chat, chat, &asked);
    answer::answer(call, job, began, record).await
}
