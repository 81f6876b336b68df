//! The official clients against the pair around the real codex, with the scripted upstream.
//!
//! What a client does is a small program in `programs`, written as the client's own documentation does it; what it
//! must come to is decided here.
#![expect(clippy::panic, reason = "helpers of tests fail a test by panicking")]

/// One test for each client, named after it.
macro_rules! for_every_client {
    ($check:path) => {
        for_every_client!($check, openai_python OpenaiPython, openai_node OpenaiNode,
            langchain_python LangchainPython, ai_sdk_compatible AiSdkCompatible, ai_sdk_openai AiSdkOpenai);
    };
    ($check:path, $($name:ident $client:ident),*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $check($crate::client::Client::$client).await;
            }
        )*
    };
}

mod agent;
mod alive;
mod client;
mod errors;
mod features;
mod plain;
mod process;
mod structured;
