//! Commands that ask for a terminal have one, in the same sandbox.

use super::stage::{CODE, DIRECT, Stage, commands, results};

/// codex starts its sandbox for these under a name that it must find.
#[tokio::test]
async fn a_command_with_a_terminal_runs_in_the_sandbox() {
    for (sandbox, writes) in [("read-only", false), ("workspace-write", true), ("danger-full-access", true)] {
        let stage = Stage::new(sandbox).await;
        for model in [DIRECT, CODE] {
            let made = stage.work.path().join(format!("made-{model}"));
            let outside = stage.pair.home().join(format!("outside-{model}"));
            let touch = |path: &std::path::Path| format!("touch {}", path.display());
            let lines = [
                "tty && test -t 1 && echo in-a-terminal".to_owned(),
                format!("tty; {}; {}", touch(&made), touch(&outside)),
            ];
            let got = stage.agent(model, &commands(&[&lines[0], &lines[1]]), false).await;
            assert_eq!(got.said(), "step 0\n\nstep 1\n\ndone", "{got:?}");
            let last = stage.upstream.requests().pop().expect("a request");
            let ran = results(&last);
            assert!(ran[0].to_string().contains("in-a-terminal"), "{sandbox} {model}: {ran:?}");
            assert_eq!(
                (made.exists(), outside.exists()),
                (writes, sandbox == "danger-full-access"),
                "{sandbox} {model}: {ran:?}"
            );
        }
    }
}
