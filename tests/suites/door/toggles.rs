//! What an operator switches while the pair runs: the routes, the daemon that keeps it, load, and the operator's command.

mod command;
mod kept;
mod load;
mod routes;

use gateway_tests::pair::{Binary, DEADLINE, KEY, Pair, Process, binary};
use reqwest::Method;
use serde_json::{Value, json};
use std::{io, net::SocketAddr};

pub(crate) const MAINTENANCE: &str = "/internal/maintenance";
pub(crate) const APP_SERVER: &str = "/internal/app-server";

/// One front, by its addresses.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) public: SocketAddr,
    pub(crate) internal: SocketAddr,
    client: reqwest::Client,
}

impl Door {
    pub(crate) fn of(pair: &Pair) -> Self {
        Self { public: pair.addr, internal: pair.internal, client: pair.client().clone() }
    }

    /// Another front, once it listens.
    pub(crate) async fn another(env: &[(String, String)]) -> io::Result<(Process, Self)> {
        let process = Process::start(binary(Binary::HttpFront), env)?;
        let started = process.logged("its addresses", |line| line["event"] == "front_started").await?;
        let addr = |name: &str| started[name].as_str().and_then(|text| text.parse().ok());
        let (public, internal) = (addr("public"), addr("internal"));
        let (Some(public), Some(internal)) = (public, internal) else {
            return Err(io::Error::other("no addresses in the log"));
        };
        Ok((process, Self { public, internal, client: reqwest::Client::new() }))
    }

    /// Asks the listener for operators.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("http://{}{path}", self.internal);
        let request = self.client.request(method, url).bearer_auth(KEY);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = tokio::time::timeout(DEADLINE, request.send()).await.expect("an answer in time");
        let answer = answer.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Sets a toggle and gives the state.
    pub(crate) async fn set(&self, path: &str, body: Value) -> Value {
        let (status, state) = self.ask(Method::PUT, path, Some(body)).await;
        assert_eq!(status, 200, "{state}");
        state
    }

    /// Removes a toggle and gives the state.
    pub(crate) async fn clear(&self, path: &str) -> Value {
        let (status, state) = self.ask(Method::DELETE, path, None).await;
        assert_eq!(status, 200, "{state}");
        state
    }

    pub(crate) async fn state(&self, path: &str) -> Value {
        let (status, state) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{state}");
        state
    }

    /// The status of a chat completion and the code of its error.
    pub(crate) async fn chat(&self) -> (u16, Value) {
        let url = format!("http://{}/v1/chat/completions", self.public);
        let request = self.client.post(url).bearer_auth(KEY).json(&crate::door::asking("hi")).send();
        let answer = tokio::time::timeout(DEADLINE, request).await.expect("an answer in time");
        let answer = answer.expect("an answer");
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.expect("JSON");
        (status, body["error"]["code"].clone())
    }

    /// Waits until requests are answered with this.
    pub(crate) async fn answers(&self, pair: &Pair, status: u16, code: Value) {
        let wanted = (status, code);
        let what = format!("{wanted:?} of {}", self.public);
        let seen = pair.eventually(&what, || async { (self.chat().await == wanted).then_some(()) });
        seen.await.expect("such an answer");
    }

    /// Waits until a toggle has this in its state.
    pub(crate) async fn shows(&self, pair: &Pair, path: &str, wanted: &[(&str, Value)]) -> Value {
        let what = format!("{wanted:?} at {path} of {}", self.internal);
        let seen = pair.eventually(&what, || async {
            let state = self.state(path).await;
            wanted.iter().all(|(name, value)| state[*name] == *value).then_some(state)
        });
        seen.await.expect("such a state")
    }
}

/// The lines of a log with this event.
pub(crate) fn events(process: &Process, event: &str) -> Vec<Value> {
    let lines = process.log();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == event).collect()
}

/// The same, once there are so many.
pub(crate) async fn so_many(pair: &Pair, process: &Process, event: &str, least: usize) -> Vec<Value> {
    let look = || async { Some(events(process, event)).filter(|lines| lines.len() >= least) };
    pair.eventually(event, look).await.expect("so many lines")
}

pub(crate) fn on() -> Value {
    json!({ "enabled": true })
}
