//! The operator's command as a process, on a file of keys of its own.

mod ready;

use gateway_tests::pair::{Binary, DEADLINE, binary};
use serde_json::Value;
use shared::keys;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

/// What it said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A file of keys in a folder of its own.
pub(crate) struct Keys {
    folder: TempDir,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("keys.toml")
    }

    pub(crate) fn setting(&self) -> String {
        self.path().to_string_lossy().into_owned()
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("a file of keys")
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(self.path(), text).expect("a file of keys");
    }

    /// Runs `codexctl key` on it.
    pub(crate) async fn key(&self, args: &[&str]) -> Said {
        let file = self.setting();
        run(&[&["key"], args].concat(), &[("PROXY_API_KEYS_FILE", &file)], "").await
    }

    /// Makes a key and gives it.
    pub(crate) async fn add(&self, args: &[&str]) -> String {
        let said = self.key(&[&["add"], args].concat()).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out.trim_end().to_owned()
    }

    /// Revokes a key.
    pub(crate) async fn revoke(&self, name: &str) {
        let said = self.key(&["revoke", name]).await;
        assert_eq!(said.code, Some(0), "{said:?}");
    }

    /// The names in it, as the front reads them.
    fn names(&self) -> Vec<String> {
        let entries = keys::parse(&self.text()).expect("a good file");
        entries.iter().map(|entry| entry.name.to_string()).collect()
    }
}

