//! One pair around the real child, and a model that says what the case in hand has planned.

use super::answers::{Form, Plan, Told};
use gateway_tests::{
    pair::Pair,
    upstream::{Config, RecordMode, Recorded, Reply, Upstream},
};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) struct Stage {
    pub(super) pair: Pair,
    pub(super) upstream: Upstream,
    case: Arc<Mutex<Case>>,
    /// Requests upstream so far that a case has accounted for.
    counted: Mutex<u64>,
}

#[derive(Default)]
struct Case {
    plan: Option<(Plan, Form)>,
    heard: Vec<(Value, Told)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    pub(super) async fn new() -> Self {
        let case: Arc<Mutex<Case>> = Arc::default();
        let brain = {
            let case = Arc::clone(&case);
            move |request: &Recorded| {
                let mut case = lock(&case);
                let Some((plan, form)) = case.plan.take() else {
                    return Reply::error(500, "nobody asks anything now");
                };
                let (reply, told) = plan.say(form, request);
                case.heard.push((request.json().clone(), told));
                reply
            }
        };
        let config = Config { record: RecordMode::Last(8), ..Config::default() };
        let upstream = Upstream::start_with(brain, config).await.expect("an upstream on loopback");
        let pair = Pair::real(&upstream).await.expect("a pair that is ready");
        Self { pair, upstream, case, counted: Mutex::new(0) }
    }

    /// What the model is to say next.
    pub(super) fn plan(&self, plan: Plan, form: Form) {
        assert_eq!(
            self.upstream.totals().requests,
            *lock(&self.counted),
            "nobody asked since the last answer"
        );
        *lock(&self.case) = Case { plan: Some((plan, form)), heard: Vec::new() };
    }

    /// The one request that the model was asked with, and what it said; `None` where it was not asked at all.
    pub(super) fn heard(&self) -> Option<(Value, Told)> {
        let problems = self.upstream.problems();
        let mut counted = lock(&self.counted);
        let asked = self.upstream.totals().requests
            - std::mem::replace(&mut *counted, self.upstream.totals().requests);
        assert_eq!((problems, self.upstream.strays()), (vec![], vec![]), "what OpenAI would have refused");
        assert!(asked <= 1, "{asked} requests for one");
        let heard = std::mem::take(&mut lock(&self.case).heard).pop();
        assert_eq!(heard.is_some(), asked == 1);
        heard
    }
}
