//! Who reaches a pod and what a pod reaches: ports, Services, policies and routes.

use serde_json::{Value, json};

use super::{
    document::{items, of, setting, text, texts},
    world::World,
};

/// Addresses that are nobody's on the internet; that of the clouds' metadata is among them.
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

pub(super) fn faults(documents: &[Value], front: &Value, world: &World, found: &mut Vec<String>) {
    of_ports(documents, front, world, found);
    of_egress(documents, found);
    for service in of(documents, "Service").filter(|service| service["spec"]["clusterIP"] == "None") {
        if service["spec"]["publishNotReadyAddresses"] != true {
            found.push("Service: metrics of a pod that isn't ready are not to be had".to_owned());
        }
    }
}

/// What leads out: names, and HTTPS to the internet.
fn of_egress(documents: &[Value], found: &mut Vec<String>) {
    for policy in of(documents, "NetworkPolicy") {
        let mut must = |holds: bool, what: &str| {
            if !holds {
                found.push(format!("NetworkPolicy: {what}"));
            }
        };
        let types = texts(&policy["spec"]["policyTypes"]);
        must(types.contains(&"Ingress") && types.contains(&"Egress"), "one direction is not bounded");
        for rule in items(&policy["spec"]["egress"]) {
            let ports: Vec<&Value> = items(&rule["ports"]).iter().map(|port| &port["port"]).collect();
            let names = !ports.is_empty() && ports.iter().all(|port| **port == 53);
            must(names || ports == [&json!(443)], "a rule lets out more than names and HTTPS");
            must(!items(&rule["to"]).is_empty(), "a rule lets out to everybody");
            for block in items(&rule["to"]).iter().map(|to| &to["ipBlock"]).filter(|block| !block.is_null()) {
                let (of_all, except) = (text(&block["cidr"]).ends_with("/0"), texts(&block["except"]));
                let version = |cidr: &str| cidr.contains(':') == text(&block["cidr"]).contains(':');
                let all = PRIVATE.iter().filter(|cidr| version(cidr)).all(|cidr| except.contains(cidr));
                must(!of_all || all, "what is inside is let out to");
            }
        }
    }
}

fn of_ports(documents: &[Value], front: &Value, world: &World, found: &mut Vec<String>) {
    let number = |name: &str| {
        let port = items(&front["ports"]).iter().find(|port| port["name"] == name);
        port.and_then(|port| port["containerPort"].as_u64())
    };
    if number("http") != Some(world.public) {
        found.push("front: the port http is not what the image exposes".to_owned());
    }
    let address = setting(documents, front, "PROXY_INTERNAL_ADDR").unwrap_or_default();
    let (host, port) = address.rsplit_once(':').unwrap_or_default();
    if host != "$(POD_IP)" || number("internal").map(|port| port.to_string()) != Some(port.to_owned()) {
        found.push("front: the port internal is not where its listener is".to_owned());
    }
    let of_services = of(documents, "Service").flat_map(|service| {
        items(&service["spec"]["ports"]).iter().map(move |port| (service, text(&port["targetPort"])))
    });
    for (service, port) in of_services {
        let name = text(&service["metadata"]["name"]);
        if number(port).is_none() {
            found.push(format!("Service {name}: the pod has no port {port}"));
        }
        if port == "internal" && service["spec"]["clusterIP"] != "None" {
            found.push(format!("Service {name}: the internal listener has an address for everybody"));
        }
    }
    for policy in of(documents, "NetworkPolicy") {
        for rule in items(&policy["spec"]["ingress"]) {
            let ports = || items(&rule["ports"]).iter().map(|port| text(&port["port"]));
            if ports().count() == 0
                || ports().any(|port| number(port).is_none())
                || items(&rule["from"]).is_empty()
            {
                found.push(
                    "NetworkPolicy: a rule opens more than one listener to those who need it".to_owned(),
                );
            }
            // What adds labels to selectors would have ours in the place of Prometheus'.
            let named = |peer: &Value| {
                let name = &peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"];
                name.is_string() && name != "codex-gateway"
            };
            if ports().any(|port| port == "internal") && !items(&rule["from"]).iter().all(named) {
                found.push(
                    "NetworkPolicy: the internal listener is open to others than Prometheus".to_owned(),
                );
            }
        }
    }
    for path in of(documents, "Ingress").flat_map(|ingress| items(&ingress["spec"]["rules"])) {
        for path in items(&path["http"]["paths"]) {
            let service = &path["backend"]["service"];
            let known = of(documents, "Service").find(|known| known["metadata"]["name"] == service["name"]);
            let port = known.and_then(|known| {
                items(&known["spec"]["ports"]).iter().find(|port| port["name"] == service["port"]["name"])
            });
            if port.is_none_or(|port| port["targetPort"] != "http") {
                found.push(format!("Ingress: {} leads nowhere", text(&path["path"])));
            }
        }
    }
}
