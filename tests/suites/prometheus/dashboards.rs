//! The dashboards by themselves: whole, told apart, and over series that there are.

use std::collections::HashSet;

use serde_json::Value;

use crate::{documents, expression, files, root, text};

const NAMES: [&str; 5] = ["latency", "overview", "tokens-and-keys", "tool-buffer", "worker"];

/// A dashboard's name and content.
fn all() -> Vec<(String, Value)> {
    let read = files("compose/grafana/dashboards", ".json").into_iter().map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let content = serde_json::from_str(&text(&path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, content)
    });
    read.collect()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Every query, with where it is, as a Prometheus can be asked it.
pub(crate) fn queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for (name, dashboard) in all() {
        for panel in list(&dashboard, "panels") {
            for target in list(panel, "targets") {
                let expression = target["expr"].as_str().expect("an expression");
                let asked = expression.replace("$__rate_interval", "1m").replace("$instance", ".*");
                queries.push((format!("{name}: {}", panel["title"]), asked));
            }
        }
    }
    queries
}

#[test]
fn the_five_dashboards_are_whole() {
    let dashboards = all();
    assert_eq!(dashboards.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), NAMES);
    for (name, dashboard) in &dashboards {
        assert_eq!(dashboard["uid"], format!("codex-{name}"));
        assert!(dashboard["schemaVersion"].as_u64() >= Some(36), "{name}");
        assert!(!dashboard["description"].as_str().unwrap_or_default().is_empty(), "{name}");
        let variables: Vec<&Value> =
            list(&dashboard["templating"], "list").iter().map(|variable| &variable["name"]).collect();
        assert_eq!(variables, ["datasource", "instance", "runbooks"], "{name}");
        let mut ids = HashSet::new();
        let mut places = HashSet::new();
        for panel in list(dashboard, "panels") {
            let title = panel["title"].as_str().unwrap_or_default();
            assert!(ids.insert(panel["id"].as_u64()), "{name}: {title} has an id that is taken");
            let place = &panel["gridPos"];
            let fits = place["x"].as_u64().zip(place["w"].as_u64()).is_some_and(|(x, w)| x + w <= 24);
            assert!(fits && places.insert(place.to_string()), "{name}: {title} has no place of its own");
            let told = panel["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(!title.is_empty() && told, "{name}: {title} isn't described");
            for link in list(panel, "links") {
                let url = link["url"].as_str().unwrap_or_default();
                let page = url.strip_prefix("${runbooks}/").unwrap_or_else(|| panic!("{name}: {url}"));
                assert!(root().join("docs/operations/runbooks").join(page).is_file(), "{name}: {page}");
            }
            if panel["type"] == "alertlist" {
                continue;
            }
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name}: {title} has no unit");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
            let refs: HashSet<Option<&str>> =
                list(panel, "targets").iter().map(|target| target["refId"].as_str()).collect();
            assert_eq!(refs.len(), list(panel, "targets").len(), "{name}: {title}");
            assert!(!refs.is_empty(), "{name}: {title} shows nothing");
            let legends = list(panel, "targets").iter().all(|target| target["legendFormat"].is_string());
            assert!(legends, "{name}: {title} has no legend");
        }
    }
}

#[test]
fn dashboards_show_series_that_are_documented_or_recorded() {
    let recording = text("compose/prometheus/rules/recording.yml");
    for (panel, query) in queries() {
        for series in expression::series(&query) {
            let recorded = recording.contains(&format!("- record: {series}\n"));
            assert!(
                recorded || documents::is_documented(&series),
                "{panel} shows {series}, which nobody tells"
            );
        }
    }
}

/// Several fronts tell the series of one daemon: whoever adds them up must take one of each first.
#[test]
fn panels_do_not_count_a_daemon_once_for_each_front() {
    for (panel, query) in queries() {
        let series = expression::series(&query);
        let of_daemon = |name: &String| {
            name.starts_with("codex_worker_")
                || ["codex_panics_total", "codex_otlp_spans_total"].contains(&name.as_str())
        };
        let adds = query.contains("sum(") || query.contains("sum by");
        let once = !adds || !series.iter().any(of_daemon) || query.contains("max without (instance)");
        assert!(once, "{panel} counts a daemon once for each front: {query}");
    }
}

#[test]
fn every_documented_series_is_shown() {
    let shown: Vec<String> = queries().iter().flat_map(|(_, query)| expression::series(query)).collect();
    let recording = text("compose/prometheus/rules/recording.yml");
    let recorded = expression::series(&recording);
    let metrics = text("docs/metrics.md");
    let series = metrics.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let missing: Vec<&str> = series
        .map(|(series, _)| series)
        .filter(|series| {
            series.starts_with("codex_") || series.starts_with("http_") || series.starts_with("request_")
        })
        .filter(|series| !shown.iter().chain(&recorded).any(|shown| shown == series))
        .collect();
    assert!(missing.is_empty(), "no dashboard shows {missing:?}");
}
