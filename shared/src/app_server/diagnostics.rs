//! `server/diagnostics`: how the child is.

use serde::Deserialize;

/// The gauge that counts running turns; absent while none ever ran.
const TURNS: &str = "core.turns.active";

/// Result of `server/diagnostics`, as far as we read it.
#[derive(Debug, Default, Deserialize)]
pub struct Diagnostics {
    /// The process.
    #[serde(default)]
    pub process: ProcessDiagnostics,
    /// What goes on in it.
    #[serde(default)]
    pub gauges: Vec<Gauge>,
}

/// The process, as far as we read it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessDiagnostics {
    /// Resident memory in bytes.
    #[serde(default)]
    pub resident_memory_bytes: Option<u64>,
}

/// A named number.
#[derive(Debug, Deserialize)]
pub struct Gauge {
    /// Its name.
    pub name: String,
    /// Its value now.
    pub value: i64,
}

impl Diagnostics {
    /// Turns that run. `None` where the child lists no gauge at all: then nothing is known.
    pub fn turns(&self) -> Option<usize> {
        if self.gauges.is_empty() {
            return None;
        }
        let turns = self.gauges.iter().find(|gauge| gauge.name == TURNS).map_or(0, |gauge| gauge.value);
        Some(usize::try_from(turns).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_memory_and_turns() {
        let read = |text: &str| serde_json::from_str::<Diagnostics>(text).unwrap();
        // As codex 0.169.0 writes it.
        let busy = read(
            r#"{"process":{"id":7,"residentMemoryBytes":86056960,"physicalFootprintBytes":null},
                "gauges":[{"name":"app.requests.in_flight","value":1},{"name":"core.turns.active","value":2}]}"#,
        );
        assert_eq!((busy.process.resident_memory_bytes, busy.turns()), (Some(86_056_960), Some(2)));
        assert_eq!(read(r#"{"gauges":[{"name":"app.requests.in_flight","value":1}]}"#).turns(), Some(0));
        assert_eq!(read("{}").turns(), None);
    }
}
