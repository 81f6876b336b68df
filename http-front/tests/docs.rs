//! The documents say what the tables of the front say. `UPDATE_DOCS=1` rewrites them instead.

use http_front::{
    config,
    error::Kind,
    metrics::{self, labels::Label},
    schema::{
        Level,
        samples::{self, Fate},
    },
};
use serde_json::Value;
use shared::{
    control::metrics::BUCKETS_MS,
    settings::{COMMON, Setting, document},
};
use std::{collections::HashSet, fmt::Write, path::Path};

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    std::fs::read_to_string(path).expect("the document is there")
}

/// What stands between `begin` and `end` in the file is `wanted`.
fn compare(file: &str, begin: &str, end: &str, wanted: &str) {
    let text = read(file);
    let start = text.find(begin).expect("it has the marker of the beginning") + begin.len();
    let stop = start + text[start..].find(end).expect("it has the marker of the end");
    if text[start..stop] == *wanted {
        return;
    }
    assert!(
        update(),
        "{file} is not what the code says behind `{}`: run this test with UPDATE_DOCS=1",
        begin.trim_end()
    );
    let text = format!("{}{wanted}{}", &text[..start], &text[stop..]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    std::fs::write(path, text).expect("the document can be written");
}

#[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
fn update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some_and(|v| v == "1")
}

#[test]
fn the_settings_are_documented() {
    compare(
        "docs/configuration.md",
        "<!-- begin http-front -->\n",
        "<!-- end http-front -->",
        &document::markdown(&config::settings()),
    );
}

#[test]
fn the_kinds_of_errors_are_documented() {
    let mut table = String::from(
        "| kind | status | type | code | retryable | source | `code` in series |\n|---|---|---|---|---|---|---|\n",
    );
    for kind in Kind::ALL {
        writeln!(table, "{}", kind.documented()).unwrap();
    }
    compare("docs/errors.md", "<!-- begin kinds -->\n", "<!-- end kinds -->", &table);
}

#[test]
fn the_series_are_documented() {
    let mut table = String::from("| series | type | unit | labels | what one is |\n|---|---|---|---|---|\n");
    let mut labels: Vec<(Label, Vec<&str>)> = Vec::new();
    for series in metrics::series() {
        let names: Vec<String> = series.labels.iter().map(|label| format!("`{}`", label.name())).collect();
        let (form, unit) = (series.form.as_str(), series.unit());
        writeln!(table, "| `{}` | {form} | {unit} | {} | {} |", series.name, names.join(", "), series.help)
            .unwrap();
        for label in series.labels {
            match labels.iter_mut().find(|(known, _)| known == label) {
                Some((_, of)) => of.push(series.name),
                None => labels.push((*label, vec![series.name])),
            }
        }
    }
    compare("docs/metrics.md", "<!-- begin series -->\n", "<!-- end series -->", &table);
    labels.sort_by_key(|(label, of)| (label.name(), of[0]));
    let mut table = String::from("| label | of | values |\n|---|---|---|\n");
    for (label, of) in labels {
        let of: Vec<String> = of.iter().map(|name| format!("`{name}`")).collect();
        let values = label.values();
        let values = values.iter().map(|value| format!("`{value}`")).chain(label.more().map(str::to_owned));
        let values: Vec<String> = values.collect();
        writeln!(table, "| `{}` | {} | {} |", label.name(), of.join(", "), values.join(", ")).unwrap();
    }
    compare("docs/metrics.md", "<!-- begin labels -->\n", "<!-- end labels -->", &table);
    let buckets: Vec<String> = BUCKETS_MS.iter().map(ToString::to_string).collect();
    compare(
        "docs/metrics.md",
        "<!-- begin buckets -->\n",
        "<!-- end buckets -->",
        &format!("{}.\n", buckets.join(", ")),
    );
}

fn cell(fate: &Fate) -> String {
    match fate {
        Fate::Carried => "carried".to_owned(),
        Fate::Told { schema: None } => "told".to_owned(),
        Fate::Told { schema: Some(schema) } => format!("told, and `{}`", undescribed(schema)),
        Fate::Converted { schema } => format!("`{}`", undescribed(schema)),
        Fate::Silent => "left out".to_owned(),
        Fate::Refused(refusal) => format!("refused: `{}`", refusal.path.trim_start_matches('.')),
    }
}

/// The schema without the description that tells the rest.
fn undescribed(schema: &Value) -> String {
    let mut schema = schema.clone();
    if let Some(schema) = schema.as_object_mut() {
        schema.retain(|key, value| {
            key != "description" || !value.as_str().is_some_and(|text| text.contains("JSON Schema also has"))
        });
    }
    schema.to_string()
}

#[test]
fn the_fates_of_keywords_are_documented() {
    let mut table = String::from(
        "| keyword | sample | in a tool | `response_format`, strict | not strict |\n|---|---|---|---|---|\n",
    );
    for sample in samples::all() {
        let name = match (sample.keyword, sample.case) {
            ("", case) => case.to_owned(),
            (keyword, "") => format!("`{keyword}`"),
            (keyword, case) => format!("`{keyword}`, {case}"),
        };
        let shown = match sample.at {
            "" => sample.told(),
            at => sample.schema.pointer(at).expect("its place").to_string(),
        };
        let cell = |mut fate| {
            // Of a whole schema, what is another one.
            if let Fate::Converted { schema: Value::Object(schema) } = &mut fate
                && sample.at.is_empty()
            {
                schema.retain(|key, value| sample.schema.get(key) != Some(value));
            }
            cell(&fate)
        };
        let fates =
            [sample.in_tool(), sample.in_output(Level::Guaranteed), sample.in_output(Level::BestEffort)]
                .map(cell);
        writeln!(table, "| {name} | `{shown}` | {} |", fates.join(" | ")).unwrap();
    }
    compare("docs/compatibility.md", "<!-- begin keywords -->\n", "<!-- end keywords -->", &table);
}

/// A setting of both binaries stands once: where the daemon's part has it (its own test compares that part), it is
/// not repeated.
#[test]
fn the_sample_has_the_settings() {
    let sample = read(".env.example");
    let (_, rest) = sample.split_once("# --- worker-daemon\n").expect("the daemon's part");
    let (daemon, _) = rest.split_once("# --- end of worker-daemon").expect("the end of the daemon's part");
    let theirs: HashSet<&str> =
        daemon.lines().filter_map(|line| Some(line.strip_prefix('#')?.split_once('=')?.0)).collect();
    let both: Vec<Setting> = COMMON.iter().chain(otel::SETTINGS).copied().collect();
    let own: Vec<Setting> = config::settings()
        .into_iter()
        .filter(|s| !theirs.contains(s.name) && both.iter().all(|common| common.name != s.name))
        .collect();
    let part = |name: &str, settings: &[Setting]| {
        compare(
            ".env.example",
            &format!("# --- {name}\n"),
            &format!("# --- end of {name}"),
            &document::env_sample(settings),
        );
    };
    part("http-front", &own);
    part("both", &both);
}
