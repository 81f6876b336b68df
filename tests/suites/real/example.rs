//! The Python example of `docs/protocol.md`, as it stands there.

use gateway_tests::{
    pair::{DEADLINE, Pair},
    upstream::{Directives, Upstream},
};
use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};
use tempfile::TempDir;
use tokio::process::Command;

/// The document's only Python block, in a file.
fn example() -> (TempDir, PathBuf) {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let text = std::fs::read_to_string(document).expect("docs/protocol.md");
    let blocks: Vec<&str> = text.split("```python\n").skip(1).collect();
    let [block] = blocks[..] else { panic!("{} Python blocks in docs/protocol.md", blocks.len()) };
    let (code, _) = block.split_once("```\n").expect("the block's end");
    let lines = code.lines().count();
    assert!((20..=45).contains(&lines), "about thirty lines were promised, there are {lines}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("turn.py");
    std::fs::write(&path, code).expect("a file");
    (folder, path)
}

/// What it says to a daemon on `socket`.
async fn run(socket: &Path, prompt: &str) -> Output {
    let (_folder, path) = example();
    let output = Command::new("python3")
        .args([path.as_path(), socket])
        .arg(prompt)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(DEADLINE, output).await.expect("the example's end in time") {
        Ok(output) => output,
        Err(error) => {
            panic!("this test needs python3 in PATH (on Debian: `apt-get install python3`): {error}")
        }
    }
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn the_python_example_prints_the_answer_as_it_comes() {
    let upstream = Upstream::start(Directives::new()).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");
    let output = run(&pair.socket, "!chunks 3\n!echo Grüße aus dem Beispiel 😀").await;
    assert_eq!(said(&output), (Some(0), "Grüße aus dem Beispiel 😀\n".to_owned(), String::new()));
    assert_eq!((upstream.totals().requests, upstream.problems()), (1, vec![]));
}

#[tokio::test]
async fn the_python_example_says_why_a_turn_failed() {
    let upstream = Upstream::start(Directives::new()).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");
    let (code, out, err) = said(&run(&pair.socket, "!status 400").await);
    assert_eq!((code, out.trim_end()), (Some(1), ""), "{err}");
    assert!(err.starts_with("turn failed: "), "{err}");
}

/// The daemon refuses what the example asks for.
#[tokio::test]
async fn the_python_example_shows_the_daemons_error() {
    let upstream = Upstream::start(Directives::new()).await.expect("an upstream");
    let builder = gateway_tests::pair::Builder::real(&upstream.base_url()).expect("a home");
    let builder = builder.daemon("WORKER_ALLOW_METHODS", "thread/start,thread/unsubscribe,model/list");
    let pair = builder.start().await.expect("a ready pair");
    let (code, out, err) = said(&run(&pair.socket, "!echo never").await);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("thread/inject_items") && err.contains("-32014"), "{err}");
}

#[tokio::test]
async fn the_python_example_says_when_nobody_serves_the_socket() {
    let (code, out, err) = said(&run(Path::new("/no/such/worker.sock"), "hello").await);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("/no/such/worker.sock") && !err.contains("Traceback"), "{err}");
}
