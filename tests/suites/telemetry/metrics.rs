//! The GenAI metrics.

use gateway_tests::{
    otlp::{Metric, Mode, Point, Protocol, Receiver},
    pair::Answer,
};
use serde_json::json;

use crate::ask::{ask, asking, start};

#[tokio::test]
async fn the_conventions_histograms_are_exported_over_both_protocols() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(Mode::Normal).expect("a receiver");
        let pair = start(&receiver, protocol).await;
        let mut streaming = asking("!chunks 4\n!echo one two three four");
        streaming["stream"] = json!(true);
        streaming["stream_options"] = json!({ "include_usage": true });
        let count = |metric: &Metric| metric.points.iter().map(|point| point.count).sum::<u64>();
        let last = |receiver: &Receiver, name: &str| {
            receiver.metrics().into_iter().rfind(|metric| metric.name == name)
        };
        ask(&pair, &asking("hello"), &[]).await.text().await.expect("an answer");
        let counted = receiver
            .until("the first export", |receiver| {
                last(receiver, "gen_ai.server.request.duration").filter(|metric| count(metric) == 1)
            })
            .await;
        assert!(counted.is_ok(), "{counted:?}");
        assert!(
            !receiver.metrics().iter().any(|metric| metric.name == "gen_ai.server.time_to_first_token"),
            "no series stands there before it has a value: it would have a least and a greatest of none"
        );
        ask(&pair, &streaming, &[]).await.text().await.expect("an answer");
        ask(&pair, &asking("!fail serverOverloaded"), &[]).await.text().await.expect("an answer");
        // A client that leaves is no error, and its stream none that succeeded.
        let mut left = Answer::to(&pair, "!echo one two\n!hang", true).await.expect("a head");
        assert!(left.until("a part of the text", |text| !text.is_empty()).await.expect("text"));
        drop(left);
        let wanted = [
            ("gen_ai.client.token.usage", "{token}", 4, 14),
            ("gen_ai.client.operation.duration", "s", 4, 14),
            ("gen_ai.client.inference.duration", "s", 4, 14),
            ("gen_ai.client.operation.time_to_first_chunk", "s", 2, 14),
            ("gen_ai.client.inference.time_to_first_chunk", "s", 2, 14),
            ("gen_ai.server.request.duration", "s", 4, 14),
            ("gen_ai.server.time_to_first_token", "s", 1, 16),
            ("gen_ai.server.time_per_output_token", "s", 1, 13),
        ];
        for (name, unit, counted, bounds) in wanted {
            let found = receiver
                .until(name, |receiver| last(receiver, name).filter(|metric| count(metric) == counted))
                .await
                .expect("a metric");
            assert_eq!(found.unit, unit);
            for Point { attributes, bounds: boundaries, .. } in &found.points {
                assert_eq!(boundaries.len(), bounds, "{name}");
                assert_eq!(attributes["gen_ai.operation.name"], "chat");
                assert_eq!(attributes["gen_ai.provider.name"], "openai");
                assert!(attributes["gen_ai.request.model"].is_string(), "{attributes:?}");
            }
        }
        let usage = last(&receiver, "gen_ai.client.token.usage").expect("a metric");
        let mut kinds: Vec<_> =
            usage.points.iter().map(|point| point.attributes["gen_ai.token.type"].clone()).collect();
        kinds.sort_by_key(ToString::to_string);
        assert_eq!(kinds, [json!("input"), json!("output")]);
        for point in &usage.points {
            let kind = point.attributes["gen_ai.token.type"].as_str().expect("a kind");
            let counter = format!("gen_ai.client.inference.usage.{kind}_tokens");
            let sum = |metric: Metric| metric.points.iter().map(|point| point.sum).sum::<f64>();
            let same = |receiver: &Receiver| {
                last(receiver, &counter).filter(|metric| sum(metric.clone()) == point.sum)
            };
            let counted = receiver.until(&counter, same).await.expect("the same count");
            assert!(point.sum > 0.0 && counted.unit == "{token}", "{counted:?}");
        }
        let took = last(&receiver, "gen_ai.client.operation.duration").expect("a metric");
        let failed: Vec<_> =
            took.points.iter().filter_map(|point| point.attributes.get("error.type")).collect();
        assert_eq!(failed, ["overloaded"]);
    }
}
