//! Maintenance and the kill switch, as this front has them with one daemon; with several see [`Panel`]. Pure: time is an argument.
//!
//! Three have a word: a change that this front was asked for and that the daemon doesn't have yet (it wins), what the daemon
//! told last (it holds while the daemon is away, too), and the front's own settings. A toggle that has an end is over once
//! the clock says so, whether the daemon is there or not.
//!
//! A change is kept here until the daemon has it on disk: one that is lost on the way, or with the daemon, is sent again to
//! the next daemon, with the time at which it was asked for, so that it doesn't undo what was changed since.

mod kept;
mod panel;
mod pending;

pub use kept::NotKept;
pub use panel::Panel;

use kept::Keeper;
use pending::{Pending, Phase, again, arrived, follow, held, open, pending, send};
use shared::control::toggles::{AppServer, Change, Maintenance, Toggle, Toggles};
use std::time::Duration;

/// The front's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variables {
    /// `PROXY_MAINTENANCE_MODE`.
    pub maintenance: bool,
    /// `PROXY_MAINTENANCE_RETRY_AFTER_S`.
    pub retry_after: Duration,
    /// `PROXY_USE_APP_SERVER` and `CODEX__ENABLED`.
    pub app_server: bool,
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An operator, at run time.
    Toggle,
    /// The settings.
    Variable,
}

impl Source {
    /// Its name in answers and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Toggle => "toggle",
            Self::Variable => "variable",
        }
    }
}

/// Maintenance as it holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceNow {
    /// Whether requests are refused.
    pub enabled: bool,
    /// Who decided.
    pub source: Source,
    /// What clients are told to wait, without regard to the end.
    pub retry_after: Duration,
    /// What clients are told, in the operator's words.
    pub message: Option<String>,
    /// When it ends by itself, in milliseconds since 1970.
    pub until_ms: Option<u64>,
    /// When it was set, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// Whether the daemon has it on disk; see [`Switches::not_kept`].
    pub kept: bool,
}

/// The kill switch as it holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppServerNow {
    /// Whether requests are served.
    pub enabled: bool,
    /// Who decided.
    pub source: Source,
    /// When it was set, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// Whether the daemon has it on disk; see [`Switches::not_kept`].
    pub kept: bool,
}

/// One of the toggles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Maintenance.
    Maintenance,
    /// The kill switch.
    AppServer,
}

/// What an operator asks of one front: one toggle, set or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Maintenance.
    Maintenance(Option<Maintenance>),
    /// The kill switch.
    AppServer(Option<AppServer>),
}

impl Asked {
    /// The toggle that it is about.
    pub fn which(&self) -> Which {
        match self {
            Self::Maintenance(_) => Which::Maintenance,
            Self::AppServer(_) => Which::AppServer,
        }
    }
}

/// The state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switches {
    variables: Variables,
    told: Toggles,
    /// What this daemon told last of what it has on disk.
    disk: Option<Toggles>,
    keeper: Keeper,
    maintenance: Option<Pending<Maintenance>>,
    app_server: Option<Pending<AppServer>>,
    last: u64,
}

impl Switches {
    /// Nothing but settings.
    pub fn new(variables: Variables) -> Self {
        Self {
            variables,
            told: Toggles::default(),
            disk: None,
            keeper: Keeper::Away,
            maintenance: None,
            app_server: None,
            last: 0,
        }
    }

    /// Maintenance at this time.
    pub fn maintenance(&self, now_ms: u64) -> MaintenanceNow {
        let toggle = held(self.maintenance.as_ref(), &self.told.maintenance);
        let kept = self.not_kept(Which::Maintenance).is_none();
        let Variables { maintenance, retry_after, .. } = self.variables;
        match toggle.now(now_ms) {
            Some(set) => MaintenanceNow {
                enabled: set.enabled,
                source: Source::Toggle,
                retry_after: set.retry_after_s.map_or(retry_after, Duration::from_secs),
                message: set.message.clone(),
                until_ms: set.until_ms,
                since_ms: toggle.changed_ms,
                kept,
            },
            None => MaintenanceNow {
                enabled: maintenance,
                source: Source::Variable,
                retry_after,
                message: None,
                until_ms: None,
                since_ms: None,
                kept,
            },
        }
    }

    /// The kill switch at this time.
    pub fn app_server(&self, now_ms: u64) -> AppServerNow {
        let toggle = held(self.app_server.as_ref(), &self.told.app_server);
        let kept = self.not_kept(Which::AppServer).is_none();
        match toggle.now(now_ms) {
            Some(set) => AppServerNow {
                enabled: set.enabled,
                source: Source::Toggle,
                since_ms: toggle.changed_ms,
                kept,
            },
            None => AppServerNow {
                enabled: self.variables.app_server,
                source: Source::Variable,
                since_ms: None,
                kept,
            },
        }
    }

    /// Why a toggle isn't known to be on the daemon's disk as it holds here; `None`: it is, or nothing was ever set.
    pub fn not_kept(&self, which: Which) -> Option<NotKept> {
        let disk = self.disk.as_ref();
        let phase = match which {
            Which::Maintenance => {
                let disk = disk.map(|disk| &disk.maintenance);
                open(self.maintenance.as_ref(), &self.told.maintenance, disk)
            }
            Which::AppServer => {
                let disk = disk.map(|disk| &disk.app_server);
                open(self.app_server.as_ref(), &self.told.app_server, disk)
            }
        }?;
        Some(match (self.keeper, phase) {
            (Keeper::Away, _) => NotKept::Away,
            (Keeper::Older, _) => NotKept::Older,
            (Keeper::There, Phase::Waiting | Phase::Sent) => NotKept::Unanswered,
            (Keeper::There, Phase::Refused) => NotKept::Refused,
            (Keeper::There, Phase::Taken) => NotKept::Disk,
        })
    }

