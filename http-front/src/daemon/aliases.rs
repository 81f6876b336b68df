//! The operator's aliases against the models that the child has.
//!
//! It tells the log, once for each name, of an alias that can't be served as it is set. Requests for it get their 400
//! whether or not anybody reads the log.

use super::health::Health;
use crate::translate::models::Alias;
use std::collections::HashSet;
use tokio::sync::watch;

/// Watches the models until the link to the daemon ends.
pub async fn watch(mut health: watch::Receiver<Health>, aliases: Vec<Alias>) {
    let mut told = HashSet::new();
    loop {
        let models = health.borrow_and_update().models.clone();
        for alias in models.misfits(&aliases).filter(|alias| told.insert(alias.name.as_str())) {
            tracing::warn!(
                event = "alias_effort_unknown",
                alias = alias.name,
                effort = alias.effort,
                "PROXY_MODEL_ALIASES: the model of this alias doesn't offer its effort; requests for it get 400",
            );
        }
        if health.changed().await.is_err() {
            return;
        }
    }
}
