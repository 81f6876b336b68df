//! What must be true of the rendered manifests, besides what schemas can say. Each fault is a sentence that begins with the place.

use serde_json::Value;

use super::{
    document::{bytes, container, containers, items, of, pod, selects, setting, settings, text, texts},
    kept, network,
    world::{Image, World},
};

/// Time that the front and the worker may take to end what is left after their grace, in milliseconds (docs/operations/README.md).
const LAST: [u64; 2] = [5_000, 8_000];
/// The volume that nothing but the worker, and what goes before it, may see.
const STATE: &str = "codex";

/// Everything that is wrong; empty where nothing is.
pub(super) fn faults(documents: &[Value], world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let (Some(pod), Some(front), Some(worker)) =
        (pod(documents), container(documents, "front"), container(documents, "worker"))
    else {
        return vec!["there is no StatefulSet with a front and a worker".to_owned()];
    };
    for one in containers(documents) {
        let image = if one["name"] == "front" { &world.front } else { &world.worker };
        of_container(one, image, &world.version, &mut found);
    }
    for (one, image) in [(front, &world.front), (worker, &world.worker)] {
        of_settings(documents, one, image, &mut found);
    }
    of_pod(&pod["spec"], &world.worker, &mut found);
    of_sharing(documents, worker, front, &mut found);
    of_memory(documents, pod, worker, &mut found);
    of_probes(documents, front, worker, world, &mut found);
    of_the_end(documents, pod, front, worker, &mut found);
    network::faults(documents, front, world, &mut found);
    kept::faults(documents, pod, front, &mut found);
    of_selectors(documents, pod, &mut found);
    of_scaling(documents, worker, world, &mut found);
    if of(documents, "Secret").next().is_some() {
        found.push("Secret: none belongs into what is committed".to_owned());
    }
    found
}

/// The image, the user and the hardening, which are Compose's in other words.
fn of_container(one: &Value, image: &Image, version: &str, found: &mut Vec<String>) {
    let name = text(&one["name"]);
    let mut must = |holds: bool, what: &str| {
        if !holds {
            found.push(format!("{name}: {what}"));
        }
    };
    let (_, tag) = text(&one["image"]).rsplit_once(':').unwrap_or_default();
    must(tag == version, "the image is not of this version");
    let (user, group) = image.user.split_once(':').unwrap_or_default();
    let context = &one["securityContext"];
    must(context["runAsUser"].as_u64() == user.parse().ok(), "runAsUser is not the image's");
    must(context["runAsGroup"].as_u64() == group.parse().ok(), "runAsGroup is not the image's");
    must(context["runAsNonRoot"] == true, "runAsNonRoot is missing");
    must(context["privileged"] != true, "it is privileged");
    must(
        image.compose["cap_drop"] == context["capabilities"]["drop"],
        "capabilities are dropped otherwise in Compose",
    );
    must(context["capabilities"]["add"].is_null(), "capabilities are added");
    must(image.compose["read_only"] == context["readOnlyRootFilesystem"], "its root can be written to");
    let confined = texts(&image.compose["security_opt"]).contains(&"no-new-privileges:true");
    must(confined && context["allowPrivilegeEscalation"] == false, "it may gain privileges");
    let (asked, limit) = (&one["resources"]["requests"], &one["resources"]["limits"]);
    must(
        bytes(text(&asked["memory"])) <= bytes(text(&limit["memory"])),
        "it asks for more memory than it may have",
    );
    must(
        !asked["memory"].is_null() && !asked["cpu"].is_null() && !limit["memory"].is_null(),
        "resources are missing",
    );
    must(limit["cpu"].is_null(), "a limit of processor time throttles turns");
    must(limit["ephemeral-storage"].is_null(), "its logs would have the pod evicted, without a grace");
}

