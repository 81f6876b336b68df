//! Why a change isn't on the daemon's disk, in words for the log.

/// Whether there is a daemon to keep a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeper {
    /// None is connected.
    Away,
    /// It is older than toggles.
    Older,
    /// It keeps toggles.
    There,
}

/// Why what holds in a front isn't known to be on the daemon's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKept {
    /// The daemon is away.
    Away,
    /// The daemon is older than toggles.
    Older,
    /// The daemon refused the change.
    Refused,
    /// The daemon has not answered yet.
    Unanswered,
    /// The daemon has it, and not on disk.
    Disk,
}

impl NotKept {
    /// Its name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Away => "daemon_away",
            Self::Older => "daemon_older",
            Self::Refused => "daemon_refused",
            Self::Unanswered => "no_answer",
            Self::Disk => "disk",
        }
    }

    /// What holds now, and what becomes of it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Away => {
                "the daemon is away: this change holds in this front alone, and goes to the daemon once that is back"
            }
            Self::Older => {
                "the daemon is older than toggles: this change holds in this front alone, until the front ends or a newer daemon has it"
            }
            Self::Refused => {
                "the daemon refused this change: it holds in this front alone, and goes to the next daemon"
            }
            Self::Unanswered => {
                "the daemon has not answered in time: this change holds in this front, and in the others once the daemon has it"
            }
            Self::Disk => {
                "the daemon has this change, but not on its disk: it holds in every front, and the daemon goes on trying to write it"
            }
        }
    }
}
