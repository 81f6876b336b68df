//! Those of claims, Secrets, the login and what leads out.

use super::{Mutation, Rule, other, pods};

const EGRESS: &str = "NetworkPolicy";

pub(super) const ALL: &[Mutation] = &[
    other("nothing of what leads out", EGRESS, "/spec/policyTypes", r#"["Ingress"]"#, Rule("not bounded")),
    other("all ports of the internet", EGRESS, "/spec/egress/2/ports", "", Rule("more than names and HTTPS")),
    other(
        "another port of the internet",
        EGRESS,
        "/spec/egress/2/ports/0/port",
        "22",
        Rule("more than names"),
    ),
    other("out to everybody", EGRESS, "/spec/egress/2/to", "", Rule("out to everybody")),
    other(
        "the cloud's metadata",
        EGRESS,
        "/spec/egress/2/to/0/ipBlock/except/2",
        r#""192.0.2.0/24""#,
        Rule("what is inside"),
    ),
    other("the cluster by IPv6", EGRESS, "/spec/egress/2/to/1/ipBlock/except", "", Rule("what is inside")),
    pods(
        "a group of nobody's",
        "/spec/template/spec/securityContext/fsGroup",
        "10001",
        Rule("fsGroup is not"),
    ),
    pods(
        "a login that goes with its pod",
        "/spec/persistentVolumeClaimRetentionPolicy/whenScaled",
        r#""Delete""#,
        Rule("logins go"),
    ),
    pods(
        "keys that never change",
        "/spec/template/spec/containers/0/volumeMounts/2/subPath",
        r#""keys.toml""#,
        Rule("by subPath"),
    ),
    pods(
        "keys for everybody",
        "/spec/template/spec/volumes/2/secret/defaultMode",
        "420",
        Rule("others can read"),
    ),
    pods(
        "a usage log that fills its claim",
        "/spec/template/spec/containers/0/env/2",
        r#"{"name": "PROXY_LOG_FILE_MAX_BYTES", "value": "600MiB"}"#,
        Rule("doesn't fit"),
    ),
    pods(
        "logs that have the pod evicted",
        "/spec/template/spec/containers/0/resources/limits/ephemeral-storage",
        r#""64Mi""#,
        Rule("front: its logs"),
    ),
    pods(
        "a probe of what runs to its end",
        "/spec/template/spec/initContainers/0/readinessProbe",
        r#"{"exec": {"command": ["/bin/true"]}}"#,
        Rule("home: what runs to its end"),
    ),
    pods(
        "a login where none is needed",
        "/spec/template/spec/initContainers/1/readinessProbe/exec/command",
        r#"["/bin/sh", "-euc", "test -s $CODEX_HOME/auth.json; exec /usr/local/bin/codexctl ready --worker"]"#,
        Rule("must ask for a login, unless"),
    ),
    pods(
        "a pod that is ended for want of a login",
        "/spec/template/spec/initContainers/1/livenessProbe/exec/command",
        r#"["/bin/sh", "-euc", "test -s $CODEX_HOME/auth.json; exec /usr/local/bin/codexctl ready --worker"]"#,
        Rule("waits for a login"),
    ),
    pods(
        "a shell that runs something else",
        "/spec/template/spec/initContainers/1/readinessProbe/exec/command",
        r#"["/bin/sh", "-euc", "exec /usr/bin/curl"]"#,
        Rule("no program"),
    ),
    pods(
        "a scaler without a provider's key",
        "/spec/template/spec/initContainers/1/env",
        "[]",
        Rule("nobody to sign them in"),
    ),
    Mutation {
        name: "codex-gateway-pods",
        ..other(
            "metrics of ready pods alone",
            "Service",
            "/spec/publishNotReadyAddresses",
            "",
            Rule("a pod that isn't ready"),
        )
    },
    other(
        "a job that no alert knows",
        "ServiceMonitor",
        "/spec/endpoints/0/relabelings/0/replacement",
        r#""gateway""#,
        Rule("by another name"),
    ),
];
