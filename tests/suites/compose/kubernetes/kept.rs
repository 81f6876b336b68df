//! What outlives a pod, and what comes into one: claims, Secrets, and what is mounted of them.

use serde_json::Value;

use super::document::{bytes, containers, items, of, setting, text};

pub(super) fn faults(documents: &[Value], pod: &Value, front: &Value, found: &mut Vec<String>) {
    for set in of(documents, "StatefulSet") {
        let policy = &set["spec"]["persistentVolumeClaimRetentionPolicy"];
        if policy["whenDeleted"] != "Retain" || policy["whenScaled"] != "Retain" {
            found.push("StatefulSet: logins go with their pods".to_owned());
        }
        let claims = items(&set["spec"]["volumeClaimTemplates"]).iter();
        let mut claims = claims.filter(|claim| claim["metadata"]["name"] == "front-state");
        let room = claims.next().map(|claim| &claim["spec"]["resources"]["requests"]["storage"]);
        let room = room.and_then(|room| bytes(text(room))).unwrap_or_default();
        let log = setting(documents, front, "PROXY_LOG_FILE_MAX_BYTES").and_then(bytes);
        // The one that is written and the one before.
        if log.is_none_or(|log| 2 * log >= room) {
            found.push("front: the usage log doesn't fit its claim".to_owned());
        }
    }
    for one in containers(documents) {
        if items(&one["volumeMounts"]).iter().any(|mount| !mount["subPath"].is_null()) {
            found.push(format!("{}: what is mounted by subPath never changes", text(&one["name"])));
        }
        let sidecar = one["restartPolicy"] == "Always";
        let first = items(&pod["spec"]["initContainers"]).contains(one);
        if first
            && !sidecar
            && ["livenessProbe", "readinessProbe", "startupProbe"].iter().any(|probe| !one[probe].is_null())
        {
            found.push(format!("{}: what runs to its end has no probes", text(&one["name"])));
        }
    }
    for volume in items(&pod["spec"]["volumes"]).iter().filter(|volume| !volume["secret"].is_null()) {
        // Read by the group, which the front has and which the volume belongs to; by nobody else.
        if volume["secret"]["defaultMode"] != 0o440 {
            found.push(format!("volume {}: others can read it, or the front can't", text(&volume["name"])));
        }
    }
}
