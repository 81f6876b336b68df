//! Every command of the operator's pages, in a machine, in their order.

use crate::{
    gateway::{NEXT, SOURCE, bare, next, root},
    machine::Machine,
};
use gateway_tests::{
    blocks::blocks,
    pair::{NO_RETRIES, scripted_provider},
};

/// Where the first page takes away what it has put there.
const REMOVAL: &str = "\n## Removing\n";
/// Where it makes a backup, and where that is taken to another host.
const BACKUP: &str = "\n## Backup\n";
const RESTORING: &str = "On the host that is to have it";
/// Blocks of the three pages that run.
const BLOCKS: usize = 28;

/// Runs the blocks of a page in this folder; the lines of what is shown are those of `text`. How many there were.
async fn run(machine: &Machine, page: &str, text: &str, folder: &str) -> usize {
    // Those that need the outside are fenced with `sh outside`.
    let blocks = blocks(text, "sh");
    for (line, block) in &blocks {
        let ran = machine.run(&["sh", "-euc", &format!("cd {folder}\n{block}")]).await;
        assert_eq!(ran.code, Some(0), "{page}:{line}\n{block}\n{}", ran.said);
    }
    blocks.len()
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs/operations").join(name)).expect(name)
}

#[tokio::test]
async fn every_command_of_the_pages_runs() {
    let machine = bare().await;
    machine.systemctl(&["start", "upstream"]).await;
    // A login's place: the folders are there, and say where the model is.
    for home in ["codex", "codex-workers/a", "codex-workers/b"] {
        let config = format!("/var/lib/{home}/config.toml");
        machine.write(&config, &scripted_provider("http://127.0.0.1:9999/v1", NO_RETRIES));
    }
    let systemd = page("systemd.md");
    let (installing, removing) = systemd.split_once(REMOVAL).expect("a section");
    let (installing, backup) = installing.split_once(BACKUP).expect("a section");
    let (backup, restoring) = backup.split_once(RESTORING).expect("a paragraph");
    let mut ran = run(&machine, "systemd.md", installing, SOURCE).await;
    // A host with one worker only, and one that has never had any.
    machine.ok(&["rm", "-r", "/var/lib/codex-workers"]).await;
    machine.ok(&["chown", "codex-worker:codex-worker", "/var/lib/codex/config.toml"]).await;
    ran += run(&machine, "systemd.md, the backup", backup, SOURCE).await;
    let kept = ["cksum", "/etc/codex/keys.toml", "/etc/codex/front.toml", "/var/lib/codex/config.toml"];
    let before = machine.ok(&kept).await;
    machine.ok(&["/opt/codex-gateway/scripts/install", "--purge"]).await;
    ran += run(&machine, "systemd.md, the restore", restoring, SOURCE).await;
    assert_eq!(machine.ok(&kept).await, before);
    let owner = machine.ok(&["stat", "--format=%U:%G", "/var/lib/codex/config.toml"]).await;
    assert_eq!(owner, "codex-worker:codex-worker\n");
    for unit in ["codex-front", "codex-worker"] {
        machine.systemctl(&["is-enabled", unit]).await;
    }
    next(&machine).await;
    ran += run(&machine, "upgrade.md", &page("upgrade.md"), NEXT).await;
    let unit = std::fs::read_to_string(machine.path("/etc/systemd/system/codex-front.service"));
    assert!(unit.expect("a unit").ends_with("# The next version.\n"), "the new version's unit");
    ran += run(&machine, "faq.md", &page("faq.md"), NEXT).await;
    ran += run(&machine, "systemd.md, the removal", removing, SOURCE).await;
    // Whoever fences one otherwise must say so here.
    assert_eq!(ran, BLOCKS);
    assert_eq!(machine.ok(&["sh", "-c", "grep -c codex /etc/passwd; :"]).await, "0\n");
}
