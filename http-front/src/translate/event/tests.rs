use super::*;

fn read(name: &str, params: &str) -> Option<Delta> {
    let line = Bytes::copy_from_slice(params.as_bytes());
    let params: Params<'_> = serde_json::from_slice(&line).unwrap();
    delta(name, &params, &line)
}

#[test]
fn text_is_handed_on_raw() {
    let delta = read(method::AGENT_MESSAGE_DELTA, r#"{"threadId":"t","itemId":"i","delta":"a\n\u00e9😀"}"#);
    let Some(Delta::Text { item, text }) = delta else { panic!("{delta:?}") };
    assert_eq!((&item[..], &text[..]), (&b"\"i\""[..], r#""a\n\u00e9😀""#.as_bytes()));
    assert!(read(method::AGENT_MESSAGE_DELTA, r#"{"itemId":"i","delta":7}"#).is_none());
}

#[test]
fn instructions_that_codex_adds_end_the_turn() {
    let raw = |role: &str, text: &str| {
        let item = serde_json::json!({ "type": "message", "role": role, "content": [{ "type": "input_text", "text": text }] });
        read(method::RAW_ITEM_COMPLETED, &serde_json::json!({ "item": item }).to_string())
    };
    let added = raw("user", "# AGENTS.md instructions\n\n<INSTRUCTIONS>\nx");
    assert!(matches!(&added, Some(Delta::End(end)) if failure::is_instructed(end)), "{added:?}");
    assert!(matches!(raw("user", "what is in # AGENTS.md instructions?"), Some(Delta::Alive)));
    assert!(matches!(raw("developer", "x"), Some(Delta::Alive)));
    assert!(matches!(
        read(method::RAW_ITEM_COMPLETED, r#"{"item":{"type":"message","role":"user"}}"#),
        Some(Delta::Alive)
    ));
}

#[test]
fn messages_usage_and_ends() {
    let raw = r#"{"item":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"},{"type":"output_text","text":"b"}]}}"#;
    assert!(matches!(read(method::RAW_ITEM_COMPLETED, raw), Some(Delta::Message { text }) if text == "ab"));
    let usage = r#"{"usage":{"inputTokens":5,"cachedInputTokens":1,"outputTokens":3,"reasoningOutputTokens":2,"totalTokens":8}}"#;
    let Some(Delta::Usage(Some(tokens))) = read(method::RAW_RESPONSE_COMPLETED, usage) else { panic!() };
    let untold = read(method::RAW_RESPONSE_COMPLETED, r#"{"usage":null}"#);
    assert!(matches!(untold, Some(Delta::Usage(None))), "{untold:?}");
    assert_eq!(tokens, Tokens { input: 5, cached: 1, output: 3, reasoning: 2, total: 8 });
    assert!(matches!(read(method::ERROR, r#"{"willRetry":true}"#), Some(Delta::Retry)));
    assert!(read(method::ERROR, r#"{"willRetry":false}"#).is_none());
    let filtered = r#"{"willRetry":true,"error":{"message":"Reconnecting... 1/5","additionalDetails":"stream disconnected before completion: Incomplete response returned, reason: content_filter"}}"#;
    let cut = read(method::ERROR, filtered);
    assert!(matches!(cut, Some(Delta::End(End::Incomplete(Cut::ContentFilter)))), "{cut:?}");
    let end = |turn: &str| read(method::TURN_COMPLETED, &format!("{{\"turn\":{turn}}}"));
    assert!(matches!(end(r#"{"status":"completed"}"#), Some(Delta::End(End::Completed))));
    assert!(matches!(end(r#"{"status":"interrupted"}"#), Some(Delta::End(End::Interrupted))));
    assert!(matches!(
        end(r#"{"status":"failed","error":{"message":"x"}}"#),
        Some(Delta::End(End::Failed(_)))
    ));
    let cut = end(
        r#"{"status":"failed","error":{"message":"Incomplete response returned, reason: max_output_tokens"}}"#,
    );
    assert!(matches!(cut, Some(Delta::End(End::Incomplete(Cut::Length)))), "{cut:?}");
    assert!(matches!(end("7"), Some(Delta::End(End::Failed(_)))));
}
