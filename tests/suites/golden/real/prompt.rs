//! The operator's prompt in the conversation.

use super::{asking, played_with};
use gateway_tests::{pair::Builder, upstream::Reply};
use serde_json::{Value, json};

/// The front with this mode, and a prompt that names the model.
fn prompted(builder: Builder, mode: &str) -> Builder {
    let path = builder.home().join("prompt.txt");
    std::fs::write(&path, "\u{feff}You are {model}.\nBe brief.\n").expect("a prompt");
    builder
        .front("CODEX__SYSTEM_PROMPT_FILE", path.to_string_lossy())
        .front("CODEX__SYSTEM_PROMPT_INJECTION_MODE", mode)
}

fn messages(messages: Value) -> Value {
    asking("", &json!({ "messages": messages }))
}

macro_rules! prompted {
    ($name:ident, $mode:literal, $body:expr, $status:literal, [$($reply:expr),*]) => {
        #[tokio::test]
        async fn $name() {
            let builder = |builder| prompted(builder, $mode);
            let transcript = played_with(vec![$($reply),*], 0, $body, $status, builder).await;
            insta::with_settings!({ snapshot_path => "../snapshots" }, {
                insta::assert_snapshot!(stringify!($name), transcript);
            });
        }
    };
}

prompted!(
    a_prompt_in_the_place_of_the_first_system_message,
    "override",
    messages(json!([
        { "role": "developer", "content": "Rhyme." },
        { "role": "system", "content": "In English." },
        { "role": "user", "content": "Say hi." },
    ])),
    200,
    [Reply::new().text("Hi.")]
);

prompted!(
    a_prompt_behind_the_system_message,
    "append",
    messages(json!([
        { "role": "user", "content": "Hello." },
        { "role": "system", "content": [{ "type": "text", "text": "Rhyme." }, { "type": "text", "text": "Twice." }] },
        { "role": "user", "content": "Say hi." },
    ])),
    200,
    [Reply::new().text("Hi.")]
);

prompted!(
    a_prompt_without_a_system_message,
    "append",
    asking("Say hi.", &json!({})),
    200,
    [Reply::new().text("Hi.")]
);

prompted!(
    a_prompt_that_is_disabled,
    "disabled",
    asking("Say hi.", &json!({})),
    200,
    [Reply::new().text("Hi.")]
);

// The prompt is no message of the client's: its own ones keep their numbers.
prompted!(
    a_bad_message_behind_a_prompt,
    "override",
    messages(json!([
        { "role": "user", "content": "Say hi." },
        { "role": "user", "content": [{ "type": "input_audio" }] },
    ])),
    400,
    []
);
