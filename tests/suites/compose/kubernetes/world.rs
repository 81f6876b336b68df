//! What the rest of the repository says of the images, the settings and the hardening.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{document::items, file};

/// One of the two images.
#[derive(Debug)]
pub(super) struct Image {
    /// `uid:gid` that it runs as.
    pub(super) user: String,
    /// Programs that are copied into `/usr/local/bin`.
    pub(super) programs: BTreeSet<String>,
    /// Settings that the program knows, by `docs/configuration.md`.
    pub(super) settings: BTreeSet<String>,
    /// What Compose sets for it, where that is a plain word and nobody's to choose.
    pub(super) fixed: BTreeMap<String, String>,
    /// Compose's own members, which both services share: capabilities, root, privileges.
    pub(super) compose: Value,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) front: Image,
    pub(super) worker: Image,
    /// The version of the images.
    pub(super) version: String,
    /// The port of the public listener.
    pub(super) public: u64,
    /// Series that `/metrics` has, each with the labels that it has by `docs/metrics.md`.
    pub(super) series: BTreeMap<String, Vec<String>>,
    /// The one rule for prometheus-adapter.
    pub(super) adapter: Value,
}

impl World {
    /// `compose`: the production stack as Compose renders it without an `.env`; `adapter`: the documents of the adapter's file.
    pub(super) fn read(compose: &Value, adapter: Vec<Value>) -> Self {
        let docker = String::from_utf8(file("compose/Dockerfile")).expect("text");
        let metrics = String::from_utf8(file("docs/metrics.md")).expect("text");
        let [adapter] = adapter.try_into().expect("one document");
        let [rule] = items(&adapter["rules"]) else { panic!("one rule: {adapter}") };
        let stage = stage(&docker, "front");
        Self {
            front: Image::read(&docker, compose, "front", "http-front"),
            worker: Image::read(&docker, compose, "worker", "worker-daemon"),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            public: word(stage, "EXPOSE ").parse().expect("a port"),
            series: series(&metrics),
            adapter: rule.clone(),
        }
    }
}

impl Image {
    fn read(docker: &str, compose: &Value, name: &str, program: &str) -> Self {
        let stage = stage(docker, name);
        let copied = stage.split_whitespace().filter_map(|word| word.strip_prefix("/out/bin/"));
        let configuration = String::from_utf8(file("docs/configuration.md")).expect("text");
        let service = &compose["services"][name];
        let set = service["environment"].as_object().expect("an environment").iter();
        // Empty is what an operator may set, and names of Compose's networks are no business of Kubernetes'.
        let set = set.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        let fixed = set.filter(|(name, value)| !value.is_empty() && name != "PROXY_INTERNAL_ADDR");
        Self {
            user: word(stage, "USER ").to_owned(),
            programs: copied.map(|program| format!("/usr/local/bin/{program}")).collect(),
            settings: names(&configuration, program),
            fixed: fixed.collect(),
            compose: service.clone(),
        }
    }
}

/// The lines of a target of the Dockerfile.
fn stage<'a>(docker: &'a str, name: &str) -> &'a str {
    let (_, rest) = docker.split_once(&format!(" AS {name}\n")).expect("the target");
    rest.split_once("\nFROM ").map_or(rest, |(stage, _)| stage)
}

/// What stands behind an instruction.
fn word<'a>(stage: &'a str, instruction: &str) -> &'a str {
    stage.lines().find_map(|line| line.strip_prefix(instruction)).expect("the instruction").trim()
}

/// The table that a document has between its marks.
fn table<'a>(document: &'a str, mark: &str) -> &'a str {
    let (_, rest) = document.split_once(&format!("<!-- begin {mark} -->")).expect("its begin");
    rest.split_once(&format!("<!-- end {mark} -->")).expect("its end").0
}

/// The names in backticks of the first column of a table.
fn names(document: &str, mark: &str) -> BTreeSet<String> {
    let cells =
        table(document, mark).lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`')).filter(|name| !name.trim().is_empty()).map(str::to_owned).collect()
}

/// Each series with its labels.
fn series(document: &str) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for line in table(document, "series").lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [name, _, _, labels, ..] = cells[..] else { panic!("four columns: {line}") };
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        found.insert(name.trim_start_matches("| ").trim_matches('`').to_owned(), labels);
    }
    found
}
