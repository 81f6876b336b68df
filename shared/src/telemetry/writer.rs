//! The thread that writes lines to stdout.
//!
//! Owns the lines that wait. Whoever logs never waits for whoever reads the log: past [`MAX_LINES`] or [`MAX_BYTES`], those
//! that are being written counted, a line is dropped. It is lost, too, where stdout refuses it (a full disk, a pipe without
//! a reader). Both are counted, and told behind the lines that waited then, as soon as stdout takes lines. A line is written
//! at once where none was written just before; else within the time to collect, with the others of it: waking the thread for each line
//! costs the one who logs more than the line does. How lines get into a descriptor is [`out`]'s. Why this isn't the crate `tracing-appender`: `docs/decisions/0033-our-own-log-writer.md`.

mod out;

use super::line::{Line, Look};
use out::Out;
use serde_json::Value;
use std::{
    collections::VecDeque,
    io::{self, Write},
    os::fd::AsFd,
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
/// So many bytes are not collected any longer.
const ENOUGH: usize = 256 * 1024;
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
    /// Who says lines, and how these look.
    component: &'static str,
    look: Look,
    bounds: Bounds,
}

/// What waits at most.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    lines: usize,
    bytes: usize,
    /// How long behind what was written just before. A program that is killed loses so much of its log at most.
    collect: Duration,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    /// Lines that were taken to be written, and are not yet.
    held: usize,
    /// The bytes of both.
    bytes: usize,
    /// Lines that were dropped or refused.
    dropped: u64,
    /// So many of them were told.
    told: u64,
    /// Something is being written.
    busy: bool,
    /// The thread sleeps until it is told that there is a line.
    asleep: bool,
    /// Nothing is collected: somebody waits for it, or it is enough.
    hurry: bool,
    closed: bool,
}

/// What is to be written.
enum Next {
    /// Lines.
    Piece(Vec<u8>),
    /// So many are missing.
    Missing(u64),
}

impl Writer {
    /// Starts the thread, which writes to `out` and tells of what is missing as `component`.
    pub(super) fn start<W: Write + AsFd + Send + 'static>(
        out: W,
        component: &'static str,
        look: Look,
        collect: Duration,
    ) -> io::Result<Self> {
        Self::bounded(out, component, look, Bounds { lines: MAX_LINES, bytes: MAX_BYTES, collect })
    }

    fn bounded<W: Write + AsFd + Send + 'static>(
        out: W,
        component: &'static str,
        look: Look,
        bounds: Bounds,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            more: Condvar::new(),
            idle: Condvar::new(),
            component,
            look,
            bounds,
        });
        let own = Arc::clone(&shared);
        std::thread::Builder::new().name("log".into()).spawn(move || own.write(Out::new(out)))?;
        Ok(Self(shared))
    }

    /// Lines that were dropped or refused since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }

    /// Waits until all is written, for at most a second.
    pub(super) fn flush(&self) {
        let until = Instant::now() + PATIENCE;
        let mut waiting = self.0.lock();
        waiting.hurry = true;
        self.0.more.notify_one();
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

    /// Takes a line that is no event of `tracing`.
    pub(super) fn say(&self, level: &str, event: &str, fields: Vec<(&'static str, Value)>) {
        self.push(self.0.line(level, event, fields).as_bytes());
    }

    fn push(&self, line: &[u8]) {
        let Bounds { lines, bytes, .. } = self.0.bounds;
        let mut waiting = self.0.lock();
        if waiting.closed {
            return;
        }
        if waiting.lines.len() + waiting.held >= lines || waiting.bytes + line.len() > bytes {
            waiting.dropped += 1;
            return;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line.to_vec());
        let is_enough = !waiting.hurry && waiting.bytes >= ENOUGH;
        waiting.hurry |= is_enough;
        // Awake, it looks for lines by itself before it sleeps.
        if std::mem::take(&mut waiting.asleep) || is_enough {
            drop(waiting);
            self.0.more.notify_one();
        }
    }
}

impl Waiting {
    /// The next lines, as many as go out together.
    fn take(&mut self) -> Option<Vec<u8>> {
        let mut piece = self.lines.pop_front()?;
        self.held = 1;
        while let Some(next) = self.lines.pop_front_if(|next| piece.len() + next.len() <= PIECE) {
            piece.extend_from_slice(&next);
            self.held += 1;
        }
        Some(piece)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until nothing will come any more.
    fn write<W: Write + AsFd>(&self, mut out: Out<W>) {
        // How many lines stand before the one that tells of those that are missing, where there are any: that one comes
        // behind what waited when the first of them was found, and not behind each piece.
        let mut ahead = None;
        // Nothing is told to a descriptor that has refused the last lines.
        let mut is_refused = false;
        while let Some(next) = self.next(&mut ahead, is_refused) {
            match next {
                Next::Piece(piece) => {
                    let lost = out.write(&piece);
                    is_refused = lost > 0;
                    let mut waiting = self.lock();
                    ahead = ahead.map(|ahead: usize| ahead.saturating_sub(waiting.held));
                    waiting.held = 0;
                    waiting.bytes -= piece.len();
                    waiting.dropped += lost;
                }
                Next::Missing(lines) => {
                    is_refused = out.write(self.missing(lines).as_bytes()) > 0;
                    if !is_refused {
                        self.lock().told += lines;
                        ahead = None;
                    }
                }
            }
        }
    }

    /// Waits for what is to be written; nothing when nothing will come any more.
    fn next(&self, ahead: &mut Option<usize>, is_refused: bool) -> Option<Next> {
        let mut waiting = self.lock();
        let mut is_rested = false;
        loop {
            waiting.busy = true;
            let missing = waiting.dropped - waiting.told;
            if missing > 0 && *ahead.get_or_insert(waiting.lines.len()) == 0 && !is_refused {
                return Some(Next::Missing(missing));
            }
            if let Some(piece) = waiting.take() {
                return Some(Next::Piece(piece));
            }
            waiting.busy = false;
            self.idle.notify_all();
            if waiting.closed {
                return None;
            }
            waiting = if is_rested { self.sleep(waiting) } else { self.rest(waiting) };
            is_rested = true;
        }
    }

    /// Lets lines collect.
    fn rest<'a>(&self, waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        let collects = |waiting: &mut Waiting| !waiting.hurry && !waiting.closed;
        let rested = self.more.wait_timeout_while(waiting, self.bounds.collect, collects);
        let mut waiting = rested.unwrap_or_else(PoisonError::into_inner).0;
        waiting.hurry = false;
        waiting
    }

    /// Waits for a line, or the end.
    fn sleep<'a>(&self, mut waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        waiting.asleep = true;
        let sleeps = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.closed;
        let woken = self.more.wait_while(waiting, sleeps);
        let mut waiting = woken.unwrap_or_else(PoisonError::into_inner);
        waiting.asleep = false;
        waiting
    }

    /// A line of now.
    fn line(&self, level: &str, event: &str, fields: Vec<(&'static str, Value)>) -> String {
        let fields = fields.into_iter().map(|(name, value)| (name, value.into())).collect();
        Line::now(level, self.component, event, fields).written(self.look)
    }

    /// The line that says that so many are missing.
    fn missing(&self, lines: u64) -> String {
        let fields = vec![
            ("log", Value::from("stdout")),
            ("dropped", lines.into()),
            ("message", "nobody took these lines in time, or stdout refused them".into()),
        ];
        self.line("warn", "log_lines_dropped", fields)
    }
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
mod tests;