/// Runs the command with these variables alone.
async fn run(args: &[&str], env: &[(&str, &str)], stdin: &str) -> Said {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(binary(Binary::Codexctl))
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a program that starts");
    let mut input = child.stdin.take().expect("a pipe");
    // It may end without having read.
    let _unread = input.write_all(stdin.as_bytes()).await;
    drop(input);
    let ended = tokio::time::timeout(DEADLINE, child.wait_with_output()).await;
    let ended = ended.expect("codexctl ends in time").expect("an end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Said { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) }
}

#[tokio::test]
async fn a_key_is_printed_once_and_alone() {
    let keys = Keys::new();
    let said = keys.key(&["add", "ci", "--model", "gpt-fake-1", "--expires", "90d", "--operator"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let key = said.out.strip_suffix('\n').expect("a line");
    assert!(key.starts_with("sk-codex-") && key.len() == 52 && !key.contains('\n'), "{said:?}");
    assert!(!said.err.contains(key) && said.err.contains(&keys.setting()), "{said:?}");
    let (hash, text) = (keys::Digest::of(key.as_bytes()).to_text(), keys.text());
    assert!(!text.contains(key) && text.contains(&hash), "{text}");
    let mode = fs::metadata(keys.path()).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for list in [keys.key(&["list"]).await, keys.key(&["list", "--json"]).await] {
        assert_eq!(list.code, Some(0), "{list:?}");
        assert!(list.out.contains("ci") && list.out.contains("gpt-fake-1"), "{list:?}");
        assert!(!list.out.contains(key) && !list.out.contains(&hash[7..]), "{list:?}");
    }
    let list = keys.key(&["list", "--json"]).await;
    let list: Value = serde_json::from_str(&list.out).expect("JSON");
    assert_eq!((&list[0]["state"], &list[0]["operator"]), (&"valid".into(), &true.into()));
    let other = keys.add(&["other"]).await;
    assert_ne!(key, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_all_land() {
    let keys = Keys::new();
    let names: Vec<String> = (0..8).map(|n| format!("k{n}")).collect();
    let keys = &keys;
    let adding = names.iter().map(|name| async move { keys.key(&["add", name]).await });
    for said in futures_util::future::join_all(adding).await {
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    let mut there = keys.names();
    there.sort_unstable();
    assert_eq!(there, names);
    let (gone, stays) = names.split_at(4);
    let revoking = gone.iter().map(|name| async move {
        let revoked = keys.key(&["revoke", name]).await;
        let more = keys.key(&["add", &format!("new-{name}")]).await;
        (revoked.code, more.code)
    });
    for codes in futures_util::future::join_all(revoking).await {
        assert_eq!(codes, (Some(0), Some(0)));
    }
    let mut there = keys.names();
    there.sort_unstable();
    let wanted: Vec<String> =
        stays.iter().cloned().chain(gone.iter().map(|name| format!("new-{name}"))).collect();
    assert_eq!(there, wanted);
}

#[tokio::test]
async fn a_broken_file_is_left_alone() {
    let keys = Keys::new();
    keys.add(&["ci"]).await;
    let broken = format!("{}[[keys]]\nname = \"half\"\n", keys.text());
    keys.write(&broken);
    for args in [&["add", "more"][..], &["revoke", "ci"], &["list"]] {
        let said = keys.key(args).await;
        assert_eq!((said.code, &*said.out), (Some(2), ""), "{said:?}");
        assert_eq!(said.err.lines().count(), 2, "{said:?}");
        assert!(said.err.contains("line 7: key `half`: `hash` is missing"), "{said:?}");
        assert!(!said.err.contains("sha256:a") && keys.text() == broken, "{said:?}");
    }
    fs::set_permissions(keys.path(), fs::Permissions::from_mode(0o666)).expect("a mode");
    let said = keys.key(&["list"]).await;
    assert!(said.code == Some(2) && said.err.contains("chmod o-w"), "{said:?}");
}

#[tokio::test]
async fn what_cannot_be_done_ends_with_2_and_says_why() {
    let keys = Keys::new();
    for (args, words) in [
        (&["list"][..], "it does not exist; `codexctl key add NAME` makes it"),
        (&["revoke", "ci"], "it does not exist"),
        (&["add", "a b"], "NAME must be 1 to 64 letters"),
        (&["add", "sk-secret1"], "NAME must not begin with `sk-`"),
        (&["add", "PROXY_API_KEY"], "is the key of the environment"),
        (&["add", "ci", "--expires", "2020-01-01T00:00:00Z"], "--expires must be in the future"),
        (&["add", "ci", "--expires", "soon"], "--expires must be a time from now"),
        (&["add", "ci", "--window", "60"], "--window"),
        (&["add", "ci", "--requests", "0"], "--requests"),
        (&["add", "ci", "--profile", "root"], "--profile"),
        (&["add", "ci", "--model", ""], "--model"),
        (&["add", "ci", "--stdin"], "the key on stdin must be 24 to 4096"),
        (&["add"], "<NAME>"),
        (&[], "Usage"),
    ] {
        let said = keys.key(args).await;
        assert_eq!((said.code, &*said.out), (Some(2), ""), "{said:?}");
        assert!(said.err.contains(words) && !said.err.contains("secret1"), "{said:?}");
        assert!(!keys.path().exists(), "{args:?}");
    }
    keys.add(&["ci"]).await;
    let before = keys.text();
    for (args, words) in [
        (&["add", "ci"][..], "there is a key `ci` already"),
        (&["revoke", "other"], "there is no key `other`"),
    ] {
        let said = keys.key(args).await;
        assert!(said.code == Some(2) && said.err.contains(words) && keys.text() == before, "{said:?}");
    }
    let said = run(&["key", "--file", "/dev/null/x/keys.toml", "add", "ci"], &[], "").await;
    assert_eq!(said.code, Some(1), "{said:?}");
    for help in [&["--help"][..], &["key", "--help"], &["key", "add", "--help"], &["--version"]] {
        assert_eq!(run(help, &[], "").await.code, Some(0));
    }
}

#[tokio::test]
async fn a_key_from_stdin_is_stored_and_not_printed() {
    let keys = Keys::new();
    let (key, file) = ("a-key-that-was-there-before", keys.setting());
    let args = ["key", "add", "old", "--stdin", "--file", &file];
    // An empty variable is an unset one, and the flag wins anyway.
    let said = run(&args, &[("PROXY_API_KEYS_FILE", "")], &format!("{key}\n")).await;
    assert_eq!((said.code, &*said.out), (Some(0), ""), "{said:?}");
    assert!(!said.err.contains(key) && !keys.text().contains(key), "{said:?}");
    assert!(keys.text().contains(&keys::Digest::of(key.as_bytes()).to_text()));
    let twice = ["key", "add", "again", "--stdin", "--file", &file];
    let said = run(&twice, &[], key).await;
    assert!(said.code == Some(2) && said.err.contains("there already, as `old`"), "{said:?}");
    // A key in the place of its name would be told to everybody.
    let named = "abcdefghijklmnopqrstuvwxyz";
    let said = run(&["key", "add", named, "--stdin", "--file", &file], &[], named).await;
    assert!(said.code == Some(2) && !said.err.contains(named) && !keys.text().contains(named), "{said:?}");
}

/// Variables name the places that no option names, and an empty one is unset, whatever the command.
#[tokio::test]
async fn the_places_are_those_of_the_variables() {
    let listed = |env: &'static [(&str, &str)]| async move { run(&["trace", "list"], env, "").await };
    let nowhere = |said: &Said, folder: &str| {
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains(&format!("the folder {folder} can't be read")), "{said:?}");
    };
    nowhere(&listed(&[]).await, ".codex-api/trace-buffer");
    nowhere(
        &listed(&[("PROXY_TRACE_BUFFER_DIR", ""), ("PROXY_STATE_DIR", "")]).await,
        ".codex-api/trace-buffer",
    );
    nowhere(
        &listed(&[("PROXY_TRACE_BUFFER_DIR", " "), ("PROXY_STATE_DIR", "/none")]).await,
        "/none/trace-buffer",
    );
    nowhere(&listed(&[("PROXY_TRACE_BUFFER_DIR", "/no"), ("PROXY_STATE_DIR", "/none")]).await, "/no");
    let said = run(&["trace", "list", "--dir", "/d"], &[("PROXY_TRACE_BUFFER_DIR", "/no")], "").await;
    nowhere(&said, "/d");
    for (env, file) in [("", ".codex-api/keys.toml"), ("/none/keys.toml", "/none/keys.toml")] {
        let said = run(&["key", "list"], &[("PROXY_API_KEYS_FILE", env)], "").await;
        assert!(said.code == Some(2) && said.err.contains(file), "{said:?}");
    }
}

/// Whoever has read enough closes the pipe: a failure only where what was written can't be had again.
#[tokio::test]
async fn a_pipe_that_is_closed_is_a_failure_only_for_a_fresh_key() {
    let keys = Keys::new();
    keys.add(&["first"]).await;
    let (folder, file) = (keys.folder().to_string_lossy().into_owned(), keys.setting());
    for (args, code) in [
        (vec!["key", "--file", &file, "list"], 0),
        (vec!["trace", "list", "--dir", &folder], 0),
        (vec!["key", "--file", &file, "add", "second"], 1),
    ] {
        let (read, write) = std::io::pipe().expect("a pipe");
        drop(read);
        let mut command = Command::new(binary(Binary::Codexctl));
        command.args(&args).env_clear().stdin(Stdio::null()).stdout(write).stderr(Stdio::piped());
        let child = command.kill_on_drop(true).spawn().expect("a program that starts");
        let ended = tokio::time::timeout(DEADLINE, child.wait_with_output()).await;
        let ended = ended.expect("codexctl ends in time").expect("an end");
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {told}");
        assert_eq!(told.contains("the key is lost"), code == 1, "{args:?}: {told}");
    }
}
