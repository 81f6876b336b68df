//! What the documents promise of the sources, read from the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// Every Rust file below `path`, or `path` itself.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_path_buf()];
    }
    let entries = fs::read_dir(path).expect("a folder of sources").map(|e| e.expect("an entry").path());
    entries
        .filter(|p| p.is_dir() || p.extension().is_some_and(|e| e == "rs"))
        .flat_map(|p| sources(&p))
        .collect()
}

/// Invariant 6: pure modules have no `async`.
#[test]
fn pure_modules_have_no_async() {
    let pure = [
        "worker-daemon/src/mux/core.rs",
        "worker-daemon/src/mux/core",
        "worker-daemon/src/mux/table.rs",
        "worker-daemon/src/mux/route.rs",
        "worker-daemon/src/mux/admit.rs",
        "worker-daemon/src/mux/threads.rs",
        "worker-daemon/src/catalog/shape.rs",
        "worker-daemon/src/policy.rs",
        "worker-daemon/src/policy",
        "http-front/src/translate",
        "http-front/src/sse.rs",
        "http-front/src/openai",
        "http-front/src/daemon/table.rs",
        "http-front/src/routes/table.rs",
        "http-front/src/schema.rs",
        "http-front/src/schema",
        "shared/src/rpc",
        "shared/src/app_server",
    ];
    let files: Vec<PathBuf> = pure.iter().flat_map(|path| sources(&root().join(path))).collect();
    assert!(files.len() > 30, "{} files", files.len());
    for file in files {
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let found: Vec<&str> =
            code.filter(|line| line.contains("async ") || line.contains(".await")).collect();
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
}

/// The tests that the architecture names are there.
#[test]
fn every_test_that_the_architecture_names_exists() {
    let folders = ["shared", "worker-daemon/src", "http-front/src", "tests/suites"];
    let all: String = folders
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .map(|file| fs::read_to_string(file).expect("a source"))
        .collect();
    let text = fs::read_to_string(root().join("docs/architecture.md")).expect("the architecture");
    let from = text.find("## Invariants").expect("the invariants");
    let until = text[from..].find("## When the child dies").expect("what follows them") + from;
    let code = text[from..until].split('`').skip(1).step_by(2);
    let names: Vec<&str> = code
        .filter(|word| {
            word.contains("::") && word.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
        })
        .filter_map(|word| word.rsplit("::").next())
        .filter(|name| name.len() > 10 && name.contains('_'))
        .collect();
    assert!(names.len() >= 25, "{names:?}");
    for name in names {
        assert!(
            all.contains(&format!("fn {name}(")),
            "docs/architecture.md names `{name}`, which is no test"
        );
    }
}
