//! A collector that is away for a while.

use std::collections::HashSet;

use gateway_tests::{
    otlp::{Mode, Protocol, Receiver},
    pair::Pair,
};

use crate::ask::{ask, asking, both, builder, name, serving};

/// What became of the spans of both processes: exported, dropped, failed.
async fn counted(pair: &Pair) -> Option<[u64; 3]> {
    let page = pair.client().get(format!("http://{}/metrics", pair.internal)).send().await.ok()?;
    let page = page.text().await.ok()?;
    let of = |component: &str, result: &str| {
        let series = format!("codex_otlp_spans_total{{component=\"{component}\",result=\"{result}\"}} ");
        page.lines().find_map(|line| line.strip_prefix(series.as_str())?.parse::<u64>().ok())
    };
    let both = |result: &str| Some(of("front", result)? + of("daemon", result)?);
    Some([both("exported")?, both("dropped")?, both("failed")?])
}

#[tokio::test]
async fn a_short_outage_loses_no_span_and_costs_no_line() {
    for protocol in Protocol::ALL {
        // Two of the four attempts of whoever meets them.
        for outage in [Mode::BusyTimes(2), Mode::ClosingTimes(2)] {
            let what = format!("{outage:?} {protocol:?}");
            let receiver = Receiver::start(outage).expect("a receiver");
            let mut pair = serving(receiver.told(builder(), protocol)).await;
            let answer = ask(&pair, &asking("hello"), &[]).await;
            assert_eq!(answer.status(), 200, "{what}");
            both(&receiver, &name(&answer)).await;
            let counts = pair.eventually("spans to be taken", || async {
                counted(&pair).await.filter(|[exported, _, _]| *exported > 1)
            });
            let [_, dropped, failed] = counts.await.expect(&what);
            assert_eq!((receiver.mode(), dropped, failed), (Mode::Normal, 0, 0), "{what}");
            assert_eq!(pair.front.terminate().await.expect("the front ends"), Some(0), "{what}");
            for log in [pair.front.log(), pair.daemon.log()] {
                assert_eq!(log.iter().find(|line| line.contains("otlp_")), None, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn details_that_are_no_base64_cost_nothing() {
    let receiver = Receiver::start(Mode::Odd).expect("a receiver");
    let mut pair = serving(receiver.told(builder(), Protocol::Grpc)).await;
    for times in 1..=2 {
        let answer = ask(&pair, &asking("hello"), &[]).await;
        both(&receiver, &name(&answer)).await;
        let counts = pair.eventually("spans to be taken", || async {
            counted(&pair).await.filter(|[exported, _, _]| *exported >= 2 * times)
        });
        let [_, dropped, failed] = counts.await.expect("counts");
        assert_eq!((dropped, failed), (0, 0));
    }
    assert_eq!(pair.front.terminate().await.expect("the front ends"), Some(0));
    for log in [pair.front.log(), pair.daemon.log()] {
        assert_eq!(log.iter().find(|line| line.contains("panic") || line.contains("otlp_")), None);
    }
}

#[tokio::test]
async fn what_was_taken_with_a_long_answer_is_not_sent_again() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(Mode::Long).expect("a receiver");
        let pair = serving(receiver.told(builder(), protocol)).await;
        let answer = ask(&pair, &asking("hello"), &[]).await;
        let told = pair.front.logged("that it is no answer", |line| line["event"] == "otlp_failed").await;
        assert_eq!(
            told.expect("one line")["error"],
            "what the collector answered is no OTLP",
            "{protocol:?}"
        );
        both(&receiver, &name(&answer)).await;
        let ids: Vec<_> = receiver.spans().into_iter().map(|span| span.id).collect();
        assert_eq!(ids.len(), ids.iter().collect::<HashSet<_>>().len(), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_collector_that_comes_up_later_gets_what_ends_from_then_on() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::down().expect("a port");
        let pair = serving(receiver.told(builder(), protocol)).await;
        assert_eq!(ask(&pair, &asking("hello"), &[]).await.status(), 200);
        let failed =
            pair.front.logged("that it can't be reached", |line| line["event"] == "otlp_failed").await;
        assert_eq!(failed.expect("one line")["error"], "the collector can't be reached");
        receiver.open().expect("it listens");
        let answer = ask(&pair, &asking("hello"), &[]).await;
        both(&receiver, &name(&answer)).await;
        let again =
            pair.front.logged("that it is taken again", |line| line["event"] == "otlp_recovered").await;
        assert_eq!(again.expect("one line")["level"], "info");
    }
}
