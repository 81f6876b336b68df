//! `docs/operations/kubernetes.md`: its commands, as far as they can be held to something without a cluster.

use std::{collections::BTreeSet, fs, os::unix::fs::symlink};

use gateway_tests::{
    blocks::blocks,
    pair::{Binary, binary},
};
use serde_json::Value;

use super::{
    FOLDERS,
    document::{containers, of, text},
    file, manifests, programs,
};
use crate::tools::{path, root, run};

const PAGE: &str = "docs/operations/kubernetes.md";

fn page() -> String {
    String::from_utf8(file(PAGE)).expect("text")
}

/// In a folder of their own: they write files of keys.
#[test]
fn commands_that_need_no_cluster_run() {
    let folder = tempfile::tempdir().expect("a folder");
    symlink(root().join("compose"), folder.path().join("compose")).expect("a link");
    let codexctl = binary(Binary::Codexctl);
    let ours = codexctl.parent().expect("a folder").to_owned();
    // kubectl is the pinned one.
    let path = format!("{}:{}:{}", programs().display(), ours.display(), path().to_string_lossy());
    let mut ran = 0;
    for (line, block) in blocks(&page(), "sh") {
        let block = format!("cd '{}'\n{block}", folder.path().display());
        let done = run("bash", &["-euo", "pipefail", "-c", &block], &[("PATH", &path)]);
        assert_eq!(done.code, Some(0), "{PAGE}:{line}\n{block}\n{}", done.said);
        assert!(!done.said.trim().is_empty(), "{PAGE}:{line} says nothing");
        ran += 1;
    }
    assert_eq!(ran, 2);
    let keys = fs::read_to_string(folder.path().join("keys.toml")).expect("the Secret's file");
    assert_eq!(keys.matches("[[keys]]").count(), 2, "{keys}");
}

/// The words of a command, as far as quotes don't matter; without what it hands to a shell or runs in a container.
fn words(command: &str) -> Vec<&str> {
    let outside = command.split(" -- ").next().unwrap_or(command);
    outside.split_whitespace().map(|word| word.trim_matches(['"', '\'', '(', ')'])).collect()
}

/// What is wrong with a command that needs a cluster: a pod, a container, a namespace or an object that isn't in the manifests.
fn faults(command: &str, documents: &[Value]) -> Vec<String> {
    let names = |kind: &'static str| -> BTreeSet<&str> {
        of(documents, kind).map(|document| text(&document["metadata"]["name"])).collect()
    };
    let containers: BTreeSet<&str> = containers(documents).iter().map(|one| text(&one["name"])).collect();
    let labels = super::document::pod(documents).expect("pods")["metadata"]["labels"].as_object();
    let labels: BTreeSet<String> =
        labels.into_iter().flatten().map(|(name, value)| format!("{name}={}", text(value))).collect();
    let words = words(command);
    let mut found = Vec::new();
    let mut must = |known: bool, word: &str| {
        if !known {
            found.push(format!("{word} is not in the manifests"));
        }
    };
    for pair in words.windows(2) {
        match pair {
            ["-n", name] => must(names("Namespace").contains(name), name),
            ["-c", name] => must(containers.contains(name), name),
            ["hpa", name] => must(names("HorizontalPodAutoscaler").contains(name), name),
            ["-k", folder] => must(*folder == "$OVERLAY", folder),
            ["-l", label] => must(labels.contains(*label), label),
            _ => {}
        }
    }
    for word in words {
        if let Some(set) = word.strip_prefix("statefulset/") {
            must(names("StatefulSet").contains(set), set);
        }
        let pod = word.rsplit_once('-').filter(|(_, ordinal)| ordinal.parse::<u8>().is_ok());
        if let Some((set, _)) = pod.filter(|_| word.starts_with("codex")) {
            must(names("StatefulSet").contains(set), word);
        }
    }
    found
}

#[test]
fn commands_for_a_cluster_name_what_is_there() {
    let documents = manifests(FOLDERS[1]);
    let mut seen = 0;
    for (line, block) in blocks(&page(), "sh outside") {
        let read = run("bash", &["-n", "-c", &block], &[]);
        assert_eq!(read.code, Some(0), "{PAGE}:{line}: {}", read.said);
        for command in block.lines() {
            let faults = faults(command, &documents);
            assert!(faults.is_empty(), "{PAGE}:{line}: {command}: {faults:?}");
            seen += 1;
        }
    }
    assert!(seen >= 20, "{seen} commands");
    for wrong in [
        "kubectl -n codex exec codex-gateway-0 -c worker -- true",
        "kubectl -n codex-gateway exec codex-gateway-0 -c daemon -- true",
        "kubectl -n codex-gateway exec codex-front-0 -c front -- true",
        "kubectl -n codex-gateway rollout undo statefulset/codex",
        "kubectl -n codex-gateway exec codex-gateway-0 -c kill -- sh -c 'kill -HUP 1'",
        "kubectl -n codex-gateway get pods -l app.kubernetes.io/component=front",
        "kubectl apply -k compose/kubernetes/prod",
    ] {
        assert_eq!(faults(wrong, &documents).len(), 1, "{wrong}");
    }
}

