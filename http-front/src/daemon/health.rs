//! What is known of the daemon.

use super::{balance::Fitness, models::Child};
use crate::{
    error::{ApiError, Kind},
    translate::models::Served,
};
use shared::control::{Status, WorkerState};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long a worker whose account is used up gets no turn that another could take. Then turns try it until one is answered, and go to
/// another where nothing has changed: only a turn brings the news that a limit was lifted.
const BELIEVED: Duration = Duration::from_secs(300);

/// What the link knows of the daemon.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// Whether it is connected and the daemon answered the handshake.
    pub connected: bool,
    /// Whether the daemon is connected and says nothing, not even when it is asked.
    pub silent: bool,
    /// The daemon's own word.
    pub status: Option<Status>,
    /// The child's models; kept while it is down.
    pub models: Arc<Served>,
    /// When the account's used-up limits begin anew, in Unix seconds, as the upstream said last.
    pub quota_back_at: Option<u64>,
    /// When the upstream said so.
    pub quota_told: Option<SystemTime>,
    /// Turns that the daemon runs at once, where it was asked.
    pub places: Option<usize>,
}

impl Health {
    /// Whether turns can be started. Before the models came once no name can be resolved.
    pub fn is_ready(&self) -> bool {
        self.connected
            && !self.silent
            && !self.models.models.is_empty()
            && self.status.as_ref().is_some_and(|s| s.state == WorkerState::Ready)
    }

