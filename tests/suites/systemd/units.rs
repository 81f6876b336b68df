//! What can be said of the units and of the scripts that install them without a machine.

use crate::gateway::root;
use std::fs;

fn unit(name: &str) -> String {
    fs::read_to_string(root().join("systemd").join(name)).expect(name)
}

/// The template is the one worker's unit but for the names: what is said in one must be said in the other.
#[test]
fn the_template_is_the_workers_unit() {
    // In this order: the first ones hold what the others are found in.
    let names = [
        ("codex-worker.socket", "codex-worker@%i.socket"),
        ("codex-worker.env", "codex-worker@%i.env"),
        // The user, and its group.
        ("=codex-worker\n", "=codex-worker-%i\n"),
        ("CODEX_HOME=/var/lib/codex\n", "CODEX_HOME=/var/lib/codex-workers/%i\n"),
        ("WorkingDirectory=/var/lib/codex\n", "WorkingDirectory=/var/lib/codex-workers/%i\n"),
        ("StateDirectory=codex\n", "StateDirectory=codex-workers/%i\n"),
        ("/run/codex/worker.sock", "/run/codex/worker-%i.sock"),
        ("Codex worker daemon:", "Codex worker daemon %i:"),
        ("the Codex worker daemon\n", "the Codex worker daemon %i\n"),
    ];
    for kind in ["service", "socket"] {
        let one = unit(&format!("codex-worker.{kind}"));
        let wanted = names.iter().fold(one, |text, (one, each)| text.replace(one, each));
        let template = unit(&format!("codex-worker@.{kind}"));
        // It begins with what it is.
        let template = template.trim_start_matches(|c| c != '[');
        assert_eq!(template, wanted, "codex-worker@.{kind}");
    }
}
