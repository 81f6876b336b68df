use super::*;
use std::sync::Arc;
use tracing::{Event, Metadata, Subscriber, span};

/// Remembers the events of this thread.
#[derive(Default, Clone)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn losses_are_told_once_a_minute_and_their_end_once() {
    let lines = Lines::default();
    let told = || std::mem::take(&mut *lines.0.lock().unwrap());
    let _here = tracing::subscriber::set_default(lines.clone());
    let (tally, start) = (Tally::default(), Instant::now());
    let fail = |after: u64| {
        tally.sending(2).ended(&Err(Failure::Late));
        tally.tell_at(start + Duration::from_secs(after), Some(Failure::Late));
    };
    tally.tell_at(start, None);
    assert_eq!(told().len(), 0);
    for after in [0, 1, 59] {
        fail(after);
    }
    let first = told();
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(
        first[0].contains("otlp_failed") && first[0].contains("spans_failed") && first[0].contains("in time")
    );
    fail(61);
    assert_eq!(told().len(), 1);
    tally.sending(3).ended(&Ok(1));
    tally.tell_at(start + Duration::from_secs(62), None);
    let again = told();
    assert!(again.len() == 1 && again[0].contains("otlp_recovered"), "{again:?}");
    tally.tell_at(start + Duration::from_secs(63), None);
    assert_eq!(told().len(), 0);
    tally.dropped();
    tally.tell_at(start + Duration::from_secs(130), None);
    assert!(told()[0].contains("faster than the collector"));
    assert_eq!(tally.spans(), SpanCounts { exported: 2, dropped: 1, failed: 9 });
}

#[test]
fn spans_whose_sending_is_taken_away_have_failed() {
    let tally = Tally::default();
    drop(tally.sending(5));
    assert_eq!(tally.spans(), SpanCounts { exported: 0, dropped: 0, failed: 5 });
}