    /// What the child does, as far as it is known: health answers and the log have the same word.
    pub fn worker_state(&self) -> &'static str {
        self.status.as_ref().filter(|_| !self.silent).map_or("unreachable", |status| status.state.as_str())
    }

    /// How long until it is worth another try, as far as the daemon says.
    pub fn retry_after(&self) -> Option<Duration> {
        self.status.as_ref()?.backoff_ms.map(Duration::from_millis)
    }

    /// How well turns could be taken.
    pub fn fitness(&self, now: SystemTime) -> Fitness {
        if !self.connected || self.silent {
            Fitness::Away
        } else if !self.is_ready() {
            Fitness::Waiting
        } else if self.is_used_up(now) {
            Fitness::UsedUp
        } else {
            Fitness::Ready
        }
    }

    /// The child that the daemon has, as far as it has said.
    pub fn child(&self) -> Option<Child> {
        self.status.as_ref().map(Child::of)
    }

    fn is_used_up(&self, now: SystemTime) -> bool {
        let back_at = |at| UNIX_EPOCH.checked_add(Duration::from_secs(at));
        let told = |told: SystemTime| told.checked_add(BELIEVED).is_some_and(|until| until > now);
        self.quota_back_at.is_some_and(|at| back_at(at).is_none_or(|at| at > now))
            && self.quota_told.is_none_or(told)
    }

    /// The upstream says when used-up limits begin anew, or that none is used up. Whether that is news.
    pub fn set_quota(&mut self, back_at: Option<u64>, now: SystemTime) -> bool {
        self.quota_told = Some(now);
        std::mem::replace(&mut self.quota_back_at, back_at) != back_at
    }

    /// Another child may have another login.
    pub fn forget_quota(&mut self) {
        (self.quota_back_at, self.quota_told) = (None, None);
    }

    /// What is known of several, as if they were one: the word of the one that could serve best, and the models of all, those
    /// of the ones that can serve first. A model of one that is away for a moment is none that nobody has.
    pub fn of_all(all: &[Self]) -> Self {
        let near = |health: &Self| match health.status.as_ref().map(|status| status.state) {
            _ if health.is_ready() => 0,
            _ if health.silent => 4,
            Some(WorkerState::Ready | WorkerState::Initializing | WorkerState::Starting) => 1,
            Some(WorkerState::Backoff) => 2,
            Some(WorkerState::Draining | WorkerState::Stopped) => 3,
            None => 4,
        };
        let Some(best) = all.iter().min_by_key(|health| near(health)) else { return Self::default() };
        let (serving, others): (Vec<&Self>, Vec<&Self>) = all.iter().partition(|health| health.is_ready());
        let models: Vec<&Served> = serving.iter().chain(&others).map(|health| &*health.models).collect();
        // Where one's limit isn't used up, there is nothing to wait for.
        let back_at = all.iter().filter(|h| h.is_ready() || !best.is_ready()).map(|h| h.quota_back_at);
        Self {
            models: Arc::new(Served::of_all(&models)),
            quota_back_at: back_at.reduce(|a, b| a.zip(b).map(|(a, b)| a.min(b))).flatten(),
            places: None,
            ..best.clone()
        }
    }

    /// The same error with the time to wait, where it has none and the daemon or the upstream has told one.
    pub fn advise(&self, error: ApiError, now: SystemTime) -> ApiError {
        let after = if error.kind() == Kind::WorkerUnavailable {
            self.retry_after()
        } else if error.kind() == Kind::InsufficientQuota {
            // Nothing is promised of a time that has passed: another limit holds then.
            let back_at = |at| UNIX_EPOCH.checked_add(Duration::from_secs(at));
            let wait = self.quota_back_at.and_then(back_at).and_then(|at| at.duration_since(now).ok());
            wait.filter(|wait| !wait.is_zero())
        } else {
            None
        };
        error.or_retry_after(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::RETRY_AFTER;

    fn serving(models: &[&str]) -> Health {
        let models = models.iter().map(|model| serde_json::json!({ "model": model })).collect();
        let models = serde_json::from_value(serde_json::Value::Array(models)).unwrap();
        Health {
            connected: true,
            status: Some(Status { state: WorkerState::Ready, ..Status::default() }),
            models: Arc::new(Served { models, ..Served::default() }),
            ..Health::default()
        }
    }

    fn names(health: &Health) -> Vec<&str> {
        health.models.models.iter().map(|model| model.model.as_str()).collect()
    }

    #[test]
    fn several_are_as_well_as_the_best_of_them() {
        let backoff = Status { state: WorkerState::Backoff, backoff_ms: Some(5), ..Status::default() };
        let waiting = Health { status: Some(backoff), ..serving(&["b", "c"]) };
        let both = [waiting.clone(), serving(&["a", "b"])];
        let all = Health::of_all(&both);
        assert!(all.is_ready());
        // Those of the one that is away for a moment come last.
        assert_eq!((names(&all), all.retry_after()), (vec!["a", "b", "c"], None));
        let none = Health::of_all(&[Health::default(), waiting.clone()]);
        assert!(none.connected && !none.is_ready());
        assert_eq!((names(&none), none.retry_after()), (vec!["b", "c"], Some(Duration::from_millis(5))));
        let silent = Health { silent: true, ..serving(&["a"]) };
        assert_eq!(Health::of_all(&[silent, waiting.clone()]).worker_state(), "backoff");
        assert_eq!(names(&Health::of_all(&[serving(&["b", "a"]), serving(&["c", "a"])])), ["b", "a", "c"]);
        assert!(!Health::of_all(&[]).connected);
        // One that has refused the handshake says more than none.
        let refused = Health { connected: false, models: Arc::default(), ..waiting };
        assert_eq!(Health::of_all(&[Health::default(), refused]).worker_state(), "backoff");
    }

    #[test]
    fn a_limit_is_waited_for_only_where_all_are_used_up() {
        let used_up = |at| Health { quota_back_at: Some(at), ..serving(&["a"]) };
        assert_eq!(Health::of_all(&[used_up(9), used_up(5)]).quota_back_at, Some(5));
        assert_eq!(Health::of_all(&[used_up(9), serving(&["a"])]).quota_back_at, None);
        assert_eq!(Health::of_all(&[used_up(9), Health::default()]).quota_back_at, Some(9));
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!([4, 5].map(|now| used_up(5).fitness(at(now))), [Fitness::UsedUp, Fitness::Ready]);
        // Nobody says that a limit was lifted but a turn: one is tried after a while.
        let mut told = used_up(9_000);
        assert!(!told.set_quota(Some(9_000), at(1_000)));
        assert_eq!([1_299, 1_300].map(|now| told.fitness(at(now))), [Fitness::UsedUp, Fitness::Ready]);
        assert!(told.set_quota(None, at(1_301)));
        assert!(told.set_quota(Some(u64::MAX), at(1_301)));
        assert_eq!(told.fitness(at(1_302)), Fitness::UsedUp);
        told.forget_quota();
        assert_eq!(told.fitness(at(1_302)), Fitness::Ready);
        assert_eq!(Health::default().fitness(at(0)), Fitness::Away);
        assert_eq!(Health { status: None, ..serving(&["a"]) }.fitness(at(0)), Fitness::Waiting);
        assert_eq!(Health { silent: true, ..serving(&["a"]) }.fitness(at(0)), Fitness::Away);
    }

    #[test]
    fn a_used_up_limit_is_waited_for_and_a_time_that_has_passed_is_not_told() {
        let health = Health { quota_back_at: Some(1_000), ..Health::default() };
        let after = |kind, now| {
            let error = health.advise(ApiError::new(kind, "m"), UNIX_EPOCH + Duration::from_secs(now));
            error.headers().into_iter().find(|(name, _)| name == RETRY_AFTER).map(|(_, value)| value)
        };
        assert_eq!(after(Kind::InsufficientQuota, 100), Some(900.into()));
        assert_eq!(after(Kind::InsufficientQuota, 1_000), None);
        assert_eq!(after(Kind::InsufficientQuota, 5_000), None);
        assert_eq!(after(Kind::InvalidRequest, 100), None);
    }
}
