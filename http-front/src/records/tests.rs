//! Tests of what is checked before anything is opened.

use super::*;
use std::{fs, path::Path, time::Duration};

fn config(usage: &Path, access: &Path, traces: &Path) -> RecordConfig {
    RecordConfig {
        traces: true,
        trace_dir: traces.to_owned(),
        trace_files: 1,
        trace_ttl: Duration::from_secs(1),
        usage_log: Some(usage.to_owned()),
        access_log: Some(access.to_owned()),
        max_log_bytes: 1 << 20,
    }
}

#[tokio::test]
async fn what_the_start_would_refuse_is_found_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let good = config(&at("usage.log"), &at("access.log"), &at("a/b/traces"));
    assert!(problems(&good).is_empty(), "{:?}", problems(&good));
    let bad = config(&at("none/usage.log"), dir.path(), Path::new("/proc/traces"));
    let told = problems(&bad);
    let settings: Vec<&str> = told.iter().map(|problem| problem.setting.as_str()).collect();
    assert_eq!(settings, ["TOKEN_LOG_PATH", "ACCESS_LOG_PATH", "PROXY_TRACE_BUFFER_DIR"]);
    assert!(told[1].message.contains("name a file in it"), "{}", told[1].message);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is made");

    fs::write(at("file"), "").unwrap();
    for traces in ["file", "file/traces"] {
        let told = problems(&config(&at("u"), &at("a"), &at(traces)));
        assert_eq!(told.len(), 1, "{traces}: {told:?}");
    }
    let off = RecordConfig { traces: false, ..config(&at("u"), &at("a"), Path::new("/proc/traces")) };
    assert!(problems(&off).is_empty());
    let (shutdown, reload) = (Shutdown::new(), Reload::default());
    for (config, good) in [(&bad, false), (&good, true)] {
        assert_eq!(Records::open(config, &Arc::default(), &shutdown, &reload).is_ok(), good);
    }
    shutdown.start_force();
    assert!(shutdown.finished(Duration::from_secs(30)).await, "the writers end");
}
