//! Several daemons behind one front, each with a home and a child of its own.

use super::{Binary, Builder, Pair, Process, binary};
use crate::wait;
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// What the workers are called beside the pair's own, which is `worker`.
const NAMES: [&str; 15] = ["b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];

/// A pair, and more daemons behind its front.
pub struct Workers {
    /// The front with the first daemon.
    pub pair: Pair,
    /// The others.
    pub others: Vec<Worker>,
}

/// One more daemon.
pub struct Worker {
    /// What the front calls it.
    pub name: &'static str,
    /// Its process.
    pub daemon: Process,
    /// Its socket.
    pub socket: PathBuf,
    builder: Builder,
}

impl Worker {
    /// `CODEX_HOME` of this one.
    pub fn home(&self) -> &Path {
        self.builder.home()
    }

    /// Starts it again once it has ended.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn again(&mut self) -> io::Result<()> {
        self.daemon = Process::start(binary(Binary::WorkerDaemon), &self.builder.daemon_env())?;
        Ok(())
    }
}

impl Workers {
    /// As many as `builder` gives for the numbers below `count`; the first one's settings are the front's. Waits until turns can
    /// be started at each.
    ///
    /// # Errors
    /// What did not happen in time, with the logs; or more are asked for than have names.
    pub async fn start(count: usize, builder: impl Fn(usize) -> Builder) -> io::Result<Self> {
        if count > NAMES.len() + 1 {
            return Err(io::Error::other(format!("there are names for {} workers", NAMES.len() + 1)));
        }
        let mut others = Vec::new();
        for (name, number) in NAMES.into_iter().zip(1..count) {
            let builder = builder(number);
            let socket = builder.home().join(format!("{name}.sock"));
            let builder = builder.daemon("WORKER_SOCKET", socket.to_string_lossy());
            let start = if builder.checked { Process::start } else { Process::start_unchecked };
            let daemon = start(binary(Binary::WorkerDaemon), &builder.daemon_env())?;
            others.push(Worker { name, daemon, socket, builder });
        }
        let first = builder(0);
        let own = first.socket();
        let sockets = std::iter::once(&own).chain(others.iter().map(|worker| &worker.socket));
        let sockets: Vec<String> = sockets.map(|socket| socket.to_string_lossy().into_owned()).collect();
        let workers = Self { pair: first.front("WORKER_SOCKET", sockets.join(",")).start().await?, others };
        workers.all_ready().await?;
        Ok(workers)
    }

    /// The names of all.
    pub fn names(&self) -> Vec<&'static str> {
        std::iter::once("worker").chain(self.others.iter().map(|worker| worker.name)).collect()
    }

    /// Waits until the front knows each as ready.
    ///
    /// # Errors
    /// When it doesn't in time.
    pub async fn all_ready(&self) -> io::Result<()> {
        let pair = &self.pair;
        pair.eventually("every worker to be ready", || async {
            for name in self.names() {
                if self.told("codex_worker_ready", name).await? != 1.0 {
                    return None;
                }
            }
            Some(())
        })
        .await
    }

    /// The sum of those of a series that have this value in a label, such as a worker's name; `None` where the front tells none.
    pub async fn told(&self, series: &str, label: &str) -> Option<f64> {
        let url = format!("http://{}/metrics", self.pair.internal);
        let page = self.pair.client().get(url).send().await.ok()?.text().await.ok()?;
        let of = |line: &&str| {
            let (name, rest) = line.split_once('{').unwrap_or((line, ""));
            name == series && rest.contains(&format!("\"{label}\""))
        };
        let values: Vec<f64> =
            page.lines().filter(of).filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// The turns that each worker has completed.
    pub async fn completed(&self) -> Vec<u64> {
        let mut completed = Vec::new();
        for name in self.names() {
            completed.push(self.turns(name, "completed").await);
        }
        completed
    }

    /// The turns of this worker that ended so. It is asked again until it tells: the front leaves out one that is busy for a
    /// second.
    ///
    /// # Panics
    /// Where it doesn't in time.
    pub async fn turns(&self, name: &str, outcome: &str) -> u64 {
        let url = format!("http://{}/metrics", self.pair.internal);
        let line = format!("codex_worker_turns_total{{worker=\"{name}\",outcome=\"{outcome}\"}} ");
        let look = || async {
            let page = self.pair.client().get(&url).send().await.ok()?.text().await.ok()?;
            page.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok())
        };
        wait::until(Duration::from_millis(10), look).await.expect("the front tells the turns of each worker")
    }
}
