//! Finding things in rendered manifests.

use serde_json::Value;

/// All documents of a kind.
pub(super) fn of<'a>(documents: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    documents.iter().filter(move |document| document["kind"] == kind)
}

/// The template of the pods.
pub(super) fn pod(documents: &[Value]) -> Option<&Value> {
    of(documents, "StatefulSet").next().map(|set| &set["spec"]["template"])
}

/// Every container of the pod, those that come first among them.
pub(super) fn containers(documents: &[Value]) -> Vec<&Value> {
    let Some(pod) = pod(documents) else { return Vec::new() };
    items(&pod["spec"]["initContainers"]).iter().chain(items(&pod["spec"]["containers"])).collect()
}

pub(super) fn container<'a>(documents: &'a [Value], name: &str) -> Option<&'a Value> {
    containers(documents).into_iter().find(|container| container["name"] == name)
}

pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn texts(value: &Value) -> Vec<&str> {
    items(value).iter().map(text).collect()
}

/// Whether these labels have all that a selector asks for; one that asks for nothing selects nothing here.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.as_object();
    wanted
        .is_some_and(|wanted| !wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value))
}

/// The settings of a container by name: its own, and those of the ConfigMaps that it reads.
pub(super) fn settings<'a>(documents: &'a [Value], container: &'a Value) -> Vec<(&'a str, &'a str)> {
    let own =
        items(&container["env"]).iter().map(|variable| (text(&variable["name"]), text(&variable["value"])));
    let maps = items(&container["envFrom"]).iter().map(|from| &from["configMapRef"]["name"]);
    let maps =
        maps.flat_map(|name| of(documents, "ConfigMap").filter(move |map| map["metadata"]["name"] == *name));
    let members = maps.filter_map(|map| map["data"].as_object()).flatten();
    own.chain(members.map(|(name, value)| (name.as_str(), text(value)))).collect()
}

pub(super) fn setting<'a>(documents: &'a [Value], container: &'a Value, name: &str) -> Option<&'a str> {
    settings(documents, container).into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// A quantity of memory in bytes, as Kubernetes (`2Gi`) and our settings (`1GiB`) write it.
pub(super) fn bytes(quantity: &str) -> Option<u64> {
    let end = quantity.find(|c: char| !c.is_ascii_digit()).unwrap_or(quantity.len());
    let number: u64 = quantity[..end].parse().ok()?;
    match quantity[end..].trim_end_matches('B') {
        "" => Some(number),
        "Ki" => Some(number << 10),
        "Mi" => Some(number << 20),
        "Gi" => Some(number << 30),
        _ => None,
    }
}
