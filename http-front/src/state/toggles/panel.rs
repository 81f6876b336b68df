//! The toggles of a front with several daemons. Pure.
//!
//! Each daemon keeps what is switched, and a front has the state of each ([`Switches`]). What an operator asks of the front goes
//! to all of them. What holds is what was changed last, at whichever of them; one that has something older, because it was away
//! then, is told the newer one with the time of its change, so that it never undoes what was changed since. With one daemon
//! it is that one's state.

use super::{AppServerNow, Asked, MaintenanceNow, NotKept, Switches, Variables, Which};
use shared::control::toggles::{Change, Toggle, Toggles};

/// The state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel(Vec<Switches>);

impl Panel {
    /// Nothing but settings, with so many daemons; one at least.
    pub fn new(variables: Variables, daemons: usize) -> Self {
        Self(vec![Switches::new(variables); daemons.max(1)])
    }

    /// Maintenance at this time.
    pub fn maintenance(&self, now_ms: u64) -> MaintenanceNow {
        let newest = newest(&self.0, |one| one.maintenance_set().changed_ms);
        MaintenanceNow { kept: self.not_kept(Which::Maintenance).is_none(), ..newest.maintenance(now_ms) }
    }

    /// The kill switch at this time.
    pub fn app_server(&self, now_ms: u64) -> AppServerNow {
        let newest = newest(&self.0, |one| one.app_server_set().changed_ms);
        AppServerNow { kept: self.not_kept(Which::AppServer).is_none(), ..newest.app_server(now_ms) }
    }

    /// Why a toggle isn't known to be on the disk of each daemon that is there; `None`: it is, or nothing was ever set. One that
    /// is away gets it when it comes back.
    pub fn not_kept(&self, which: Which) -> Option<NotKept> {
        let anyone = self.0.iter().any(Switches::has_keeper);
        self.0.iter().filter(|one| one.has_keeper() || !anyone).find_map(|one| one.not_kept(which))
    }

    /// An operator asks for a change; see [`Switches::ask`]. Its number at each daemon.
    pub fn ask(&mut self, asked: &Asked, now_ms: u64) -> Vec<u64> {
        self.0.iter_mut().map(|one| one.ask(asked.clone(), now_ms)).collect()
    }

    /// Whether it is known of each daemon what became of the change of these numbers; see [`Switches::is_settled`].
    pub fn is_settled(&self, which: Which, numbers: &[u64]) -> bool {
        self.0.iter().zip(numbers).all(|(one, number)| one.is_settled(which, *number))
    }

    /// What is to be sent to this daemon now; see [`Switches::take`].
    pub fn take(&mut self, daemon: usize) -> Vec<(u64, Change)> {
        self.0.get_mut(daemon).map(Switches::take).unwrap_or_default()
    }

    /// This daemon told what is switched; see [`Switches::told`].
    pub fn told(&mut self, daemon: usize, toggles: Option<Toggles>) {
        self.hear(daemon, |one| one.told(toggles));
    }

    /// This daemon has taken a change; see [`Switches::taken`].
    pub fn taken(&mut self, daemon: usize, number: u64, toggles: Option<Toggles>) {
        self.hear(daemon, |one| one.taken(number, toggles));
    }

    /// This daemon refused a change; see [`Switches::refused`].
    pub fn refused(&mut self, daemon: usize, number: u64) {
        self.hear(daemon, |one| one.refused(number));
    }

    /// This daemon is away; see [`Switches::lost`].
    pub fn lost(&mut self, daemon: usize) {
        self.hear(daemon, Switches::lost);
    }

    fn hear(&mut self, daemon: usize, tell: impl FnOnce(&mut Switches)) {
        if let Some(one) = self.0.get_mut(daemon) {
            tell(one);
        }
        self.spread();
    }

    /// Those that have something older are to have the newest.
    fn spread(&mut self) {
        let maintenance = newest(&self.0, |one| one.maintenance_set().changed_ms).maintenance_set().clone();
        let app_server = newest(&self.0, |one| one.app_server_set().changed_ms).app_server_set().clone();
        for one in &mut self.0 {
            if let Some(at) = is_newer(&maintenance, one.maintenance_set()) {
                one.follow(Asked::Maintenance(maintenance.set.clone()), at);
            }
            if let Some(at) = is_newer(&app_server, one.app_server_set()) {
                one.follow(Asked::AppServer(app_server.set), at);
            }
        }
    }
}

/// The one whose toggle was changed last; the first of equals.
fn newest(all: &[Switches], changed: impl Fn(&Switches) -> Option<u64>) -> &Switches {
    all.iter().rev().max_by_key(|one| changed(one)).expect("there is one at least")
}

