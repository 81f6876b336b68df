//! A process of a program takes the place of an older one: with its listening sockets, and nobody who connects is refused.
//!
//! The older one starts the program's file anew ([`give`]), with a channel as its standard input, and goes on as before. The
//! younger one ([`take`]) gets the sockets over the channel, prepares everything that it needs to serve, and says that it is
//! ready. Only then the older one lets go: it accepts nobody any more, tells systemd whom to look after from now on, and finishes
//! what it has. Whatever goes wrong before that costs nothing: the younger one ends, the older one never stopped serving.
//!
//! The sockets are shared, not copied: who has connected and isn't accepted yet waits in the one queue that both have.
//!
//! ```text
//! older                                   younger
//!   starts it, the channel is its stdin     (started by a third that ends at once, so that it is nobody's child)
//!   Gift with the descriptors     ------->  serves nothing yet
//!                                 <-------  Started, by the third
//!                                 <-------  Ready
//!   Go                            ------->  accepts, as the older one still does
//!                                 <-------  Serving
//!   tells systemd (MAINPID=)
//!   Main                          ------->  tells systemd that it is ready, and well
//!   accepts nobody any more, finishes what it has
//!                                 <-------  Reload, End: where it is told so itself
//!   ends: the channel closes      ------->  the older one is gone
//! ```
//!
//! The role of a process is told in [`VARIABLE`], which whoever configures the program reads for [`Origin::read`].

pub mod ending;
pub mod give;
pub mod launch;
pub mod origin;
mod process;
pub mod succession;
pub mod take;
mod wire;

pub use origin::Origin;
pub use wire::Gift;

/// The variable that says in which [`Role`] a process was started. Nobody but this crate sets it.
pub const VARIABLE: &str = "GATEWAY_HANDOVER";

/// The variables of systemd that are meant for one process alone, and must not reach the one that takes its place.
const NOT_INHERITED: [&str; 5] =
    ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_FDS_FIRST_FD", "WATCHDOG_PID"];

/// Processes that may finish what they have behind the one that serves. One more is refused until the one before the serving one
/// has ended, which is the last of them to do so.
pub const MAX_OLDER: u32 = 3;

/// How a process was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// As every program: it serves by itself.
    First,
    /// To start the one that takes over, and to end.
    Launcher,
    /// To take over from an older one, which is at its standard input.
    Successor,
}

impl Role {
    /// The role that [`VARIABLE`] has; a value that is none is that of nobody.
    pub fn of(value: Option<&str>) -> Self {
        match value {
            Some("launch") => Self::Launcher,
            Some("take") => Self::Successor,
            Some(_) | None => Self::First,
        }
    }

    /// What [`VARIABLE`] has for it; none for the first.
    fn value(self) -> Option<&'static str> {
        match self {
            Self::First => None,
            Self::Launcher => Some("launch"),
            Self::Successor => Some("take"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in [Role::First, Role::Launcher, Role::Successor] {
            assert_eq!(Role::of(role.value()), role);
        }
        assert_eq!(Role::of(Some("")), Role::First);
    }
}
