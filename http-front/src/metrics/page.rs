//! Prometheus's text format, for what isn't counted here.

use super::series::{Form, Series};
use shared::control::metrics::{BUCKETS_MS, Histogram};
use std::fmt::{Display, Write};

/// A page that grows by series.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// A page that begins with this.
    pub(super) fn behind(text: String) -> Self {
        Self(text)
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn push(&mut self, what: std::fmt::Arguments<'_>) {
        self.0.write_fmt(what).expect("a string takes everything");
    }

    /// The numbers of one series, by the values of its labels. Without any it isn't named either.
    pub(super) fn series<V: Display>(
        &mut self,
        series: &Series,
        samples: impl IntoIterator<Item = (Vec<String>, V)>,
    ) {
        for (at, (values, value)) in samples.into_iter().enumerate() {
            if at == 0 {
                self.head(series);
            }
            let labels = pairs(series, &values, None);
            self.push(format_args!("{}{labels} {value}\n", series.name));
        }
    }

    /// The same of durations.
    pub(super) fn durations<'a>(
        &mut self,
        series: &Series,
        samples: impl IntoIterator<Item = (Vec<String>, &'a Histogram)>,
    ) {
        for (at, (values, histogram)) in samples.into_iter().enumerate() {
            if at == 0 {
                self.head(series);
            }
            // Whatever another version of the daemon tells: counts of buckets never shrink upwards.
            let mut count: u64 = 0;
            for (at, bound) in BUCKETS_MS.iter().enumerate() {
                count = count.saturating_add(histogram.counts.get(at).copied().unwrap_or_default());
                let labels = pairs(series, &values, Some(&bound.to_string()));
                self.push(format_args!("{}_bucket{labels} {count}\n", series.name));
            }
            let over = histogram.counts.get(BUCKETS_MS.len()..).unwrap_or_default();
            count = over.iter().fold(count, |sum, more| sum.saturating_add(*more));
            let (all, labels) = (pairs(series, &values, Some("+Inf")), pairs(series, &values, None));
            self.push(format_args!("{}_bucket{all} {count}\n", series.name));
            self.push(format_args!("{}_sum{labels} {}\n", series.name, histogram.sum_ms));
            self.push(format_args!("{}_count{labels} {count}\n", series.name));
        }
    }

    fn head(&mut self, series: &Series) {
        let Series { name, form, help, labels: _ } = series;
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", form.as_str()));
    }
}

/// The labels of one sample, `le` at the end where it is a bucket.
fn pairs(series: &Series, values: &[String], le: Option<&str>) -> String {
    let named = series.labels.iter().map(|label| label.name()).zip(values.iter().map(String::as_str));
    // A label without a value is none.
    let all: Vec<String> = named
        .filter(|(_, value)| !value.is_empty())
        .chain(le.map(|le| ("le", le)))
        .map(|(name, value)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        })
        .collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

/// What the library has encoded, with the type of the series whose name no counter should have.
pub(super) fn untyped(text: String, series: &[&Series]) -> String {
    series.iter().filter(|series| series.form == Form::Untyped).fold(text, |text, series| {
        let line = |form: &str| format!("# TYPE {} {form}\n", series.name);
        text.replacen(&line("counter"), &line("untyped"), 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::labels::Label;

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        const A: Series = Series::gauge("a", &[Label::Component, Label::Version], "Help.");
        const H: Series = Series::histogram("h_ms", &[Label::RpcMethod], "Help.");
        let mut page = Page::default();
        page.series(&A, [(vec!["front".into(), "1\"\\\n".into()], 0.5)]);
        page.series(&A, Vec::<(Vec<String>, u64)>::new());
        let mut counts = vec![0; BUCKETS_MS.len() + 1];
        (counts[1], counts[16]) = (2, 1);
        page.durations(&H, [(vec!["x".into()], &Histogram { counts, sum_ms: 12.5 })]);
        let text = page.into_text();
        assert!(text.starts_with(
            "# HELP a Help.\n# TYPE a gauge\na{component=\"front\",version=\"1\\\"\\\\\\n\"} 0.5\n"
        ));
        assert_eq!(text.matches("# HELP").count(), 2, "{text}");
        for line in [
            "h_ms_bucket{method=\"x\",le=\"5\"} 0",
            "h_ms_bucket{method=\"x\",le=\"10\"} 2",
            "h_ms_bucket{method=\"x\",le=\"600000\"} 2",
            "h_ms_bucket{method=\"x\",le=\"+Inf\"} 3",
            "h_ms_sum{method=\"x\"} 12.5",
            "h_ms_count{method=\"x\"} 3",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}: {text}");
        }
    }
}
