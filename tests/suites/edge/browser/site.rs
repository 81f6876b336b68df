//! The page's own server: it has the page, the pinned SDK, and a place to tell what the page saw.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::watch;

use crate::server::{Answer, Server};

/// How long a browser may take to start and a page to end: machines are busy.
const DEADLINE: Duration = Duration::from_secs(120);
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script type="module" src="/page.mjs" onerror="fetch('/result', { method: 'POST', body: '{}' })"></script>"#;
const SCRIPT: &str = include_str!("page.mjs");

/// An origin with the page. Dropping it closes everything.
pub(crate) struct Site {
    server: Server,
    told: watch::Receiver<Option<Value>>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let (tell, told) = watch::channel(None);
        let modules = modules();
        let server = Server::start(move |request| match request.uri().path() {
            "/" => found("text/html", PAGE),
            "/page.mjs" => found("text/javascript", SCRIPT),
            "/result" => {
                tell.send_replace(serde_json::from_slice(request.body()).ok());
                found("text/plain", "")
            }
            _ => module(&modules, request),
        })
        .await;
        Self { server, told }
    }

    /// The origin, as browsers send it.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until the page tells what it saw; `said` is what the browser wrote, for a failed test.
    pub(crate) async fn result(&self, said: impl Fn() -> String) -> Value {
        let mut told = self.told.clone();
        let told = tokio::time::timeout(DEADLINE, told.wait_for(Option::is_some)).await;
        match told {
            Ok(Ok(seen)) => seen.clone().unwrap_or_default(),
            Ok(Err(_)) | Err(_) => panic!("waited {DEADLINE:?} for the page\n{}", said()),
        }
    }
}

fn found(kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let answer = Response::builder().header(CONTENT_TYPE, kind).body(Full::new(body.into()));
    answer.expect("an answer")
}

/// A file of the SDK.
fn module(modules: &Path, request: &Request<Bytes>) -> Answer {
    let file = request.uri().path().strip_prefix("/node_modules/");
    let file = file.filter(|file| (file.ends_with(".mjs") || file.ends_with(".js")) && !file.contains(".."));
    match file.and_then(|file| fs::read(modules.join(file)).ok()) {
        Some(text) => found("text/javascript", text),
        None => {
            let mut answer = found("text/plain", "");
            *answer.status_mut() = StatusCode::NOT_FOUND;
            answer
        }
    }
}

/// What `cargo xtask fetch-clients` installs: where `CLIENTS_NODE_MODULES` says, or else at its usual place.
#[expect(clippy::disallowed_methods, reason = "tests are told where the SDK is by the environment")]
fn modules() -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/clients-node/node_modules");
    let path = std::env::var_os("CLIENTS_NODE_MODULES").map_or(usual, PathBuf::from);
    assert!(
        path.join("openai").exists(),
        "there is no openai in {}; run `cargo xtask fetch-clients`, or set CLIENTS_NODE_MODULES as it says",
        path.display()
    );
    path
}
