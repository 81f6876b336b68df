//! What of a lane has a fixed place, and what is shown without one or not at all. Pure.
//!
//! The scripted child writes every line in its place. The real one tells some things from tasks of their own, and from
//! an interrupt on both sides write at once. A transcript says so where it does not show all lines as they came.

use serde_json::Value;

/// Notifications whose place among others is not fixed: the real child tells them from tasks of their own.
const RACING: [&str; 3] = ["thread/started", "turn/started", "account/rateLimits/updated"];
/// The end of a model call. Where that called functions, the daemon interrupts the turn now, and so does the front.
const CALLED: &str = "rawResponse/completed";
/// What is certain to follow on a lane, however interrupts and the child's own answer to a call race. The front asks for
/// none where it hears first that the daemon did, and the turn's end isn't always told: the thread may be gone before.
pub(crate) const CERTAIN_ON_THE_SOCKET: &[&str] = &["thread/unsubscribe"];
/// The same on the child's pipes.
pub(crate) const CERTAIN_AT_THE_CHILD: &[&str] = &["turn/interrupt", "thread/unsubscribe", "thread/closed"];
/// The turn that the child puts injected items in, when it tells of them.
const ECHO: &str = "\"turnId\":\"auto-compact-0\"";

/// The lines of a lane of the scripted child. From an interrupt on both sides write at once: what goes to the child is
/// shown before what comes from it.
pub(crate) fn scripted(mut lines: Vec<String>) -> String {
    if let Some(at) = lines.iter().position(|line| is(line, "turn/interrupt")) {
        lines[at..].sort_by_key(|line| line.starts_with("< "));
        lines.insert(at, "(from here on all that goes there stands before all that comes)".to_owned());
    }
    lines.join("\n")
}

/// The lines of a lane of the real child, on which `certain` follows an interrupt.
pub(crate) fn settled(lines: Vec<String>, certain: &[&str]) -> String {
    // A thread is let go while the next one is started.
    let several = lines.iter().filter(|line| is(line, "thread/start")).count() > 1;
    let place = |line: &str| {
        let told = RACING.iter().position(|method| is(line, method));
        let echo = line.contains(ECHO).then_some(RACING.len());
        told.or(echo).or_else(|| (several && lets_go(line)).then_some(RACING.len() + 1))
    };
    let (mut racing, mut fixed): (Vec<String>, Vec<String>) =
        lines.into_iter().partition(|line| place(line).is_some());
    if fixed.iter().any(|line| calls(line) || is(line, "turn/interrupt")) {
        fixed = interrupted(fixed, certain);
        // The limits are told at the end of a model call, if the turn gets there.
        racing.retain(|line| !is(line, "account/rateLimits/updated"));
    }
    racing.sort_by_key(|line| place(line));
    let mut text = fixed.join("\n");
    if !racing.is_empty() {
        text.push_str("\n(in no fixed place among the lines above)\n");
        text.push_str(&racing.join("\n"));
    }
    text
}

/// The lines of a lane on which a turn is interrupted: in their order up to the end of the model call or the interrupt,
/// then what is certain.
fn interrupted(lines: Vec<String>, certain: &[&str]) -> Vec<String> {
    let called = lines.iter().position(|line| is(line, CALLED)).map(|at| at + 1);
    let asked = lines.iter().position(|line| is(line, "turn/interrupt"));
    let cut = called.into_iter().chain(asked).min().unwrap_or(lines.len());
    let mut shown: Vec<String> = lines[..cut].iter().filter(|line| !is_of_a_call(line)).cloned().collect();
    shown.push(
        "(an interrupt races with what codex does about the calls: nothing of that is shown, and from here on only what \
         is certain)"
            .to_owned(),
    );
    let first = |method: &&str| lines.iter().find(|line| is(line, method)).map(|line| without_id(line));
    shown.extend(certain.iter().filter_map(first));
    shown
}

/// Whether the model calls a function.
fn calls(line: &str) -> bool {
    line.contains("\"item\":{\"type\":\"function_call\"")
}

/// Whether a line is a part of letting a thread go.
fn lets_go(line: &str) -> bool {
    is(line, "thread/unsubscribe")
        || is(line, "thread/closed")
        || line.contains("\"result\":{\"status\":\"unsubscribed\"}")
}

/// Whether codex tells what it does about a call: it asks for its result, or answers it itself.
fn is_of_a_call(line: &str) -> bool {
    is(line, "item/tool/call")
        || line.contains("\"item\":{\"type\":\"dynamicToolCall\"")
        || line.contains("\"item\":{\"type\":\"function_call_output\"")
}

/// A request without its number: how many there were before is not certain.
fn without_id(line: &str) -> String {
    match id(line) {
        Some(id) => line.replacen(&format!("\"id\":{id},"), "\"id\":<…>,", 1),
        None => line.to_owned(),
    }
}

/// Whether a line is a request or notification of this method.
pub(crate) fn is(line: &str, method: &str) -> bool {
    line.contains(&format!("\"method\":\"{method}\""))
}

/// The id of a JSON-RPC line with its mark.
pub(crate) fn id(line: &str) -> Option<Value> {
    let message: Value = serde_json::from_str(line.get(2..)?).ok()?;
    message.get("id").cloned()
}

#[test]
fn what_races_is_shown_apart_or_not_at_all() {
    let told = |method: &str| format!("< {{\"method\":\"{method}\",\"params\":{{}}}}");
    let item = |kind: &str| {
        format!(
            "< {{\"method\":\"rawResponseItem/completed\",\"params\":{{\"item\":{{\"type\":\"{kind}\"}}}}}}"
        )
    };
    let asked = |id: u8, method: &str| format!("> {{\"id\":{id},\"method\":\"{method}\",\"params\":{{}}}}");
    let call = item("function_call");
    let racing = [told("item/tool/call"), item("function_call_output"), told("account/rateLimits/updated")];
    let quick = [
        vec![asked(1, "thread/start"), call.clone(), racing[0].clone(), told(CALLED), told("turn/started")],
        vec![asked(2, "turn/interrupt"), asked(3, "turn/interrupt"), asked(4, "thread/unsubscribe")],
    ];
    let slow = [
        vec![told("turn/started"), asked(1, "thread/start"), call.clone(), told(CALLED), racing[0].clone()],
        vec![racing[1].clone(), racing[2].clone(), asked(2, "turn/interrupt"), told("turn/completed")],
        vec![asked(3, "thread/unsubscribe")],
    ];
    let (quick, slow) =
        (settled(quick.concat(), CERTAIN_AT_THE_CHILD), settled(slow.concat(), CERTAIN_AT_THE_CHILD));
    assert_eq!(quick, slow);
    assert_eq!(quick.matches("turn/interrupt").count(), 1, "{quick}");
    assert!(quick.contains(&call) && quick.contains(&told("turn/started")), "{quick}");

    // A lane without a call keeps all that it has.
    let plain = vec![
        told("turn/started"),
        told("item/started"),
        told("account/rateLimits/updated"),
        told("turn/completed"),
    ];
    let shown = settled(plain.clone(), CERTAIN_ON_THE_SOCKET);
    assert!(plain.iter().all(|line| shown.contains(line.as_str())), "{shown}");
    assert!(shown.starts_with(&told("item/started")), "{shown}");
}
