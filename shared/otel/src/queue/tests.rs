use super::*;
use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

fn provider(queue: &Queue, sampler: Sampler) -> SdkTracerProvider {
    SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(queue.clone()).build()
}

fn end(provider: &SdkTracerProvider, count: usize) {
    let tracer = provider.tracer("t");
    for _ in 0..count {
        tracer.start("s").end();
    }
}

#[test]
fn what_is_past_the_bound_is_dropped_and_counted() {
    let tally = Arc::<Tally>::default();
    let queue = Queue::new(3, Arc::clone(&tally));
    let provider = provider(&queue, Sampler::AlwaysOn);
    end(&provider, 5);
    assert_eq!(tally.spans().dropped, 2);
    assert_eq!(queue.take().len(), 3);
    end(&provider, 1);
    assert_eq!((queue.take().len(), queue.take().len()), (1, 0));
    queue.close();
    end(&provider, 1);
    assert_eq!((queue.take().len(), tally.spans().dropped), (0, 3));
}

#[test]
fn batches_are_the_oldest_first_and_bounded() {
    let queue = Queue::new(10 * BATCH, Arc::default());
    let provider = provider(&queue, Sampler::AlwaysOn);
    end(&provider, BATCH + 7);
    let first = queue.take();
    assert_eq!((first.len(), queue.0.waiting.lock().unwrap().spans.len()), (BATCH, 7));
    assert!(first.last().unwrap().end_time <= queue.take()[0].end_time);
}

#[test]
fn what_is_not_sampled_is_not_queued() {
    let queue = Queue::new(3, Arc::default());
    end(&provider(&queue, Sampler::AlwaysOff), 2);
    assert!(queue.take().is_empty());
}
