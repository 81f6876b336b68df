//! Five hundred requests, and nothing grows.

use gateway_tests::{
    pair::{Answer, Builder, End, Pair, SocketClient},
    upstream::{Config, Directives, RecordMode, Upstream},
};
use std::{collections::BTreeSet, io, path::Path, sync::Arc};
use tokio::task::JoinSet;

const HALF: usize = 250;
const AT_ONCE: usize = 4;
/// Bytes a request over the second half.
const GROWTH: u64 = 4 * 1024;
/// Descriptors that may come and go: connections that are kept.
const SLACK: usize = 4;
const METHODS: &str = "thread/start,thread/inject_items,thread/unsubscribe,turn/start,turn/interrupt,model/list,\
thread/loaded/list";

/// Asks `count` times, [`AT_ONCE`] at a time, streams and objects in turn.
async fn ask(pair: &Arc<Pair>, count: usize) {
    let mut asking = JoinSet::new();
    for lane in 0..AT_ONCE {
        let pair = pair.clone();
        asking.spawn(async move {
            for number in (lane..count).step_by(AT_ONCE) {
                let text = format!("request {number} of {count}");
                let mut answer = Answer::to(&pair, &format!("!chunks 5\n!echo {text}"), number % 2 == 0)
                    .await
                    .expect("a head");
                assert_eq!(answer.end().await.expect("an end"), End::Done, "{number}");
                assert_eq!(answer.text(), text);
            }
        });
    }
    asking.join_all().await;
}

/// Every file under a folder.
fn files(folder: &Path, found: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files(&entry.path(), found)?;
        } else {
            found.insert(entry.path().display().to_string());
        }
    }
    Ok(())
}

fn all_files(pair: &Pair) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    files(pair.home(), &mut found).expect("a readable home");
    found
}

fn descriptors(pair: &Pair) -> [usize; 3] {
    let child = pair.child_pid().expect("a child");
    let of_child = std::fs::read_dir(format!("/proc/{child}/fd")).expect("a living child");
    let ours = |process: &gateway_tests::pair::Process| process.descriptors().expect("a living process");
    [ours(&pair.daemon), ours(&pair.front), of_child.count()]
}

fn memory(pair: &Pair) -> [u64; 2] {
    [&pair.daemon, &pair.front].map(|process| process.resident().expect("a living process"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_grows_over_five_hundred_requests() {
    let config = Config { record: RecordMode::CountOnly, ..Config::default() };
    let upstream = Upstream::start_with(Directives::new(), config).await;
    let upstream = upstream.expect("an upstream");
    let builder = Builder::real(&upstream.base_url()).expect("a home");
    let builder = builder.daemon("WORKER_ALLOW_METHODS", METHODS);
    let pair = Arc::new(builder.start().await.expect("a ready pair"));
    let child = pair.child_pid();
    // The connections that are kept are there from here on.
    ask(&pair, 4 * AT_ONCE).await;
    let before = descriptors(&pair);
    ask(&pair, HALF).await;
    let (files, middle) = (all_files(&pair), memory(&pair));
    ask(&pair, HALF).await;
    let after = memory(&pair);

    assert_eq!(all_files(&pair), files, "files under CODEX_HOME");
    assert_eq!(pair.child_pid(), child, "the child was restarted");
    for (name, (middle, after)) in ["daemon", "front"].iter().zip(middle.into_iter().zip(after)) {
        let each = after.saturating_sub(middle) / HALF as u64;
        println!("{name}: {middle} -> {after} bytes, {each} a request");
        assert!(each < GROWTH, "the {name} grows by {each} bytes a request");
    }
    let mut socket = SocketClient::connect(&pair.socket).await.expect("a client");
    pair.eventually("no loaded thread", || async {
        let mut socket = SocketClient::connect(&pair.socket).await.ok()?;
        socket.loaded().await.ok()?.is_empty().then_some(())
    })
    .await
    .expect("no loaded thread");
    assert_eq!(socket.loaded().await.expect("a list"), Vec::<String>::new());
    drop(socket);
    pair.eventually("as many descriptors as before", || async {
        let now = descriptors(&pair);
        println!("descriptors {before:?} -> {now:?}");
        let near = before.iter().zip(now).all(|(before, now)| before.abs_diff(now) <= SLACK);
        near.then_some(())
    })
    .await
    .expect("no more descriptors than before (daemon, front, child)");
}
