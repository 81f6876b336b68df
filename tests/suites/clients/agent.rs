//! Five rounds of parallel tool calls through each client's own loop, as whole answers and as streams.
//!
//! What the model asks for depends on what came back before, so that anything lost, doubled or exchanged on the way
//! leads to another end. Every request's history is compared with the one that the rounds should have made.

mod history;
mod rounds;

use gateway_tests::{
    pair::Pair,
    upstream::{Recorded, Reply, Upstream},
};
use serde_json::{Value, json};

use crate::client::Client;
use history::Item;
use rounds::{ROUNDS, Style, Turn};

/// The tools that the programs read from the same file.
const TOOLS: &str = include_str!("programs/tools.json");

async fn check(client: Client) {
    let style = match client {
        Client::OpenaiPython | Client::OpenaiNode => Style::Odd,
        // These two parse the arguments and write them anew when they send the history.
        Client::LangchainPython => Style::Spaced,
        Client::AiSdkCompatible | Client::AiSdkOpenai => Style::Compact,
    };
    let upstream =
        Upstream::start(move |request: &Recorded| reply(request, style)).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");
    let expected = rounds::played(style);
    let answer = json!({"text": expected.answer, "calls": expected.calls});

    for (run, scenario) in ["agent", "agent-stream"].into_iter().enumerate() {
        assert_eq!(client.run(&pair, scenario).await, answer, "{scenario}");
        let requests = upstream.requests();
        let requests = &requests[run * (ROUNDS + 1)..];
        assert_eq!(requests.len(), ROUNDS + 1, "one request for each round, and one for the answer");
        for (request, history) in requests.iter().zip(&expected.histories) {
            let sent: Vec<Item> = request.input().iter().map(Item::of).collect();
            assert_eq!(&sent, history, "{scenario}, request {}", request.seq);
            check_tools(request);
        }
    }
    assert_eq!((upstream.problems(), upstream.strays()), (vec![], vec![]));
}

/// What the model says to the history that came.
fn reply(request: &Recorded, style: Style) -> Reply {
    let items: Vec<Item> = request.input().iter().map(Item::of).collect();
    match rounds::turn(&history::outputs(&items), style) {
        Ok(Turn::Calls { text, calls }) => {
            let said = text.into_iter().fold(Reply::new(), Reply::text);
            calls.into_iter().fold(said, |reply, call| {
                reply.function_call_as(&call.id, call.name, rounds::in_pieces(&call.arguments))
            })
        }
        Ok(Turn::Answer(text)) => Reply::new().text(text),
        Err(why) => Reply::error(400, &why),
    }
}

/// The caller's tools and no others, in their order.
fn check_tools(request: &Recorded) {
    let sent = request.json()["tools"].as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = sent.iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert_eq!(names, ["mix", "place_order", "document"]);
    assert!(sent.iter().all(|tool| tool["type"] == "function"), "{sent:?}");
    let wanted: Vec<Value> = serde_json::from_str(TOOLS).expect("the programs' tools");
    for (tool, wanted) in sent.iter().zip(&wanted) {
        assert_eq!(tool["description"], wanted["description"]);
        assert_eq!(tool["parameters"], wanted["parameters"]);
    }
    // This one is described as each client likes it best; all come to the same.
    let document = &sent[2];
    assert!(document["description"].as_str().is_some_and(|text| text.starts_with("A long document.")));
    let kind = document["parameters"]["properties"]["lines"]["type"].as_str();
    assert!(matches!(kind, Some("integer" | "number")), "{document}");
    assert_eq!(document["parameters"]["required"], json!(["lines"]), "{document}");
}

for_every_client!(check);
