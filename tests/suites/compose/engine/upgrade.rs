//! Upgrade and rollback by the documented commands, with load on the stack: what clients see, and that nothing worse happens.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, Write as _},
    process::{Child, Stdio},
};

use serde_json::Value;

use super::{
    host::{DOMAIN, Host, KEY},
    production::up,
};
use crate::tools::root;

/// Clients at once, half of them with streams of about a second.
const CLIENTS: &str = "8";
/// The load's own end, should nobody end it, in seconds.
const LIMIT: &str = "180";

/// Load that runs until it is ended.
struct Load(Child);

impl Load {
    fn start(host: &Host, how: &[&str]) -> Self {
        let program = root().join("tests/suites/compose/load.py");
        let python = super::host::installed("CLIENTS_PYTHON", "clients-python/venv/bin/python");
        let url = format!("https://{DOMAIN}");
        let (python, program) = (python.to_string_lossy(), program.to_string_lossy());
        let command = [&[&*python, &*program, &url, KEY, LIMIT, CLIENTS], how].concat();
        Self(host.load(&command))
    }

    /// Ends it, and gives every request that it made.
    fn end(mut self) -> Vec<Value> {
        drop(self.0.stdin.take().map(|mut stdin| stdin.write_all(b".")));
        let output = self.0.wait_with_output().expect("the load ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
            .stdout
            .lines()
            .map_while(Result::ok)
            .map(|line| serde_json::from_str(&line).expect("JSON"))
            .collect()
    }
}

impl Host {
    /// Starts a program with both ends of its pipes here.
    fn load(&self, command: &[&str]) -> Child {
        let mut command = self.command(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nsenter")
    }
}

/// What became of the requests, as the documents' table has it.
fn row(what: &str, requests: &[Value]) -> String {
    let count = |outcome: &str| requests.iter().filter(|request| request["outcome"] == outcome).count();
    let mut statuses = BTreeMap::new();
    for request in requests.iter().filter(|request| request["outcome"] == "refused") {
        *statuses.entry(request["status"].to_string()).or_insert(0) += 1;
    }
    let statuses: Vec<String> =
        statuses.iter().map(|(status, count)| format!("{count} × {status}")).collect();
    let times = |field: &str| {
        let failed = requests.iter().filter(|request| request["outcome"] != "whole");
        failed.filter_map(|request| request[field].as_f64()).collect::<Vec<_>>()
    };
    let first = times("start").into_iter().fold(f64::INFINITY, f64::min);
    let last = times("end").into_iter().fold(f64::NEG_INFINITY, f64::max);
    let span = if first.is_finite() { last - first } else { 0.0 };
    let failed = requests.len() - count("whole") - count("refused");
    format!("| {what} | {span:.1} s | {} | {} | {failed} |\n", statuses.join(", "), count("whole"))
}

/// Nothing but what tells a client to come again: no stream that ends in the middle, no other's answer, no "no such route".
fn held_to_the_promise(what: &str, requests: &[Value]) {
    assert!(requests.iter().any(|request| request["outcome"] == "whole"), "{}", row(what, requests));
    for request in requests {
        let fine = match request["outcome"].as_str() {
            Some("whole") => true,
            Some("refused") => [500, 502, 503].contains(&request["status"].as_u64().unwrap_or_default()),
            _ => false,
        };
        assert!(fine, "{what}: {request}");
    }
}

/// Puts another image in the place of the one that runs, and names that one `previous`, as `port-prod` does. The same program
/// with another label stands for the next release: containers are replaced where their image has changed.
const NEXT: &str = "docker tag codex-gateway-$SERVICE:latest codex-gateway-$SERVICE:previous; \
    printf \"FROM codex-gateway-$SERVICE:latest\\nLABEL next=$(date +%N)\\n\" | docker build --quiet --tag codex-gateway-$SERVICE:latest -";
/// What `port-prod` then does.
const UP: &str = "docker compose --env-file .env -f compose/docker-compose.yml up --detach --no-build --wait";

/// The commands of an upgrade of these services.
fn upgrade_of(services: &[&str]) -> String {
    let next = services.iter().map(|service| NEXT.replace("$SERVICE", service)).collect::<Vec<_>>();
    format!("{}; {UP}", next.join("; "))
}

/// Runs a command under load, and gives every request that was made meanwhile.
async fn under_load(host: &mut Host, command: &str, how: &[&str]) -> Vec<Value> {
    let load = Load::start(host, how);
    let metrics = "http://127.0.0.1:18080/metrics";
    let busy = |host: &mut Host| host.curl(&[metrics]).1.contains("codex_http_requests_active").then_some(());
    host.until("load on the stack", busy).await;
    host.sh(command);
    let back = |host: &mut Host| (host.curl(&[&format!("https://{DOMAIN}/readyz")]).0 == 200).then_some(());
    host.until("the public door", back).await;
    load.end()
}

#[tokio::test]
async fn an_upgrade_and_a_rollback_refuse_some_requests_and_break_none() {
    let mut host = up().await;
    let (worker, front) = (host.container("worker"), host.container("front"));
    let image =
        |host: &Host| host.ok(&["docker", "inspect", "--format", "{{.Image}}", &host.container("front")]);
    let first = image(&host);
    let mut rows = String::new();
    for (what, command) in [
        ("an upgrade of both", upgrade_of(&["worker", "front"])),
        ("a rollback of both (`scripts/rollback`)", "scripts/rollback --no-smoke".to_owned()),
    ] {
        let requests = under_load(&mut host, &command, &[]).await;
        held_to_the_promise(what, &requests);
        rows += &row(what, &requests);
    }
    assert!(
        host.container("worker") != worker && host.container("front") != front,
        "the containers were replaced"
    );
    assert_eq!(image(&host), first, "what runs is what ran before");
    if updates_documents() {
        for (what, services) in [("of the worker alone", ["worker"]), ("of the front alone", ["front"])] {
            let requests = under_load(&mut host, &upgrade_of(&services), &[]).await;
            held_to_the_promise(what, &requests);
            rows += &row(what, &requests);
        }
        let both = upgrade_of(&["worker", "front"]);
        let requests = under_load(&mut host, &both, &["--sdk"]).await;
        rows += &row("of both, clients with the official SDK, which comes again twice", &requests);
        write(&rows);
    }
}

/// Writes the table of the documents. Its figures are what was seen once, so nothing is compared with them.
fn write(rows: &str) {
    let page = root().join("docs/operations/compose.md");
    let text = fs::read_to_string(&page).expect("the page");
    let (head, rest) = text.split_once("<!-- begin upgrade -->\n").expect("a table");
    let (_, tail) = rest.split_once("<!-- end upgrade -->").expect("its end");
    let table = "| | from the first refusal to the last | refused | answered whole | failed otherwise |\n|---|---|---|---|---|\n";
    fs::write(&page, format!("{head}<!-- begin upgrade -->\n{table}{rows}<!-- end upgrade -->{tail}"))
        .expect("written");
}

#[expect(clippy::disallowed_methods, reason = "a developer's switch")]
fn updates_documents() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}
