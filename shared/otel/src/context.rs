//! The W3C trace context: headers and the socket's member `trace` on one side, what spans have for a parent on the other.
//!
//! Pure. What isn't valid is no context, as the standard wants it: a new trace begins then.

use http::HeaderMap;
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use shared::rpc::Trace;

/// The longest `tracestate` that is kept; the standard's least.
const MAX_STATE: usize = 512;
/// `00-` trace id `-` span id `-` flags.
const PARENT: usize = 55;

/// The parent that a request's headers name. More than one `traceparent` is none.
pub fn from_headers(headers: &HeaderMap) -> Option<SpanContext> {
    let mut parents = headers.get_all("traceparent").iter();
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() {
        return None;
    }
    let mut state = String::new();
    for value in headers.get_all("tracestate") {
        let Ok(value) = value.to_str() else {
            state.clear();
            break;
        };
        if !state.is_empty() {
            state.push(',');
        }
        state.push_str(value);
    }
    parse(parent, Some(&state))
}

/// The parent that the member `trace` of a request on the socket names.
pub fn from_trace(trace: &Trace) -> Option<SpanContext> {
    parse(&trace.traceparent, trace.tracestate.as_deref())
}

/// What is told to those who are asked next.
pub fn to_trace(span: &SpanContext) -> Option<Trace> {
    if !span.is_valid() {
        return None;
    }
    let mut traceparent = String::with_capacity(PARENT);
    traceparent.push_str("00-");
    push_hex(&mut traceparent, &span.trace_id().to_bytes());
    traceparent.push('-');
    push_hex(&mut traceparent, &span.span_id().to_bytes());
    traceparent.push('-');
    push_hex(&mut traceparent, &[(span.trace_flags() & TraceFlags::SAMPLED).to_u8()]);
    let state = span.trace_state().header();
    Some(Trace { traceparent, tracestate: (!state.is_empty()).then_some(state) })
}

/// The id of a trace in hex, as logs have it.
pub fn trace_id(span: &SpanContext) -> String {
    let mut id = String::with_capacity(32);
    push_hex(&mut id, &span.trace_id().to_bytes());
    id
}

/// The library's own way goes over the formatting of numbers, which is slow for each request's four.
fn push_hex(text: &mut String, bytes: &[u8]) {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' - 10 + half });
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

/// The context to begin a span in, under this parent or none.
pub fn parent(span: Option<SpanContext>) -> Context {
    let root = Context::new();
    match span {
        Some(span) => root.with_remote_span_context(span),
        None => root,
    }
}

/// The same under a parent that was named by somebody who showed no key: neither its flag nor its trace's id decides
/// whether the trace is kept.
pub fn strangers_parent(span: Option<SpanContext>) -> Context {
    match span {
        Some(span) => crate::sampling::strangers(&parent(Some(span))),
        None => Context::new(),
    }
}

/// A `traceparent` of version 00, or of a later one as far as 00 goes.
fn parse(parent: &str, state: Option<&str>) -> Option<SpanContext> {
    let parent = parent.trim_matches([' ', '\t']);
    let (head, rest) = parent.split_at_checked(PARENT)?;
    let (version, trace) = (head.get(..2)?, head.get(3..35)?);
    let (span, flags) = (head.get(36..52)?, head.get(53..)?);
    let is_split = [2, 35, 52].iter().all(|at| head.as_bytes()[*at] == b'-');
    let (trace, span, flags) = (number(trace)?, number(span)?, number(flags)?);
    number(version).filter(|_| is_split)?;
    // A later version may have more behind a dash.
    let fits = match version {
        "ff" => false,
        "00" => rest.is_empty(),
        _ => rest.is_empty() || rest.starts_with('-'),
    };
    if !fits {
        return None;
    }
    let flags = TraceFlags::new(u8::try_from(flags).ok()?) & TraceFlags::SAMPLED;
    let state = state.filter(|state| state.len() <= MAX_STATE);
    let state = state.and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    let span =
        SpanContext::new(TraceId::from(trace), SpanId::from(u64::try_from(span).ok()?), flags, true, state);
    span.is_valid().then_some(span)
}

/// At most 32 small hexadecimal digits.
fn number(digits: &str) -> Option<u128> {
    digits.bytes().try_fold(0, |number: u128, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests;
