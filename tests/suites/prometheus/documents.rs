//! What documents say of series, rules and queries.

use std::path::Path;

use serde_json::Value;

use crate::{files, root, text};

/// Whether `docs/metrics.md` has a row for this series.
pub(crate) fn is_documented(series: &str) -> bool {
    text("docs/metrics.md").lines().any(|line| line.starts_with(&format!("| `{series}` |")))
}

/// The blocks of a document that are fenced with exactly this, by the line that they begin at.
pub(crate) fn blocks(path: &Path, fence: &str) -> Vec<(usize, String)> {
    gateway_tests::blocks::blocks(&text(path), fence)
}

/// Every query in a `promql` block of every document, and where it is. Queries of a block are apart by an empty line.
pub(crate) fn queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for file in files("docs", ".md") {
        for (line, block) in blocks(&file, "promql") {
            let name = file.strip_prefix(root()).unwrap_or(&file);
            let without_comments: Vec<&str> =
                block.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
            let parts = without_comments.split(|line| line.is_empty());
            let parts = parts.map(|part| part.join(" ")).filter(|part| !part.is_empty());
            queries.extend(parts.map(|query| (format!("{}:{line}", name.display()), query)));
        }
    }
    queries
}

/// Compares a table in a document with what it should be; `UPDATE_DOCS=1` writes it.
#[expect(clippy::disallowed_methods, reason = "a developer's switch")]
pub(crate) fn compare(document: &str, name: &str, wanted: &str) {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let text = text(document);
    let parts = text.split_once(&begin).and_then(|(head, rest)| Some((head, rest.split_once(&end)?)));
    let Some((head, (is, tail))) = parts else { panic!("{document} has no table {name}") };
    if is != wanted && std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join(document), format!("{head}{begin}{wanted}{end}{tail}")).expect("written");
        return;
    }
    assert_eq!(is, wanted, "{document} is out of date; UPDATE_DOCS=1 writes it");
}

/// The table of what is recorded.
pub(crate) fn compare_recorded(rules: &[Value]) {
    let mut table = String::from("| series | expression |\n|---|---|\n");
    for rule in rules.iter().filter(|rule| rule["type"] == "recording") {
        let word = |name: &str| rule[name].as_str().unwrap_or_default().replace('|', "\\|");
        table.push_str(&format!("| `{}` | `{}` |\n", word("name"), word("query")));
    }
    compare("docs/operations/alerts.md", "recorded", &table);
}

/// The queries of both checklists over series of ours, word for word.
const CHECKLISTS: [&str; 7] = [
    r#"sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m])) > 0.01"#,
    r#"sum(rate(http_requests_total{status=~"5.."}[10m])) / sum(rate(http_requests_total[10m])) > 0.005"#,
    "histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[5m])) > 5",
    "histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[10m])) > 2",
    r#"rate(request_count{service_type="codex"}[5m])"#,
    r#"rate(request_count{service_type="codex",status_code=~"5.."}[5m])"#,
    r#"histogram_quantile(0.95, rate(request_duration_seconds_bucket{service_type="codex"}[5m]))"#,
];
/// Those of the checklists' dashboard that are not among them already.
const STARTER: [&str; 3] = [
    "sum(rate(http_requests_total[5m]))",
    r#"sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))"#,
    "histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[5m]))",
];
/// Those over a container runtime, Kubernetes or Loki.
const ELSEWHERE: [&str; 4] = [
    "(container_memory_usage_bytes / container_spec_memory_limit_bytes) > 0.9",
    "rate(container_cpu_usage_seconds_total[5m]) > 0.8",
    r#"count_over_time({job="codex-app-server"} |= "Panic occurred"[5m]) > 0"#,
    r#"rate(kube_pod_container_status_restarts_total{pod=~"codex-app-server.*"}[10m]) > 0.3"#,
];

#[test]
fn the_checklists_queries_are_in_the_document_word_for_word() {
    let document = "docs/operations/checklists.md";
    let found: Vec<String> =
        queries().into_iter().filter(|(at, _)| at.starts_with(document)).map(|(_, query)| query).collect();
    for query in CHECKLISTS.iter().chain(&STARTER) {
        assert!(found.iter().any(|found| found == query), "{document} lacks {query}");
    }
    let text = text(document);
    for query in ELSEWHERE {
        assert!(text.contains(query), "{document} lacks {query}");
    }
}

#[test]
fn links_of_the_operators_documents_lead_somewhere() {
    for file in files("docs/operations", ".md") {
        let text = text(&file);
        for (link, _) in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            if link.starts_with("http") {
                continue;
            }
            let target =
                if path.is_empty() { file.clone() } else { file.parent().expect("a folder").join(path) };
            assert!(target.exists(), "{}: {link} leads nowhere", file.display());
            let heading = |line: &str| line.starts_with('#') && slug(line.trim_start_matches('#')) == anchor;
            let is_markdown = target.extension().is_some_and(|extension| extension == "md");
            let there = anchor.is_empty() || !is_markdown || crate::text(&target).lines().any(heading);
            assert!(there, "{}: {link} has no such heading", file.display());
        }
    }
}

/// A heading as GitHub makes an anchor of it.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
