//! The thin shell: lines in, steps out, over any pair of pipes.
//!
//! Reading, the turns' pauses and writing go on side by side; a client that doesn't read delays nothing but what is
//! written to it. Never ends before the steps in front of an exit are written, except at the end of the input, where
//! the real child drops everything too.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;

use super::core::{Fake, Host, Step, Wake};
use super::script::{Opening, Script};

/// How long an exit waits for a client that doesn't read.
const DRAIN: Duration = Duration::from_secs(1);
/// How many lines go out in one write.
const TOGETHER: usize = 256;

/// Serves a scripted child over two pipes until it ends; the result is its exit code.
pub async fn serve<R, W>(reader: R, writer: W, script: Script) -> u8
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    serve_fake(reader, writer, Fake::new(script, Host::in_process()), |_| {}).await
}

/// The same for a child of the caller's making; `heard` is called for every line that is read.
pub async fn serve_fake<R, W>(reader: R, writer: W, fake: Fake, heard: impl FnMut(&str)) -> u8
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (out, lines) = mpsc::unbounded_channel();
    let mut writing = std::pin::pin!(write(writer, lines));
    let ended = {
        let mut running = std::pin::pin!(run(reader, fake, out, heard));
        tokio::select! {
            ended = &mut running => ended,
            // Nobody reads us any more; the real child ends on a closed pipe too.
            () = &mut writing => return 0,
        }
    };
    match ended {
        Ended::Input => 0,
        Ended::Exit(code) => {
            let _late = tokio::time::timeout(DRAIN, writing).await;
            code
        }
    }
}

/// Why a child ended.
enum Ended {
    Input,
    Exit(u8),
}

/// A line for the writer.
enum Out {
    Line(String),
    Halves { line: String, gap_ms: u64 },
}

/// What a timer was for.
enum Due {
    Read,
    Wake(Wake),
}

async fn run<R>(
    reader: R,
    mut fake: Fake,
    out: mpsc::UnboundedSender<Out>,
    mut heard: impl FnMut(&str),
) -> Ended
where
    R: AsyncRead + Unpin,
{
    if let Opening::Crash(code) = fake.script.start.opening(fake.host.start) {
        return Ended::Exit(code);
    }
    let script = fake.script.clone();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    let mut timers = FuturesUnordered::new();
    let timer = |due, after_ms| async move {
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        due
    };
    let mut lines = 0_u64;
    let mut reading = script.stop_reading_after != Some(0);
    if reading && script.slow_read_ms > 0 {
        reading = false;
        timers.push(timer(Due::Read, script.slow_read_ms));
    }
    loop {
        let steps = tokio::select! {
            // `read_until` keeps what it has in `line` when another branch wins.
            read = reader.read_until(b'\n', &mut line), if reading => {
                if !read.is_ok_and(|_| line.ends_with(b"\n")) {
                    if !script.ignore_stdin_eof {
                        return Ended::Input;
                    }
                    reading = false;
                    continue;
                }
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
                line.clear();
                heard(&text);
                lines += 1;
                if script.stop_reading_after.is_some_and(|most| lines >= most) {
                    reading = false;
                } else if script.slow_read_ms > 0 {
                    reading = false;
                    timers.push(timer(Due::Read, script.slow_read_ms));
                }
                fake.on_line(&text)
            }
            Some(due) = timers.next() => match due {
                Due::Read => {
                    reading = true;
                    continue;
                }
                Due::Wake(wake) => fake.on_wake(&wake),
            },
            // A child that neither reads nor waits stays until it is killed.
            () = std::future::pending() => continue,
        };
        for step in steps {
            let line = match step {
                Step::Line(line) => Out::Line(line),
                Step::Halves { line, gap_ms } => Out::Halves { line, gap_ms },
                Step::Wake { wake, after_ms } => {
                    timers.push(timer(Due::Wake(wake), after_ms));
                    continue;
                }
                Step::Exit(code) => return Ended::Exit(code),
            };
            if out.send(line).is_err() {
                return Ended::Input;
            }
        }
    }
}

/// Writes until there is nothing more to come or nobody reads. Lines that wait together go out together.
async fn write<W>(mut writer: W, mut lines: mpsc::UnboundedReceiver<Out>)
where
    W: AsyncWrite + Unpin,
{
    let mut waiting = Vec::new();
    while lines.recv_many(&mut waiting, TOGETHER).await > 0 {
        let mut bytes = Vec::new();
        for next in waiting.drain(..) {
            match next {
                Out::Line(line) => bytes.extend_from_slice(line.as_bytes()),
                Out::Halves { line, gap_ms } => {
                    let (first, second) = line.as_bytes().split_at(line.len() / 2);
                    bytes.extend_from_slice(first);
                    if put(&mut writer, &bytes).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(gap_ms)).await;
                    bytes.clear();
                    bytes.extend_from_slice(second);
                }
            }
            bytes.push(b'\n');
        }
        if put(&mut writer, &bytes).await.is_err() {
            return;
        }
    }
}

async fn put<W: AsyncWrite + Unpin>(writer: &mut W, bytes: &[u8]) -> std::io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}