    /// An operator asks for a change: it holds from now on, and takes the place of an earlier one that is still on its
    /// way. The number of the change.
    pub fn ask(&mut self, asked: Asked, now_ms: u64) -> u64 {
        self.last += 1;
        let (number, late) = (self.last, self.keeper != Keeper::There);
        match asked {
            Asked::Maintenance(set) => self.maintenance = Some(pending(number, set, now_ms, late)),
            Asked::AppServer(set) => self.app_server = Some(pending(number, set, now_ms, late)),
        }
        number
    }

    /// Maintenance as it stands here, and when that was changed.
    fn maintenance_set(&self) -> &Toggle<Maintenance> {
        held(self.maintenance.as_ref(), &self.told.maintenance)
    }

    /// The same of the kill switch.
    fn app_server_set(&self) -> &Toggle<AppServer> {
        held(self.app_server.as_ref(), &self.told.app_server)
    }

    /// Another daemon has what was changed at that time: this one is to have it, too, unless it has something newer.
    fn follow(&mut self, asked: Asked, changed_ms: u64) {
        self.last += 1;
        match asked {
            Asked::Maintenance(set) => self.maintenance = Some(pending(self.last, set, changed_ms, true)),
            Asked::AppServer(set) => self.app_server = Some(pending(self.last, set, changed_ms, true)),
        }
    }

    /// Whether a daemon is there that keeps toggles.
    fn has_keeper(&self) -> bool {
        self.keeper == Keeper::There
    }

    /// What is to be sent to the daemon now, each with its number; it counts as sent after this.
    pub fn take(&mut self) -> Vec<(u64, Change)> {
        let mut taken = Vec::new();
        if self.keeper != Keeper::There {
            return taken;
        }
        if let Some((number, set, asked_ms)) = self.maintenance.as_mut().and_then(send) {
            taken.push((number, Change { maintenance: Some(set), asked_ms, ..Change::default() }));
        }
        if let Some((number, set, asked_ms)) = self.app_server.as_mut().and_then(send) {
            taken.push((number, Change { app_server: Some(set), asked_ms, ..Change::default() }));
        }
        taken
    }

    /// The daemon told what is switched. `None`: it is older than toggles, and what holds stays as it is.
    pub fn told(&mut self, toggles: Option<Toggles>) {
        let before = self.keeper;
        self.keeper = if toggles.is_some() { Keeper::There } else { Keeper::Older };
        let Some(toggles) = toggles else { return };
        if toggles.persisted {
            self.disk = Some(toggles.clone());
        } else if before != Keeper::There {
            // Another daemon may have another file.
            self.disk = None;
        }
        follow(&mut self.maintenance, &toggles.maintenance, toggles.persisted);
        follow(&mut self.app_server, &toggles.app_server, toggles.persisted);
        self.told = toggles;
    }

    /// The daemon has taken the change of this number, and told what is switched with it.
    pub fn taken(&mut self, number: u64, toggles: Option<Toggles>) {
        let Some(toggles) = toggles else { return self.refused(number) };
        arrived(&mut self.maintenance, number, &toggles.maintenance);
        arrived(&mut self.app_server, number, &toggles.app_server);
        self.told(Some(toggles));
    }

    /// The daemon refused the change of this number. It holds in this front, until the next daemon takes it.
    pub fn refused(&mut self, number: u64) {
        let refuse = |phase: &mut Phase| *phase = Phase::Refused;
        self.maintenance.as_mut().filter(|p| p.number == number).map(|p| &mut p.phase).map(refuse);
        self.app_server.as_mut().filter(|p| p.number == number).map(|p| &mut p.phase).map(refuse);
    }

    /// The daemon is away. What it told holds on, and what it may have lost is sent again to the next one.
    pub fn lost(&mut self) {
        self.keeper = Keeper::Away;
        self.maintenance.as_mut().map(again);
        self.app_server.as_mut().map(again);
    }

    /// Whether it is known what became of the change of this number to this toggle, or of the newer one that took its place:
    /// the daemon has it, refused it, has got another front's, or is away.
    pub fn is_settled(&self, which: Which, number: u64) -> bool {
        let change = match which {
            Which::Maintenance => self.maintenance.as_ref().map(|p| (p.number, p.phase)),
            Which::AppServer => self.app_server.as_ref().map(|p| (p.number, p.phase)),
        };
        let open = change
            .is_some_and(|(newest, phase)| newest >= number && matches!(phase, Phase::Waiting | Phase::Sent));
        self.keeper != Keeper::There || !open
    }
}

impl MaintenanceNow {
    /// What clients are told to wait at this time: never beyond the end.
    pub fn wait(&self, now_ms: u64) -> Duration {
        let left = self.until_ms.map(|until| shared::time::clock::until(until, now_ms));
        left.map_or(self.retry_after, |left| left.min(self.retry_after))
    }
}

#[cfg(test)]
mod tests;
