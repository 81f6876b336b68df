//! The manifests for Kubernetes, without a cluster: as the real kubectl renders them, held to the schemas of Kubernetes and of the
//! Prometheus operator, and to what this repository says elsewhere of images, settings, ports and hardening.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    process::{Command, Stdio},
};

use gateway_tests::pair::{Binary, binary};
use serde_json::{Value, json};

use crate::{
    files::{PROD, rendered},
    tools::{installed, root, run},
};

mod document;
mod kept;
mod manual;
mod mutations;
mod network;
mod rules;
mod world;

/// What is rendered: the pair by itself, and the example of the whole.
const FOLDERS: [&str; 2] = ["compose/kubernetes/base", "compose/kubernetes/production"];
/// The versions that somebody runs today, which the schemas must have among theirs.
const CURRENT: [&str; 5] = ["1.33.", "1.34.", "1.35.", "1.36.", "1.37."];

fn programs() -> std::path::PathBuf {
    installed("KUBERNETES_TOOLS", "kubernetes", "kubectl")
}

/// Runs `schemas.py` with this on its stdin; gives what it prints.
fn schemas(mode: &str, input: &[u8]) -> Value {
    let mut command = Command::new(programs().join("python"));
    command.args(["-B", "tests/suites/compose/kubernetes/schemas.py", mode]).current_dir(root());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "schemas.py {mode}: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn documents(yaml: &[u8]) -> Vec<Value> {
    let Value::Array(documents) = schemas("read", yaml) else { panic!("a list") };
    documents
}

/// What `kubectl apply -k` would send.
fn manifests(folder: &str) -> Vec<Value> {
    let kubectl = programs().join("kubectl");
    let yaml = run(&kubectl.to_string_lossy(), &["kustomize", folder], &[]).ok();
    documents(yaml.as_bytes())
}

fn file(path: &str) -> Vec<u8> {
    fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the schemas say of each case.
fn judged(cases: &BTreeMap<String, Vec<Value>>) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let input = serde_json::to_vec(cases).expect("JSON");
    let mut said = schemas("judge", &input);
    let versions = serde_json::from_value(said["versions"].take()).expect("versions");
    (versions, serde_json::from_value(said["faults"].take()).expect("faults"))
}

fn world() -> world::World {
    let adapter = documents(&file("compose/kubernetes/autoscaling/prometheus-adapter.yaml"));
    world::World::read(&rendered(PROD), adapter)
}

#[test]
fn schemas_of_all_current_versions_take_every_document() {
    let mut cases: BTreeMap<String, Vec<Value>> =
        FOLDERS.iter().map(|folder| ((*folder).to_owned(), manifests(folder))).collect();
    assert!(cases["compose/kubernetes/production"].len() >= 14, "{cases:?}");
    cases.insert("the sample".to_owned(), documents(&file("compose/kubernetes/secrets.sample.yaml")));
    let (versions, faults) = judged(&cases);
    for version in CURRENT {
        assert!(
            versions.iter().any(|known| known.starts_with(version)),
            "{version} is not among {versions:?}"
        );
    }
    for (case, faults) in faults {
        assert!(faults.is_empty(), "{case}: {faults:#?}");
    }
}

#[test]
fn they_say_what_the_rest_of_the_repository_says() {
    let world = world();
    for folder in FOLDERS {
        let faults = rules::faults(&manifests(folder), &world);
        assert!(faults.is_empty(), "{folder}: {faults:#?}");
    }
}

