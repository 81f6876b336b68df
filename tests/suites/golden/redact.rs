//! The one function that takes out of a transcript what differs from run to run.
//!
//! Ids are numbered in the order of their first appearance, over all lanes: the same id has the same number
//! wherever it shows, so that a transcript still tells which thread, turn and answer belong together.

use std::collections::HashMap;

/// Members whose number is a time or a duration.
const TIMES: [&str; 16] = [
    "emittedAtMs",
    "create_time",
    "created",
    "createdAt",
    "updatedAt",
    "recencyAt",
    "startedAt",
    "startedAtMs",
    "completedAt",
    "completedAtMs",
    "durationMs",
    "resetsAt",
    "pid",
    "uptimeMs",
    "rssBytes",
    "seq",
];
/// Prefixes of ids; what follows is at least [`ID`] letters and digits.
const PREFIXES: [&str; 8] = ["chatcmpl-", "req_", "msg_", "resp_", "call_", "rs_", "fc_", "fco_"];
const ID: usize = 16;

/// The text without ids, times, ports, versions, and the paths that `known` names with their placeholders.
pub(crate) fn redact(text: &str, known: &[(String, &str)]) -> String {
    let mut text = text.to_owned();
    for (value, name) in known {
        text = text.replace(value, name);
    }
    for name in TIMES {
        text = without_number(&text, &format!("\"{name}\":"));
    }
    for header in ["openai-processing-ms: ", "date: "] {
        text = without_rest(&text, header);
    }
    for member in ["\"userAgent\":\"", "\"cliVersion\":\""] {
        text = without_string(&text, member);
    }
    without_ids(&text)
}

fn without_number(text: &str, before: &str) -> String {
    replaced(text, before, |after| {
        after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len())
    })
}

fn without_rest(text: &str, before: &str) -> String {
    replaced(text, before, |after| after.find(['\r', '\n']).unwrap_or(after.len()))
}

fn without_string(text: &str, before: &str) -> String {
    replaced(text, before, |after| after.find('"').unwrap_or(after.len()))
}

/// Puts `<…>` in place of as many bytes behind each `before` as `length` says.
fn replaced(text: &str, before: &str, length: impl Fn(&str) -> usize) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let length = length(part);
        out.push_str(before);
        if length > 0 {
            out.push_str("<…>");
        }
        out.push_str(&part[length..]);
    }
    out
}

fn without_ids(text: &str) -> String {
    let mut numbers = HashMap::new();
    let mut out = String::new();
    for token in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_') {
        let end =
            token.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(token.len());
        let (word, rest) = token.split_at(end);
        let prefix = PREFIXES.into_iter().find(|p| word.starts_with(p)).unwrap_or_default();
        let id = &word[prefix.len()..];
        let is_id = match prefix {
            "" => is_uuid(id),
            _ => id.len() >= ID,
        };
        if is_id {
            let next = numbers.len() + 1;
            let number = *numbers.entry(id.to_owned()).or_insert(next);
            out.push_str(&format!("{prefix}<id {number}>"));
        } else {
            out.push_str(word);
        }
        out.push_str(rest);
    }
    out
}

fn is_uuid(word: &str) -> bool {
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

#[test]
fn ids_times_and_paths_are_taken_out_and_nothing_else() {
    let known = [("/tmp/pair-x".to_owned(), "<home>")];
    let uuid = "00000001-fa4e-7000-8000-000000000001";
    let text = format!(
        "{{\"id\":7,\"threadId\":\"{uuid}\",\"created\":123,\"path\":\"/tmp/pair-x/a\",\"n\":4,\"t\":\"{uuid}\"}}\n\
         date: today\r\nx-request-id: req_0123456789abcdef0\r\nmsg_1"
    );
    assert_eq!(
        redact(&text, &known),
        "{\"id\":7,\"threadId\":\"<id 1>\",\"created\":<…>,\"path\":\"<home>/a\",\"n\":4,\"t\":\"<id 1>\"}\n\
         date: <…>\r\nx-request-id: req_<id 2>\r\nmsg_1"
    );
}
