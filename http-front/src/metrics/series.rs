//! What a series is: its name, its form, its labels and its help. `docs/metrics.md` is made from these.

use super::labels::Label;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector,
};
use shared::control::metrics::BUCKETS_MS;

/// How its numbers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// It only grows, until the process that counts begins anew.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations by their buckets.
    Histogram,
    /// As [`Self::Counter`], under a name that no counter should have.
    Untyped,
}

impl Form {
    /// Its name in Prometheus's text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Untyped => "untyped",
        }
    }
}

/// One series, or one for each combination of its labels' values.
#[derive(Debug, Clone, Copy)]
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// How its numbers are read.
    pub form: Form,
    /// Its labels; each has a closed set of values.
    pub labels: &'static [Label],
    /// What one is.
    pub help: &'static str,
}

impl Series {
    pub(super) const fn counter(name: &'static str, labels: &'static [Label], help: &'static str) -> Self {
        Self { name, form: Form::Counter, labels, help }
    }

    pub(super) const fn gauge(name: &'static str, labels: &'static [Label], help: &'static str) -> Self {
        Self { name, form: Form::Gauge, labels, help }
    }

    pub(super) const fn histogram(name: &'static str, labels: &'static [Label], help: &'static str) -> Self {
        Self { name, form: Form::Histogram, labels, help }
    }

    /// In what it is measured, by its name.
    pub fn unit(&self) -> &'static str {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        match name.rsplit('_').next() {
            Some("ms") => "milliseconds",
            Some("seconds") => "seconds",
            Some("bytes") => "bytes",
            Some(_) | None => "",
        }
    }

    fn label_names(&self) -> Vec<&'static str> {
        self.labels.iter().map(|label| label.name()).collect()
    }
}

/// Makes series and registers them.
pub(super) struct Maker {
    pub(super) registry: Registry,
}

impl Maker {
    pub(super) fn counter(&self, series: &Series) -> IntCounter {
        self.register(IntCounter::new(series.name, series.help))
    }

    pub(super) fn counters(&self, series: &Series) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(series.name, series.help), &series.label_names()))
    }

    pub(super) fn gauge(&self, series: &Series) -> IntGauge {
        self.register(IntGauge::new(series.name, series.help))
    }

    pub(super) fn gauges(&self, series: &Series) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(series.name, series.help), &series.label_names()))
    }

    pub(super) fn histograms(&self, series: &Series) -> HistogramVec {
        let unit = if series.unit() == "seconds" { 1000.0 } else { 1.0 };
        let buckets = BUCKETS_MS.iter().map(|bound| f64::from(*bound) / unit).collect();
        let options = HistogramOpts::new(series.name, series.help).buckets(buckets);
        self.register(HistogramVec::new(options, &series.label_names()))
    }

    /// One for each value of the only label, at 0 from the start.
    pub(super) fn each_counter(&self, series: &Series) -> IntCounterVec {
        let made = self.counters(series);
        for value in series.labels.iter().flat_map(|label| label.values()) {
            let _at_zero = made.with_label_values(&[&value]);
        }
        made
    }

    /// The same of gauges.
    pub(super) fn each_gauge(&self, series: &Series) -> IntGaugeVec {
        let made = self.gauges(series);
        for value in series.labels.iter().flat_map(|label| label.values()) {
            let _at_zero = made.with_label_values(&[&value]);
        }
        made
    }

    fn register<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("names and labels are constants that fit");
        self.registry.register(Box::new(made.clone())).expect("each name is a constant and there once");
        made
    }
}

/// Counts a duration in a histogram of milliseconds.
pub(super) fn add_ms(histogram: &Histogram, duration: std::time::Duration) {
    histogram.observe(duration.as_secs_f64() * 1000.0);
}
