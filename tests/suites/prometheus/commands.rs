//! Every command of the runbooks that can run here, on a real pair.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Stdio};

use gateway_tests::pair::{Binary, DEADLINE, KEY, binary};

use crate::{documents, files, root, server::Prometheus, text, traffic::Run};

/// The documents whose `sh` blocks are run; blocks that need what isn't here are fenced with `sh outside`.
fn pages() -> Vec<std::path::PathBuf> {
    let mut pages = files("docs/operations/runbooks", ".md");
    pages.push(root().join("docs/operations/request-id.md"));
    // It closes the door, so it is the last.
    pages.push(root().join("docs/operations/maintenance.md"));
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
    let host = Host::of(&run, folder.path(), &id);
    host.run("before you begin", &format!("{}\nwc -l front.log worker.log usage.ndjson", host.begun)).await;
    let mut ran = 0;
    for page in pages() {
        for (line, block) in documents::blocks(&page, "sh") {
            let at = format!("{}:{line}", page.display());
            let block = block
                .replace("127.0.0.1:18080", &run.pair.internal.to_string())
                .replace("127.0.0.1:11435", &run.pair.addr.to_string())
                .replace("127.0.0.1:9090", &prometheus.addr.to_string());
            host.run(&at, &format!("{}\n{block}", host.exports())).await;
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

/// The same for what can't run here: every variable is one that "Before you begin" sets.
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

                    assert!(
                        name.is_empty() || begun.contains(&format!("{name}=")),
                        "{}:{line}: nothing sets {name}",
                        page.display()
                    );
                }
            }
        }
    }
}

/// A host as the pages take one for granted: its journal, its systemd and its files are stand-ins; what is set is only
/// what "Before you begin" sets, with this pair's places in the place of the units'.
struct Host<'a> {
    folder: &'a Path,
    tools: std::path::PathBuf,
    begun: String,
}

impl<'a> Host<'a> {
    fn of(run: &Run, folder: &'a Path, id: &str) -> Self {
        let tools = folder.join("tools");
        std::fs::create_dir(&tools).expect("a folder");
        // As the journal has it: with systemd's own lines between ours.
        for (unit, log) in [("codex-front", run.pair.front.log()), ("codex-worker", run.pair.daemon.log())] {
            let journal = format!("Started {unit}.service.\n{}\nStopped.\n", log.join("\n"));
            std::fs::write(tools.join(unit), journal).expect("written");
        }
        let (front, daemon) = (run.pair.front.pid(), run.pair.daemon.pid());
        let here = tools.display();
        stand_in(
            &tools,
            "journalctl",
            &format!(
                "case \"$1\" in _SYSTEMD_UNIT=codex-front.service) cat '{here}/codex-front' ;; \
                 _SYSTEMD_UNIT=codex-worker.service) cat '{here}/codex-worker' ;; *) exit 1 ;; esac"
            ),
        );
        stand_in(
            &tools,
            "systemctl",
            &format!(
                "case \"$*\" in 'show -p MainPID --value codex-front') echo {front} ;; \
                 'show -p MainPID --value codex-worker') echo {daemon} ;; *) exit 1 ;; esac"
            ),
        );
        let home = run.pair.home().to_string_lossy().into_owned();
        let mut begun = before_you_begin();
        for (unit, here) in [
            ("/var/lib/codex-front/trace-buffer", run.traces().to_string_lossy().into_owned()),
            ("/var/log/codex-front/usage.ndjson", format!("{home}/usage.ndjson")),
            ("/etc/codex/keys.toml", format!("{home}/keys.toml")),
            ("/var/lib/codex", home),
            ("/run/codex/worker.sock", run.pair.socket.to_string_lossy().into_owned()),
            ("127.0.0.1:18080", run.pair.internal.to_string()),
            ("sk-…", KEY.to_owned()),
            ("req_…", id.to_owned()),
        ] {
            assert!(begun.contains(unit), "before you begin has no {unit}");
            begun = begun.replace(unit, &here);
        }
        Self { folder, tools, begun }
    }

    /// The variables that the block sets, and nothing else of it.
    fn exports(&self) -> String {
        let exports: Vec<&str> = self.begun.lines().filter(|line| line.starts_with("export ")).collect();
        exports.join("\n")
    }

    #[expect(clippy::disallowed_methods, reason = "PATH is handed on, with codexctl and stand-ins before it")]
    async fn run(&self, at: &str, block: &str) {
        let codexctl = binary(Binary::Codexctl);
        let codexctl = codexctl.parent().expect("a folder").display();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = tokio::process::Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", block])
            .current_dir(self.folder)
            .env_clear()
            .env("PATH", format!("{}:{codexctl}:{path}", self.tools.display()))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, command.output()).await;
        let output =
            output.unwrap_or_else(|_| panic!("{at} took over {DEADLINE:?}:\n{block}")).expect("bash");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{at} failed ({}):\n{block}\n{said}", output.status);
        assert!(!said.trim().is_empty(), "{at} printed nothing:\n{block}");
    }
}

/// A program of the host that a test doesn't have.
fn stand_in(tools: &Path, name: &str, script: &str) {
    let path = tools.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made a program");
}
