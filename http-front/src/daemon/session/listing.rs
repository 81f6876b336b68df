//! The models of the child, as the connection asks for them.

use super::Session;
use crate::daemon::{health::Health, models::Page, table::Call};
use serde_json::value::RawValue;
use shared::{
    app_server::{method, model::ModelListParams},
    control::{self, Models, Status, WorkerState},
    rpc::{ErrorObject, code},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};

/// How long to wait after the daemon refused the list of models; nothing is served without one.
const MODELS_AGAIN: Duration = Duration::from_secs(1);

impl Session {
    /// Asks for the models, unless this child's are known or on their way.
    pub(in crate::daemon) fn list_models(&mut self) {
        self.models_at = None;
        if self.models.want(self.child) {
            self.ask_models();
        }
    }

    /// Asks for what was wanted while a list was on its way; whether there was something.
    fn list_again(&mut self) -> bool {
        let again = self.models.begins_again();
        if again {
            self.ask_models();
        }
        again
    }

    fn ask_models(&mut self) {
        // What the models can do first: the daemon answers at once, and a list makes the front ready.
        let infos = self.table.call(Call::ModelInfos, control::MODELS, &serde_json::json!({}));
        self.out.push(infos);
        self.ask_page(None);
    }

    fn ask_page(&mut self, cursor: Option<String>) {
        let params = ModelListParams { cursor, include_hidden: None };
        let line = self.table.call(Call::Models, method::MODEL_LIST, &params);
        self.out.push(line);
    }

    /// What the daemon tells of the models.
    pub(super) fn infos(&mut self, infos: Result<&RawValue, ErrorObject>, health: &watch::Sender<Health>) {
        match infos.map(|told| serde_json::from_str::<Models>(told.get())) {
            Ok(Ok(told)) => health.send_modify(|h| Arc::make_mut(&mut h.models).infos = told.models),
            Ok(Err(_)) => self.unreadable("what the daemon tells of the models was not understood"),
            // An older daemon doesn't know the method, and may have taken the place of one that does.
            Err(error) if error.code == code::FORBIDDEN => {
                health.send_modify(|h| Arc::make_mut(&mut h.models).infos.clear());
            }
            Err(error) => self.refused(Call::ModelInfos, &error),
        }
    }

    /// A page of the child's list.
    pub(super) fn page(&mut self, page: Result<&RawValue, ErrorObject>, health: &watch::Sender<Health>) {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                self.refused(Call::Models, &error);
                self.models.failed();
                let ready = |status: &Status| status.state == WorkerState::Ready;
                if !self.list_again() && health.borrow().status.as_ref().is_some_and(ready) {
                    self.models_at = Some(Instant::now() + MODELS_AGAIN);
                }
                return;
            }
        };
        match serde_json::from_str(page.get()).map(|page| self.models.page(page)) {
            Ok(Page::More(cursor)) => self.ask_page(Some(cursor)),
            Ok(Page::Whole(models)) => {
                health.send_modify(|h| Arc::make_mut(&mut h.models).models = models);
            }
            Err(_) => {
                self.models.failed();
                self.unreadable("the child's model list was not understood");
            }
        }
        self.list_again();
    }

    fn unreadable(&self, what: &str) {
        tracing::warn!(event = "models_unreadable", worker = self.worker, "{what}");
    }
}
