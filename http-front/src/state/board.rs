//! The toggles as requests, operators and the link to the daemon share them: the one place where the pure state and the
//! host's clock meet.
//!
//! Promises: what is asked for holds for every request that comes after it, whether the daemon is there or not, and an
//! operator waits for the daemon no longer than [`PATIENCE`]. It never blocks a request: reading takes a lock that nobody
//! holds across a wait.

use super::toggles::{AppServerNow, Asked, MaintenanceNow, Panel, Variables};
use shared::{
    control::toggles::{Change, Toggles},
    time::clock,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long an operator's request waits for the daemon, which itself waits up to 3 s for its disk.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether a toggle has ended by the clock, which may jump.
const LOOK: Duration = Duration::from_secs(1);

/// The shared state, as the link to one of the daemons has it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Board {
    panel: Arc<watch::Sender<Panel>>,
    /// The daemon that is told, and hears.
    daemon: usize,
}

impl Board {
    /// Nothing but settings, for so many daemons.
    pub fn new(variables: Variables, daemons: usize) -> Self {
        Self { panel: Arc::new(watch::Sender::new(Panel::new(variables, daemons))), daemon: 0 }
    }

    /// The same for the link to this daemon.
    pub fn seat(&self, daemon: usize) -> Self {
        Self { panel: Arc::clone(&self.panel), daemon }
    }

    /// Maintenance as it holds now.
    pub fn maintenance(&self) -> MaintenanceNow {
        self.panel.borrow().maintenance(clock::now_ms())
    }

    /// The kill switch as it holds now.
    pub fn app_server(&self) -> AppServerNow {
        self.panel.borrow().app_server(clock::now_ms())
    }

    /// What is switched.
    pub fn now(&self) -> Panel {
        self.panel.borrow().clone()
    }

    /// Changes a toggle, here at once, and waits until it is known what became of it at the daemon, or of a newer one that
    /// took its place. What is switched then.
    ///
    /// Cancel safe: the change holds and goes to the daemon, whether anybody waits or not.
    pub async fn ask(&self, asked: Asked) -> Panel {
        let (which, mut numbers) = (asked.which(), Vec::new());
        self.panel.send_modify(|panel| numbers = panel.ask(&asked, clock::now_ms()));
        let mut watch = self.panel.subscribe();
        let settled = watch.wait_for(|panel| panel.is_settled(which, &numbers));
        match tokio::time::timeout(PATIENCE, settled).await {
            Ok(Ok(panel)) => panel.clone(),
            // Too late is an answer, too: the state says that it isn't kept.
            Ok(Err(_)) | Err(_) => self.now(),
        }
    }

    /// Changes whenever the state does.
    pub fn watch(&self) -> watch::Receiver<Panel> {
        self.panel.subscribe()
    }

    /// What is to be sent to the daemon now; see [`Panel::take`].
    pub fn take(&self) -> Vec<(u64, Change)> {
        let mut taken = Vec::new();
        self.panel.send_if_modified(|panel| {
            taken = panel.take(self.daemon);
            !taken.is_empty()
        });
        taken
    }

    /// The daemon told what is switched; see [`Panel::told`].
    pub fn told(&self, toggles: Option<Toggles>) {
        self.panel.send_modify(|panel| panel.told(self.daemon, toggles));
    }

    /// Another daemon keeps the toggles, and told what is switched: what the one before may not have goes to it.
    pub fn moved(&self, toggles: Option<Toggles>) {
        self.panel.send_modify(|panel| {
            panel.lost(self.daemon);
            panel.told(self.daemon, toggles);
        });
    }

    /// The daemon took a change; see [`Panel::taken`].
    pub fn taken(&self, number: u64, toggles: Option<Toggles>) {
        self.panel.send_modify(|panel| panel.taken(self.daemon, number, toggles));
    }

    /// The daemon refused a change; see [`Panel::refused`].
    pub fn refused(&self, number: u64) {
        self.panel.send_modify(|panel| panel.refused(self.daemon, number));
    }

    /// The daemon is away; see [`Panel::lost`].
    pub fn lost(&self) {
        self.panel.send_modify(|panel| panel.lost(self.daemon));
    }
}

/// Tells the log of every change that a client or an operator would notice, once each. The texts for clients aren't told.
/// Ends with `end`.
pub async fn tell(board: Board, end: impl Future<Output = ()>) {
    let mut end = std::pin::pin!(end);
    let mut watch = board.watch();
    // As if the front had begun open: settings that close it are told.
    let (mut open, mut on) = (None, None);
    loop {
        let (maintenance, app_server) = {
            let panel = watch.borrow_and_update();
            let now = clock::now_ms();
            (panel.maintenance(now), panel.app_server(now))
        };
        let ends = maintenance.until_ms.is_some();
        if noticed(open.as_ref(), &maintenance) {
            tracing::info!(
                event = "maintenance_toggled",
                enabled = maintenance.enabled,
                source = maintenance.source.as_str(),
                until = maintenance.until_ms.and_then(clock::rfc3339),
                retry_after_s = maintenance.retry_after.as_secs(),
                maintenance_mode = maintenance.enabled,
            );
        }
        let AppServerNow { enabled, source, .. } = app_server;
        if on.map_or(!enabled, |before| before != (enabled, source)) {
            let maintenance_mode = maintenance.enabled;
            tracing::info!(event = "app_server_toggled", enabled, source = source.as_str(), maintenance_mode);
        }
        (open, on) = (Some(maintenance), Some((enabled, source)));
        tokio::select! {
            _ = watch.changed() => {}
            () = tokio::time::sleep(LOOK), if ends => {}
            () = &mut end => return,
        }
    }
}

/// Whether maintenance is another one than before; the first one counts where it is on.
fn noticed(before: Option<&MaintenanceNow>, now: &MaintenanceNow) -> bool {
    before.map_or(now.enabled, |before| {
        let MaintenanceNow { enabled, source, retry_after, message, until_ms, since_ms: _, kept: _ } = before;
        (enabled, source, retry_after, message, until_ms)
            != (&now.enabled, &now.source, &now.retry_after, &now.message, &now.until_ms)
    })
}
