//! What the real codex does to the schemas that the front makes: nothing. And the measured facts that these are made
//! by: a version of codex that keeps more, or less, fails here.

mod http;

use super::support::Stage;
use gateway_tests::{
    pair::{DEADLINE, SocketClient},
    upstream::{Recorded, Reply},
};
use http_front::schema::{
    Level,
    samples::{self, Fate, Sample},
    tool,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// A stage whose codex is spoken to over the daemon's socket.
struct Direct {
    stage: Stage,
    client: SocketClient,
}

impl Direct {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let client = SocketClient::connect(&stage.pair.socket).await.expect("a client");
        Self { stage, client }
    }

    /// The request that goes up for a turn with these tools and this schema of the answer.
    async fn turn(&mut self, tools: &[Value], output: Option<&Value>) -> Arc<Recorded> {
        let seq = self.stage.upstream.totals().requests;
        self.stage.will_say(Reply::default().text("ok"));
        let start = json!({"ephemeral": true, "baseInstructions": "", "dynamicTools": tools});
        let thread = self.client.call("thread/start", &start).await.expect("a thread");
        let id = &thread["thread"]["id"];
        let part = json!({"type": "input_text", "text": "hi"});
        let item = json!({"type": "message", "role": "user", "content": [part]});
        let inject = json!({"threadId": id, "items": [item]});
        self.client.call("thread/inject_items", &inject).await.expect("an item");
        let mut turn = json!({"threadId": id, "input": []});
        if let Some(schema) = output {
            turn["outputSchema"] = schema.clone();
        }
        self.client.call("turn/start", &turn).await.expect("a turn");
        // The turn may end before the answer to its start is read: what counts is what goes up.
        let gone = self.stage.upstream.wait_totals("the request", DEADLINE, |t| t.requests > seq);
        gone.await.expect("a request upstream");
        let requests = self.stage.upstream.requests();
        Arc::clone(requests.get(usize::try_from(seq).expect("a count")).expect("a request"))
    }
}

fn tool(name: &str, description: &str, schema: &Value) -> Value {
    json!({"type": "function", "name": name, "description": description, "inputSchema": schema})
}

/// The keyword as the child leaves it, where it stood.
fn kept<'v>(sample: &Sample, schema: &'v Value) -> Option<&'v Value> {
    schema.pointer(sample.at)?.get(sample.keyword)
}

#[tokio::test]
async fn what_is_carried_in_a_tool_reaches_the_upstream_as_it_is() {
    let mut direct = Direct::new().await;
    let samples: Vec<Sample> =
        samples::all().into_iter().filter(|sample| !matches!(sample.in_tool(), Fate::Refused(_))).collect();
    let carried: Vec<tool::Carried> =
        samples.iter().map(|sample| tool::carried(&sample.schema, false).expect("carried")).collect();
    let tools: Vec<Value> = carried
        .iter()
        .enumerate()
        .map(|(at, made)| tool(&format!("t{at}"), made.told.as_deref().unwrap_or("d"), &made.schema))
        .collect();
    let request = direct.turn(&tools, None).await;
    let sent = request.json()["tools"].as_array().expect("tools");
    assert_eq!(sent.len(), tools.len());
    for ((sample, made), sent) in samples.iter().zip(&carried).zip(sent) {
        assert_eq!(sent["parameters"], made.schema, "{sample:?}");
        match sample.in_tool() {
            Fate::Carried => {
                assert_eq!(kept(sample, &sent["parameters"]), Some(sample.value()), "{sample:?}")
            }
            Fate::Told { .. } => {
                let description = sent["description"].as_str().expect("a description");
                assert!(description.contains(&sample.told()), "{sample:?}: {description}");
            }
            Fate::Converted { .. } | Fate::Silent => {}
            Fate::Refused(refusal) => panic!("{sample:?}: {refusal}"),
        }
    }
    direct.stage.check_upstream();
}

/// If this fails, codex carries a keyword that is told so far: `http_front::schema::tool` may carry it.
#[tokio::test]
async fn what_is_told_is_what_codex_drops() {
    let mut direct = Direct::new().await;
    let told = |sample: &Sample| matches!(sample.in_tool(), Fate::Told { .. });
    // These are told for what else becomes of them: the child refuses them, or changes what is around them.
    let other = |sample: &Sample| {
        sample.keyword.is_empty() || sample.schema.pointer(sample.at).is_some_and(|s| s["items"].is_array())
    };
    let samples: Vec<Sample> = samples::all()
        .into_iter()
        .filter(|sample| told(sample) && !other(sample) && sample.case != "that leads nowhere")
        .collect();
    assert!(samples.len() > 30, "{}", samples.len());
    let tools: Vec<Value> =
        samples.iter().enumerate().map(|(at, sample)| tool(&format!("t{at}"), "d", &sample.schema)).collect();
    let request = direct.turn(&tools, None).await;
    for (sample, sent) in samples.iter().zip(request.json()["tools"].as_array().expect("tools")) {
        let kept = kept(sample, &sent["parameters"]);
        assert!(kept != Some(sample.value()), "codex carries {sample:?}");
    }
}

/// The bound of what codex leaves alone, to the byte.
#[tokio::test]
async fn a_schema_at_the_bound_keeps_its_descriptions() {
    let mut direct = Direct::new().await;
    let of = |length: usize| json!({"type": "object", "properties": {"x": {"type": "string", "description": "é".repeat(length / 2) + &"a".repeat(length % 2)}}});
    let bare = of(0).to_string().len();
    let (fits, large) = (of(5000 - bare), of(5001 - bare));
    assert_eq!((fits.to_string().len(), large.to_string().len()), (5000, 5001));
    let made = [&fits, &large].map(|schema| tool::carried(schema, false).expect("carried"));
    assert_eq!(made[0].told, None);
    let told = made[1].told.clone().expect("all of it");
    let tools = [tool("fits", "d", &made[0].schema), tool("large", &told, &made[1].schema)];
    let request = direct.turn(&tools, None).await;
    let sent = &request.json()["tools"];
    assert_eq!(sent[0]["parameters"], fits);
    assert_eq!(sent[1]["parameters"], json!({"type": "object", "properties": {"x": {"type": "string"}}}));
    assert!(sent[1]["description"].as_str().expect("a description").ends_with(&large.to_string()));
}

#[tokio::test]
async fn an_output_schema_reaches_the_upstream_as_it_is() {
    let mut direct = Direct::new().await;
    for sample in samples::all() {
        for level in [Level::Guaranteed, Level::BestEffort] {
            let Ok(output) = http_front::schema::output::convert(&sample.schema, level) else { continue };
            let request = direct.turn(&[], Some(&output.schema)).await;
            let format = &request.json()["text"]["format"];
            assert_eq!(format["strict"], json!(true));
            assert_eq!(format["schema"], output.schema, "{sample:?}");
        }
    }
    direct.stage.check_upstream();
}
