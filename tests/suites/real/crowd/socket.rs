//! Clients of the daemon's socket that run turns of their own.

use super::{
    account::{Account, Finish, judge},
    dice::Dice,
};
use gateway_tests::pair::SocketClient;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// After an error a client waits for a moment, as a client should.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// What was heard of a thread.
#[derive(Debug, Default)]
struct Heard {
    text: String,
    /// The ends of its turn: `None` for a completed one, else what the error says.
    ends: Vec<Option<String>>,
    /// Its turn's end was taken; nothing of a turn may come any more.
    over: bool,
}

/// A connection, and all that came on it.
pub(super) struct Turns {
    client: SocketClient,
    next: u64,
    unanswered: HashSet<u64>,
    answers: HashMap<u64, Value>,
    threads: HashMap<String, Heard>,
    own: HashSet<String>,
    /// What must never come.
    wrong: Vec<String>,
}

/// Asks again and again until it is stopped.
pub(super) async fn ask_on(
    lane: String,
    mut turns: Turns,
    mut dice: Dice,
    account: Arc<Account>,
    stop: CancellationToken,
) {
    let mut number = 0;
    while !stop.is_cancelled() {
        let wanted = dice.request(&lane, number);
        let begun = Instant::now();
        let finish = turns.turn(&wanted.prompt, &wanted.text).await;
        let failed = finish != Finish::Done;
        account.note(format!("{lane}:{number} socket"), begun, finish);
        if failed {
            tokio::time::sleep(AFTER_ERROR).await;
        }
        number += 1;
    }
}

impl Turns {
    pub(super) async fn connect(socket: &Path) -> io::Result<Self> {
        Ok(Self {
            client: SocketClient::connect(socket).await?,
            // Behind the ids of the handshake.
            next: 100,
            unanswered: HashSet::new(),
            answers: HashMap::new(),
            threads: HashMap::new(),
            own: HashSet::new(),
            wrong: Vec::new(),
        })
    }

    /// One turn on a thread of its own.
    async fn turn(&mut self, prompt: &str, wanted: &str) -> Finish {
        let finish = match self.run(prompt).await {
            Ok(Ok((text, end))) => judge(wanted, &text, end),
            Ok(Err(code)) => Finish::Failed(code),
            Err(error) => Finish::Wrong(error.to_string()),
        };
        let strange = self.threads.keys().find(|id| !self.own.contains(*id));
        let strange = strange.map(|id| format!("something about {id}, which is another's"));
        match strange.into_iter().chain(self.wrong.drain(..)).next() {
            Some(wrong) => Finish::Wrong(wrong),
            None => finish,
        }
    }

    /// The turn's text and how it ended; the inner error is the code with which a request was refused.
    async fn run(&mut self, prompt: &str) -> io::Result<Result<(String, Option<String>), String>> {
        let start = json!({ "ephemeral": true, "cwd": "/", "environments": [], "baseInstructions": "",
            "experimentalRawEvents": true });
        let start = self.ask("thread/start", &start).await?;
        let thread = match self.answer(start).await? {
            Ok(result) => result["thread"]["id"].as_str().unwrap_or_default().to_owned(),
            Err(code) => return Ok(Err(code)),
        };
        self.own.insert(thread.clone());
        let content = json!([{ "type": "input_text", "text": prompt }]);
        let item = json!({ "type": "message", "role": "user", "content": content });
        let inject = self.ask("thread/inject_items", &json!({ "threadId": thread, "items": [item] })).await?;
        let turn = json!({ "threadId": thread, "environments": [], "input": [] });
        let turn = self.ask("turn/start", &turn).await?;
        let injected = self.answer(inject).await?;
        let started = self.answer(turn).await?;
        let ended = match injected.and(started) {
            Ok(_) => Ok(self.end_of(&thread).await?),
            Err(code) => Err(code),
        };
        // It goes with its child, and an error of this says just that.
        let leave = self.ask("thread/unsubscribe", &json!({ "threadId": thread })).await?;
        let _gone_already = self.answer(leave).await?;
        let heard = self.threads.entry(thread).or_default();
        heard.over = true;
        if heard.ends.len() > 1 || (ended.is_err() && !heard.ends.is_empty()) {
            self.wrong.push(format!("a turn that ended {:?}, its requests with {ended:?}", heard.ends));
        }
        Ok(ended.map(|end| (heard.text.clone(), end)))
    }

    async fn ask(&mut self, method: &str, params: &Value) -> io::Result<u64> {
        self.next += 1;
        self.unanswered.insert(self.next);
        self.client.send(&json!({ "id": self.next, "method": method, "params": params })).await?;
        Ok(self.next)
    }

    async fn answer(&mut self, id: u64) -> io::Result<Result<Value, String>> {
        loop {
            if let Some(mut answer) = self.answers.remove(&id) {
                return Ok(match answer.get_mut("result") {
                    Some(result) => Ok(result.take()),
                    None => Err(answer["error"]["code"].to_string()),
                });
            }
            self.hear("an answer").await?;
        }
    }

    async fn end_of(&mut self, thread: &str) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.threads.get(thread).and_then(|heard| heard.ends.first()) {
                return Ok(end.clone());
            }
            self.hear("the end of a turn").await?;
        }
    }

    async fn hear(&mut self, what: &str) -> io::Result<()> {
        let line = self.client.next().await;
        let line = line.map_err(|error| io::Error::other(format!("{what}: {error}")))?;
        match (line["id"].as_u64(), line["method"].as_str()) {
            (Some(id), None) if self.unanswered.remove(&id) => {
                self.answers.insert(id, line);
            }
            (_, Some(method)) => self.note(method, &line["params"]),
            (_, None) => self.wrong.push(format!("an answer that nobody waits for: {line}")),
        }
        Ok(())
    }

    fn note(&mut self, method: &str, params: &Value) {
        let thread = params["threadId"].as_str().or_else(|| params["thread"]["id"].as_str());
        let Some(thread) = thread else { return };
        let heard = self.threads.entry(thread.to_owned()).or_default();
        match method {
            "item/agentMessage/delta" => heard.text.push_str(params["delta"].as_str().unwrap_or_default()),
            "turn/completed" => {
                let turn = &params["turn"];
                let why = turn["error"]["additionalDetails"].as_str();
                let why = why.map_or_else(|| turn["error"]["codexErrorInfo"].to_string(), str::to_owned);
                heard.ends.push((turn["status"] != "completed").then_some(why));
            }
            _ => return,
        }
        if heard.over {
            self.wrong.push(format!("{method} of a turn that was over"));
        }
    }
}
