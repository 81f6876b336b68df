//! What can be known of a PromQL expression without a parser of its own: Prometheus has one, and is asked.

/// The series of ours, recorded ones too, that an expression names; without `_bucket`, `_count` and `_sum`.
pub(crate) fn series(expression: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let (mut quoted, mut braces) = (false, 0_usize);
    for c in expression.chars().chain([' ']) {
        match c {
            '"' => quoted = !quoted,
            '{' if !quoted => braces += 1,
            '}' if !quoted => braces -= 1,
            _ => {}
        }
        let part = !quoted && braces == 0 && (c.is_ascii_alphanumeric() || c == '_' || c == ':');
        if part {
            name.push(c);
            continue;
        }
        let ours = ["codex_", "codex:", "http_re", "request_"].iter().any(|begin| name.starts_with(begin));
        if ours {
            let base = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
            let whole = name == "request_count";
            names.push(base.filter(|_| !whole).unwrap_or(&name).to_owned());
        }
        name.clear();
    }
    names.sort();
    names.dedup();
    names
}

const COMPARISONS: [&str; 6] = [">=", "<=", "==", "!=", ">", "<"];

/// The parts of an expression that must have data for it to say anything: around `and`, around an `or` of comparisons, and
/// what is compared, without the comparison with a number.
pub(crate) fn operands(expression: &str) -> Vec<String> {
    let mut choices = split(expression, &[" or "]);
    if !choices.iter().all(|(_, choice)| split(choice, &COMPARISONS).len() > 1) {
        choices = vec![("", expression.to_owned())];
    }
    let parts = choices.into_iter().flat_map(|(_, choice)| split(&choice, &[" and "]));
    let sides = parts.flat_map(|(_, part)| split(&part, &COMPARISONS));
    let sides = sides.map(|(_, side)| side.trim().to_owned()).filter(|side| !is_constant(side));
    sides.map(|side| side.strip_prefix("on (instance, job) ").map_or(side.clone(), str::to_owned)).collect()
}

fn is_constant(side: &str) -> bool {
    side.chars().all(|c| c.is_ascii_digit() || " .*+-/".contains(c))
}

/// Splits at separators that stand in no bracket and in no text.
fn split(expression: &str, separators: &[&'static str]) -> Vec<(&'static str, String)> {
    let mut parts = vec![("", String::new())];
    let (mut depth, mut quoted) = (0_usize, false);
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        match c {
            '"' => quoted = !quoted,
            '(' | '{' | '[' if !quoted => depth += 1,
            ')' | '}' | ']' if !quoted => depth -= 1,
            _ => {}
        }
        let at = separators.iter().find(|separator| depth == 0 && !quoted && rest.starts_with(**separator));
        let taken = match at {
            Some(separator) => {
                parts.push((separator, String::new()));
                separator.len()
            }
            None => {
                parts.last_mut().expect("one").1.push(c);
                c.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    parts
}

#[test]
fn the_series_of_an_expression_are_found() {
    let expression = r#"histogram_quantile(0.95, sum by (le, codex) (rate(codex_stream_ttfb_ms_bucket{codex_x="codex_y"}[5m]))) / codex:a:rate5m
        + request_count{x=~"5.."} + http_request_duration_seconds_count + up"#;
    let found = series(expression);
    assert_eq!(
        found,
        ["codex:a:rate5m", "codex_stream_ttfb_ms", "http_request_duration_seconds", "request_count"]
    );
}

#[test]
fn an_alert_is_taken_apart() {
    let parts = operands(r#"a{x=">"} > 14.4 * 0.001 and (b > 0) >= 5 and c > on (instance, job) 5 * sum(d)"#);
    assert_eq!(parts, [r#"a{x=">"}"#, "(b > 0)", "c", "5 * sum(d)"]);
    assert_eq!(operands("max(a) > 0 or b > 0"), ["max(a)", "b"]);
    assert_eq!(operands("sum(a) or vector(0)"), ["sum(a) or vector(0)"]);
    assert_eq!(
        operands("histogram_quantile(0.99, rate(x[5m])) > 5"),
        ["histogram_quantile(0.99, rate(x[5m]))"]
    );
}
