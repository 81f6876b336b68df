//! Manifests that are spoilt on purpose, one thing at a time.

use serde_json::Value;

mod more;

/// Who must find it, by words of what is said.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    Schema(&'static str),
    Rule(&'static str),
}
use Found::{Rule, Schema};

/// One spoilt place.
#[derive(Debug)]
pub(super) struct Mutation {
    pub(super) what: &'static str,
    /// The document's kind, and its name where there are several.
    kind: &'static str,
    name: &'static str,
    /// A JSON pointer; its last part is made where it is not there.
    place: &'static str,
    /// JSON; nothing takes the place away.
    value: &'static str,
    pub(super) found: Found,
}

const fn pods(what: &'static str, place: &'static str, value: &'static str, found: Found) -> Mutation {
    Mutation { what, kind: "StatefulSet", name: "codex-gateway", place, value, found }
}

const fn other(
    what: &'static str,
    kind: &'static str,
    place: &'static str,
    value: &'static str,
    found: Found,
) -> Mutation {
    Mutation { what, kind, name: "codex-gateway", place, value, found }
}

/// Every one of them.
pub(super) fn all() -> Vec<&'static Mutation> {
    ALL.iter().chain(more::ALL).collect()
}

const ALL: &[Mutation] = &[
    pods(
        "a member that nobody knows",
        "/spec/template/spec/containers/0/imagePullPolicies",
        r#""Always""#,
        Schema("imagePullPolicies"),
    ),
    pods(
        "a number as a text",
        "/spec/template/spec/terminationGracePeriodSeconds",
        r#""110s""#,
        Schema("110s"),
    ),
    pods(
        "a probe of no kind",
        "/spec/template/spec/containers/0/livenessProbe/httpGett",
        "{}",
        Schema("httpGett"),
    ),
    pods("no selector", "/spec/selector", "", Schema("selector")),
    pods("a kind of older versions", "/apiVersion", r#""apps/v1beta1""#, Schema("find schema")),
    other(
        "a budget's typing error",
        "PodDisruptionBudget",
        "/spec/maxUnavailible",
        "1",
        Schema("maxUnavailible"),
    ),
    other(
        "a scaler's metric without a target",
        "HorizontalPodAutoscaler",
        "/spec/metrics/0/pods/target",
        "",
        Schema("target"),
    ),
    other(
        "a policy's port in words",
        "NetworkPolicy",
        "/spec/ingress/0/ports/0/port",
        "{}",
        Schema("NetworkPolicy"),
    ),
    other(
        "a path without its type",
        "Ingress",
        "/spec/rules/0/http/paths/0/pathType",
        "",
        Schema("pathType"),
    ),
    other(
        "a monitor's typing error",
        "ServiceMonitor",
        "/spec/endpoints/0/intervall",
        r#""15s""#,
        Schema("intervall"),
    ),
    other(
        "a monitor's wrong time",
        "ServiceMonitor",
        "/spec/endpoints/0/interval",
        r#""often""#,
        Schema("often"),
    ),
    pods(
        "latest",
        "/spec/template/spec/containers/0/image",
        r#""codex-gateway-front:latest""#,
        Rule("not of this version"),
    ),
    pods(
        "root",
        "/spec/template/spec/initContainers/1/securityContext/runAsUser",
        "0",
        Rule("worker: runAsUser"),
    ),
    pods(
        "the worker's user for the front",
        "/spec/template/spec/containers/0/securityContext/runAsUser",
        "10001",
        Rule("front: runAsUser"),
    ),
    pods(
        "a group of its own",
        "/spec/template/spec/containers/0/securityContext/runAsGroup",
        "10002",
        Rule("front: runAsGroup"),
    ),
    pods(
        "a capability that stays",
        "/spec/template/spec/containers/0/securityContext/capabilities/drop",
        "[]",
        Rule("dropped otherwise"),
    ),
    pods(
        "a capability that comes",
        "/spec/template/spec/initContainers/1/securityContext/capabilities/add",
        r#"["SYS_ADMIN"]"#,
        Rule("are added"),
    ),
    pods(
        "a root that can be written to",
        "/spec/template/spec/initContainers/0/securityContext/readOnlyRootFilesystem",
        "false",
        Rule("home: its root"),
    ),
    pods(
        "more privileges",
        "/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation",
        "",
        Rule("gain privileges"),
    ),
    pods(
        "no filter of system calls",
        "/spec/template/spec/securityContext/seccompProfile",
        "",
        Rule("not filtered"),
    ),
    pods("the host's network", "/spec/template/spec/hostNetwork", "true", Rule("not its own")),
    pods(
        "a folder of the host",
        "/spec/template/spec/volumes/0/hostPath",
        r#"{"path": "/"}"#,
        Rule("of the host"),
    ),
    pods("a token of the API", "/spec/template/spec/automountServiceAccountToken", "true", Rule("a token")),
    pods(
        "a front that writes beside the socket",
        "/spec/template/spec/containers/0/volumeMounts/0/readOnly",
        "",
        Rule("socket of its own"),
    ),
    pods(
        "a front that sees the login",
        "/spec/template/spec/containers/0/volumeMounts/1/name",
        r#""codex""#,
        Rule("the worker's alone"),
    ),
    pods(
        "readiness that ends the front",
        "/spec/template/spec/containers/0/livenessProbe/httpGet/path",
        r#""/readyz""#,
        Rule("livenessProbe asks"),
    ),
    pods(
        "a probe of the public listener",
        "/spec/template/spec/containers/0/readinessProbe/httpGet/port",
        r#""http""#,
        Rule("readinessProbe asks"),
    ),
    pods(
        "a probe that the image can't run",
        "/spec/template/spec/initContainers/1/readinessProbe/exec/command",
        r#"["/usr/bin/curl"]"#,
        Rule("no program"),
    ),
    pods(
        "a worker in backoff that is killed",
        "/spec/template/spec/initContainers/1/livenessProbe/failureThreshold",
        "3",
        Rule("still at starting"),
    ),
    pods(
        "a front that waits for codex",
        "/spec/template/spec/initContainers/1/startupProbe",
        r#"{"exec": {"command": ["true"]}}"#,
        Rule("no front before"),
    ),
    pods("no time to end", "/spec/template/spec/terminationGracePeriodSeconds", "30", Rule("too few")),
    pods("no time to hear of it", "/spec/template/spec/containers/0/lifecycle", "", Rule("no time to hear")),
    pods(
        "a worker that ends first",
        "/spec/template/spec/initContainers/1/restartPolicy",
        "",
        Rule("no sidecar"),
    ),
    pods(
        "a limit below what codex may have",
        "/spec/template/spec/initContainers/1/resources/limits/memory",
        r#""1Gi""#,
        Rule("limit of memory"),
    ),
    pods(
        "throttled turns",
        "/spec/template/spec/initContainers/1/resources/limits/cpu",
        r#""1""#,
        Rule("throttles"),
    ),
    pods("a /tmp without a bound", "/spec/template/spec/volumes/1/emptyDir/sizeLimit", "", Rule("no bound")),
    pods(
        "another port",
        "/spec/template/spec/containers/0/ports/0/containerPort",
        "8080",
        Rule("not what the image exposes"),
    ),
    pods(
        "a setting that nobody reads",
        "/spec/template/spec/containers/0/env/2",
        r#"{"name": "PROXY_GRACE", "value": "1"}"#,
        Rule("PROXY_GRACE is no setting"),
    ),
    pods(
        "another sandbox than Compose's",
        "/spec/template/spec/initContainers/1/env/2",
        r#"{"name": "PROXY_SANDBOX_MODE", "value": "read-only"}"#,
        Rule("not what Compose sets"),
    ),
    pods(
        "settings that are not there",
        "/spec/template/spec/containers/0/envFrom/0/configMapRef/name",
        r#""lost""#,
        Rule("there is no ConfigMap"),
    ),
    pods("a number of pods beside the scaler", "/spec/replicas", "3", Rule("set the number of pods back")),
    pods(
        "the internal listener on every address",
        "/spec/template/spec/containers/0/env/1/value",
        r#""0.0.0.0:18080""#,
        Rule("not where its listener is"),
    ),
    pods("a service that is not there", "/spec/serviceName", r#""lost""#, Rule("serviceName")),
    Mutation {
        name: "codex-gateway-pods",
        ..other("metrics for everybody", "Service", "/spec/clusterIP", "", Rule("address for everybody"))
    },
    other(
        "clients to the internal listener",
        "Service",
        "/spec/ports/0/targetPort",
        r#""internal""#,
        Rule("address for everybody"),
    ),
    other(
        "a service without pods",
        "Service",
        "/spec/selector",
        r#"{"app.kubernetes.io/name": "other"}"#,
        Rule("Service: it doesn't select"),
    ),
    other(
        "a policy for other pods",
        "NetworkPolicy",
        "/spec/podSelector",
        "{}",
        Rule("NetworkPolicy: it doesn't select"),
    ),
    other("everybody at the metrics", "NetworkPolicy", "/spec/ingress/1/from", "", Rule("opens more")),
    other(
        "our own pods at the metrics",
        "NetworkPolicy",
        "/spec/ingress/1/from/0/podSelector/matchLabels",
        r#"{"app.kubernetes.io/name": "codex-gateway"}"#,
        Rule("others than Prometheus"),
    ),
    other("a policy of all ports", "NetworkPolicy", "/spec/ingress/0/ports", "", Rule("opens more")),
    other(
        "a budget that lets all go",
        "PodDisruptionBudget",
        "/spec/maxUnavailable",
        "2",
        Rule("lets all pods go"),
    ),
    other(
        "a budget that lets none go",
        "PodDisruptionBudget",
        "/spec/maxUnavailable",
        "0",
        Rule("lets all pods go"),
    ),
    other(
        "a route to nowhere",
        "Ingress",
        "/spec/rules/0/http/paths/2/backend/service/port/name",
        r#""internal""#,
        Rule("leads nowhere"),
    ),
    other(
        "a monitor of the public service",
        "ServiceMonitor",
        "/spec/selector/matchLabels",
        r#"{"app.kubernetes.io/name": "codex-gateway"}"#,
        Rule("ServiceMonitor"),
    ),
    other(
        "a scaler of another metric",
        "HorizontalPodAutoscaler",
        "/spec/metrics/0/pods/metric/name",
        r#""codex_worker_turns_active""#,
        Rule("no such metric"),
    ),
    other(
        "a scaler that never acts",
        "HorizontalPodAutoscaler",
        "/spec/metrics/0/pods/target/averageValue",
        r#""128""#,
        Rule("not half of the places"),
    ),
    other(
        "a scaler of a Deployment",
        "HorizontalPodAutoscaler",
        "/spec/scaleTargetRef/kind",
        r#""Deployment""#,
        Rule("target is not there"),
    ),
];

/// The documents with the one change.
pub(super) fn applied(good: &[Value], mutation: &Mutation) -> Vec<Value> {
    let mut spoilt = good.to_vec();
    let found = spoilt
        .iter_mut()
        .find(|document| document["kind"] == mutation.kind && document["metadata"]["name"] == mutation.name);
    let document = found.unwrap_or_else(|| panic!("{}: no such document", mutation.what));
    let (parent, last) = mutation.place.rsplit_once('/').expect("a pointer");
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("{}: no such place", mutation.what));
    let value = (!mutation.value.is_empty()).then(|| serde_json::from_str(mutation.value).expect("JSON"));
    match (parent, value) {
        (Value::Object(members), Some(value)) => drop(members.insert(last.to_owned(), value)),
        (Value::Object(members), None) => assert!(members.remove(last).is_some(), "{}", mutation.what),
        (Value::Array(items), Some(value)) => {
            let at: usize = last.parse().expect("a place in a list");
            items.splice(at..(at + 1).min(items.len()), [value]);
        }
        (parent, _) => panic!("{}: {parent}", mutation.what),
    }
    assert_ne!(spoilt, good, "{}: nothing has changed", mutation.what);
    spoilt
}
