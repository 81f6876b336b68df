//! What the core reports, as lines of the log.

use crate::mux::action::Report;
use shared::time::clock;

/// Writes the line of a report.
pub(super) fn log(report: &Report) {
    match report {
        Report::TurnEnded { whose, details } => {
            tracing::warn!(
                event = "turn_ended",
                request_id = whose.request_id(),
                trace_id = whose.trace_id(),
                reason = details,
                "a turn was ended in codex's place"
            );
        }
        Report::SentAgain { whose, attempts } => {
            tracing::info!(
                event = "sent_again",
                request_id = whose.request_id(),
                trace_id = whose.trace_id(),
                attempts,
                "codex was too busy for a request"
            );
        }
        Report::NoAnswer { whose, kind } => {
            tracing::warn!(
                event = "no_answer",
                request_id = whose.request_id(),
                trace_id = whose.trace_id(),
                request = kind.as_str(),
                "codex didn't answer a request in time"
            );
        }
        Report::MaintenanceToggled { enabled, until_ms } => {
            let until = until_ms.and_then(clock::rfc3339);
            match enabled {
                Some(enabled) => tracing::info!(
                    event = "maintenance_toggled",
                    source = "toggle",
                    enabled,
                    until,
                    maintenance_mode = enabled
                ),
                // The fronts' settings hold, which aren't known here: no toggle closes the service.
                None => tracing::info!(
                    event = "maintenance_toggled",
                    source = "variable",
                    enabled = false,
                    maintenance_mode = false
                ),
            }
        }
        Report::AppServerToggled { enabled } => match enabled {
            Some(enabled) => tracing::info!(event = "app_server_toggled", source = "toggle", enabled),
            None => tracing::info!(event = "app_server_toggled", source = "variable", enabled = true),
        },
    }
}
