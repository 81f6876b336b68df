//! The core under random histories, against a model of the child.
//!
//! Every step checks what the core promises ([`world`]); at the end everything is answered, every client leaves,
//! and nothing may be left on either side.

mod child;
mod world;

use proptest::{prelude::*, strategy::ValueTree};
use world::World;

/// One thing that happens. Numbers pick among what there is, so that every history is a valid one and shrinks.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A client connects, and initializes unless `mute`.
    Connect { mute: bool },
    /// A client sends `initialize`, a second time perhaps.
    Hello(u8),
    /// A client wants a thread.
    Open(u8),
    /// A client sends a request that names one of its threads.
    About(u8, About, u8),
    /// A client wants a turn in any thread at all.
    Foreign(u8, u8),
    /// A client asks something else.
    Other(u8),
    /// A client switches maintenance.
    Toggle(u8, bool),
    /// A write of what is switched ends.
    Kept { written: bool },
    /// A client is gone.
    Gone(u8),
    /// A child refuses the next thread or turn.
    Refuse(u8),
    /// A child is too busy for the next request.
    Busy(u8),
    /// The child answers one of the requests that it has.
    Answer(u8),
    /// The child says something about a thread, one that its client doesn't know yet perhaps.
    Note(u8),
    /// A turn begins to speak.
    Begin(u8),
    /// A turn ends.
    Complete(u8),
    /// A turn asks its client something.
    Ask(u8),
    /// A client answers what it was asked.
    Reply(u8),
    /// A client answers what another was asked.
    Forge(u8, u8),
    /// A child dies.
    Crash { which: u8, backoff: bool },
    /// A child comes up, if none is.
    Up,
    /// A fresh child comes up beside the one that is there.
    Replace,
    /// Time passes, in seconds.
    Tick(u8),
    /// No new work.
    Drain,
}

/// Requests that name a thread.
#[derive(Debug, Clone, Copy)]
enum About {
    Inject,
    Start,
    Interrupt,
    Unsubscribe,
}

fn step() -> impl Strategy<Value = Step> {
    let n = any::<u8>;
    let about = prop_oneof![
        1 => Just(About::Inject),
        4 => Just(About::Start),
        1 => Just(About::Interrupt),
        2 => Just(About::Unsubscribe),
    ];
    prop_oneof![
        3 => prop::bool::weighted(0.1).prop_map(|mute| Step::Connect { mute }),
        1 => n().prop_map(Step::Hello),
        6 => n().prop_map(Step::Open),
        24 => (n(), about, n()).prop_map(|(c, a, t)| Step::About(c, a, t)),
        1 => (n(), n()).prop_map(|(c, t)| Step::Foreign(c, t)),
        2 => n().prop_map(Step::Other),
        1 => (n(), any::<bool>()).prop_map(|(c, on)| Step::Toggle(c, on)),
        1 => any::<bool>().prop_map(|written| Step::Kept { written }),
        1 => n().prop_map(Step::Gone),
        1 => n().prop_map(Step::Refuse),
        1 => n().prop_map(Step::Busy),
        32 => n().prop_map(Step::Answer),
        4 => n().prop_map(Step::Note),
        6 => n().prop_map(Step::Begin),
        6 => n().prop_map(Step::Complete),
        3 => n().prop_map(Step::Ask),
        2 => n().prop_map(Step::Reply),
        1 => (n(), n()).prop_map(|(c, k)| Step::Forge(c, k)),
        1 => (n(), any::<bool>()).prop_map(|(which, backoff)| Step::Crash { which, backoff }),
        4 => Just(Step::Up),
        1 => Just(Step::Replace),
        2 => (0..24u8).prop_map(Step::Tick),
        1 => prop::bool::weighted(0.1).prop_map(|drain| if drain { Step::Drain } else { Step::Up }),
    ]
}

// 256 cases, or as many as `PROPTEST_CASES` says.
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_keeps_its_promises(up in any::<bool>(), steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        if up {
            world.begin();
        }
        for step in steps {
            world.step(step);
            world.check();
        }
        world.finish();
    }
}

/// The histories are worth something: they come to turns that run, end, are let go and die.
#[test]
fn the_histories_come_to_turns() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut threads, mut ended) = (0, 0);
    for _ in 0..64 {
        let tree = prop::collection::vec(step(), 120).new_tree(&mut runner).expect("a history");
        let mut world = World::new();
        world.begin();
        for step in tree.current() {
            world.step(step);
        }
        threads += world.threads();
        ended += world.ended();
    }
    assert!(threads > 200 && ended > 40, "{threads} threads, {ended} turns that ended");
}
