use super::*;
use proptest::prelude::*;
use shared::control::toggles::{AppServer, Change};
use std::os::unix::fs::{PermissionsExt, symlink};

fn some() -> Toggles {
    let set = Maintenance {
        enabled: true,
        retry_after_s: Some(60),
        message: Some("Back at \"noon\" – ☕".into()),
        until_ms: Some(1_790_000_000_000),
    };
    let change = Change {
        maintenance: Some(Some(set)),
        app_server: Some(Some(AppServer { enabled: false })),
        asked_ms: None,
    };
    let mut toggles = Toggles::default();
    assert!(toggles.apply(change, 7));
    toggles
}

fn is_closed(toggles: &Toggles) -> bool {
    toggles.maintenance.set.as_ref().is_some_and(|set| set.enabled) && !toggles.persisted
}

#[test]
fn what_was_stored_is_loaded_and_for_us_alone() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(load(dir.path()), Toggles { persisted: true, ..Toggles::default() });
    store(dir.path(), &some()).unwrap();
    assert_eq!(load(dir.path()), Toggles { persisted: true, ..some() });
    let path = dir.path().join(FILE);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    // What a daemon that was killed left behind is in nobody's way.
    fs::write(dir.path().join(FRESH), "x".repeat(5000)).unwrap();
    store(dir.path(), &Toggles::default()).unwrap();
    assert_eq!(load(dir.path()), Toggles { persisted: true, ..Toggles::default() });
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_cannot_be_read_closes_the_service() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    store(dir.path(), &some()).unwrap();
    let half = fs::read_to_string(&path).unwrap();
    let long = format!("{half}{}", " ".repeat(70_000));
    for text in ["", "{", "{}", "[]", "null", &half[..half.len() / 2], r#"{"maintenance":7}"#, &long] {
        fs::write(&path, text).unwrap();
        assert!(is_closed(&load(dir.path())), "{text}");
    }
    fs::write(&path, r#"{"maintenance":{"set":{"enabled":false,"message":"a\nb"},"changedMs":1}}"#).unwrap();
    assert!(is_closed(&load(dir.path())));
    // Members that a later version adds are no reason.
    fs::write(&path, half.replacen('{', r#"{"later":1,"#, 1)).unwrap();
    assert_eq!(load(dir.path()), Toggles { persisted: true, ..some() });
    fs::write(&path, half.replace("appServer", "app")).unwrap();
    assert!(is_closed(&load(dir.path())), "a member is missing");
    fs::remove_file(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    assert!(is_closed(&load(dir.path())));
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(is_closed(&load(dir.path())));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(is_closed(&load(dir.path())));
    // Any change is newer than that.
    let mut toggles = load(dir.path());
    assert!(toggles.apply(Change { maintenance: Some(None), asked_ms: Some(1), ..Change::default() }, 9));
    assert_eq!(toggles.maintenance.set, None);
}

/// A member that is missing, misspelt or of another shape may be what had closed the service.
#[test]
fn nothing_of_a_toggle_may_be_missing_or_unknown() {
    const ON: &str = r#"{"set":{"enabled":true},"changedMs":7}"#;
    const NONE: &str = r#"{"set":null,"changedMs":null}"#;
    let file = |maintenance: &str, app_server: &str| {
        parse(format!(r#"{{"maintenance":{maintenance},"appServer":{app_server},"revision":5}}"#).as_bytes())
    };
    assert!(file(ON, NONE).unwrap().maintenance.set.unwrap().enabled);
    assert!(file(NONE, ON).unwrap().app_server.set.is_some());
    for wrong in [
        "{}",
        "null",
        "[]",
        r#"{"set":null}"#,
        r#"{"changedMs":7}"#,
        r#"{"Set":{"enabled":true},"changedMs":7}"#,
        r#"{"set":null,"Set":{"enabled":true},"changedMs":7}"#,
        r#"{"set":null,"set":{"enabled":true},"changedMs":7}"#,
        r#"{"set":{},"changedMs":7}"#,
        r#"{"set":[],"changedMs":7}"#,
        r#"{"set":[false],"changedMs":7}"#,
        r#"{"set":[false,null,null,null],"changedMs":7}"#,
        r#"{"set":{"enabled":false,"Enabled":true},"changedMs":7}"#,
        r#"{"set":{"enabled":true,"untilms":9},"changedMs":7}"#,
        "[null,null]",
        r#"[{"enabled":false},7]"#,
    ] {
        assert!(file(wrong, NONE).is_err(), "{wrong}");
        assert!(file(NONE, wrong).is_err(), "{wrong}");
    }
    assert!(parse(format!("[{NONE},{NONE},5]").as_bytes()).is_err());
}

#[test]
fn what_a_killed_daemon_left_lends_its_mode_to_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let fresh = dir.path().join(FRESH);
    fs::write(&fresh, "{").unwrap();
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o644)).unwrap();
    store(dir.path(), &some()).unwrap();
    assert_eq!(fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode() & 0o7777, 0o600);
    // Nor does a link or a second name lead anywhere else.
    let other = dir.path().join("other");
    fs::write(&other, "theirs").unwrap();
    symlink(&other, &fresh).unwrap();
    store(dir.path(), &some()).unwrap();
    fs::hard_link(&other, &fresh).unwrap();
    store(dir.path(), &some()).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), "theirs");
    assert_eq!(load(dir.path()), Toggles { persisted: true, ..some() });
}

