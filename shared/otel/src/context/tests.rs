use super::*;
use http::HeaderValue;
use proptest::prelude::*;

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn headers(parents: &[&str], states: &[&str]) -> HeaderMap {
    let value = |text: &&str| HeaderValue::from_bytes(text.as_bytes()).unwrap();
    let parents = parents.iter().map(|text| ("traceparent".parse().unwrap(), value(text)));
    HeaderMap::from_iter(
        parents.chain(states.iter().map(|text| ("tracestate".parse().unwrap(), value(text)))),
    )
}

#[test]
fn a_valid_parent_comes_back_as_it_was() {
    for flags in ["00", "01"] {
        let text = format!("{}{flags}", &GOOD[..53]);
        let span = from_headers(&headers(&[&text], &["a=1", "b=2,c=3"])).unwrap();
        assert_eq!(span.is_sampled(), flags == "01");
        assert!(span.is_remote());
        let trace = to_trace(&span).unwrap();
        assert_eq!((trace.traceparent.as_str(), trace.tracestate.as_deref()), (&*text, Some("a=1,b=2,c=3")));
        assert_eq!(from_trace(&trace), Some(span));
    }
}

#[test]
fn flags_that_nobody_knows_are_left_out_and_later_versions_are_read() {
    let told = |text: &str| from_headers(&headers(&[text], &[])).and_then(|span| to_trace(&span));
    let of = |text: &str| told(text).map(|trace| trace.traceparent);
    assert_eq!(of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff").as_deref(), Some(GOOD));
    assert_eq!(of("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").as_deref(), Some(GOOD));
    assert_eq!(of("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more").as_deref(), Some(GOOD));
    assert_eq!(of("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more"), None);
}

#[test]
fn what_is_not_valid_is_none() {
    for bad in [
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
        "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert_eq!(from_headers(&headers(&[bad], &[])), None, "{bad}");
    }
    assert_eq!(from_headers(&headers(&[GOOD, GOOD], &[])), None, "two parents are none");
    assert_eq!(from_headers(&headers(&[], &["a=1"])), None);
    assert_eq!(to_trace(&SpanContext::empty_context()), None);
}

#[test]
fn a_state_that_is_not_valid_costs_the_state_alone() {
    let long = format!("a={}", "x".repeat(MAX_STATE));
    for bad in [&*long, "no pair", "UPPER=1", "a=\u{e9}"] {
        let span = from_headers(&headers(&[GOOD], &[bad])).unwrap();
        assert_eq!(to_trace(&span).unwrap().tracestate, None, "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_it(parent in ".{0,80}", state in ".{0,600}") {
        let trace = Trace { traceparent: parent, tracestate: Some(state) };
        if let Some(span) = from_trace(&trace) {
            prop_assert!(span.is_valid());
            prop_assert!(to_trace(&span).unwrap().traceparent.len() == PARENT);
        }
    }

    #[test]
    fn every_id_is_read_and_written(trace in 1u128.., span in 1u64.., sampled: bool) {
        let text = format!("00-{trace:032x}-{span:016x}-{:02x}", u8::from(sampled));
        let read = from_trace(&Trace { traceparent: text.clone(), tracestate: None }).unwrap();
        prop_assert_eq!(to_trace(&read).unwrap().traceparent, text);
    }
}
