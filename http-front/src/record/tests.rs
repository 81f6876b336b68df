use super::*;
use crate::{
    metrics::{Metrics, Scraped, request::Counted},
    routes::table::Side,
};
use http::HeaderValue;
use std::panic::AssertUnwindSafe;

#[test]
fn codes_are_logged_and_sentences_are_not() {
    assert!(is_plain("context_length_exceeded") && is_plain("bad-thing.2"));
    assert!(!is_plain("what the user said") && !is_plain(&"x".repeat(65)));
}

#[test]
fn a_panic_is_an_error_of_ours_and_no_client_that_left() {
    let metrics = Arc::new(Metrics::new());
    let counted = Counted::new(&metrics, Side::Public, &Method::POST);
    let observe = Observe { counted, ..Observe::default() };
    let mut record = Record::of(&HeaderMap::new(), observe);
    record.routed("/v1/chat/completions");
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(move || {
        let _record = record;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    let page = metrics.page(&Scraped::default());
    let route = "route=\"/v1/chat/completions\"";
    for line in [
        format!("codex_http_errors_total{{code=\"internal_error\",{route},source=\"gateway\"}} 1\n"),
        format!(
            "codex_http_requests_total{{method=\"POST\",model=\"none\",{route},status_family=\"5xx\"}} 1\n"
        ),
        format!("http_requests_total{{method=\"POST\",{route},status=\"500\"}} 1\n"),
        format!("request_count{{{route},service_type=\"codex\",status_code=\"500\"}} 1\n"),
    ] {
        assert!(page.contains(&line), "{line}: {page}");
    }
}

#[test]
fn a_clients_name_is_taken_where_it_is_short_and_visible() {
    let of = |value: &[u8]| {
        let value = HeaderValue::from_bytes(value).unwrap();
        client_id(&HeaderMap::from_iter([("x-client-request-id".parse().unwrap(), value)]))
    };
    assert_eq!(of(b"my-id/1"), Some("my-id/1".to_owned()));
    assert_eq!(of(&[b'x'; 512]).map(|id| id.len()), Some(512));
    for odd in [&[b'x'; 513][..], b"", b"two words", b"tab\there", b"\xc3\xa9"] {
        assert_eq!(of(odd), None, "{odd:?}");
    }
    assert_eq!(client_id(&HeaderMap::new()), None);
    for (id, key) in [("sk-1", "Bearer sk-1"), ("of-sk-1.", "bearer  sk-1 "), ("sk-1", "sk-1")] {
        let mut headers = HeaderMap::new();
        headers.insert("x-client-request-id", HeaderValue::from_static(id));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static(key));
        assert_eq!(client_id(&headers), None, "{id} with {key}");
    }
}
