//! A scrape, read.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use gateway_tests::pair::Pair;

use crate::door::stranger;
use crate::raw::{Answer, Raw};

/// The numbers of a page, by the series with its labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    pub(super) text: String,
    series: BTreeMap<String, f64>,
}

pub(super) async fn get(addr: SocketAddr, method: &str) -> Answer {
    let mut raw = Raw::connect(addr).await;
    raw.send(stranger(method, "/metrics", &[], b"")).await;
    if method == "HEAD" { raw.answer_to_head().await } else { raw.answer().await }
}

impl Page {
    /// What the front tells now.
    pub(super) async fn of(pair: &Pair) -> Self {
        Self::at(pair.internal).await
    }

    /// What the front tells, with what the daemon and codex told it: one that is busy for a second isn't in a page.
    pub(crate) async fn whole(pair: &Pair) -> Self {
        let look = || async {
            let page = Self::of(pair).await;
            let codex = page.sum("codex_memory_bytes", &["component=\"codex\""]);
            (page.sum("codex_worker_connected", &[]) == 1.0 && codex > 0.0).then_some(page)
        };
        pair.eventually("what the daemon and codex tell", look).await.expect("a whole page")
    }

    pub(super) async fn at(internal: SocketAddr) -> Self {
        let answer = get(internal, "GET").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self::read(answer.text())
    }

    pub(super) fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines
            .map(|line| {
                let (name, value) = line.rsplit_once(' ').expect("a name and a number");
                (name.to_owned(), value.parse().expect("a number"))
            })
            .collect();
        Self { text: text.to_owned(), series }
    }

    /// The sum of the series with this name whose labels have all of these.
    pub(super) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of = |key: &&String| {
            let (base, rest) = key.split_once('{').unwrap_or((key, ""));
            base == name && labels.iter().all(|label| rest.contains(label))
        };
        self.series.iter().filter(|(key, _)| of(key)).map(|(_, value)| value).sum()
    }

    /// The names with their labels.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.series.keys().cloned().collect()
    }

    /// Those that begin so.
    pub(super) fn begin(&self, with: &str) -> Vec<&str> {
        self.series.keys().map(String::as_str).filter(|name| name.starts_with(with)).collect()
    }

    /// The counters of ignored parameters that have counted anything.
    pub(super) fn ignored(&self) -> Vec<String> {
        let lines = self.text.lines().filter(|line| line.starts_with("codex_ignored_params_total"));
        lines.filter(|line| !line.ends_with(" 0")).map(str::to_owned).collect()
    }
}
