//! The model and its provider: what they do is said in the last user message, and all they say is marked.

use super::marks::mark;
use gateway_tests::upstream::{Pieces, Recorded, Reply, Usage};
use serde_json::json;

/// What stands in front of what the model is to do.
pub(super) const ACT: &str = "act=";

/// What a request makes the model do.
pub(super) fn answer(request: &Recorded) -> Reply {
    let text = request.last_user_text().unwrap_or_default();
    let act = text.split_whitespace().find_map(|word| word.strip_prefix(ACT)).unwrap_or("echo");
    let usage = Usage::new(10, 2, 5, 1);
    let reply = Reply::new().header("x-note", mark("upstream_header"));
    let said = format!("{} {text}", mark("answer"));
    let (kind, rest) = act.split_once('/').unwrap_or((act, ""));
    match kind {
        "call" => {
            let arguments = json!({ (mark("property")): mark("argument") }).to_string();
            reply
                .reasoning(mark("thought").as_str())
                .function_call(&mark("tool"), Pieces::new(arguments))
                .completed(usage)
        }
        "block" => {
            let call = format!("<use_tool><name>{}</name><q>{}</q></use_tool>", mark("tool"), mark("block"));
            reply.text(call).completed(usage)
        }
        "command" if request.input().iter().any(|item| item["type"] == "function_call_output") => {
            reply.text(said).completed(usage)
        }
        "command" => {
            let command = format!("echo {}; cat /{}", mark("command"), mark("file"));
            reply.function_call("exec_command", json!({ "cmd": command }).to_string()).completed(usage)
        }
        "refuse" => reply.refusal(mark("refusal")).completed(usage),
        "status" => Reply::error(rest.parse().unwrap_or(500), &mark("upstream_error"))
            .header("x-note", mark("upstream_header")),
        "page" => Reply::body(502, "text/html", format!("<html>{}</html>", mark("upstream_page"))),
        "fail" => reply.text(said).failed(rest, &mark("upstream_failure")),
        "code" => reply.failed(&mark("upstream_code"), &mark("upstream_failure")),
        "error" => reply.error_event("server_error", &mark("upstream_event")),
        "incomplete" => reply.text(said).incomplete(rest),
        "rubbish" => reply
            .raw_bytes(format!("event: {0}\ndata: {{\"{0}\n\n", mark("upstream_rubbish")))
            .text(said)
            .cut(),
        "odd" => reply
            .raw(json!({ "type": mark("upstream_type"), "item": mark("upstream_item") }))
            .text(said)
            .completed(usage),
        "cut" => reply.text(said).cut(),
        "stall" => reply.text(said).stall(),
        "large" => reply.text(format!("{} ", mark("answer")).repeat(400_000)).completed(usage),
        _ => reply.reasoning(mark("thought").as_str()).text(said).completed(usage),
    }
}
