//! From plans to the client's answer: turns are run, gathered, and told as an object or a stream.

mod object;
mod running;
mod runs;
mod starter;
mod stream;
mod watched;

use super::{asked::Asked, dispatch::Call};
use crate::{
    daemon::asker::Asker,
    error::ApiError,
    record::Record,
    records::usage::Asked as Asks,
    translate::{
        answer::{Closing, Expect, FinishReason, Shape},
        limit,
        metadata::{Command, Metadata, Trigger},
        mode::Profile,
        output::{Choice, Form, Identity, Whole},
        plan::Plan,
        request::Chat,
    },
};
use running::Got;
use runs::Runs;
use serde_json::value::RawValue;
use starter::Starter;
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;
use uuid::Uuid;
use warp::reply::Response;
use watched::Signs;

/// What a request comes to: turns to run, and how their answers are told.
#[derive(Debug)]
pub(super) struct Job {
    /// The form of the answer.
    pub(super) form: Form,
    /// One turn for each choice, in the order of their indexes.
    pub(super) plans: Vec<Plan>,
    /// What stands before the text of each choice; empty where there is nothing.
    pub(super) echoes: Vec<Arc<str>>,
    /// What each answer must be like.
    pub(super) expect: Arc<Expect>,
    /// The model as the client named it.
    pub(super) model: String,
    /// Whether the answer is a stream.
    pub(super) stream: bool,
    /// Whether a chunk with the usage ends the stream.
    pub(super) include_usage: bool,
    /// Whether `codex_metadata` is told.
    pub(super) metadata: bool,
    /// What the turns run as.
    pub(super) profile: Profile,
}

impl Job {
    /// One turn for each choice of a chat, all alike.
    pub(super) fn new(form: Form, chat: Chat, asked: &Asked) -> Self {
        let Chat { plan, expect, model, stream, include_usage, choices, ignored: _, repairs: _ } = chat;
        Self {
            form,
            plans: vec![plan; choices],
            echoes: Vec::new(),
            expect,
            model,
            stream,
            include_usage,
            metadata: asked.metadata,
            profile: asked.profile,
        }
    }

    /// What is written down of it.
    fn asked(&self) -> Asks {
        Asks {
            model: self.plans.first().and_then(|plan| plan.model.clone()),
            stream: self.stream,
            usage: !self.stream || self.include_usage,
            choices: self.plans.len(),
        }
    }
}

/// What is told of an answer beside what the turns say.
#[derive(Debug)]
struct About {
    form: Form,
    identity: Identity,
    choices: usize,
    echoes: Vec<Arc<str>>,
    stream: bool,
    include_usage: bool,
    /// The name of the request, where `codex_metadata` is told.
    metadata: Option<String>,
    profile: Profile,
}

impl About {
    fn new(job: &mut Job, record: &Record) -> Self {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let id = format!("{}-{}", job.form.prefix(), Uuid::now_v7().simple());
        Self {
            form: job.form,
            identity: Identity { id, created, model: std::mem::take(&mut job.model) },
            choices: job.plans.len(),
            echoes: std::mem::take(&mut job.echoes),
            stream: job.stream,
            include_usage: job.include_usage,
            metadata: job.metadata.then(|| record.id().as_str().to_owned()),
            profile: job.profile,
        }
    }

    /// `codex_metadata`, where it is told.
    fn metadata(&self, runs: &Runs) -> Option<Box<RawValue>> {
        let request_id = self.metadata.as_deref()?;
        let metadata = Metadata {
            emission_trigger: Trigger::of(!self.stream || self.include_usage, runs.usage()),
            request_id,
            thread_ids: runs.threads().iter().map(|thread| &**thread).collect(),
            profile: self.profile,
            commands: (self.profile == Profile::Agent)
                .then(|| runs.work().iter().map(Command::from).collect()),
        };
        Some(serde_json::value::to_raw_value(&metadata).expect("own types serialize"))
    }
}

/// An answer whose head may go out.
pub(super) enum Answer {
    Object(Vec<u8>),
    Stream(Box<stream::Opened>),
}

impl Answer {
    /// The answer; `record` is closed when its body is.
    pub(super) fn into_response(self, record: Record) -> Response {
        match self {
            Self::Object(json) => object::into_response(json.into(), record),
            Self::Stream(opened) => opened.into_response(record),
        }
    }
}

/// Runs the turns of a request that came at `began`, as many at once as it may have choices: one request doesn't take all
/// that the daemon can run. Where one of several fails, the request does: half of what was
/// asked for is no answer.
///
/// # Errors
/// Why there is no answer, or none whose head went out.
pub(super) async fn answer(
    call: &Call<'_>,
    mut job: Job,
    began: Instant,
    record: &mut Record,
) -> Result<Answer, ApiError> {
    let config = &call.app.config;
    record.asks(job.asked());
    record.let_in();
    let about = About::new(&mut job, record);
    record.observe().answers(&about.identity);
    let Job { plans, expect, stream, .. } = job;
    let idle = if stream { config.stream_idle_timeout } else { config.idle_timeout };
    if expect.limits.unloaded() {
        // Where the program ends meanwhile, the turn says so.
        let _loaded = call.app.shutdown.spawn_blocking(limit::load).await;
    }
    let starter = Starter {
        daemon: call.app.daemon.clone(),
        asker: Asker {
            caller: call.key.as_ref().map(|key| key.name.clone()),
            request: Some(record.id().as_str().into()),
            trace: record.context(),
            ..Asker::default()
        },
        metrics: Arc::clone(&call.app.metrics),
        // An agent's work is not done twice.
        once_more: matches!(expect.shape, Shape::Object) && !expect.agent,
        expect,
        id: about.identity.id.clone(),
        request_id: record.id().as_str().to_owned(),
        stream,
        idle,
        deadline: began + config.timeout,
        signs: Arc::new(Signs::new()),
        trace: record.trace(call.app.records.traces.as_ref()),
        force: call.app.shutdown.force_token(),
        observe: record.observe().clone(),
    };
    record.asked(plans.len());
    let runs = Runs::start(starter, plans, config.max_choices).await;
    if stream {
        record.stream = true;
        let opened = stream::open(runs, about, config.keep_alive).await?;
        return Ok(Answer::Stream(Box::new(opened)));
    }
    Ok(Answer::Object(whole(runs, about, record).await?))
}

/// Waits for the whole answer.
async fn whole(mut runs: Runs, mut about: About, record: &mut Record) -> Result<Vec<u8>, ApiError> {
    let mut echoes = std::mem::take(&mut about.echoes).into_iter();
    let empty = || Closing::early(FinishReason::Stop);
    let mut choices: Vec<(Choice, Closing)> =
        (0..about.choices).map(|_| (Choice::behind(echoes.next()), empty())).collect();
    while let Some((index, got)) = runs.next().await {
        record.usage = runs.usage();
        let Some((choice, closing)) = choices.get_mut(index) else { continue };
        match got? {
            Got::Alive => record.heard(None),
            Got::Called => record.spoke(),
            Got::Out(delta) => {
                record.heard(Some(&delta));
                record.observe().said(index, &delta);
                choice.take(&delta);
            }
            Got::Done(end) => {
                record.heard(None);
                record.observe().finished(index, &end);
                choice.close(&end);
                *closing = *end;
            }
        }
    }
    let metadata = about.metadata(&runs);
    let whole = Whole {
        form: about.form,
        identity: &about.identity,
        usage: record.usage,
        metadata: metadata.as_deref(),
    };
    Ok(whole.json(&choices))
}
