//! The thread that writes lines to stdout.
//!
//! Owns the lines that wait. Whoever logs never waits for whoever reads the log: past [`MAX_LINES`] or [`MAX_BYTES`] a line
//! is dropped and counted, and the next line that is written says how many. The crate `tracing-appender` has such a
//! thread, too; it can't be told to write what waits before the process is aborted, doesn't say in the log that lines
//! are missing, and writes a line of its own to stdout, without any bound, where that is full at the end.

use super::line::{Line, Look};
use serde_json::Value;
use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written.
const MAX_LINES: usize = 65_536;
/// Their bytes.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Short lines go out together, up to this: a pipe takes so much in one piece, even where others write to it.
const PIECE: usize = 4096;
/// How long the end waits for what waits.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where lines go. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Writer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// There is something to write, or nothing will come any more.
    more: Condvar,
    /// All is written.
    idle: Condvar,
    bounds: (usize, usize),
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines that were dropped.
    dropped: u64,
    /// So many of them were told.
    told: u64,
    /// Lines were taken and aren't written yet.
    busy: bool,
    closed: bool,
}

impl Writer {
    /// Starts the thread, which writes to `out` and tells of what is missing as `component`.
    pub(super) fn start<W: Write + Send + 'static>(
        out: W,
        component: &'static str,
        look: Look,
    ) -> io::Result<Self> {
        Self::bounded(out, component, look, (MAX_LINES, MAX_BYTES))
    }

    fn bounded<W: Write + Send + 'static>(
        mut out: W,
        component: &'static str,
        look: Look,
        bounds: (usize, usize),
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            more: Condvar::new(),
            idle: Condvar::new(),
            bounds,
        });
        let own = Arc::clone(&shared);
        let missing = move |lines: u64| missing(component, look, lines);
        std::thread::Builder::new().name("log".into()).spawn(move || own.write(&mut out, missing))?;
        Ok(Self(shared))
    }

    /// Lines that were dropped since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }

    /// Waits until all is written, for at most a second.
    pub(super) fn flush(&self) {
        let until = Instant::now() + PATIENCE;
        let mut waiting = self.0.lock();
        while waiting.busy || !waiting.lines.is_empty() {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return };
            waiting = self.0.idle.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes no more, and waits until all is written, for at most a second.
    pub(super) fn close(&self) {
        self.0.lock().closed = true;
        self.0.more.notify_one();
        self.flush();
    }

    fn push(&self, line: &[u8]) {
        let (lines, bytes) = self.0.bounds;
        let mut waiting = self.0.lock();
        if waiting.closed {
            return;
        }
        if waiting.lines.len() >= lines || waiting.bytes + line.len() > bytes {
            waiting.dropped += 1;
            return;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line.to_vec());
        drop(waiting);
        self.0.more.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until nothing will come any more. What can't be written is lost: there is nobody to tell.
    fn write(&self, out: &mut impl Write, missing: impl Fn(u64) -> String) {
        loop {
            let (lines, lost) = {
                let mut waiting = self.lock();
                waiting.busy = false;
                while waiting.lines.is_empty() && waiting.dropped == waiting.told {
                    self.idle.notify_all();
                    if waiting.closed {
                        return;
                    }
                    waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
                waiting.busy = true;
                waiting.bytes = 0;
                let lost = waiting.dropped - waiting.told;
                waiting.told = waiting.dropped;
                (std::mem::take(&mut waiting.lines), lost)
            };
            let mut piece = Vec::with_capacity(PIECE);
            let told = (lost > 0).then(|| missing(lost).into_bytes());
            for line in lines.into_iter().chain(told) {
                if piece.len() + line.len() > PIECE && !piece.is_empty() {
                    let _unwritten = out.write_all(&piece);
                    piece.clear();
                }
                piece.extend_from_slice(&line);
            }
            let _unwritten = out.write_all(&piece).and_then(|()| out.flush());
        }
    }
}

/// The line that says that so many are missing.
fn missing(component: &str, look: Look, lines: u64) -> String {
    let fields = vec![
        ("log", Value::from("stdout")),
        ("dropped", lines.into()),
        ("message", "nobody took these lines in time".into()),
    ];
    Line::now("warn", component, "log_lines_dropped", fields).written(look)
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = &'a Writer;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Writer {
    /// Takes one line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A pipe: holds up whoever writes until somebody reads.
    struct Pipe(mpsc::SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn all_is_written_before_the_end() {
        let (sent, read) = mpsc::sync_channel(10_000);
        let writer = Writer::start(Pipe(sent), "http-front", Look::Json).unwrap();
        for line in 0..1_000 {
            writer.push(format!("{line}\n").as_bytes());
        }
        writer.close();
        writer.push(b"too late\n");
        let all: Vec<u8> = read.try_iter().flatten().collect();
        let expected: String = (0..1_000).map(|line| format!("{line}\n")).collect();
        assert_eq!(String::from_utf8(all).unwrap(), expected);
        assert_eq!(writer.dropped(), 0);
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_nobody_up_and_what_is_missing_is_told() {
        let (sent, read) = mpsc::sync_channel(0);
        let writer = Writer::bounded(Pipe(sent), "http-front", Look::Json, (8, 1_000)).unwrap();
        let long = [b'x'; 900];
        writer.push(&long);
        // Until the thread holds that one and waits for a reader.
        while !writer.0.lock().lines.is_empty() {
            std::thread::yield_now();
        }
        for _ in 0..20 {
            writer.push(b"line\n");
        }
        writer.push(&long);
        writer.push(&[b'y'; 200]);
        assert_eq!(writer.dropped(), 12 + 2);
        let reader = std::thread::spawn(move || read.iter().flatten().collect::<Vec<u8>>());
        writer.close();
        drop(writer);
        let all = String::from_utf8(reader.join().unwrap()).unwrap();
        assert_eq!(all.matches("line\n").count(), 8, "{all}");
        let last = all.lines().last().unwrap();
        assert!(
            last.contains(r#""level":"warn","component":"http-front","event":"log_lines_dropped""#),
            "{last}"
        );
        assert!(last.contains(r#""log":"stdout","dropped":14"#), "{last}");
    }

    #[test]
    fn the_end_doesnt_wait_for_ever() {
        let (sent, read) = mpsc::sync_channel(0);
        let writer = Writer::start(Pipe(sent), "http-front", Look::Json).unwrap();
        for _ in 0..2 * MAX_LINES {
            writer.push(b"line\n");
        }
        writer.close();
        assert!(writer.dropped() > 0);
        drop(read);
    }
}