/// Settings are known to the program, and where Compose fixes one it is the same here.
fn of_settings(documents: &[Value], one: &Value, image: &Image, found: &mut Vec<String>) {
    let name = text(&one["name"]);
    let config =
        of(documents, "ConfigMap").find_map(|map| map["data"]["config.toml"].as_str()).unwrap_or_default();
    for (setting, value) in settings(documents, one) {
        // What Kubernetes fills in, and the provider's key, which codex's own settings name.
        let other = setting == "POD_IP" || config.contains(&format!("env_key = \"{setting}\""));
        if !other && !image.settings.contains(setting) {
            found.push(format!("{name}: {setting} is no setting of its program"));
        }
        if image.fixed.get(setting).is_some_and(|fixed| fixed != value) {
            found.push(format!("{name}: {setting} is not what Compose sets"));
        }
    }
    for from in items(&one["envFrom"]) {
        let map = &from["configMapRef"]["name"];
        if !of(documents, "ConfigMap").any(|known| known["metadata"]["name"] == *map) {
            found.push(format!("{name}: there is no ConfigMap {map}"));
        }
    }
}

fn of_pod(spec: &Value, worker: &Image, found: &mut Vec<String>) {
    let mut must = |holds: bool, what: &str| {
        if !holds {
            found.push(format!("pod: {what}"));
        }
    };
    for shared in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
        must(spec[shared] != true, "it shares what is not its own");
    }
    must(spec["automountServiceAccountToken"] == false, "it gets a token of Kubernetes' API");
    must(
        spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault",
        "system calls are not filtered",
    );
    must(spec["securityContext"]["runAsNonRoot"] == true, "runAsNonRoot is missing");
    let group = worker.user.split_once(':').and_then(|(_, group)| group.parse().ok());
    must(spec["securityContext"]["fsGroup"].as_u64() == group, "fsGroup is not the images' group");
    must(
        spec["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch",
        "each start would open codex's files to the group",
    );
    must(
        items(&spec["volumes"]).iter().all(|volume| volume["hostPath"].is_null()),
        "it has a folder of the host",
    );
}

/// The front reaches the worker by the socket alone.
fn of_sharing(documents: &[Value], worker: &Value, front: &Value, found: &mut Vec<String>) {
    for one in containers(documents) {
        let sees = items(&one["volumeMounts"]).iter().any(|mount| mount["name"] == STATE);
        if sees != (one["name"] != "front") {
            found.push(format!("{}: codex's folder is the worker's alone", text(&one["name"])));
        }
    }
    let run = |one: &Value| items(&one["volumeMounts"]).iter().find(|mount| mount["name"] == "run").cloned();
    let (of_front, of_worker) = (run(front).unwrap_or_default(), run(worker).unwrap_or_default());
    if of_front["mountPath"] != of_worker["mountPath"] || of_front["mountPath"] != "/run/codex" {
        found.push("front: it doesn't see the socket where the images have it".to_owned());
    }
    if of_front["readOnly"] != true {
        found.push("front: it could put a socket of its own in the place of the worker's".to_owned());
    }
}

/// Two codex side by side and a full /tmp fit.
fn of_memory(documents: &[Value], pod: &Value, worker: &Value, found: &mut Vec<String>) {
    let replaced = setting(documents, worker, "WORKER_MAX_RSS_BYTES").and_then(bytes).unwrap_or_default();
    let volumes =
        items(&pod["spec"]["volumes"]).iter().filter(|volume| volume["emptyDir"]["medium"] == "Memory");
    let tmp: u64 = volumes.filter_map(|volume| bytes(text(&volume["emptyDir"]["sizeLimit"]))).sum();
    let limit = bytes(text(&worker["resources"]["limits"]["memory"])).unwrap_or_default();
    if replaced == 0 || 2 * replaced + tmp > limit {
        found.push(
            "worker: the limit of memory ends it before WORKER_MAX_RSS_BYTES has replaced codex".to_owned(),
        );
    }
    for volume in items(&pod["spec"]["volumes"]) {
        if volume["emptyDir"].is_object() && volume["emptyDir"]["sizeLimit"].is_null() {
            found.push(format!("volume {}: it has no bound", text(&volume["name"])));
        }
    }
}

