//! What these tests ask of a pair around the scripted child.

use gateway_tests::{
    fake_child::{Entry, Home, Script},
    pair::{Answer, Builder, End, Pair, SocketClient},
};
use serde_json::Value;

/// The serving set, as far as a completion needs it, and the list of loaded threads.
const METHODS: &str = "thread/start,thread/inject_items,thread/unsubscribe,turn/start,turn/interrupt,model/list,\
thread/loaded/list";

/// A pair around this child, whose loaded threads can be listed.
pub(crate) fn around(script: &Script) -> Builder {
    let builder = Builder::fake(script).expect("a home");
    builder.daemon("WORKER_ALLOW_METHODS", METHODS)
}

/// A ready pair around this child.
pub(crate) async fn ready(script: &Script) -> Pair {
    around(script).start().await.expect("a ready pair")
}

/// Asks, reads to the end, and gives that and the text.
pub(crate) async fn ask(pair: &Pair, prompt: &str, stream: bool) -> (End, String) {
    let mut answer = Answer::to(pair, prompt, stream).await.expect("a head");
    let end = answer.end().await.expect("an end");
    (end, answer.text())
}

/// The pair answers.
pub(crate) async fn serves(pair: &Pair) {
    for stream in [false, true] {
        let answered = ask(pair, "!echo still here", stream).await;
        assert_eq!(answered, (End::Done, "still here".to_owned()), "stream: {stream}");
    }
}

pub(crate) fn refused(status: u16, code: &str) -> End {
    End::Refused { status, code: code.to_owned() }
}

pub(crate) fn broken(code: &str) -> End {
    End::Broken { code: code.to_owned() }
}

/// The status and body of a GET.
pub(crate) async fn get(pair: &Pair, path: &str) -> (u16, Value) {
    let response = pair.client().get(pair.url(path)).send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

/// Waits until the child has no loaded thread.
pub(crate) async fn let_go(pair: &Pair) {
    pair.eventually("no loaded thread", || async {
        let mut socket = SocketClient::connect(&pair.socket).await.ok()?;
        socket.loaded().await.ok()?.is_empty().then_some(())
    })
    .await
    .expect("no loaded thread");
}

/// What the child has written down.
pub(crate) fn log(pair: &Pair) -> Vec<Entry> {
    Home::at(pair.home()).log().expect("a readable log")
}

/// Waits until the child has written down something.
pub(crate) async fn logged<T>(pair: &Pair, what: &str, wanted: impl Fn(&Entry) -> Option<T>) -> T {
    pair.eventually(what, || async { log(pair).iter().find_map(&wanted) })
        .await
        .expect("an entry in the child's log")
}

/// Whether a process runs. One that has ended and was not waited for does not.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}
