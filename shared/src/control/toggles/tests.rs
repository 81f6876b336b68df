use super::*;
use proptest::prelude::*;

fn on(until_ms: Option<u64>) -> Maintenance {
    Maintenance { enabled: true, until_ms, ..Maintenance::default() }
}

fn set(maintenance: Option<Maintenance>, asked_ms: Option<u64>) -> Change {
    Change { maintenance: Some(maintenance), asked_ms, ..Change::default() }
}

#[test]
fn a_member_that_is_missing_stays_and_null_removes() {
    let read = |text: &str| serde_json::from_str::<Change>(text);
    assert_eq!(read("{}").unwrap(), Change::default());
    let removed = read(r#"{"maintenance":null,"appServer":{"enabled":false}}"#).unwrap();
    assert_eq!(removed.maintenance, Some(None));
    assert_eq!(removed.app_server, Some(Some(AppServer { enabled: false })));
    assert_eq!(serde_json::to_string(&set(None, Some(7))).unwrap(), r#"{"maintenance":null,"askedMs":7}"#);
    for wrong in [
        r#"{"maintenence":null}"#,
        r#"{"maintenance":{}}"#,
        r#"{"maintenance":true}"#,
        r#"{"maintenance":[true]}"#,
        r#"{"maintenance":{"enabled":true,"until":5}}"#,
        r#"{"appServer":[true]}"#,
        r#"{"appServer":{"enabled":true,"message":"x"}}"#,
        "[1]",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let mut toggles = Toggles::default();
    assert!(toggles.apply(set(Some(on(None)), None), 10));
    assert!(!toggles.apply(Change::default(), 11), "nothing was asked for");
    assert!(toggles.apply(Change { app_server: Some(None), ..Change::default() }, 12));
    assert_eq!((toggles.maintenance.set, toggles.revision), (Some(on(None)), 2));
}

#[test]
fn a_late_change_does_not_undo_a_newer_one() {
    let mut toggles = Toggles::default();
    assert!(toggles.apply(set(None, None), 100));
    assert!(!toggles.apply(set(Some(on(None)), Some(99)), 200), "removed after that was asked for");
    assert!(toggles.apply(set(Some(on(None)), Some(100)), 200));
    assert_eq!(toggles.maintenance.changed_ms, Some(100), "it is as old as it is");
    assert!(toggles.apply(set(None, Some(150)), 200));
    // A clock that was set back: what was changed in the future holds up nobody.
    assert!(toggles.apply(set(None, None), 5000));
    assert!(toggles.apply(set(Some(on(None)), Some(150)), 300));
    assert!(toggles.apply(set(None, Some(9999)), 300), "a late change of the future");
    assert_eq!(toggles.maintenance.changed_ms, Some(300));
}

#[test]
fn a_toggle_ends_when_the_clock_says_so() {
    let mut toggles = Toggles::default();
    toggles.apply(set(Some(on(Some(500))), None), 100);
    toggles.persisted = true;
    assert_eq!(toggles.maintenance.now(499), Some(&on(Some(500))));
    assert_eq!(toggles.maintenance.now(500), None);
    assert!(!toggles.expire(499) && toggles.persisted);
    assert!(toggles.expire(500) && !toggles.expire(501));
    assert_eq!(toggles.maintenance, Toggle { set: None, changed_ms: Some(500) });
    assert!(!toggles.persisted && toggles.revision == 2);
    toggles.apply(set(Some(on(Some(500))), None), 600);
    assert_eq!(toggles.maintenance.set, None, "it had ended before it came");
}

#[test]
fn what_can_be_kept_has_bounds() {
    let check = |maintenance: Maintenance| set(Some(maintenance), None).check().map_err(|unfit| unfit.member);
    let text = |message: &str| Maintenance { message: Some(message.into()), ..on(None) };
    assert_eq!(check(text(&"é".repeat(MAX_MESSAGE))), Ok(()));
    assert_eq!(check(text(&"é".repeat(MAX_MESSAGE + 1))), Err("message"));
    let controls = ["a\nb", "\u{7f}", "\u{85}", "\0"];
    // What turns or hides the text around it: line separators, marks of direction, invisible characters.
    let formats = [
        "\u{2028}",
        "\u{2029}",
        "\u{202e}x",
        "\u{2066}",
        "\u{200f}",
        "\u{feff}",
        "\u{ad}",
        "\u{200b}",
        "\u{e0041}",
    ];
    for hidden in controls.into_iter().chain(formats) {
        assert_eq!(check(text(hidden)), Err("message"), "{hidden:?}");
    }
    // Joiners are part of words and of emoji.
    for written in ["می\u{200c}خواهم", "👩\u{200d}💻", "שלום", "…–☕", ""] {
        assert_eq!(check(text(written)), Ok(()), "{written:?}");
    }
    let wait = |seconds| Maintenance { retry_after_s: Some(seconds), ..on(None) };
    assert_eq!((check(wait(86_400)), check(wait(86_401))), (Ok(()), Err("retryAfterS")));
    assert_eq!(check(on(Some(MAX_UNTIL_MS))), Ok(()));
    assert_eq!(check(on(Some(MAX_UNTIL_MS + 1))), Err("untilMs"));
    assert_eq!(set(None, None).check(), Ok(()));
}

fn maintenance() -> impl Strategy<Value = Maintenance> {
    (any::<bool>(), prop::option::of(0..90_000u64), prop::option::of(0..1000u64)).prop_map(
        |(enabled, retry_after_s, until_ms)| Maintenance { enabled, retry_after_s, until_ms, message: None },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes in whatever order and by whatever clock: what a live change sets holds until the next one, and what is
    /// over is over.
    #[test]
    fn the_last_live_change_holds(
        steps in prop::collection::vec((prop::option::of(maintenance()), prop::option::of(0..1000u64), 0..1000u64), 1..40)
    ) {
        let mut toggles = Toggles::default();
        let mut revision = 0;
        for (wanted, asked_ms, now) in steps {
            let before = toggles.clone();
            let taken = toggles.apply(set(wanted.clone(), asked_ms), now);
            prop_assert!(taken || asked_ms.is_some(), "a live change is always taken");
            if taken {
                prop_assert_eq!(
                    &toggles.maintenance.set,
                    &wanted.filter(|set| set.until_ms.is_none_or(|until| until > now))
                );
                prop_assert!(toggles.maintenance.changed_ms <= Some(now) && !toggles.persisted);
            } else {
                prop_assert_eq!(&toggles, &before);
            }
            toggles.expire(now);
            prop_assert_eq!(toggles.maintenance.now(now), toggles.maintenance.set.as_ref());
            prop_assert!(toggles.revision >= revision);
            revision = toggles.revision;
        }
    }

    /// What a later daemon tells beside what is known here is no reason not to understand its status.
    #[test]
    fn a_status_may_tell_more(name in "[a-z]{8,12}") {
        let text = format!(
            r#"{{"maintenance":{{"set":{{"enabled":true,"{name}":1}},"changedMs":7,"{name}":1}},"{name}":1}}"#
        );
        let read = serde_json::from_str::<Toggles>(&text).unwrap();
        prop_assert_eq!(read.maintenance, Toggle { set: Some(on(None)), changed_ms: Some(7) });
    }

    #[test]
    fn what_is_written_is_read_again(wanted in prop::option::of(maintenance()), enabled in prop::option::of(any::<bool>())) {
        let mut toggles = Toggles::default();
        let app_server = Some(enabled.map(|enabled| AppServer { enabled }));
        toggles.apply(Change { maintenance: Some(wanted), app_server, asked_ms: None }, 5);
        let text = serde_json::to_string(&toggles).unwrap();
        prop_assert_eq!(serde_json::from_str::<Toggles>(&text).unwrap(), toggles);
    }
}
