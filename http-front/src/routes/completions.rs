//! `POST /v1/completions`.

use super::{
    answer::{self, Answer, Job},
    asked::Asked,
    dispatch::Call,
    prepare,
    told::Told,
};
use crate::{
    error::ApiError,
    record::Record,
    translate::{
        mode::{Profile, Reasoning},
        output::Form,
        request::completions,
    },
};
use tokio::time::Instant;
use warp::reply::Response;

/// Serves a request whose body was read.
pub async fn serve(call: &Call<'_>, body: &[u8], mut record: Record) -> Response {
    let mut told = Told::default();
    let answer = answer(call, body, &mut record, &mut told).await;
    told.respond(call, answer.map_err(completions::tell), record)
}

async fn answer(
    call: &Call<'_>,
    body: &[u8],
    record: &mut Record,
    told: &mut Told,
) -> Result<Answer, ApiError> {
    let began = Instant::now();
    let asked = Asked { reasoning: Reasoning::Never, ..Asked::of(call)? };
    let config = &call.app.config;
    let read = || completions::read(body, config.strict_params, config.max_body);
    let read = prepare::alone(call.app, body.len(), read).await?;
    told.ignored.clone_from(&read.ignored);
    if asked.profile == Profile::Agent && read.len() > 1 {
        let text = "An agent answers once: several would work in one folder. Send one prompt, or `x-codex-profile: completion`.";
        return Err(ApiError::invalid("prompt", text));
    }
    let (mut plans, mut echoes, mut first) = (Vec::new(), Vec::new(), None);
    for (body, echo) in read.bodies().zip(read.echoes()) {
        let mut chat = prepare::chat(call, &body, &asked).await?;
        let choices = chat.choices;
        // Each prompt has its choices one after the other.
        plans.extend(std::iter::repeat_n(std::mem::take(&mut chat.plan), choices));
        echoes.extend(std::iter::repeat_n(echo, choices));
        first.get_or_insert(chat);
    }
    let Some(mut chat) = first else {
        return Err(ApiError::invalid("prompt", "`prompt` must have at least one text."));
    };
    told.ignored.append(&mut chat.ignored);
    told.repairs = std::mem::take(&mut chat.repairs);
    told.note(call, record);
    prepare::aside(body.len(), || record.observe().body(body));
    let job = Job { plans, echoes, ..Job::new(Form::Text, chat, &asked) };
    answer::answer(call, job, began, record).await
}
