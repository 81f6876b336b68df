//! What can be said of the Dockerfile and the compose files without an engine.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::tools::{root, run};

pub(crate) const PROD: &str = "compose/docker-compose.yml";
const DEV: &str = "compose/compose.dev.stack.yml";
const VARIABLES: &[(&str, &str)] = &[("DOMAIN", "api.example.com"), ("DEV_KEY", "sk-dev")];

/// A compose file as Compose understands it.
pub(crate) fn rendered(file: &str) -> Value {
    let said = run("docker-compose", &["-f", file, "config", "--format", "json"], VARIABLES).ok();
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{file}: {error}: {said}"))
}

#[test]
fn hadolint_has_nothing_to_say() {
    assert_eq!(run("hadolint", &["compose/Dockerfile"], &[]).ok(), "");
}

#[test]
fn compose_takes_the_files_without_a_warning() {
    for file in [PROD, DEV] {
        assert_eq!(run("docker-compose", &["-f", file, "config", "--quiet"], VARIABLES).ok(), "", "{file}");
    }
    let refused = run("docker-compose", &["-f", PROD, "config", "--quiet"], &[]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.said.contains("DOMAIN"), "what is missing is named: {}", refused.said);
}

/// The schema knows nothing of the tags with which a file replaces parts of another, so the dev stack is held to it as it is
/// rendered.
#[test]
fn both_files_are_as_the_schema_of_compose_wants_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let dev = folder.path().join("dev.json");
    fs::write(&dev, rendered(DEV).to_string()).expect("written");
    let dev = dev.to_string_lossy();
    run("check-jsonschema", &["--builtin-schema", "vendor.compose-spec", PROD, &dev], &[]).ok();
}

/// What an operator sets in `.env` must arrive.
#[test]
fn every_variable_of_the_files_is_a_setting_of_the_program() {
    let config = rendered(PROD);
    for (service, binary) in [("worker", "worker-daemon"), ("front", "http-front")] {
        let help = run(&format!("{}/{binary}", programs()), &["--help"], &[]).ok();
        let known: BTreeSet<&str> =
            help.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_').collect();
        let variables = config["services"][service]["environment"].as_object().expect("an environment");
        for name in variables.keys() {
            assert!(known.contains(name.as_str()), "{service} has {name}, which {binary} doesn't know");
        }
    }
}

fn programs() -> String {
    let binary = gateway_tests::pair::binary(gateway_tests::pair::Binary::HttpFront);
    binary.parent().expect("a folder").to_string_lossy().into_owned()
}

/// The dev stack has the routers and middlewares of production, under other names and with its own ForwardAuth.
#[test]
fn the_dev_stack_routes_as_production_does() {
    let labels = |file: &str, domain: &str| -> Vec<String> {
        let labels = rendered(file)["services"]["front"]["labels"].clone();
        let labels = labels.as_object().expect("labels").iter();
        let lines = labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
        lines.map(|line| line.replace("codex-dev", "codex").replace(domain, "HOST")).collect()
    };
    let mut prod = labels(PROD, "api.example.com");
    let mut dev = labels(DEV, "codex.localhost");
    // Certificates and what tells browsers to insist on them are production's alone.
    prod.retain(|line| !line.contains("certresolver") && !line.contains("stsseconds"));
    dev.retain(|line| line != "codex.stack=dev");
    for line in &mut dev {
        // Entry points of its own, so that production's Traefik on the same host serves nothing of it.
        *line = line
            .replace("127.0.0.1:18081", "127.0.0.1:18080")
            .replace("entrypoints=codexdev", "entrypoints=websecure");
    }
    prod.sort();
    dev.sort();
    assert_eq!(prod, dev);
    assert!(root().join(DEV).is_file());
}

/// Docker publishes ports through the first network in the order of the names, which must be that of the internal listener.
#[test]
fn ports_are_published_through_the_network_of_the_internal_listener() {
    for file in [PROD, DEV] {
        let config = rendered(file);
        let networks = config["services"]["front"]["networks"].as_object().expect("networks");
        let mut names: Vec<&str> =
            networks.keys().filter_map(|key| config["networks"][key]["name"].as_str()).collect();
        names.sort_unstable();
        assert!(names.len() >= 2 && names[0].ends_with("_internal"), "{file}: {names:?}");
        let aliases =
            networks.iter().filter(|(_, network)| network["aliases"].to_string().contains("internal.front"));
        assert_eq!(aliases.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["internal"], "{file}");
    }
}

/// Production's images are not what the dev stack builds.
#[test]
fn the_dev_stack_has_images_of_its_own() {
    let images = |file: &str| -> BTreeSet<String> {
        let config = rendered(file);
        ["worker", "front"].iter().map(|name| config["services"][name]["image"].to_string()).collect()
    };
    assert!(images(PROD).is_disjoint(&images(DEV)));
}
