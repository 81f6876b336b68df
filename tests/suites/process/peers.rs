//! Who may connect to the daemon's socket, shown with processes of other users.
#![expect(clippy::panic, reason = "in a test a panic is the report")]

use crate::{
    support::around,
    users::{OTHER, STRANGER, can_be_others, copy, open_folder},
};
use gateway_tests::{
    fake_child::Script,
    pair::{Binary, DEADLINE, Pair},
};
use nix::unistd::{Gid, Group, Uid, User, chown};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::{Output, Stdio},
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

/// A pair whose socket lies where everybody can reach it.
struct Stage {
    pair: Pair,
    socket: PathBuf,
    cat: PathBuf,
    _folder: TempDir,
}

impl Stage {
    async fn new(mode: &str, settings: &[(&str, &str)]) -> Self {
        let folder = open_folder();
        let socket = folder.path().join("worker.sock");
        let mut builder = around(&Script::default())
            .both("WORKER_SOCKET", socket.to_str().expect("UTF-8"))
            .daemon("WORKER_SOCKET_MODE", mode);
        for (name, value) in settings {
            builder = builder.daemon(name, *value);
        }
        let pair = builder.start().await.expect("a ready pair");
        Self { pair, socket, cat: copy(Binary::SocketCat, folder.path()), _folder: folder }
    }

    /// Gives the socket to a group.
    fn group(&self, group: u32) {
        chown(&self.socket, None, Some(Gid::from_raw(group))).expect("another group");
    }

    /// Asks for the status as this user, with this one group.
    async fn ask(&self, uid: u32, gid: u32) -> Output {
        let mut client = Command::new(&self.cat)
            .arg(&self.socket)
            .uid(uid)
            .gid(gid)
            .current_dir("/")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a client");
        let mut stdin = client.stdin.take().expect("a pipe");
        let request = json!({ "id": 1, "method": "daemon/status" });
        // One that may not even connect has ended by now.
        let _sent = stdin.write_all(format!("{request}\n").as_bytes()).await;
        drop(stdin);
        let output = tokio::time::timeout(DEADLINE, client.wait_with_output()).await;
        output.expect("the end of a client in time").expect("its output")
    }

    async fn serves(&self, uid: u32, gid: u32) {
        let line = self.one_line(uid, gid).await;
        assert_eq!((&line["id"], &line["result"]["state"]), (&json!(1), &json!("ready")), "{line}");
    }

    /// Refuses with the words, and writes down who it was.
    async fn refuses(&self, uid: u32, gid: u32) {
        let line = self.one_line(uid, gid).await;
        assert_eq!((&line["id"], &line["error"]["code"]), (&Value::Null, &json!(-32014)), "{line}");
        let said = line["error"]["message"].as_str().expect("words");
        assert!(said.contains(&format!("uid {uid}")) && said.contains("WORKER_ALLOW_UIDS"), "{said}");
        let refused = |line: &Value| line["event"] == "client_refused" && line["uid"] == uid;
        let logged = self.pair.daemon.logged("the refusal", refused).await.expect("a line");
        assert!(logged["pid"].as_u64() > Some(0), "{logged}");
    }

    async fn one_line(&self, uid: u32, gid: u32) -> Value {
        let output = self.ask(uid, gid).await;
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        let [line] = lines[..] else { panic!("one line was expected: {text} {:?}", output.stderr) };
        serde_json::from_str(line).expect("JSON")
    }
}

#[tokio::test]
async fn a_stranger_is_refused_with_the_words() {
    if !can_be_others("a stranger at an open socket") {
        return;
    }
    let stage = Stage::new("0666", &[]).await;
    stage.refuses(STRANGER, STRANGER).await;
    // Many of them don't fill the log.
    for _ in 0..50 {
        stage.ask(STRANGER, STRANGER).await;
    }
    let lines = stage.pair.daemon.log().iter().filter(|line| line.contains("client_refused")).count();
    assert!(lines <= 40, "{lines} lines about 51 refusals");
    stage.serves(0, 0).await;
    stage.pair.ready().await.expect("the front is served");
}

#[tokio::test]
async fn a_listed_user_is_served_and_a_member_of_the_group_is_not_any_more() {
    if !can_be_others("a listed user") {
        return;
    }
    let list = format!("{STRANGER},4294967294");
    let stage = Stage::new("0666", &[("WORKER_ALLOW_UIDS", &list)]).await;
    stage.group(OTHER);
    stage.serves(STRANGER, STRANGER).await;
    stage.refuses(OTHER, OTHER).await;
    stage.serves(0, 0).await;
}

#[tokio::test]
async fn a_member_of_the_sockets_group_is_served() {
    if !can_be_others("a member of the socket's group") {
        return;
    }
    for mode in ["0666", "0660"] {
        let stage = Stage::new(mode, &[]).await;
        stage.group(OTHER);
        stage.serves(STRANGER, OTHER).await;
        match mode {
            "0666" => stage.refuses(STRANGER, STRANGER).await,
            _ => {
                let output = stage.ask(STRANGER, STRANGER).await;
                assert_eq!(output.status.code(), Some(1), "the mode keeps it out: {output:?}");
            }
        }
    }
}

/// A user of this machine who is in another group than the own one, by the database alone.
fn member() -> Option<(User, Group)> {
    let text = std::fs::read_to_string("/etc/group").ok()?;
    let mut groups = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let name = fields.get(3)?.split(',').find(|name| !name.is_empty())?;
        Some((User::from_name(name).ok()??, Group::from_name(fields.first()?).ok()??))
    });
    groups.find(|(user, group)| user.uid != Uid::from_raw(0) && user.gid != group.gid)
}

#[tokio::test]
async fn a_member_by_the_group_database_is_served() {
    if !can_be_others("a member by the group database") {
        return;
    }
    let Some((user, group)) = member() else {
        eprintln!("NOT SHOWN: no user of this machine is in a second group");
        return;
    };
    let stage = Stage::new("0666", &[]).await;
    stage.refuses(user.uid.as_raw(), user.gid.as_raw()).await;
    stage.group(group.gid.as_raw());
    stage.serves(user.uid.as_raw(), user.gid.as_raw()).await;
}
