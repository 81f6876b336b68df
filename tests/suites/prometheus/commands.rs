//! Every command of the runbooks that can run here, on a real pair.

use std::{path::Path, process::Stdio};

use gateway_tests::pair::{Binary, DEADLINE, KEY, binary};

use crate::{documents, files, root, server::Prometheus, text, traffic::Run};

/// The documents whose `sh` blocks are run; blocks that need what isn't here are fenced with `sh outside`.
fn pages() -> Vec<std::path::PathBuf> {
    let mut pages = files("docs/operations/runbooks", ".md");
    pages.push(root().join("docs/operations/request-id.md"));
    pages
}

#[tokio::test]
async fn every_command_of_the_runbooks_runs() {
    let run = Run::start().await;
    let prometheus = Prometheus::start(Some(run.pair.internal)).await;
    run.restart().await;
    let id = run.round().await;
    let up =
        || async { prometheus.query("up == 1").await.is_ok_and(|found| !found.is_empty()).then_some(()) };
    prometheus.eventually("a scrape", up).await;
    let folder = tempfile::tempdir().expect("a folder");
    let listed = || async { prometheus.targets().await.contains("scrapeUrl").then_some(()) };
    prometheus.eventually("the target in Prometheus's list", listed).await;
    let traced = || async {
        let names = std::fs::read_dir(run.traces()).ok()?.flatten();
        names.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().contains(&id)).then_some(())
    };
    prometheus.eventually("the trace of the request", traced).await;
    run.pair
        .front
        .logged("the end of the request", |line| line["request_id"] == id.as_str())
        .await
        .expect("logged");
    // As the journal has it: with systemd's own lines between ours.
    let begun = before_you_begin();
    for (name, log) in [("front", run.pair.front.log()), ("worker", run.pair.daemon.log())] {
        let journal = format!("Started codex-{name}.service.\n{}\nStopped.\n", log.join("\n"));
        std::fs::write(folder.path().join("journal"), journal).expect("written");
        let filter = begun.lines().find(|line| line.ends_with(&format!(" > {name}.log"))).expect("a log");
        let (_, filter) = filter.split_once(" | ").expect("a filter");
        let filter = format!("cat journal | {filter} && jq -s length {name}.log");
        one("before you begin", &filter, folder.path(), &run, &id).await;
    }
    std::fs::copy(run.pair.home().join("usage.ndjson"), folder.path().join("usage.ndjson")).expect("copied");
    let mut ran = 0;
    for page in pages() {
        for (line, block) in documents::blocks(&page, "sh") {
            let at = format!("{}:{line}", page.display());
            let block = block
                .replace("127.0.0.1:18080", &run.pair.internal.to_string())
                .replace("127.0.0.1:11435", &run.pair.addr.to_string())
                .replace("127.0.0.1:9090", &prometheus.addr.to_string());
            one(&at, &block, folder.path(), &run, &id).await;
            ran += 1;
        }
    }
    assert!(ran >= 30, "{ran} blocks");
}

/// The block of "Before you begin".
fn before_you_begin() -> String {
    let page = text("docs/operations/runbooks/README.md");
    let (_, block) = page.split_once("## Before you begin").expect("its heading");
    let (_, block) = block.split_once("```sh outside\n").expect("a block");
    block.split_once("```").expect("its end").0.to_owned()
}

/// Every variable that a command may read must be one that "Before you begin" sets, or what is said beside it.
#[test]
fn before_you_begin_sets_what_commands_read() {
    let begun = before_you_begin();
    for page in pages() {
        for kind in ["sh", "sh outside"] {
            for (line, block) in documents::blocks(&page, kind) {
                for (at, _) in block.match_indices('$') {
                    let rest = block[at + 1..].trim_start_matches('{');
                    let name: String =
                        rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
                    let said = ["", "ID", "PROXY_API_KEY"].contains(&name.as_str());
                    assert!(
                        said || begun.contains(&format!("{name}=")),
                        "{}:{line}: nothing sets {name}",
                        page.display()
                    );
                }
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "PATH is handed on, with the folder of codexctl before it")]
async fn one(at: &str, block: &str, folder: &Path, run: &Run, id: &str) {
    let tools = binary(Binary::Codexctl);
    let tools = tools.parent().expect("a folder").to_string_lossy();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = tokio::process::Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", block])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{tools}:{path}"))
        .env("PROXY_API_KEY", KEY)
        .env("PROXY_INTERNAL_ADDR", run.pair.internal.to_string())
        .env("PROXY_TRACE_BUFFER_DIR", run.traces())
        .env("PROXY_API_KEYS_FILE", run.pair.home().join("keys.toml"))
        .env("CODEX_HOME", run.pair.home())
        .env("DAEMON_PID", run.pair.daemon.pid().to_string())
        .env("FRONT_PID", run.pair.front.pid().to_string())
        .env("ID", id)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(DEADLINE, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{at} took over {DEADLINE:?}:\n{block}")).expect("bash");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{at} failed ({}):\n{block}\n{said}", output.status);
    assert!(!said.trim().is_empty(), "{at} printed nothing:\n{block}");
}
