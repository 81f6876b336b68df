use super::*;
use proptest::prelude::*;
use shared::control::toggles::Toggle;

const OPEN: Variables =
    Variables { maintenance: false, retry_after: Duration::from_secs(30), app_server: true };

fn on(until_ms: Option<u64>) -> Maintenance {
    Maintenance { enabled: true, until_ms, ..Maintenance::default() }
}

fn ask(switches: &mut Switches, set: Option<Maintenance>, now: u64) -> u64 {
    switches.ask(Asked::Maintenance(set), now)
}

/// What a daemon tells whose maintenance was set to this at that time.
fn told(set: Option<Maintenance>, changed_ms: u64, persisted: bool) -> Toggles {
    Toggles {
        maintenance: Toggle { set, changed_ms: Some(changed_ms) },
        persisted,
        revision: changed_ms,
        ..Toggles::default()
    }
}

fn shown(switches: &Switches, now: u64) -> (bool, &'static str, bool) {
    let MaintenanceNow { enabled, source, kept, .. } = switches.maintenance(now);
    (enabled, source.as_str(), kept)
}

#[test]
fn a_change_goes_to_the_daemon_and_is_kept_there() {
    let mut switches = Switches::new(OPEN);
    assert_eq!(shown(&switches, 0), (false, "variable", true), "nothing was set, so nothing is lost");
    switches.told(Some(Toggles { persisted: true, ..Toggles::default() }));
    assert_eq!(shown(&switches, 0), (false, "variable", true));
    let number = ask(&mut switches, Some(on(None)), 10);
    assert_eq!(shown(&switches, 10), (true, "toggle", false), "here at once");
    let change = Change { maintenance: Some(Some(on(None))), ..Change::default() };
    assert_eq!(switches.take(), [(number, change)]);
    assert_eq!(switches.take(), [], "once");
    assert!(!switches.is_settled(Which::Maintenance, number));
    // The others hear of it before it is on disk.
    switches.told(Some(told(Some(on(None)), 11, false)));
    assert!(!switches.is_settled(Which::Maintenance, number));
    switches.taken(number, Some(told(Some(on(None)), 11, true)));
    assert!(switches.is_settled(Which::Maintenance, number));
    assert_eq!(shown(&switches, 12), (true, "toggle", true));
    assert_eq!(switches.maintenance(12).since_ms, Some(11));
    switches.told(Some(told(None, 20, true)));
    assert_eq!(shown(&switches, 20), (false, "variable", true), "another front removed it");
}

#[test]
fn without_the_daemon_a_change_holds_here_and_is_sent_with_its_age() {
    let mut switches = Switches::new(OPEN);
    let first = ask(&mut switches, Some(on(None)), 10);
    let second = ask(&mut switches, Some(Maintenance { enabled: false, ..on(None) }), 20);
    assert!(
        switches.is_settled(Which::Maintenance, first) && switches.is_settled(Which::Maintenance, second),
        "nobody waits for who is away"
    );
    assert_eq!(switches.take(), []);
    assert_eq!(shown(&switches, 20), (false, "toggle", false));
    switches.told(Some(told(None, 5, true)));
    assert_eq!(shown(&switches, 20), (false, "toggle", false), "what the daemon has is older");
    let sent = switches.take();
    assert_eq!(sent.len(), 1, "the newest alone");
    assert_eq!((sent[0].0, sent[0].1.asked_ms), (second, Some(20)));
    // Another front was asked later: that one holds.
    switches.taken(second, Some(told(Some(on(None)), 25, true)));
    assert_eq!(shown(&switches, 30), (true, "toggle", true));
}

