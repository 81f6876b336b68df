//! The program in `docs/protocol.md`, as it stands there.

use std::process::Stdio;

use gateway_tests::{
    pair::{DEADLINE, Pair},
    upstream::{Directives, Upstream},
};
use tokio::process::Command;

/// The first block of Python in the document.
fn program() -> &'static str {
    let text = include_str!("../../../docs/protocol.md");
    let (_, rest) = text.split_once("```python\n").expect("a block of Python");
    rest.split_once("```").expect("its end").0
}

#[tokio::test]
async fn the_python_example_of_the_protocol_runs() {
    let upstream = Upstream::start(Directives::new()).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");
    let output = Command::new("python3")
        .args(["-c", program()])
        .arg(&pair.socket)
        .arg("Say hello.")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output =
        tokio::time::timeout(DEADLINE, output).await.expect("its end in time").expect("python3 runs");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((said.as_ref(), complained.as_ref()), ("Say hello.\ncompleted\n", ""));
    assert!(output.status.success(), "{}", output.status);
}
