//! Who and what is let in, before a body is read: the key that a request shows, what that may do, and what an operator has
//! switched.

use super::{
    cors,
    dispatch::{Call, STRANGER_BYTES, failed},
    table::Route,
    verify::{self, verify},
};
use crate::{
    auth::Key,
    error::{ApiError, Kind},
    record::Record,
    state::toggles::MaintenanceNow,
    translate::profile::Rights,
};
use ::http::StatusCode;
use shared::time::clock;
use std::sync::Arc;
use warp::{Reply, reply::Response};

impl Call<'_> {
    /// Whether an operator lets requests of the API through. Asked once, when a request begins: what runs goes on.
    pub(super) fn admit(&self, route: &Route) -> Result<(), ApiError> {
        match route {
            Route::Chat | Route::Completions | Route::Models | Route::Model(_) => {}
            Route::Ready
            | Route::Live
            | Route::Metrics
            | Route::Verify
            | Route::Maintenance
            | Route::AppServer => return Ok(()),
        }
        let board = &self.app.board;
        if !board.app_server().enabled {
            let message = "The operator has switched this service off.";
            return Err(ApiError::new(Kind::AppServerDisabled, message));
        }
        let maintenance = board.maintenance();
        if maintenance.enabled { Err(under(maintenance)) } else { Ok(()) }
    }

    /// The key of the request, where its route needs one. Where models need none, a good one still says what is listed,
    /// and another one is not looked at.
    pub(super) fn shown_key(&self, route: &Route) -> Result<Option<Arc<Key>>, ApiError> {
        if self.needs_key(route) {
            return self.app.auth.check(self.headers).map(Some);
        }
        let models = matches!(route, Route::Models | Route::Model(_));
        Ok(models.then(|| self.app.auth.check(self.headers).ok()).flatten())
    }

    /// The models and aliases that the key is held to.
    pub(super) fn allowed_models(&self) -> Option<&[String]> {
        self.key.as_ref()?.models.as_deref()
    }

    fn needs_key(&self, route: &Route) -> bool {
        match route {
            Route::Chat | Route::Completions => true,
            // Without any key that can pass, models are closed, too.
            Route::Models | Route::Model(_) => self.app.config.protect_models || self.app.auth.is_closed(),
            // The last one checks the key itself.
            Route::Ready | Route::Live | Route::Metrics | Route::Verify => false,
            Route::Maintenance | Route::AppServer => true,
        }
    }

    /// What the request may run as.
    pub(super) fn rights(&self) -> Rights {
        let default = self.app.config.profile;
        self.key
            .as_ref()
            .map_or(Rights { default, may_agent: false }, |key| Rights { default, may_agent: key.may_agent })
    }

    /// What the proxy in front is told: that a request passes, or the refusal that it hands to the client.
    pub(super) fn verified(&self, mut record: Record) -> Response {
        let key = self.app.auth.check(self.headers);
        if let Ok(key) = &key {
            record.showed(&key.name, None);
        }
        let passed = verify(key.as_deref().map_err(Clone::clone), self.headers);
        let response = match passed {
            Ok(name) => {
                // Every request of the API comes by here, and has a line of its own.
                record.quiet();
                let mut response = StatusCode::OK.into_response();
                response.headers_mut().extend(name.map(|name| (verify::KEY_NAME, name)));
                response
            }
            Err(error) => {
                record.ended(&error);
                let mut response = failed(&error);
                // The client sees this one, and it may be a page.
                cors::tell(&self.app.config.cors, self.headers, response.headers_mut());
                response
            }
        };
        self.hang_up_unread(response, STRANGER_BYTES)
    }
}

/// The answer under maintenance.
fn under(maintenance: MaintenanceNow) -> ApiError {
    let wait = maintenance.wait(clock::now_ms());
    let said = maintenance.message.filter(|text| !text.trim().is_empty());
    let error = match said {
        Some(said) => ApiError::new(Kind::Maintenance, said),
        None => ApiError::new(Kind::Maintenance, "The service is under maintenance; try again."),
    };
    error.retry_after(wait)
}