/// Whether codex gets a provider's key, and needs nobody to sign it in.
fn provided(documents: &[Value]) -> bool {
    let variables = containers(documents).into_iter().flat_map(|one| items(&one["env"]));
    variables.into_iter().any(|variable| !variable["valueFrom"]["secretKeyRef"].is_null())
}

fn of_probes(documents: &[Value], front: &Value, worker: &Value, world: &World, found: &mut Vec<String>) {
    for (probe, path) in
        [("startupProbe", "/livez"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")]
    {
        let get = &front[probe]["httpGet"];
        if get["path"] != path || get["port"] != "internal" {
            found
                .push(format!("front: its {probe} asks something else than {path} of the internal listener"));
        }
    }
    for probe in ["readinessProbe", "livenessProbe"] {
        // The image has a shell, too: what it runs in the end is a program of ours.
        let words = texts(&worker[probe]["exec"]["command"]);
        let program = match words[..] {
            ["/bin/sh", "-euc", script] => script.rsplit_once("exec ").map_or(script, |(_, last)| last),
            [program, ..] => program,
            [] => "",
        };
        let program = program.split(' ').next().unwrap_or_default();
        if !world.worker.programs.contains(program) {
            found.push(format!("worker: the image has no program for its {probe}"));
        }
        // `codexctl ready` gives up after 3 s.
        if worker[probe]["timeoutSeconds"].as_u64().unwrap_or(1) <= 3 {
            found.push(format!("worker: its {probe} is cut off before codexctl has said why"));
        }
    }
    let patience = |probe: &Value| probe["periodSeconds"].as_u64().zip(probe["failureThreshold"].as_u64());
    // A codex that fails over and over comes back within minutes, or nothing here brings it back.
    if patience(&worker["livenessProbe"]).is_none_or(|(period, times)| period * times < 600) {
        found.push("worker: its livenessProbe ends a daemon that is still at starting codex".to_owned());
    }
    let asks = |probe: &str| worker[probe]["exec"]["command"].to_string().contains("auth.json");
    if asks("readinessProbe") == provided(documents) {
        found.push(
            "worker: its readinessProbe must ask for a login, unless a provider's key is there".to_owned(),
        );
    }
    if asks("livenessProbe") {
        found.push("worker: its livenessProbe ends a pod that waits for a login".to_owned());
    }
    if !worker["startupProbe"].is_null() {
        found.push("worker: with a startupProbe there is no front before codex is ready".to_owned());
    }
}

/// The front drains, then the worker, and both are done before they are killed.
fn of_the_end(documents: &[Value], pod: &Value, front: &Value, worker: &Value, found: &mut Vec<String>) {
    if worker["restartPolicy"] != "Always" || !items(&pod["spec"]["initContainers"]).contains(worker) {
        found.push("worker: it is no sidecar, and ends together with the front".to_owned());
    }
    let sleep = front["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap_or_default();
    if sleep < 5 {
        found.push("front: proxies have no time to hear that it goes".to_owned());
    }
    let of_front = setting(documents, front, "PROXY_SHUTDOWN_GRACE_MS").and_then(|ms| ms.parse::<u64>().ok());
    let of_worker =
        setting(documents, worker, "WORKER_SHUTDOWN_GRACE_MS").and_then(|ms| ms.parse::<u64>().ok());
    let whole =
        of_front.zip(of_worker).map(|(front, worker)| sleep * 1000 + front + LAST[0] + worker + LAST[1]);
    let allowed = pod["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30) * 1000;
    if whole.is_none_or(|whole| allowed < whole) {
        found.push(format!("pod: {allowed} ms are too few for both to end"));
    }
}

fn of_selectors(documents: &[Value], pod: &Value, found: &mut Vec<String>) {
    let labels = &pod["metadata"]["labels"];
    let places = [
        ("StatefulSet", "/spec/selector/matchLabels"),
        ("Service", "/spec/selector"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
    ];
    for (kind, place) in places {
        for document in of(documents, kind) {
            if !document.pointer(place).is_some_and(|selector| selects(selector, labels)) {
                found.push(format!("{kind}: it doesn't select the pods"));
            }
        }
        if of(documents, kind).next().is_none() {
            found.push(format!("{kind}: there is none"));
        }
    }
    for set in of(documents, "StatefulSet") {
        let service = of(documents, "Service")
            .find(|service| service["metadata"]["name"] == set["spec"]["serviceName"]);
        if service.is_none_or(|service| service["spec"]["clusterIP"] != "None") {
            found.push("StatefulSet: its serviceName is no Service without an address".to_owned());
        }
    }
    for monitor in of(documents, "ServiceMonitor") {
        let selector = &monitor["spec"]["selector"]["matchLabels"];
        let mut named = items(&monitor["spec"]["endpoints"][0]["relabelings"]).iter();
        if !named.any(|rule| rule["targetLabel"] == "job" && rule["replacement"] == "codex-front") {
            found.push("ServiceMonitor: rules and dashboards know the job by another name".to_owned());
        }
        let mut services =
            of(documents, "Service").filter(|service| selects(selector, &service["metadata"]["labels"]));
        let wanted = &monitor["spec"]["endpoints"][0]["port"];
        let has =
            |service: &Value| items(&service["spec"]["ports"]).iter().any(|port| port["name"] == *wanted);
        if !services.next().is_some_and(has) || services.next().is_some() {
            found.push(
                "ServiceMonitor: it doesn't select the one Service with the internal listener".to_owned(),
            );
        }
    }
}

fn of_scaling(documents: &[Value], worker: &Value, world: &World, found: &mut Vec<String>) {
    let replicas = of(documents, "StatefulSet").find_map(|set| set["spec"]["replicas"].as_u64());
    let scaler = of(documents, "HorizontalPodAutoscaler").next();
    let least =
        replicas.or_else(|| scaler.and_then(|scaler| scaler["spec"]["minReplicas"].as_u64())).unwrap_or(1);
    for budget in of(documents, "PodDisruptionBudget") {
        if budget["spec"]["maxUnavailable"].as_u64().is_none_or(|away| away == 0 || away >= least) {
            found.push("PodDisruptionBudget: it lets all pods go, or none".to_owned());
        }
    }
    let Some(scaler) = scaler else { return };
    let mut must = |holds: bool, what: &str| {
        if !holds {
            found.push(format!("HorizontalPodAutoscaler: {what}"));
        }
    };
    must(provided(documents), "the pods that it makes have nobody to sign them in");
    must(replicas.is_none(), "each apply would set the number of pods back");
    let target = &scaler["spec"]["scaleTargetRef"];
    let known = of(documents, "StatefulSet").any(|set| {
        set["metadata"]["name"] == target["name"]
            && set["apiVersion"] == target["apiVersion"]
            && set["kind"] == target["kind"]
    });
    must(known, "its target is not there");
    let metric = &scaler["spec"]["metrics"][0]["pods"];
    must(metric["metric"]["name"] == world.adapter["name"]["as"], "the adapter has no such metric");
    let series = text(&world.adapter["seriesQuery"]).split('{').next().unwrap_or_default();
    must(world.series.contains_key(series), "the metric is of no series of ours");
    let places =
        setting(documents, worker, "WORKER_MAX_CONCURRENCY").and_then(|places| places.parse::<u64>().ok());
    let average = text(&metric["target"]["averageValue"]).parse::<u64>().ok();
    must(
        average.zip(places).is_some_and(|(average, places)| 2 * average == places),
        "its target is not half of the places",
    );
}