/// Whoever's change was replaced on its way waits for the one that took its place.
#[test]
fn a_change_that_was_replaced_is_settled_with_the_newer_one() {
    let mut switches = Switches::new(OPEN);
    switches.told(Some(Toggles { persisted: true, ..Toggles::default() }));
    let first = ask(&mut switches, Some(on(None)), 10);
    assert_eq!(switches.take().len(), 1);
    let second = ask(&mut switches, None, 11);
    let last = ask(&mut switches, Some(on(Some(900))), 12);
    assert_eq!(switches.take().len(), 1);
    let other = switches.ask(Asked::AppServer(Some(AppServer { enabled: true })), 13);
    let settled = |switches: &Switches| {
        [first, second, last].map(|number| switches.is_settled(Which::Maintenance, number))
    };
    assert_eq!(settled(&switches), [false; 3]);
    switches.taken(first, Some(told(Some(on(Some(900))), 12, false)));
    assert_eq!(settled(&switches), [false; 3], "the newest alone is waited for");
    switches.taken(last, Some(told(Some(on(Some(900))), 12, true)));
    assert_eq!(settled(&switches), [true; 3]);
    assert_eq!(shown(&switches, 13), (true, "toggle", true));
    assert!(!switches.is_settled(Which::AppServer, other), "the other toggle is none of theirs");
}

#[test]
fn a_toggle_that_is_not_kept_says_nothing_of_the_other() {
    let mut switches = Switches::new(OPEN);
    switches.told(Some(told(Some(on(None)), 5, true)));
    let number = switches.ask(Asked::AppServer(Some(AppServer { enabled: false })), 7);
    switches.take();
    let app_server = Toggle { set: Some(AppServer { enabled: false }), changed_ms: Some(7) };
    // A full disk.
    switches.taken(number, Some(Toggles { app_server, ..told(Some(on(None)), 5, false) }));
    assert!(!switches.app_server(8).kept);
    assert_eq!(shown(&switches, 8), (true, "toggle", true), "it is on disk as it was");
    // Another daemon may have another file.
    switches.lost();
    switches.told(Some(told(Some(on(None)), 5, false)));
    assert_eq!(shown(&switches, 9), (true, "toggle", false));
}

#[test]
fn it_is_told_why_a_change_is_not_kept() {
    let mut switches = Switches::new(OPEN);
    let why = |switches: &Switches| switches.not_kept(Which::Maintenance);
    assert_eq!(why(&switches), None);
    let number = ask(&mut switches, Some(on(None)), 10);
    assert_eq!(why(&switches), Some(NotKept::Away));
    switches.told(None);
    assert_eq!(why(&switches), Some(NotKept::Older));
    switches.told(Some(Toggles { persisted: true, ..Toggles::default() }));
    assert_eq!(why(&switches), Some(NotKept::Unanswered));
    switches.take();
    switches.refused(number);
    assert_eq!(why(&switches), Some(NotKept::Refused));
    switches.taken(number, Some(told(Some(on(None)), 10, false)));
    assert_eq!(why(&switches), Some(NotKept::Disk));
    assert_eq!(switches.not_kept(Which::AppServer), None);
    switches.told(Some(told(Some(on(None)), 10, true)));
    assert_eq!(why(&switches), None);
    switches.told(Some(told(None, 20, false)));
    assert_eq!(why(&switches), Some(NotKept::Disk), "another front's");
    switches.lost();
    assert_eq!(why(&switches), Some(NotKept::Away));
}

#[test]
fn what_the_daemon_told_holds_while_it_is_away() {
    let mut switches = Switches::new(OPEN);
    switches.told(Some(told(Some(on(Some(100))), 5, true)));
    switches.lost();
    assert_eq!(shown(&switches, 99), (true, "toggle", true));
    assert_eq!(shown(&switches, 100), (false, "variable", true), "its end comes without the daemon");
}