#[test]
fn a_write_that_fails_leaves_the_file_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path(), &some()).unwrap();
    fs::create_dir(dir.path().join(FRESH)).unwrap();
    assert!(store(dir.path(), &Toggles::default()).is_err());
    fs::remove_dir(dir.path().join(FRESH)).unwrap();
    assert_eq!(load(dir.path()), Toggles { persisted: true, ..some() });
    assert!(store(&dir.path().join("none"), &some()).is_err());
}

/// A file system of a few pages, where this user may have one.
struct Tiny(tempfile::TempDir, bool);

impl Tiny {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=32k", "none"]).arg(dir.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        Self(dir, mounted)
    }

    /// Takes all the room; where there is no such file system, puts a folder in the way.
    fn fill(&self) {
        if self.1 {
            let full = fs::write(self.0.path().join("rest"), vec![0; 64 * 1024]).unwrap_err();
            assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        } else {
            fs::create_dir(self.0.path().join(FRESH)).unwrap();
        }
    }

    fn free(&self) {
        let _one_of_both =
            (fs::remove_file(self.0.path().join("rest")), fs::remove_dir(self.0.path().join(FRESH)));
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        if self.1 {
            let _gone = std::process::Command::new("umount").arg(self.0.path()).output();
        }
    }
}

#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let disk = Tiny::new();
    let home = disk.0.path();
    store(home, &some()).unwrap();
    disk.fill();
    let error = store(home, &Toggles::default()).unwrap_err();
    assert_eq!(error.kind() == io::ErrorKind::StorageFull, disk.1, "{error}");
    assert_eq!(load(home), Toggles { persisted: true, ..some() });
    disk.free();
    store(home, &Toggles::default()).unwrap();
    assert_eq!(load(home), Toggles { persisted: true, ..Toggles::default() });
}

#[tokio::test]
async fn the_last_word_is_written_also_when_the_daemon_ends() {
    let dir = tempfile::tempdir().unwrap();
    let shutdown = Shutdown::new();
    let (kept, mut told) = mpsc::channel(1);
    let (keep, wanted) = watch::channel(Toggles::default());
    keep.send_replace(some());
    drop(keep);
    run(dir.path().to_path_buf(), wanted, kept, shutdown).await;
    assert_eq!(told.recv().await, Some(Kept { revision: 1, written: true }));
    assert_eq!(load(dir.path()).revision, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _read = parse(&bytes);
    }

    /// A file of ours with one byte changed is one of ours, or none.
    #[test]
    fn a_bent_file_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let dir = tempfile::tempdir().unwrap();
        store(dir.path(), &some()).unwrap();
        let mut text = fs::read(dir.path().join(FILE)).unwrap();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(toggles) = parse(&text) {
            prop_assert!(toggles.maintenance.set.as_ref().is_none_or(|set| set.check().is_ok()));
        }
    }
}
