//! What an operator switches.

use super::{Bench, Core, expect};
use crate::mux::action::Report;
use shared::{
    control::toggles::{AppServer, Change, Toggles},
    id::ConnId,
};

const ON: &str = r#"{"id":1,"method":"daemon/toggles/set","params":{"maintenance":{"enabled":true}}}"#;
const CLEAR: &str = r#"{"id":2,"method":"daemon/toggles/set","params":{"maintenance":null}}"#;

/// The end of the write that is out.
fn kept(bench: &mut Bench, written: bool) -> Vec<String> {
    let revision = bench.written.last().expect("a write").revision;
    bench.act(|core, now, out| core.on_kept(revision, written, now, out))
}

#[test]
fn a_change_is_told_at_once_and_answered_when_it_is_on_disk() {
    let mut bench = Bench::ready();
    // Whoever may connect may do it.
    bench.core.on_connected(ConnId(3), false);
    bench.client(2, r#"{"id":1,"method":"daemon/subscribe"}"#);
    bench.core.on_clock(5000);
    expect(
        bench.client(3, ON),
        [
            r#"2 {"method":"daemon/status"*"toggles":{"maintenance":{"set":{"enabled":true},"changedMs":5000},*"revision":1,"persisted":false}*"#,
        ],
    );
    assert_eq!(bench.written.len(), 1);
    assert_eq!(bench.reports, [Report::MaintenanceToggled { enabled: Some(true), until_ms: None }]);
    expect(
        kept(&mut bench, true),
        [
            r#"2 {"method":"daemon/status"*"persisted":true}*"#,
            r#"3 {"id":1,"result":*"revision":1,"persisted":true}*"#,
        ],
    );
    expect(bench.tick(60), []);
    assert_eq!(bench.written.len(), 1, "written once");
}

#[test]
fn changes_while_the_disk_is_busy_are_written_together() {
    let mut bench = Bench::ready();
    expect(bench.client(1, ON), []);
    expect(bench.client(2, CLEAR), []);
    expect(bench.client(1, &ON.replace("\"id\":1", "\"id\":7")), []);
    assert_eq!(bench.written.len(), 1);
    expect(kept(&mut bench, true), []);
    assert_eq!(bench.written.len(), 2);
    assert_eq!(bench.written[1].revision, 3);
    expect(kept(&mut bench, true), ["1 {\"id\":1,*\"persisted\":true*", "2 {\"id\":2,*", "1 {\"id\":7,*"]);
}

#[test]
fn a_disk_that_is_full_is_told_and_tried_again() {
    let mut bench = Bench::ready();
    bench.client(1, ON);
    expect(kept(&mut bench, false), [r#"1 {"id":1,"result":*"enabled":true*"persisted":false}*"#]);
    expect(bench.tick(9), []);
    assert_eq!(bench.written.len(), 1);
    bench.tick(1);
    assert_eq!(bench.written.len(), 2, "again after ten seconds");
    kept(&mut bench, false);
    expect(bench.client(2, CLEAR), []);
    assert_eq!(bench.written.len(), 3, "a change doesn't wait for that");
    expect(kept(&mut bench, true), [r#"2 {"id":2,"result":*"persisted":true}*"#]);
}

#[test]
fn nobody_waits_for_ever() {
    let mut bench = Bench::ready();
    bench.client(1, ON);
    expect(bench.tick(3), [r#"1 {"id":1,"result":*"persisted":false}*"#]);
    bench.client(2, CLEAR);
    bench.gone(2);
    expect(bench.tick(3), []);
    bench.client(1, ON);
    let shown = bench.act(Core::on_force);
    assert!(shown.iter().any(|line| line.starts_with(r#"1 {"id":1,"result""#)), "{shown:#?}");
    expect(kept(&mut bench, true), []);
}

#[test]
fn a_toggle_ends_by_the_clock_whichever_way_that_jumps() {
    let mut bench = Bench::ready();
    bench.client(2, r#"{"id":1,"method":"daemon/subscribe"}"#);
    bench.core.on_clock(1000);
    let line = ON.replace("true", r#"true,"untilMs":9000"#);
    bench.client(1, &line);
    kept(&mut bench, true);
    bench.core.on_clock(0);
    expect(bench.tick(60), []);
    bench.core.on_clock(9000);
    expect(bench.tick(0), [r#"2 {"method":"daemon/status"*"set":null,"changedMs":9000*"#]);
    assert_eq!(bench.reports.last(), Some(&Report::MaintenanceToggled { enabled: None, until_ms: None }));
    assert_eq!(bench.written.len(), 2, "its end is kept, too");
}

#[test]
fn a_late_change_that_is_older_is_answered_and_changes_nothing() {
    let mut bench = Bench::ready();
    bench.core.on_clock(1000);
    bench.client(1, ON);
    kept(&mut bench, true);
    let late = CLEAR.replace("null", "null,\"askedMs\":999");
    expect(bench.client(2, &late), [r#"2 {"id":2,"result":*"enabled":true*"persisted":true}*"#]);
    assert_eq!(bench.written.len(), 1);
}

#[test]
fn what_was_kept_holds_from_the_start() {
    let mut bench = Bench::cold(super::limits());
    let mut toggles = Toggles::default();
    let change = Change { app_server: Some(Some(AppServer { enabled: false })), ..Change::default() };
    toggles.apply(change, 3);
    bench.core.on_toggles(Toggles { persisted: true, ..toggles });
    bench.connect(1);
    expect(
        bench.client(1, r#"{"id":1,"method":"daemon/status"}"#),
        [r#"1 {"id":1,*"appServer":{"set":{"enabled":false},"changedMs":3},"revision":1,"persisted":true}*"#],
    );
    bench.client(1, &ON.replace("maintenance", "appServer"));
    assert_eq!(bench.reports, [Report::AppServerToggled { enabled: Some(true) }]);
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() {
    let mut bench = Bench::ready();
    let long = "x".repeat(501);
    for (params, said) in [
        (r#"{"maintenance":{"enabled":true,"retryAfterS":86401}}"#.to_owned(), "retryAfterS"),
        (format!(r#"{{"maintenance":{{"enabled":true,"message":"{long}"}}}}"#), "message"),
        (r#"{"maintenance":{"enabled":"yes"}}"#.to_owned(), "invalid type"),
        (r#"{"maintenance":{}}"#.to_owned(), "enabled"),
        (r#"{"maintenence":null}"#.to_owned(), "maintenence"),
        (r#"{"maintenance":{"enabled":true,"untilms":1}}"#.to_owned(), "untilms"),
        (r#"{"maintenance":{"enabled":true,"until":1}}"#.to_owned(), "until"),
        (r#"{"appServer":{"enabled":true,"message":"x"}}"#.to_owned(), "message"),
        (r#"{"appServer":{"enabled":true,"enabled":false}}"#.to_owned(), "duplicate"),
        (r#"{"maintenance":[true]}"#.to_owned(), "invalid type"),
        (r#"{"appServer":[]}"#.to_owned(), "invalid type"),
        (r#"{"maintenance":{"enabled":true,"message":"a\u202eb"}}"#.to_owned(), "message"),
        (format!(r#"{{"{}":1}}"#, "y".repeat(10_000)), "unknown field"),
        (format!(r#"{{"{}":1}}"#, "y".repeat(20_000)), "16384"),
    ] {
        let line = format!(r#"{{"id":1,"method":"daemon/toggles/set","params":{params}}}"#);
        let shown = bench.client(1, &line);
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert!(shown[0].contains("-32602") && shown[0].contains(said), "{shown:?}");
        assert!(shown[0].len() < 500, "{shown:?}");
    }
    for params in ["", r#","params":[null]"#, r#","params":null"#, r#","params":7"#] {
        let line = format!(r#"{{"id":1,"method":"daemon/toggles/set"{params}}}"#);
        expect(bench.client(1, &line), [r#"1 {"id":1,"error":{"code":-32602,*"#]);
    }
    assert!(bench.written.is_empty());
}

#[test]
fn what_a_younger_daemon_is_to_have_is_not_changed_here_any_more() {
    let mut bench = Bench::ready();
    bench.client(1, ON);
    assert!(!bench.core.toggles_rest());
    bench.core.freeze_toggles();
    // It waits until it is known who serves.
    expect(bench.client(2, CLEAR), []);
    assert!(!bench.core.is_idle());
    expect(
        bench.client(2, r#"{"id":3,"method":"daemon/restart"}"#),
        [r#"2 {"id":3,"error":*younger daemon*"#],
    );
    // What could not be written is told, and not tried again here.
    kept(&mut bench, false);
    assert!(bench.core.toggles_rest() && !bench.core.toggles().persisted);
    expect(bench.tick(60), []);
    assert_eq!(bench.written.len(), 1);
    // Nobody has taken over: it is this daemon's again, and what wasn't written is.
    bench.act(|core, now, out| core.on_toggles_ours(None, now, out));
    assert_eq!(bench.written.len(), 2);
    // The change that waited comes behind it.
    expect(kept(&mut bench, true), []);
    assert_eq!(bench.written.len(), 3);
    expect(kept(&mut bench, true), [r#"2 {"id":2,"result":*"persisted":true*"#]);
    // Where the younger one serves, whoever waits has to ask that.
    bench.core.freeze_toggles();
    expect(bench.client(1, &ON.replace("\"id\":1", "\"id\":7")), []);
    let told = bench.act(|core, now, out| core.on_superseded(now, out));
    expect(told, [r#"1 {"id":7,"error":{"code":*younger daemon*"#]);
    expect(bench.client(1, ON), [r#"1 {"id":1,"error":{"code":*younger daemon*"#]);
}

#[test]
fn a_younger_daemon_writes_nothing_before_it_serves_and_then_what_it_was_told() {
    let mut bench = Bench::ready();
    let mut toggles = Toggles::default();
    let change = Change { app_server: Some(Some(AppServer { enabled: false })), ..Change::default() };
    toggles.apply(change, 3);
    bench.core.freeze_toggles();
    expect(bench.tick(60), []);
    assert!(bench.written.is_empty());
    bench.act(|core, now, out| core.on_toggles_ours(Some(toggles.clone()), now, out));
    assert_eq!(bench.written.len(), 1);
    assert_eq!(bench.reports, [Report::AppServerToggled { enabled: Some(false) }]);
    // What is on disk already isn't written again.
    let mut bench = Bench::ready();
    bench.core.freeze_toggles();
    toggles.persisted = true;
    bench.act(|core, now, out| core.on_toggles_ours(Some(toggles), now, out));
    assert!(bench.written.is_empty());
}
