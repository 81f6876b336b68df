//! Both ends of the channel, in one process.

use super::*;
use crate::{
    MAX_OLDER,
    give::{Failed, Successor, Word},
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::PathBuf,
};

fn pair() -> (Blocking, Blocking) {
    Blocking::pair().unwrap()
}

fn gift(descriptors: Vec<(&str, OwnedFd)>) -> Gift {
    let descriptors = descriptors.into_iter().map(|(name, fd)| (name.to_owned(), fd)).collect();
    Gift { descriptors, state: json!({"ready": true}), older: 2 }
}

#[tokio::test]
async fn a_socket_goes_over_with_those_who_wait_in_it() {
    let (ours, theirs) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut early = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let other: OwnedFd = TcpListener::bind("127.0.0.1:0").unwrap().into();
    wire::give(&ours, &gift(vec![("other", other), ("public", listener.into())])).unwrap();
    let (older, mut gift) = receive_from(theirs).unwrap();
    assert_eq!((older.count(), &gift.state), (2, &json!({"ready": true})));
    assert!(gift.take("internal").is_none());
    let listener = TcpListener::from(gift.take("public").unwrap());
    assert!(gift.take("public").is_none(), "it is taken once");
    let (mut served, _) = listener.accept().unwrap();
    served.write_all(b"!").unwrap();
    let mut heard = [0];
    early.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"!");
}