/// What each mutation spoils is found, by the rule or the schema that it names.
#[test]
fn a_spoilt_manifest_is_found() {
    let (world, good) = (world(), manifests("compose/kubernetes/production"));
    let all = mutations::all();
    let spoilt: Vec<Vec<Value>> = all.iter().map(|mutation| mutations::applied(&good, mutation)).collect();
    // What has not changed needs no second look.
    let changed = |now: &[Value]| -> Vec<Value> {
        now.iter().zip(&good).filter(|(now, was)| now != was).map(|(now, _)| now.clone()).collect()
    };
    let cases = all.iter().zip(&spoilt);
    let cases = cases.filter(|(mutation, _)| matches!(mutation.found, mutations::Found::Schema(_)));
    let cases = cases.map(|(mutation, spoilt)| (mutation.what.to_owned(), changed(spoilt))).collect();
    let (_, mut by_schema) = judged(&cases);
    let mut missed = Vec::new();
    for (mutation, spoilt) in all.iter().zip(&spoilt) {
        let (words, faults) = match mutation.found {
            mutations::Found::Rule(words) => (words, rules::faults(spoilt, &world)),
            mutations::Found::Schema(words) => (words, by_schema.remove(mutation.what).unwrap_or_default()),
        };
        if !faults.iter().any(|fault| fault.contains(words)) {
            missed.push((mutation.what, faults));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Nobody's secrets, and no secret's place in what is committed.
#[test]
fn the_samples_open_nothing() {
    for secret in documents(&file("compose/kubernetes/secrets.sample.yaml")) {
        for (name, value) in secret["stringData"].as_object().expect("members") {
            let text = value.as_str().expect("text");
            assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "{name}: {text}");
        }
    }
}

/// What the probes run, against a socket that isn't there: an answer and no wrong option.
#[test]
fn the_workers_probes_are_commands_of_codexctl() {
    let codexctl = binary(Binary::Codexctl).to_string_lossy().into_owned();
    let home = tempfile::tempdir().expect("a folder");
    let login = home.path().join("auth.json");
    let variables =
        [("WORKER_SOCKET", "/nonexistent/socket"), ("CODEX_HOME", &home.path().to_string_lossy())];
    for folder in FOLDERS {
        let good = manifests(folder);
        let worker = document::container(&good, "worker").expect("a worker");
        for probe in ["readinessProbe", "livenessProbe"] {
            let words = document::texts(&worker[probe]["exec"]["command"]);
            let words: Vec<String> =
                words.iter().map(|word| word.replace("/usr/local/bin/codexctl", &codexctl)).collect();
            let rest: Vec<&str> = words[1..].iter().map(String::as_str).collect();
            let ask = || run(&words[0], &rest, &variables);
            let shell = words[0] == "/bin/sh";
            assert_eq!(shell, folder == FOLDERS[0] && probe == "readinessProbe", "{folder}: {probe}");
            if shell {
                // An empty file is no login either.
                for kept in [None, Some("")] {
                    kept.into_iter().for_each(|text| fs::write(&login, text).expect("written"));
                    let ran = ask();
                    assert_eq!((ran.code, ran.said.trim()), (Some(1), "nobody has signed in"));
                }
                fs::write(&login, "{}").expect("written");
            }
            let ran = ask();
            assert_eq!(ran.code, Some(1), "{probe}: {}", ran.said);
            assert!(ran.said.contains("/nonexistent/socket"), "{probe}: {}", ran.said);
        }
    }
}

/// The adapter's query, as the adapter fills it in, on two pods: of the first there are two series, which differ in every label
/// that the front gives them, where it gives any.
#[test]
fn the_adapter_adds_up_what_a_pod_tells() {
    const SERIES: &str = "codex_worker_turns_active";
    let world = world();
    let query = world.adapter["metricsQuery"].as_str().expect("a query");
    let query = query
        .replace("<<.Series>>", SERIES)
        .replace("<<.LabelMatchers>>", r#"namespace="codex-gateway",pod=~"codex-gateway-0|codex-gateway-1""#)
        .replace("<<.GroupBy>>", "pod");
    let labels = world.series.get(SERIES).expect("a series of ours");
    let series = |pod: u8, other: &str, value: u8| {
        let own = labels.iter().map(|label| format!(r#",{label}="{other}""#)).collect::<String>();
        let all = format!(r#"namespace="codex-gateway",pod="codex-gateway-{pod}"{own}"#);
        json!({"series": format!("{SERIES}{{{all}}}"), "values": format!("{value}x4")})
    };
    let mut input = vec![series(0, "a", 7), series(1, "a", 3)];
    let mut of_first = 7;
    if !labels.is_empty() {
        input.push(series(0, "b", 5));
        of_first += 5;
    }
    let sample =
        |pod: u8, value: u8| json!({"labels": format!(r#"{{pod="codex-gateway-{pod}"}}"#), "value": value});
    let test = json!({"tests": [{
        "interval": "15s",
        "input_series": input,
        "promql_expr_test": [{"expr": query, "eval_time": "1m", "exp_samples": [sample(0, of_first), sample(1, 3)]}],
    }]});
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("adapter.yml");
    fs::write(&path, test.to_string()).expect("written");
    run("promtool", &["test", "rules", &path.to_string_lossy()], &[]).ok();
}