/// When the newest was changed, where another one has something else and older.
fn is_newer<T: PartialEq>(newest: &Toggle<T>, other: &Toggle<T>) -> Option<u64> {
    newest.changed_ms.filter(|at| newest.set != other.set && other.changed_ms.is_none_or(|other| other < *at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::control::toggles::{AppServer, Maintenance};
    use std::time::Duration;

    const VARIABLES: Variables =
        Variables { maintenance: false, retry_after: Duration::from_secs(30), app_server: true };

    fn off(changed_ms: u64) -> Toggles {
        let set = Some(AppServer { enabled: false });
        Toggles {
            app_server: Toggle { set, changed_ms: Some(changed_ms) },
            persisted: true,
            ..Toggles::default()
        }
    }

    fn never() -> Toggles {
        Toggles { persisted: true, ..Toggles::default() }
    }

    /// A panel whose daemons have told this.
    fn panel(told: &[Toggles]) -> Panel {
        let mut panel = Panel::new(VARIABLES, told.len());
        (0..).zip(told).for_each(|(daemon, toggles)| panel.told(daemon, Some(toggles.clone())));
        panel
    }

    /// A daemon takes what is sent to it, as a daemon does. What that was.
    fn deliver(panel: &mut Panel, daemon: usize, has: &mut Toggles, now_ms: u64) -> usize {
        let sent = panel.take(daemon);
        for (number, change) in &sent {
            has.apply(change.clone(), now_ms);
            has.persisted = true;
            panel.taken(daemon, *number, Some(has.clone()));
        }
        sent.len()
    }

    #[test]
    fn a_change_goes_to_all_and_is_kept_by_all() {
        let mut panel = panel(&[never(), never()]);
        let numbers = panel.ask(&Asked::AppServer(Some(AppServer { enabled: false })), 10);
        assert!(!panel.app_server(10).enabled && !panel.is_settled(Which::AppServer, &numbers));
        let (mut first, mut second) = (never(), never());
        assert_eq!(deliver(&mut panel, 0, &mut first, 11), 1);
        assert_eq!(panel.not_kept(Which::AppServer), Some(NotKept::Unanswered));
        assert_eq!(deliver(&mut panel, 1, &mut second, 12), 1);
        assert!(panel.is_settled(Which::AppServer, &numbers) && panel.app_server(12).kept);
        assert_eq!((panel.take(0).len(), panel.take(1).len()), (0, 0), "nobody is told again");
    }

    #[test]
    fn one_that_was_away_is_told_what_it_missed() {
        let mut panel = panel(&[never(), never()]);
        panel.lost(1);
        let numbers = panel.ask(&Asked::AppServer(Some(AppServer { enabled: false })), 10);
        let (mut first, mut second) = (never(), never());
        deliver(&mut panel, 0, &mut first, 10);
        assert!(panel.is_settled(Which::AppServer, &numbers), "nobody waits for one that is away");
        assert!(panel.app_server(10).kept);
        panel.told(1, Some(second.clone()));
        assert!(!panel.app_server(10).enabled);
        assert_eq!(deliver(&mut panel, 1, &mut second, 20), 1);
        assert_eq!(second.app_server, first.app_server, "as old as it is at the other one");
        assert_eq!((deliver(&mut panel, 0, &mut first, 21), deliver(&mut panel, 1, &mut second, 21)), (0, 0));
    }

    #[test]
    fn the_newest_holds_whoever_told_it() {
        let mut panel = panel(&[off(5), never()]);
        assert!(!panel.app_server(9).enabled);
        let mut second = never();
        assert_eq!(deliver(&mut panel, 1, &mut second, 9), 1);
        assert_eq!(second.app_server.changed_ms, Some(5));
        // Another front removes it at the second one.
        second.apply(Change { app_server: Some(None), ..Change::default() }, 20);
        second.persisted = true;
        panel.told(1, Some(second.clone()));
        assert!(panel.app_server(20).enabled);
        let mut first = off(5);
        assert_eq!(deliver(&mut panel, 0, &mut first, 21), 1);
        assert_eq!(first.app_server, second.app_server);
    }

    #[test]
    fn one_that_comes_back_with_something_newer_wins() {
        let mut panel = panel(&[never(), never()]);
        panel.lost(1);
        panel.ask(&Asked::AppServer(Some(AppServer { enabled: true })), 10);
        let (mut first, mut second) = (never(), off(15));
        deliver(&mut panel, 0, &mut first, 10);
        panel.told(1, Some(second.clone()));
        deliver(&mut panel, 1, &mut second, 20);
        assert_eq!(second, off(15), "what was asked for before doesn't undo it");
        assert!(!panel.app_server(20).enabled);
        assert_eq!(deliver(&mut panel, 0, &mut first, 21), 1);
        assert_eq!(first.app_server, second.app_server);
        assert_eq!(deliver(&mut panel, 1, &mut second, 22), 0);
    }

    #[test]
    fn the_toggles_are_apart() {
        let mut panel = panel(&[off(5), never()]);
        let message = Some("soon".to_owned());
        let set = Maintenance { enabled: true, message, ..Maintenance::default() };
        panel.ask(&Asked::Maintenance(Some(set.clone())), 3);
        let (mut first, mut second) = (off(5), never());
        deliver(&mut panel, 0, &mut first, 6);
        deliver(&mut panel, 1, &mut second, 6);
        for has in [first, second] {
            assert_eq!(
                (has.maintenance.set.as_ref(), has.app_server.set),
                (Some(&set), off(5).app_server.set)
            );
        }
        assert!(panel.maintenance(7).enabled && !panel.app_server(7).enabled);
    }

    #[test]
    fn nobody_there_is_told_as_with_one() {
        let mut panel = Panel::new(VARIABLES, 2);
        assert!(panel.app_server(1).kept, "nothing was ever set");
        panel.ask(&Asked::AppServer(None), 1);
        assert_eq!(panel.not_kept(Which::AppServer), Some(NotKept::Away));
        panel.told(0, None);
        panel.told(1, Some(never()));
        assert_eq!(
            panel.not_kept(Which::AppServer),
            Some(NotKept::Unanswered),
            "the one that keeps them counts"
        );
        panel.told(7, None);
    }
}
