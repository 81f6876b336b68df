//! The rules by themselves: valid, tested, owned, and with a page for whoever is woken.

use serde_json::Value;

use crate::{documents, expression, files, root, run, server::Prometheus, text};

const CONFIG: &str = "compose/prometheus/prometheus.yml";
const BASE: &str = "{{ $externalLabels.runbooks }}/";

fn field<'a>(rule: &'a Value, path: &str) -> &'a str {
    rule.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The alerts, as Prometheus reads them.
async fn alerts() -> Vec<Value> {
    let prometheus = Prometheus::start(None).await;
    let rules = prometheus.rules().await;
    rules.into_iter().filter(|rule| rule["type"] == "alerting").collect()
}

#[test]
fn promtool_takes_the_configuration_and_the_rules() {
    run("promtool", &["check", "config", CONFIG]).expect("a good configuration");
    for rules in files("compose/prometheus/rules", ".yml") {
        run("promtool", &["check", "rules", &rules.to_string_lossy()]).expect("good rules");
    }
}

#[test]
fn amtool_takes_the_example_of_an_alertmanager() {
    let said = run("amtool", &["check-config", "compose/prometheus/alertmanager.yml"]).expect("good");
    assert!(said.contains("SUCCESS"), "{said}");
    for (severity, receiver) in [("critical", "page"), ("warning", "notify")] {
        let label = format!("severity={severity}");
        let file = "--config.file=compose/prometheus/alertmanager.yml";
        let said = run("amtool", &["config", "routes", "test", file, &label, "owner=SRE"]).expect("a route");
        assert_eq!(said.lines().next(), Some(receiver), "{said}");
    }
}

#[test]
fn promtool_finds_every_alert_firing_and_not_firing() {
    let tests = files("compose/prometheus/tests", ".yml");
    assert!(tests.len() >= 8, "{tests:?}");
    let paths: Vec<String> = tests.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let all: Vec<&str> = ["test", "rules"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    run("promtool", &all).unwrap_or_else(|said| panic!("{said}"));
}

#[tokio::test]
async fn every_alert_has_a_test_that_fires_it_and_one_that_does_not() {
    let tests: String = files("compose/prometheus/tests", ".yml").iter().map(text).collect();
    let cases: Vec<&str> = tests.split("  - name: ").collect();
    for alert in alerts().await {
        let name = field(&alert, "/name");
        let of = format!("ALERTS{{alertname=\"{name}\",alertstate=\"firing\"}}");
        let about: Vec<&&str> = cases.iter().filter(|case| case.contains(&of)).collect();
        let (fires, silent): (Vec<&&str>, Vec<&&str>) =
            about.into_iter().partition(|case| !case.contains("exp_samples: []"));
        assert!(
            !fires.is_empty() && !silent.is_empty(),
            "{name}: {} fire, {} don't",
            fires.len(),
            silent.len()
        );
    }
}

#[tokio::test]
async fn every_alert_has_an_owner_a_severity_a_threshold_and_a_runbook() {
    let alerts = alerts().await;
    assert!(alerts.len() >= 30, "{}", alerts.len());
    for alert in &alerts {
        let name = field(alert, "/name");
        assert!(name.starts_with("Codex"), "{name}");
        assert_eq!(field(alert, "/labels/owner"), "SRE", "{name}");
        assert!(["critical", "warning"].contains(&field(alert, "/labels/severity")), "{name}");
        for annotation in ["summary", "description", "threshold"] {
            assert!(!field(alert, &format!("/annotations/{annotation}")).is_empty(), "{name}: {annotation}");
        }
        let url = field(alert, "/annotations/runbook_url");
        let page = url.strip_prefix(BASE).unwrap_or_else(|| panic!("{name}: {url}"));
        let runbook = text(format!("docs/operations/runbooks/{page}"));
        assert!(runbook.contains(&format!("`{name}`")), "{page} doesn't name {name}");
        let dashboard = field(alert, "/annotations/dashboard");
        let file = dashboard.strip_prefix("codex-").unwrap_or_else(|| panic!("{name}: {dashboard}"));
        assert!(root().join(format!("compose/grafana/dashboards/{file}.json")).is_file(), "{name}: {file}");
    }
}

#[tokio::test]
async fn the_table_of_alerts_is_that_of_the_rules() {
    let mut table =
        String::from("| alert | severity | owner | threshold | runbook |\n|---|---|---|---|---|\n");
    for alert in alerts().await {
        let [name, severity, owner, threshold, url] = [
            "/name",
            "/labels/severity",
            "/labels/owner",
            "/annotations/threshold",
            "/annotations/runbook_url",
        ]
        .map(|path| field(&alert, path));
        let page = url.strip_prefix(BASE).unwrap_or(url);
        let title = text(format!("docs/operations/runbooks/{page}"));
        let title = title.lines().next().unwrap_or_default().trim_start_matches("# ");
        let line =
            format!("| `{name}` | {severity} | {owner} | {threshold} | [{title}](runbooks/{page}) |\n");
        table.push_str(&line);
    }
    documents::compare("docs/operations/alerts.md", "alerts", &table);
}

#[tokio::test]
async fn rules_read_series_that_are_documented_or_recorded() {
    let prometheus = Prometheus::start(None).await;
    let rules = prometheus.rules().await;
    let recorded: Vec<&str> =
        rules.iter().filter(|rule| rule["type"] == "recording").map(|rule| field(rule, "/name")).collect();
    for rule in &rules {
        for series in expression::series(field(rule, "/query")) {
            let known = documents::is_documented(&series) || recorded.contains(&series.as_str());
            assert!(known, "{} reads {series}, which nobody tells", field(rule, "/name"));
        }
    }
    documents::compare_recorded(&rules);
}