#[tokio::test]
async fn what_is_no_gift_is_refused() {
    for sent in [
        "",
        "rubbish\n",
        r#"{"version":1,"names":[],"state":null,"older":1}"#,
        concat!(r#"{"version":2,"names":[],"state":null,"older":1}"#, "\n"),
        concat!(r#"{"version":1,"names":["public"],"state":null,"older":1}"#, "\n"),
    ] {
        let (mut ours, theirs) = pair();
        ours.write_all(sent.as_bytes()).unwrap();
        drop(ours);
        assert!(receive_from(theirs).is_err(), "{sent}");
    }
    let (ours, _theirs) = pair();
    let fds = (0..9).map(|_| ("x", OwnedFd::from(pair().0))).collect();
    assert!(wire::give(&ours, &gift(fds)).is_err(), "more than go with a line");
    let long = Gift { state: Value::from("x".repeat(70_000)), ..gift(vec![]) };
    assert!(wire::give(&ours, &long).is_err(), "longer than the channel takes");
}

#[tokio::test]
async fn the_younger_one_waits_until_it_may_serve() {
    let (ours, theirs) = pair();
    wire::give(&ours, &gift(vec![])).unwrap();
    let (mut older, _) = receive_from(theirs).unwrap();
    let mut channel = Channel::new(ours).unwrap();
    let answer = async {
        let said = channel.hear::<FromYounger>().await.unwrap().unwrap();
        assert_eq!(said, FromYounger::Ready { version: "1.2.3".into() });
        channel.say(&FromOlder::Go { state: json!([7]) }).await.unwrap();
    };
    let (state, ()) = tokio::join!(older.ready("1.2.3"), answer);
    assert_eq!(state.unwrap(), json!([7]));
    let answer = async {
        assert_eq!(channel.hear::<FromYounger>().await.unwrap().unwrap(), FromYounger::Serving);
        channel.say(&FromOlder::Main).await.unwrap();
    };
    tokio::join!(older.serving(), answer);
    older.reload().await;
    assert_eq!(channel.hear::<FromYounger>().await.unwrap().unwrap(), FromYounger::Reload);
    older.end(Duration::from_millis(1500)).await;
    let said = channel.hear::<FromYounger>().await.unwrap().unwrap();
    assert_eq!(said, FromYounger::End { within_ms: 1500 });
    // What a later version may say is not its end.
    channel.say(&json!({"say": "weather"})).await.unwrap();
    tokio::select! {
        biased;
        () = older.gone() => unreachable!("it is still there"),
        () = tokio::task::yield_now() => {}
    }
    drop(channel);
    older.gone().await;
    assert_eq!(older.count(), 0);
    // It is gone: nothing to say, and nothing fails.
    older.end(Duration::ZERO).await;
}

#[tokio::test]
async fn an_older_one_that_goes_on_alone_ends_the_younger_one() {
    let (ours, theirs) = pair();
    wire::give(&ours, &gift(vec![])).unwrap();
    let (mut older, _) = receive_from(theirs).unwrap();
    drop(ours);
    assert!(older.ready("1").await.is_err());
}

/// Starts a shell's lines in the place of the program, which sees its role as the program does.
async fn start(lines: &str, limit: Duration) -> Result<Successor, Failed> {
    let arguments = ["-c", lines].map(Into::into).into_iter();
    Successor::start(PathBuf::from("/bin/sh"), arguments, gift(vec![]), limit).await
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn whatever_starts_and_does_not_take_over_is_told() {
    assert!(matches!(start("exit 7", LONG).await, Err(Failed::Ended)));
    assert!(matches!(start("exit 0", LONG).await, Err(Failed::Ended)), "it left nobody behind");
    // It ends with the channel, as a process that takes over does.
    let silent = "exec 3<&0; cat <&3 >/dev/null & exit 0";
    assert!(matches!(start(silent, Duration::from_millis(300)).await, Err(Failed::Late(_))));
    let ended = r#"printf '{"say":"started","pid":%s}\n' $$ >&0"#;
    assert!(matches!(start(ended, LONG).await, Err(Failed::Ended)), "it said nothing more");
    let rubbish = "echo rubbish >&0";
    assert!(matches!(start(rubbish, LONG).await, Err(Failed::Channel(_))));
    let end = r#"echo '{"say":"end","within_ms":1}' >&0"#;
    assert!(matches!(start(end, LONG).await, Err(Failed::Channel(_))));
    let missing = PathBuf::from("/no/such/program");
    let started = Successor::start(missing, [].into_iter(), gift(vec![]), LONG).await;
    assert!(matches!(started, Err(Failed::Start { .. })));
    let many = Gift { older: MAX_OLDER + 1, ..gift(vec![]) };
    let started = Successor::start("/bin/sh".into(), [].into_iter(), many, LONG).await;
    assert!(matches!(started, Err(Failed::TooManyOlder(MAX_OLDER))));
}

/// Starts a process that says that it is there, takes the gift, runs these lines, and ends.
async fn successor(lines: &str) -> Result<Successor, Failed> {
    let started = r#"exec 3<&0; ( read gift; LINES ) <&3 >&3 & printf '{"say":"started","pid":%s}\n' $! >&3"#;
    start(&started.replace("LINES", lines), LONG).await
}

const READY: &str = r#"printf '{"say":"ready","version":"1"}\n'; "#;

#[tokio::test]
async fn the_program_sees_its_role() {
    // It speaks as one that is ready, with what it sees in the place of its version.
    let lines = r#"printf '{"say":"ready","version":"%s"}\n' "$GATEWAY_HANDOVER""#;
    let successor = successor(lines).await.unwrap();
    assert_eq!(successor.version(), "launch");
    assert_ne!(successor.pid(), std::process::id());
}

#[tokio::test]
async fn who_ends_before_it_serves_has_not_taken_over() {
    for lines in ["exit 0", "read go; exit 0", "read go; echo '{\"say\":\"reload\"}'; read main"] {
        let successor = successor(&format!("{READY}{lines}")).await.unwrap();
        let failed = successor.go(Value::Null).await.unwrap_err();
        let text = failed.to_string();
        assert!(text.contains("ended before") || text.contains("out of turn"), "{lines}: {text}");
    }
    let lines =
        format!("{READY}read go; echo '{{\"say\":\"serving\"}}'; read main; echo \"$main\" >&2; read end");
    let mut younger = successor(&lines).await.unwrap().go(Value::Null).await.unwrap();
    younger.terminate();
    assert_eq!(younger.word().await, Word::Gone);
}

/// Whether the process has ended, within a time that no test needs.
async fn ends(pid: u32) -> bool {
    let gone = async {
        // One that is gone, or waits for nobody but its parent.
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        while !(state().is_empty() || state().contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, gone).await.is_ok()
}

#[tokio::test]
async fn a_successor_that_hangs_is_killed() {
    // It heeds neither the channel nor a signal.
    let successor = successor(&format!("{READY}trap '' TERM; exec sleep 600")).await.unwrap();
    let pid = successor.pid();
    drop(successor);
    assert!(ends(pid).await);
}