#[test]
fn what_may_be_lost_with_the_daemon_is_sent_to_the_next() {
    let mut switches = Switches::new(OPEN);
    switches.told(Some(Toggles { persisted: true, ..Toggles::default() }));
    let number = ask(&mut switches, Some(on(None)), 10);
    switches.take();
    // A full disk.
    switches.taken(number, Some(told(Some(on(None)), 11, false)));
    assert_eq!(shown(&switches, 12), (true, "toggle", false));
    assert!(switches.is_settled(Which::Maintenance, number));
    switches.lost();
    switches.told(Some(Toggles { persisted: true, ..Toggles::default() }));
    assert_eq!(shown(&switches, 13), (true, "toggle", false), "never open in between");
    assert_eq!(switches.take()[0].1.asked_ms, Some(11));
    switches.taken(number, Some(told(Some(on(None)), 11, true)));
    assert_eq!(shown(&switches, 14), (true, "toggle", true));
    switches.lost();
    switches.told(Some(told(Some(on(None)), 11, true)));
    assert_eq!(switches.take(), [], "it is on disk");
}

#[test]
fn an_older_daemon_keeps_nothing_and_the_change_holds_here() {
    let mut switches = Switches::new(OPEN);
    switches.told(None);
    let number = ask(&mut switches, Some(on(None)), 10);
    assert_eq!(switches.take(), []);
    assert!(switches.is_settled(Which::Maintenance, number));
    assert_eq!(shown(&switches, 11), (true, "toggle", false));
    // One that refuses it is asked once.
    switches.told(Some(Toggles::default()));
    assert_eq!(switches.take().len(), 1);
    switches.refused(number);
    assert!(switches.is_settled(Which::Maintenance, number));
    switches.told(Some(Toggles::default()));
    assert_eq!(switches.take(), []);
    assert_eq!(shown(&switches, 11), (true, "toggle", false));
    switches.lost();
    switches.told(Some(Toggles::default()));
    assert_eq!(switches.take().len(), 1);
}

#[test]
fn the_kill_switch_is_one_of_its_own() {
    let mut switches = Switches::new(Variables { app_server: false, maintenance: true, ..OPEN });
    switches.told(Some(Toggles { persisted: true, ..Toggles::default() }));
    assert!(!switches.app_server(0).enabled);
    let number = switches.ask(Asked::AppServer(Some(AppServer { enabled: true })), 7);
    assert!(switches.app_server(7).enabled);
    assert_eq!(switches.app_server(7).since_ms, Some(7));
    let other = ask(&mut switches, Some(Maintenance::default()), 8);
    assert_eq!(switches.take().len(), 2);
    switches.refused(other);
    assert!(switches.is_settled(Which::Maintenance, other) && !switches.is_settled(Which::AppServer, number));
    let taken = Toggle { set: Some(AppServer { enabled: true }), changed_ms: Some(9) };
    switches.taken(number, Some(Toggles { app_server: taken, persisted: true, ..Toggles::default() }));
    assert_eq!(switches.app_server(9).source, Source::Toggle);
    assert!(switches.app_server(9).kept && !switches.maintenance(9).kept);
    switches.ask(Asked::AppServer(None), 10);
    assert!(!switches.app_server(10).enabled, "the setting again");
}

#[test]
fn nobody_is_told_to_wait_beyond_the_end() {
    let mut switches = Switches::new(OPEN);
    let set = |retry_after_s, until_ms| Maintenance { retry_after_s, ..on(until_ms) };
    for (retry_after_s, until_ms, waits) in [
        (None, None, 30_000),
        (Some(7), None, 7_000),
        (Some(7), Some(1_500), 500),
        (None, Some(2_000), 1_000),
        (Some(0), Some(2_000), 0),
    ] {
        ask(&mut switches, Some(set(retry_after_s, until_ms)), 0);
        assert_eq!(switches.maintenance(1_000).wait(1_000), Duration::from_millis(waits));
    }
}

/// What happens to a front and its daemon.
#[derive(Debug, Clone)]
enum Step {
    Ask(Option<Maintenance>),
    /// Another front changes it at the daemon.
    Other(Option<Maintenance>),
    /// What is to be sent is on its way.
    Send,
    /// What was sent is heard by the daemon, and its answer by the front.
    Deliver {
        persisted: bool,
    },
    /// The connection breaks; what is on its way is lost.
    Break,
    /// The daemon is there (again), as it was or without what it had not on disk.
    Connect {
        fresh: bool,
    },
    /// The clock shows another time.
    Clock(u64),
    /// The daemon looks at the clock.
    Tick,
}

