//! The operator's scripts and the commands of the documents, on a host with the production stack.

use std::fs;

use gateway_tests::blocks::blocks;

use super::{host::Host, production::up};
use crate::tools::{Ran, root};

/// The newest folder of evidence of a kind.
fn evidence(host: &Host, kind: &str) -> String {
    let results = host.tree().join("test-results");
    let names = fs::read_dir(&results)
        .expect("evidence")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let newest = names.filter(|name| name.starts_with(&format!("{kind}-"))).max();
    results.join(newest.unwrap_or_else(|| panic!("no evidence of {kind}"))).to_string_lossy().into_owned()
}

/// The playbook's one-liner, on a host where nothing runs yet; again; and back.
#[tokio::test]
async fn port_prod_deploys_and_rollback_goes_back() {
    let mut host = Host::start().await;
    host.prepare();
    let told = host.ok(&["scripts/port-prod", "--dry-run", "--no-build"]);
    assert!(told.contains("up --detach"), "{told}");
    assert_eq!(host.ok(&["docker", "ps", "--all", "--quiet"]), "", "a dry run starts nothing");
    let first = host.run(&["scripts/port-prod", "--no-build"]);
    assert_eq!(first.code, Some(0), "{}", first.said);
    let summary =
        fs::read_to_string(format!("{}/summary.json", evidence(&host, "deploy"))).expect("a summary");
    assert!(!summary.contains(super::host::KEY), "no key in the evidence");
    assert!(summary.contains("\"failed\": 0"), "{summary}");
    // Nothing has run before, so there is nothing to go back to.
    assert_eq!(host.run(&["scripts/rollback"]).code, Some(3));
    host.sh("for service in worker front; do printf \"FROM codex-gateway-$service:latest\\nLABEL next=release\\n\" | docker build --quiet --tag codex-gateway-$service:latest -; done");
    host.ok(&["scripts/port-prod", "--no-build"]);
    let label = |host: &Host| {
        host.ok(&[
            "docker",
            "inspect",
            "--format",
            "{{index .Config.Labels \"next\"}}",
            &host.container("front"),
        ])
    };
    assert_eq!(label(&host).trim(), "release");
    assert!(host.ok(&["scripts/rollback", "--list"]).contains("previous"));
    host.ok(&["scripts/rollback"]);
    assert_eq!(label(&host).trim(), "");
    // A release that doesn't come up: told, with what to do, and gone back from where that is asked for.
    host.sh("printf 'FROM codex-gateway-front:latest\\nENTRYPOINT [\"/usr/local/bin/codexctl\", \"key\", \"list\"]\\n' | docker build --quiet --tag codex-gateway-front:latest -");
    let broken = host.run(&["scripts/port-prod", "--no-build", "--rollback", "--wait", "20"]);
    assert_eq!(broken.code, Some(1), "{}", broken.said);
    assert!(broken.said.contains("rolled back"), "{}", broken.said);
    assert_eq!(host.run(&["scripts/smoke", "prod"]).code, Some(0), "what ran before serves again");
}

/// A smoke test must see what is broken behind a door that still answers.
#[tokio::test]
async fn smoke_fails_when_a_part_is_broken() {
    let mut host = up().await;
    let smoke = |host: &Host| -> Ran {
        host.run(&["scripts/smoke", "prod", "--timeout", "10", "--stream-timeout", "10"])
    };
    assert_eq!(smoke(&host).code, Some(0), "{}", smoke(&host).said);
    for (what, broken, mended) in [
        (
            "no worker",
            "docker compose --env-file .env -f compose/docker-compose.yml stop worker",
            "docker compose --env-file .env -f compose/docker-compose.yml up --detach --no-build --wait",
        ),
        (
            "no ForwardAuth",
            "iptables -I OUTPUT -d 127.0.0.1 -p tcp --dport 18080 -j REJECT",
            "iptables -D OUTPUT -d 127.0.0.1 -p tcp --dport 18080 -j REJECT",
        ),
    ] {
        host.sh(broken);
        let ran = smoke(&host);
        assert_eq!(ran.code, Some(1), "{what}: {}", ran.said);
        assert!(ran.said.contains("FAILED"), "{what}: {}", ran.said);
        host.sh(mended);
        let well = |host: &mut Host| (smoke(host).code == Some(0)).then_some(());
        host.until("the stack to be well again", well).await;
    }
}

/// The state of a stack that serves is kept, lost, and put back.
#[tokio::test]
async fn a_backup_restores_the_state() {
    let mut host = up().await;
    host.ok(&["scripts/backup"]);
    let restore = "scripts/restore \"$(ls -t backups/*.tar.gz | head -1)\"";
    assert_eq!(host.run(&["sh", "-c", restore]).code, Some(1), "not under a running daemon");
    host.compose(&["stop"]);
    host.sh("rm -rf .codex-api/config.toml .codex-api/sessions && echo 'model = \"lost\"' > .codex-api/config.toml");
    host.sh(restore);
    assert!(host.ok(&["cat", ".codex-api/config.toml"]).contains("scripted"));
    host.compose(&["up", "--detach", "--no-build", "--wait"]);
    let well = |host: &mut Host| (host.run(&["scripts/smoke", "prod"]).code == Some(0)).then_some(());
    host.until("the stack to be well again", well).await;
}

/// The images are what `verify-release` wants of a release.
#[tokio::test]
async fn the_images_pass_verify_release() {
    let host = Host::start().await;
    // The clone's commit is another than the one that the images were built of.
    host.sh("for service in worker front; do printf 'FROM codex-gateway-%s:latest\\nLABEL org.opencontainers.image.revision=%s\\n' \
             $service $(git rev-parse HEAD) | docker build --quiet --tag codex-gateway-$service:latest -; done");
    host.ok(&[
        "scripts/verify-release",
        "--allow-unreleased",
        "--worker-image",
        "codex-gateway-worker:latest",
        "--front-image",
        "codex-gateway-front:latest",
    ]);
}

/// Every block of commands in these pages, in their order, as an operator would type them.
#[tokio::test]
async fn every_command_of_the_documents_runs() {
    let host = up().await;
    let mut ran = 0;
    for page in ["compose", "playbook", "readiness", "rollout", "login", "images"] {
        let page = format!("docs/operations/{page}.md");
        let text = fs::read_to_string(root().join(&page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        // Those that need the outside are fenced with `sh outside`.
        for (line, block) in blocks(&text, "sh") {
            let done = host.run(&["bash", "-euo", "pipefail", "-c", &block]);
            assert_eq!(done.code, Some(0), "{page}:{line}\n{block}\n{}", done.said);
            assert!(!done.said.trim().is_empty(), "{page}:{line} says nothing");
            ran += 1;
        }
    }
    assert!(ran >= 30, "{ran} blocks");
}
