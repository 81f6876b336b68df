//! The smallest client that drives a child over stdio: one task, no restart, no routing, no limits.

use crate::stats::Round;
use bytes::Bytes;
use futures_util::StreamExt;
use gateway_tests::pair::Builder;
use shared::{
    app_server::method,
    codec::{Decoded, LineCodec},
    rpc::{Message, scope::Scope},
};
use std::{
    collections::HashMap,
    ffi::OsString,
    io,
    path::Path,
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt,
    process::{ChildStdin, ChildStdout},
};
use tokio_util::codec::FramedRead;
use worker_daemon::{
    catalog,
    child::{
        environment, harness,
        process::{Launch, Process},
    },
};

/// A child with its handshake done.
pub(crate) struct Direct {
    _process: Process,
    /// Its home, which goes when this goes.
    _builder: Builder,
    stdin: ChildStdin,
    lines: FramedRead<ChildStdout, LineCodec>,
    next: u64,
}

/// A turn on its way.
struct Turn {
    since: Instant,
    first: Option<Duration>,
}

impl Direct {
    /// Starts a child as the daemon of `builder` would.
    pub(crate) async fn start(builder: Builder) -> io::Result<Self> {
        let variables: HashMap<String, String> = builder.daemon_env().into_iter().collect();
        let var = |name: &str| variables.get(name).map(String::as_str);
        let home = builder.home();
        let ours = [(OsString::from("PATH"), OsString::from("/usr/bin:/bin"))];
        let mut launch = Launch {
            program: var("CODEX_BIN").unwrap_or_default().into(),
            arguments: Vec::new(),
            environment: environment::build(ours, home, "error", var("WORKER_CA_BUNDLE").map(Path::new), &[]),
            directory: home.to_path_buf(),
        };
        let catalog = catalog::prepare(&launch, home, "bench", &[]).await.map_err(io::Error::other)?;
        launch.arguments = harness::arguments(&catalog.shaped, None, &[]);
        let (process, pipes) = launch.spawn()?;
        let lines = FramedRead::with_capacity(pipes.stdout, LineCodec::new(1 << 26), 128 * 1024);
        let mut direct = Self { _process: process, _builder: builder, stdin: pipes.stdin, lines, next: 10 };
        let opt_outs = serde_json::to_string(harness::OPT_OUTS)?;
        direct
            .write(&format!(
                r#"{{"id":1,"method":"initialize","params":{{"clientInfo":{{"name":"bench","version":"1"}},"capabilities":{{"experimentalApi":true,"optOutNotificationMethods":{opt_outs}}}}}}}
{{"method":"initialized"}}
"#
            ))
            .await?;
        direct.line().await?;
        Ok(direct)
    }

    /// `turns` turns, `in_flight` at a time.
    pub(crate) async fn round(&mut self, in_flight: usize, turns: usize) -> io::Result<Round> {
        let mut opening: HashMap<u64, Turn> = HashMap::new();
        let mut running: HashMap<String, Turn> = HashMap::new();
        let mut first_tokens = Vec::with_capacity(turns);
        let (mut left, mut done) = (turns, 0);
        let since = Instant::now();
        let mut out = String::new();
        for _ in 0..in_flight.min(turns) {
            self.open(&mut opening, &mut out);
            left -= 1;
        }
        self.flush(&mut out).await?;
        while done < turns {
            let line = self.line().await?;
            match Message::<Scope<'_>, Scope<'_>>::parse(&line) {
                Ok(Message::Notification { method: name, params }) => {
                    let Some(thread) = params.and_then(|scope| scope.thread) else {
                        continue;
                    };
                    if &*name == method::AGENT_MESSAGE_DELTA {
                        if let Some(turn) = running.get_mut(&*thread) {
                            turn.first.get_or_insert_with(|| turn.since.elapsed());
                        }
                    } else if &*name == method::TURN_COMPLETED
                        && let Some(turn) = running.remove(&*thread)
                    {
                        done += 1;
                        first_tokens.extend(turn.first);
                        self.next += 1;
                        out.push_str(&format!(
                            "{{\"id\":{},\"method\":\"thread/unsubscribe\",\"params\":{{\"threadId\":\"{}\"}}}}\n",
                            self.next, &*thread
                        ));
                        if left > 0 {
                            left -= 1;
                            self.open(&mut opening, &mut out);
                        }
                        self.flush(&mut out).await?;
                    }
                }
                Ok(Message::Response { id, result }) => {
                    let turn = id.get().parse().ok().and_then(|id: u64| opening.remove(&id));
                    if let (Some(turn), Some(thread)) = (turn, result.thread) {
                        self.run(&thread, &mut out);
                        running.insert(thread.to_string(), turn);
                        self.flush(&mut out).await?;
                    }
                }
                Ok(Message::Error { .. } | Message::Request { .. }) | Err(_) => {
                    return Err(io::Error::other(String::from_utf8_lossy(&line).into_owned()));
                }
            }
        }
        crate::round(turns, since, first_tokens)
    }

    fn open(&mut self, opening: &mut HashMap<u64, Turn>, out: &mut String) {
        self.next += 1;
        opening.insert(self.next, Turn { since: Instant::now(), first: None });
        out.push_str(&format!(
            "{{\"id\":{},\"method\":\"thread/start\",\"params\":{{\"ephemeral\":true,\"cwd\":\"/\",\"environments\":[],\
             \"baseInstructions\":\"\",\"model\":\"gpt-5.5\",\"experimentalRawEvents\":true,\
             \"approvalPolicy\":\"never\",\"sandbox\":\"read-only\"}}}}\n",
            self.next
        ));
    }

    fn run(&mut self, thread: &str, out: &mut String) {
        self.next += 2;
        out.push_str(&format!(
            "{{\"id\":{},\"method\":\"thread/inject_items\",\"params\":{{\"threadId\":\"{thread}\",\"items\":[\
             {{\"type\":\"message\",\"role\":\"developer\",\"content\":[{{\"type\":\"input_text\",\"text\":\"Be brief.\"}}]}},\
             {{\"type\":\"message\",\"role\":\"user\",\"content\":[{{\"type\":\"input_text\",\"text\":\"Hello\"}}]}}]}}}}\n\
             {{\"id\":{},\"method\":\"turn/start\",\"params\":{{\"threadId\":\"{thread}\",\"environments\":[],\"input\":[]}}}}\n",
            self.next - 1,
            self.next
        ));
    }

    async fn line(&mut self) -> io::Result<Bytes> {
        match self.lines.next().await {
            Some(Ok(Decoded::Line(line))) => Ok(line),
            Some(Ok(Decoded::Overlong { .. })) | None => Err(io::Error::other("the child is gone")),
            Some(Err(error)) => Err(error),
        }
    }

    async fn flush(&mut self, out: &mut String) -> io::Result<()> {
        let text = std::mem::take(out);
        self.write(&text).await
    }

    async fn write(&mut self, text: &str) -> io::Result<()> {
        self.stdin.write_all(text.as_bytes()).await?;
        self.stdin.flush().await
    }
}
