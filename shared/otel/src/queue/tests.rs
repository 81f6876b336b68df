use super::*;
use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use std::sync::{Mutex, mpsc};

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(3600);

/// Shows the batches that it is given, and takes each when it is told to.
#[derive(Debug)]
struct Slow {
    given: mpsc::Sender<Vec<SpanData>>,
    take: Mutex<mpsc::Receiver<()>>,
}

impl SpanExporter for Slow {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.given.send(batch).unwrap();
        let _told = self.take.lock().unwrap().recv();
        Ok(())
    }
}

struct Bench {
    provider: SdkTracerProvider,
    tally: Arc<Tally>,
    given: mpsc::Receiver<Vec<SpanData>>,
    take: Option<mpsc::Sender<()>>,
}

fn bench(most: usize, sampler: Sampler) -> Bench {
    let (give, given) = mpsc::channel();
    let (take, taken) = mpsc::channel();
    let tally = Arc::<Tally>::default();
    let queue = Queue::new(Slow { given: give, take: Mutex::new(taken) }, most, NEVER, Arc::clone(&tally));
    let provider = SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(queue).build();
    Bench { provider, tally, given, take: Some(take) }
}

impl Bench {
    fn end(&self, count: usize) {
        let tracer = self.provider.tracer("t");
        for _ in 0..count {
            tracer.start("s").end();
        }
    }

    fn batch(&self) -> Vec<SpanData> {
        self.given.recv_timeout(Duration::from_secs(30)).expect("a batch")
    }
}

#[test]
fn what_is_past_the_bound_is_dropped_and_counted() {
    let mut bench = bench(3, Sampler::AlwaysOn);
    bench.end(3);
    // What is being sent doesn't wait any more.
    assert_eq!(bench.batch().len(), 3);
    bench.end(5);
    assert_eq!(bench.tally.spans().dropped, 2);
    // From here on each export goes through.
    drop(bench.take.take());
    bench.provider.shutdown_with_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(bench.given.try_iter().map(|batch| batch.len()).sum::<usize>(), 3);
}

#[test]
fn batches_are_the_oldest_first_and_bounded() {
    let bench = bench(10 * BATCH, Sampler::AlwaysOn);
    bench.end(BATCH + 7);
    let first = bench.batch();
    assert_eq!(first.len(), BATCH);
    bench.take.as_ref().unwrap().send(()).unwrap();
    drop(bench.take);
    bench.provider.shutdown_with_timeout(Duration::from_secs(30)).unwrap();
    let last: Vec<_> = bench.given.try_iter().flatten().collect();
    assert_eq!(last.len(), 7);
    assert!(first.last().unwrap().end_time <= last[0].end_time);
    assert_eq!(bench.tally.spans().dropped, 0);
}

#[test]
fn what_is_not_sampled_is_not_queued() {
    let mut bench = bench(3, Sampler::AlwaysOff);
    bench.end(9);
    drop(bench.take.take());
    bench.provider.shutdown_with_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!((bench.given.try_iter().count(), bench.tally.spans().dropped), (0, 0));
}