fn maintenance() -> impl Strategy<Value = Option<Maintenance>> {
    let set = (any::<bool>(), prop::option::of(0..200u64));
    prop::option::of(set.prop_map(|(enabled, until_ms)| Maintenance { enabled, ..on(until_ms) }))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => maintenance().prop_map(Step::Ask),
        1 => maintenance().prop_map(Step::Other),
        1 => Just(Step::Send),
        4 => any::<bool>().prop_map(|persisted| Step::Deliver { persisted }),
        3 => Just(Step::Break),
        5 => any::<bool>().prop_map(|fresh| Step::Connect { fresh }),
        1 => (0..200u64).prop_map(Step::Clock),
        1 => Just(Step::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    /// Whatever is asked, lost and told, at whatever times: what this front was asked for holds until somebody changes it,
    /// and in the end the front has what the daemon has.
    #[test]
    fn what_was_asked_for_last_holds(steps in prop::collection::vec(step(), 1..60)) {
        let mut switches = Switches::new(OPEN);
        let (mut daemon, mut disk) = (Toggles::default(), Toggles::default());
        let (mut connected, mut now) = (false, 100);
        let mut way: Vec<(u64, Change)> = Vec::new();
        // What was asked for last, until somebody else has a word.
        let mut mine: Option<Option<Maintenance>> = None;
        for step in steps {
            match step {
                Step::Ask(set) => {
                    ask(&mut switches, set.clone(), now);
                    mine = Some(set);
                }
                Step::Other(set) => {
                    daemon.apply(Change { maintenance: Some(set), ..Change::default() }, now);
                    mine = None;
                    if connected {
                        switches.told(Some(daemon.clone()));
                    }
                }
                Step::Deliver { persisted } => if connected {
                    way.extend(switches.take());
                    for (number, change) in way.drain(..) {
                        daemon.apply(change, now);
                        daemon.persisted = persisted;
                        if persisted {
                            disk = daemon.clone();
                        }
                        switches.taken(number, Some(daemon.clone()));
                    }
                }
                Step::Send => way.extend(switches.take()),
                Step::Break => {
                    connected = false;
                    way.clear();
                    switches.lost();
                }
                Step::Connect { fresh } => if !connected {
                    if fresh {
                        daemon = disk.clone();
                    }
                    connected = true;
                    switches.told(Some(daemon.clone()));
                }
                Step::Clock(time) => {
                    now = time;
                    // A late change of another time may be older or newer now.
                    mine = None;
                }
                Step::Tick => if daemon.expire(now) && connected {
                    switches.told(Some(daemon.clone()));
                }
            }
            if let Some(set) = &mine {
                let wanted = set.as_ref().filter(|set| set.until_ms.is_none_or(|until| until > now));
                let shown = switches.maintenance(now);
                prop_assert_eq!(shown.enabled, wanted.is_some_and(|set| set.enabled));
                prop_assert_eq!(shown.source == Source::Toggle, wanted.is_some());
            }
            let shown = switches.maintenance(now);
            prop_assert!(shown.until_ms.is_none_or(|until| until > now));
            let holds = held(switches.maintenance.as_ref(), &switches.told.maintenance);
            prop_assert!(
                !shown.kept || *holds == disk.maintenance || *holds == Toggle::default(),
                "it is said to be kept and isn't on disk"
            );
        }
        if !connected {
            switches.told(Some(daemon.clone()));
        }
        way.extend(switches.take());
        for (number, change) in way {
            daemon.apply(change, now);
            daemon.persisted = true;
            switches.taken(number, Some(daemon.clone()));
        }
        switches.told(Some(Toggles { persisted: true, ..daemon.clone() }));
        let shown = switches.maintenance(now);
        prop_assert_eq!(shown.enabled, daemon.maintenance.now(now).is_some_and(|set| set.enabled));
        prop_assert!(shown.kept, "nothing is left on its way");
    }
}
