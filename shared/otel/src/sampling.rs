//! Who may say whether a trace is kept. Pure but for chance.
//!
//! Owns the mark of those who showed no key. Promises that neither the flag nor the id of the trace that they name decides
//! anything: whether theirs is kept is drawn as for a request that names none.

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceContextExt, TraceId},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, Sampler, SamplingResult, ShouldSample};

/// Whoever named the parent showed no key.
#[derive(Debug, Clone, Copy)]
struct Stranger;

/// The context with the mark that its parent is a stranger's.
pub(crate) fn strangers(context: &Context) -> Context {
    context.with_value(Stranger)
}

/// The configured sampler, with that exception.
#[derive(Debug, Clone)]
pub(crate) struct Sampling(pub(crate) Sampler);

impl ShouldSample for Sampling {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let Some(context) = parent.filter(|context| context.get::<Stranger>().is_some()) else {
            return self.0.should_sample(parent, trace, name, kind, attributes, links);
        };
        // Whoever knows how a ratio is drawn names an id that is kept.
        let drawn = RandomIdGenerator::default().new_trace_id();
        let decided = self.0.should_sample(None, drawn, name, kind, attributes, links);
        SamplingResult { trace_state: context.span().span_context().trace_state().clone(), ..decided }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceState};
    use opentelemetry_sdk::trace::SamplingDecision;
    use std::collections::HashSet;

    fn decided(sampler: Sampler, flags: TraceFlags, known: bool) -> HashSet<bool> {
        let trace = TraceId::from(1_u128);
        let state = TraceState::from_key_value([("vendor", "a")]).unwrap();
        let parent = SpanContext::new(trace, SpanId::from(1_u64), flags, true, state.clone());
        let context = Context::new().with_remote_span_context(parent);
        let context = if known { context } else { strangers(&context) };
        let sampling = Sampling(sampler);
        let once = || sampling.should_sample(Some(&context), trace, "", &SpanKind::Server, &[], &[]);
        let all: Vec<_> = std::iter::repeat_with(once).take(200).collect();
        assert!(all.iter().all(|result| result.trace_state == state), "the state goes on");
        all.iter().map(|result| result.decision == SamplingDecision::RecordAndSample).collect()
    }

    #[test]
    fn a_strangers_flag_and_id_decide_nothing() {
        let by_parent = |root| Sampler::ParentBased(Box::new(root));
        let ratio = || by_parent(Sampler::TraceIdRatioBased(0.5));
        let (yes, no) = (HashSet::from([true]), HashSet::from([false]));
        let both = HashSet::from([true, false]);
        for (flags, believed) in [(TraceFlags::SAMPLED, &yes), (TraceFlags::NOT_SAMPLED, &no)] {
            assert_eq!(&decided(ratio(), flags, true), believed);
            assert_eq!(decided(ratio(), flags, false), both, "drawn anew each time");
            assert_eq!(decided(by_parent(Sampler::AlwaysOn), flags, false), yes);
            assert_eq!(decided(by_parent(Sampler::AlwaysOff), flags, false), no);
            assert_eq!(decided(Sampler::TraceIdRatioBased(0.5), flags, false), both);
            assert_eq!(
                decided(Sampler::TraceIdRatioBased(0.5), flags, true),
                yes,
                "the id is below the half"
            );
        }
    }
}
