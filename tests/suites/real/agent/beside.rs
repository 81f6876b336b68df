//! Completions beside agents: nothing of the one reaches the other.

use futures_util::future::join_all;
use serde_json::json;

use super::stage::{CODE, DIRECT, Stage, asking, commands};

#[tokio::test]
async fn completions_beside_agents_have_the_clients_messages_and_nothing_else() {
    let stage = Stage::new("workspace-write").await;
    let agents = (0..4).map(|i| {
        let text = commands(&[&format!("echo {i} > agent-{i}"), &format!("cat agent-{i}")]);
        let stage = &stage;
        async move { stage.agent(if i % 2 == 0 { DIRECT } else { CODE }, &text, i < 2).await }
    });
    let completions = (0..8).map(|i| {
        let stage = &stage;
        let body = asking(if i % 2 == 0 { DIRECT } else { CODE }, &format!("plain {i}"), i < 4);
        async move { stage.send(&[], &body).await }
    });
    let (agents, completions) = tokio::join!(join_all(agents), join_all(completions));
    for got in &agents {
        assert_eq!(
            (got.said().as_str(), got.profile()),
            ("step 0\n\nstep 1\n\ndone", Some("agent")),
            "{got:?}"
        );
    }
    for (i, got) in completions.iter().enumerate() {
        assert_eq!((got.said(), got.profile()), (format!("echo plain {i}"), Some("completion")), "{got:?}");
    }
    for i in 0..4 {
        assert!(stage.work.path().join(format!("agent-{i}")).exists());
    }
    let plain = |text: &str| text.starts_with("plain ");
    let requests = stage.upstream.requests();
    let sent: Vec<_> = requests.iter().filter(|r| r.last_user_text().as_deref().is_some_and(plain)).collect();
    assert_eq!(sent.len(), 8);
    for request in sent {
        let json = request.json();
        assert!(json["tools"].is_null() || json["tools"] == json!([]), "{json}");
        assert_eq!(request.input().len(), 1, "{json}");
        let text = json.to_string();
        for word in ["Codex", "exec_command", "agents-"] {
            assert!(!text.contains(word), "{word} is in {text}");
        }
    }
}

/// Clients that name a function of theirs as codex names its own get the call, as before.
#[tokio::test]
async fn a_completions_calls_stay_the_clients_while_agents_are_on() {
    let stage = Stage::new("danger-full-access").await;
    let made = stage.work.path().join("made");
    let mut body = asking(DIRECT, &commands(&[&format!("touch {}", made.display())]), false);
    body["tools"] = json!([{ "type": "function", "function": { "name": "exec_command" } }]);
    let got = stage.send(&[], &body).await;
    assert_eq!(got.reason().as_deref(), Some("tool_calls"), "{got:?}");
    assert_eq!(stage.upstream.totals().requests, 1);
    assert!(!made.exists(), "a completion ran a command");
}
