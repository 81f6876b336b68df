//! Logs that are renamed under load, and full ones.

use std::collections::BTreeSet;

use gateway_tests::pair::KEY;
use nix::sys::signal::Signal;

use super::{Kept, lines, pair, picked};
use crate::door::{asking, builder, start};

/// As logrotate does it: rename, then SIGHUP.
#[tokio::test(flavor = "multi_thread")]
async fn rotation_under_load_loses_no_line() {
    const ROUNDS: usize = 6;
    const EACH: usize = 40;
    let kept = Kept::new();
    let pair = pair(&kept).await;
    let body = asking("hi").to_string();
    let mut asked = BTreeSet::new();
    for round in 0..ROUNDS {
        let requests = (0..EACH).map(|_| {
            let request =
                pair.client().post(pair.url("/v1/chat/completions")).bearer_auth(KEY).body(body.clone());
            async move {
                let response = request.send().await.expect("an answer");
                assert_eq!(response.status(), 200);
                let id = response.headers()["x-request-id"].to_str().expect("a name").to_owned();
                response.bytes().await.expect("a body");
                id
            }
        });
        let rotate = async {
            for name in ["usage.log", "access.log"] {
                std::fs::rename(kept.path(name), kept.path(&format!("{name}.{round}")))
                    .expect("a log to rename");
            }
            pair.front.signal(Signal::SIGHUP).expect("a signal");
            // The next round renames what this one has made.
            for name in ["usage.log", "access.log"] {
                let path = kept.path(name);
                let made = pair.eventually("the new file", || async { path.exists().then_some(()) });
                made.await.expect("it is opened again");
            }
        };
        let (ids, ()) = tokio::join!(futures_util::future::join_all(requests), rotate);
        asked.extend(ids);
    }
    assert_eq!(asked.len(), ROUNDS * EACH);
    for name in ["usage.log", "access.log"] {
        let told = || {
            let old = (0..ROUNDS).map(|round| kept.path(&format!("{name}.{round}")));
            let all = old.chain([kept.path(name)]).flat_map(|path| lines(&path));
            let ids = all.filter_map(|line| line["request_id"].as_str().map(str::to_owned));
            ids.filter(|id| asked.contains(id)).collect::<Vec<_>>()
        };
        let all = pair.eventually("every line", || async { (told().len() >= asked.len()).then_some(()) });
        all.await.expect(name);
        assert_eq!(told().len(), asked.len(), "none twice in {name}");
        assert_eq!(told().into_iter().collect::<BTreeSet<_>>(), asked);
    }
    let (front, _) = pair.stop().await.expect("an end");
    assert_eq!(front, Some(0));
}

#[tokio::test]
async fn a_full_log_begins_anew() {
    let kept = Kept::new();
    let pair = start(kept.everything(builder()).front("PROXY_LOG_FILE_MAX_BYTES", "64KiB")).await;
    let (log, old) = (kept.path("access.log"), kept.path("access.log.full"));
    let url = pair.url("/livez");
    for _ in 0..400 {
        pair.client().get(&url).send().await.expect("an answer").bytes().await.expect("a body");
    }
    picked(&pair, &old, 1, |_| true).await;
    for path in [&log, &old] {
        // Between two there is none for a moment.
        let there = || async { std::fs::metadata(path).ok().map(|about| about.len()) };
        let size = pair.eventually("a file", there).await.expect("it is there");
        assert!(size <= 64 * 1024, "{}: {size}", path.display());
    }
    assert!(!kept.path("access.log.1").exists(), "a name of logrotate's");
}

/// What is written last is not lost with the end.
#[tokio::test]
async fn everything_is_written_before_the_end() {
    let kept = Kept::new();
    let pair = pair(&kept).await;
    let body = asking("hi").to_string();
    let mut ids = Vec::new();
    for _ in 0..20 {
        let request =
            pair.client().post(pair.url("/v1/chat/completions")).bearer_auth(KEY).body(body.clone());
        let response = request.send().await.expect("an answer");
        ids.push(response.headers()["x-request-id"].to_str().expect("a name").to_owned());
        response.bytes().await.expect("a body");
    }
    assert_eq!(pair.stop().await.expect("an end").0, Some(0));
    for name in ["usage.log", "access.log"] {
        let told = lines(&kept.path(name));
        assert!(ids.iter().all(|id| told.iter().any(|line| line["request_id"] == *id)), "{name}");
    }
    assert_eq!(super::files(&kept.traces()).len(), 20);
}
