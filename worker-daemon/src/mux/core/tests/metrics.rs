//! `daemon/metrics`: told to whoever may connect, measured once for all who ask, and never waited for.

use super::{Bench, expect};
use crate::mux::core::metrics::{Counted, Counters, Measured};
use shared::control::metrics::{Process, Spans, Told};

const ASK: &str = r#"{"id":"m","method":"daemon/metrics"}"#;

fn measured(bench: &mut Bench) -> Vec<String> {
    let daemon = Process { memory_bytes: Some(7), ..Process::default() };
    let measured = Measured { daemon, codex: Process::default() };
    bench.act(|core, now, out| core.on_measured(&measured, now, out))
}

fn told(line: &str) -> Told {
    let (_, line) = line.split_once(' ').unwrap();
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    serde_json::from_value(value["result"].clone()).unwrap()
}

#[test]
fn all_who_ask_meanwhile_share_one_measurement() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.connect(3);
    expect(bench.client(1, ASK), []);
    expect(bench.client(3, ASK), []);
    assert_eq!(bench.measuring, [None], "before initialize, too, and once for both");
    let answers = measured(&mut bench);
    assert_eq!(answers.len(), 2);
    let told = told(&answers[1]);
    assert_eq!((told.daemon.memory_bytes, told.load.turns), (Some(7), 1));
    assert_eq!((told.turns_max, told.queue_max, told.load.clients), (2, 1, 3));
    assert_eq!(told.latency["turn/start"].counts.iter().sum::<u64>(), 1);
    expect(bench.client(1, ASK), []);
    assert_eq!(bench.measuring.len(), 2);
    expect(measured(&mut bench), [r#"1 {"id":"m","result":{*"#]);
    assert!(bench.core.asking.is_idle());
}

#[test]
fn a_system_that_does_not_tell_holds_up_nobody() {
    let mut bench = Bench::ready();
    bench.client(1, ASK);
    bench.client(2, ASK);
    bench.gone(2);
    expect(bench.tick(1), [r#"1 {"id":"m","result":{*"#]);
    bench.client(1, ASK);
    assert_eq!(bench.measuring.len(), 1, "it is still out");
    expect(measured(&mut bench), ["1 *"]);
    bench.client(1, ASK);
    let forced = bench.act(|core, now, out| core.on_force(now, out));
    expect(forced, [r#"1 {"id":"m","result":{*"#]);
}

#[test]
fn what_only_the_actor_sees_is_told_too() {
    let mut bench = Bench::ready();
    bench.core.on_cut();
    bench.client(1, ASK);
    let answers = measured(&mut bench);
    assert_eq!(told(&answers[0]).clients_cut, 1);
}

#[test]
fn a_counter_never_falls_because_the_system_is_slow() {
    let mut bench = Bench::ready();
    let spans = Spans { exported: 5, dropped: 6, failed: 7 };
    bench.core.count_with(Counters::new(move || Counted {
        started_at: Some(1.5),
        daemon_panics: 3,
        codex_panics: 4,
        log_lines_dropped: 5,
        spans,
    }));
    bench.client(1, ASK);
    let in_time = measured(&mut bench);
    bench.client(1, ASK);
    let late = bench.tick(1);
    bench.client(1, ASK);
    let ending = bench.act(|core, now, out| core.on_force(now, out));
    for (when, lines, memory) in
        [("in time", in_time, Some(7)), ("late", late, None), ("at the end", ending, None)]
    {
        let told = told(&lines[0]);
        assert_eq!(
            (told.daemon.panics, told.codex.panics, told.daemon.log_lines_dropped),
            (3, 4, 5),
            "{when}"
        );
        assert_eq!(told.daemon.spans, spans, "{when}");
        assert_eq!(told.daemon.memory_bytes, memory, "{when}");
        assert!(told.daemon.version.is_some(), "{when}");
        assert_eq!(told.daemon.started_at, Some(1.5), "{when}");
    }
}
