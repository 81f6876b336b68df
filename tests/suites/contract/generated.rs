//! The JSON Schema of the app-server protocol, as the pinned binary writes it.

use std::process::Stdio;

use gateway_tests::pair::{DEADLINE, real_codex};
use serde_json::Value;
use tempfile::TempDir;

/// The schemas, in a folder of their own.
pub(crate) struct Generated(TempDir);

impl Generated {
    /// Lets the binary write them.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let status = tokio::process::Command::new(real_codex())
            .args(["app-server", "generate-json-schema", "--experimental", "--out"])
            .arg(folder.path())
            .env("CODEX_HOME", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .status();
        let status = tokio::time::timeout(DEADLINE, status).await;
        let status = status.expect("the schemas are written in time").expect("codex runs");
        assert!(status.success(), "codex generate-json-schema: {status}");
        Self(folder)
    }

    /// One file, such as `ClientRequest` or `v2/ThreadStartParams`.
    pub(crate) fn read(&self, name: &str) -> Value {
        let path = self.0.path().join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(!text.is_empty(), "the binary writes no {name}");
        serde_json::from_str(&text).expect("a schema is JSON")
    }

    /// The methods of one of the message unions, such as `ServerNotification`.
    pub(crate) fn methods(&self, union: &str) -> Vec<String> {
        let union = self.read(union);
        let variants = union["oneOf"].as_array().expect("a union");
        let names = variants.iter().filter_map(|v| v["properties"]["method"]["enum"][0].as_str());
        names.map(str::to_owned).collect()
    }
}
