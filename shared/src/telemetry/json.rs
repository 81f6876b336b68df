//! The JSON line of a log event.

use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use std::fmt;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// Writes `timestamp`, `level`, `component`, `event`, then the fields of the event.
pub(super) struct Format {
    pub(super) component: &'static str,
}

#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.push((field.name(), value));
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(n, _)| *n == name)?;
        Some(self.0.remove(at).1)
    }
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        // `critical` is no level of tracing: it is an error that pages somebody.
        let level = match fields.take("critical") {
            Some(Value::Bool(true)) => "critical".to_owned(),
            _ => event.metadata().level().as_str().to_ascii_lowercase(),
        };
        let component = fields.take("component").unwrap_or_else(|| self.component.into());
        let kind = fields.take("event").unwrap_or_else(|| "log".into());
        let line = serialize(&timestamp, &level, &component, &kind, &fields).map_err(|_| fmt::Error)?;
        out.write_str(&line)?;
        out.write_char('\n')
    }
}

fn serialize(
    timestamp: &str,
    level: &str,
    component: &Value,
    kind: &Value,
    fields: &Fields,
) -> serde_json::Result<String> {
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::new(&mut bytes);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("timestamp", timestamp)?;
    map.serialize_entry("level", level)?;
    map.serialize_entry("component", component)?;
    map.serialize_entry("event", kind)?;
    for (name, value) in &fields.0 {
        map.serialize_entry(name, value)?;
    }
    map.end()?;
    // serde_json writes UTF-8.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