/// A copy of `production` with the page's example of another setting.
#[test]
fn a_copy_of_production_takes_settings_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    // kustomize takes folders by relative ways alone.
    let place = folder.path().canonicalize().expect("a place");
    let up = "../".repeat(place.components().count() - 1);
    let base = format!("{up}{}/compose/kubernetes/", root().display().to_string().trim_start_matches('/'));
    let text = |path: &str| String::from_utf8(file(path)).expect("text");
    let copy =
        text("compose/kubernetes/production/kustomization.yaml").replace("- ../", &format!("- {base}"));
    let (_, more) = blocks(&page(), "yaml").into_iter().next().expect("an example");
    fs::write(place.join("kustomization.yaml"), format!("{copy}{more}")).expect("written");
    fs::write(place.join("namespace.yaml"), text("compose/kubernetes/production/namespace.yaml"))
        .expect("written");
    let documents = manifests(&place.to_string_lossy());
    let front = super::document::container(&documents, "front").expect("a front");
    let of_front = |name| super::document::setting(&documents, front, name);
    assert_eq!(of_front("PROXY_MAX_STREAMS"), Some("512"));
    assert_eq!(of_front("PROXY_SHUTDOWN_GRACE_MS"), Some("60000"), "what base has stays");
    let faults = super::rules::faults(&documents, &super::world());
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Secrets that the commands make are those that the pods read, with their members.
#[test]
fn the_secrets_are_those_that_the_pods_read() {
    let page = page();
    let documents = manifests(FOLDERS[1]);
    let pod = &super::document::pod(&documents).expect("pods")["spec"];
    let volumes = pod["volumes"].as_array().expect("volumes").iter();
    let mut read: BTreeSet<&str> =
        volumes.filter_map(|volume| volume["secret"]["secretName"].as_str()).collect();
    for variable in containers(&documents).iter().filter_map(|one| one["env"].as_array()).flatten() {
        let key = &variable["valueFrom"]["secretKeyRef"];
        if let (Some(name), Some(member)) = (key["name"].as_str(), key["key"].as_str()) {
            assert!(page.contains(&format!("{name} --from-file={member}=")), "{name} {member}");
            read.insert(name);
        }
    }
    let made = page.split("create secret generic ").skip(1).filter_map(|rest| rest.split(' ').next());
    assert_eq!(made.collect::<BTreeSet<_>>(), read);
    let samples = super::documents(&file("compose/kubernetes/secrets.sample.yaml"));
    let samples = samples.iter().map(|secret| text(&secret["metadata"]["name"]));
    assert_eq!(samples.collect::<BTreeSet<_>>(), read);
}

/// The numbers that the page tells are those of the manifests.
#[test]
fn the_page_tells_the_times_of_the_manifests() {
    let (page, documents) = (page(), manifests(FOLDERS[1]));
    let container = |name| super::document::container(&documents, name).expect("a container");
    let (front, worker) = (container("front"), container("worker"));
    let setting = |one, name| super::document::setting(&documents, one, name).expect("a setting");
    let number = |one, name| setting(one, name).parse::<u64>().expect("a number");
    let tells = |words: String| {
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(page.contains(&words), "{PAGE} doesn't say: {words}");
    };
    let patience = |probe: &Value| {
        let numbers = probe["periodSeconds"].as_u64().zip(probe["failureThreshold"].as_u64());
        numbers.map(|(period, times)| period * times).expect("numbers")
    };
    let grace = number(front, "PROXY_SHUTDOWN_GRACE_MS") / 1000;
    let sleep = front["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().expect("a number");
    tells(format!("| `preStop` | {sleep} s |"));
    tells(format!("to `PROXY_SHUTDOWN_GRACE_MS`, {grace} s"));
    tells(format!("longer than these {} s", sleep + grace));
    tells(format!(
        "started again after {} s in which the front says nothing",
        patience(&front["livenessProbe"])
    ));
    tells(format!(
        "after {} s without readiness the pod gets no new connections. Until",
        patience(&front["readinessProbe"])
    ));
    tells(format!("1/2; after {} s without readiness", patience(&worker["readinessProbe"])));
    assert_eq!(patience(&worker["livenessProbe"]), 600);
    tells("after ten minutes without readiness the daemon is started again".to_owned());

    let set = of(&documents, "StatefulSet").next().expect("a set");
    tells(format!("has been ready for {} s", set["spec"]["minReadySeconds"]));
    // The rest of the grace of a pod is what `rules` adds to the front's.
    let whole = set["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().expect("a number");
    let long = 1830;
    let least =
        whole.min(sleep + grace + 5 + number(worker, "WORKER_SHUTDOWN_GRACE_MS") / 1000 + 8) - grace + long;
    assert!((least..least + 10).contains(&1870), "{least} s are needed");
    tells(format!("`PROXY_SHUTDOWN_GRACE_MS={long}000` and `terminationGracePeriodSeconds: 1870`"));

    let scaler = &of(&documents, "HorizontalPodAutoscaler").next().expect("a scaler")["spec"];
    let target =
        text(&scaler["metrics"][0]["pods"]["target"]["averageValue"]).parse::<u64>().expect("a number");
    let (most, places) =
        (scaler["maxReplicas"].as_u64().expect("a number"), number(worker, "WORKER_MAX_CONCURRENCY"));
    tells(format!("at {target} for each pod: half of `WORKER_MAX_CONCURRENCY`"));
    tells(format!("It makes {most} pods at most"));
    assert_eq!((most * target, most * places), (512, 1024));
    tells("which is 512 turns by that target and 1,024 by their places".to_owned());
    let log = setting(front, "PROXY_LOG_FILE_MAX_BYTES").trim_end_matches("MiB").to_owned();
    tells(format!("`PROXY_LOG_FILE_MAX_BYTES`, {log} MiB here"));
}
