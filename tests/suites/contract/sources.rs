//! What the documents promise of the sources, read from the sources.

use http_front::error::Kind;
use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// Every Rust file below `path`, or `path` itself.
pub(crate) fn sources(path: &Path) -> Vec<PathBuf> {
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
        "worker-daemon/src/mux/admit",
        "worker-daemon/src/mux/observe.rs",
        "worker-daemon/src/mux/observe",
        "worker-daemon/src/child/exporter.rs",
        "worker-daemon/src/mux/threads.rs",
        "worker-daemon/src/mux/turn.rs",
        "worker-daemon/src/mux/whose.rs",
        "worker-daemon/src/mux/observe.rs",
        "worker-daemon/src/mux/observe",
        "worker-daemon/src/mux/action.rs",
        "worker-daemon/src/supervisor/machine.rs",
        "worker-daemon/src/supervisor/machine/event.rs",
        "worker-daemon/src/supervisor/machine/replace.rs",
        "worker-daemon/src/catalog/shape.rs",
        "worker-daemon/src/policy.rs",
        "worker-daemon/src/policy",
        "http-front/src/schema.rs",
        "http-front/src/schema",
        "http-front/src/translate.rs",
        "http-front/src/translate",
        "http-front/src/images/address.rs",
        "http-front/src/images/data_url.rs",
        "http-front/src/images/inspect.rs",
        "http-front/src/images/problem.rs",
        "http-front/src/images/target.rs",
        "http-front/src/sse.rs",
        "http-front/src/openai",
        "http-front/src/daemon/affinity.rs",
        "http-front/src/daemon/balance.rs",
        "http-front/src/daemon/conversation.rs",
        "http-front/src/daemon/health.rs",
        "http-front/src/daemon/models.rs",
        "http-front/src/daemon/names.rs",
        "http-front/src/daemon/table.rs",
        "http-front/src/routes/table.rs",
        "http-front/src/routes/cors.rs",
        "http-front/src/routes/verify.rs",
        "http-front/src/http/places.rs",
        "http-front/src/limits",
        "http-front/src/routes/toggles/body.rs",
        "http-front/src/state/toggles.rs",
        "http-front/src/state/toggles",
        "shared/src/control",
        "http-front/src/schema.rs",
        "http-front/src/schema",
        "http-front/src/auth/header.rs",
        "http-front/src/auth/keeper.rs",
        "http-front/src/auth/ring.rs",
        "scripts/codexctl/src/commands/key/edit.rs",
        "shared/src/keys.rs",
        "shared/src/keys",
        "shared/src/rpc",
        "shared/otel/src/config",
        "shared/otel/src/context.rs",
        "http-front/src/spans/attributes.rs",
        "http-front/src/spans/content.rs",
        "http-front/src/spans/content",
        "shared/src/app_server",
        "shared/src/telemetry/events.rs",
        "shared/src/telemetry/events",
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

/// What is between backticks and looks like a path to a test, its last part.
fn named(text: &str) -> Vec<&str> {
    let code = text.split('`').skip(1).step_by(2);
    let names = code.filter(|word| {
        word.contains("::") && word.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
    });
    let last = names.filter_map(|word| word.rsplit("::").next());
    last.filter(|name| name.len() > 10 && name.contains('_')).collect()
}

/// Each of these is a function of ours.
fn exist(document: &str, names: &[&str]) {
    let folders = ["shared", "worker-daemon/src", "http-front/src", "tests/suites"];
    let all: String = folders
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .map(|file| fs::read_to_string(file).expect("a source"))
        .collect();
    for name in names {
        assert!(all.contains(&format!("fn {name}(")), "{document} names `{name}`, which is no test");
    }
}

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a document")
}

/// The tests that the architecture names are there.
#[test]
fn every_test_that_the_architecture_names_exists() {
    let text = document("docs/architecture.md");
    let from = text.find("## Invariants").expect("the invariants");
    let until = text[from..].find("## When the child dies").expect("what follows them") + from;
    let names = named(&text[from..until]);
    assert!(names.len() >= 25, "{names:?}");
    exist("docs/architecture.md", &names);
}

/// Every kind of failure has a row that names a test, and the tests are there.
#[test]
fn every_kind_of_failure_names_its_test() {
    let text = document("docs/errors.md");
    exist("docs/errors.md", &named(&text));
    let (_, rest) = text.split_once("<!-- begin tests -->").expect("the tests");
    let (table, _) = rest.split_once("<!-- end tests -->").expect("their end");
    let (_, rest) = text.split_once("## What a client should do").expect("the advice");
    let (advice, _) = rest.split_once("\n## ").expect("what follows it");
    for kind in Kind::ALL {
        let name = format!("{kind:?}");
        let name = name.split('(').next().unwrap_or_default();
        let row = table.lines().find(|line| line.starts_with(&format!("| {name} |")));
        assert!(row.is_some_and(|row| !named(row).is_empty()), "docs/errors.md names no test of {name}");
        let told = advice.lines().any(|line| {
            let kinds = line.trim_start_matches("| ").split(" | ").next().unwrap_or_default();
            kinds.split(", ").any(|kind| kind == name)
        });
        assert!(told, "docs/errors.md doesn't say what to do about {name}");
    }
}
