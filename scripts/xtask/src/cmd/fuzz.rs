//! `fuzz`: libFuzzer on the targets of `tests/fuzz`, with the pinned stable toolchain.
//!
//! The instrumentation is LLVM's own pass, which stable takes by `-Cpasses`; a sanitizer would need a nightly and
//! has nothing to find where `unsafe` is forbidden.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::ArgMatches;

use crate::exec;
use crate::failure::{Failure, Result, While};
use crate::paths::Paths;
use crate::steps::{Show, Steps, Tail};
use crate::tools;

/// Counters at every edge, and what is compared: libFuzzer's eyes.
const RUSTFLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                         -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                         -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Longer inputs find nothing that these don't, and slow the search down.
const MAX_LEN: u32 = 4096;
/// Seconds after which one input counts as a hang.
const TIMEOUT: u32 = 10;
/// Megabytes over which one input counts as a leak.
const RSS_LIMIT: u32 = 2048;

/// The targets, and where what they need is.
struct Fuzzers<'a> {
    paths: &'a Paths,
    /// The folder with the built targets.
    built: PathBuf,
}

pub(crate) fn run(matches: &ArgMatches, paths: &Paths, steps: &mut Steps<'_>) -> Result<()> {
    let seconds = *matches.get_one("seconds").unwrap_or(&60);
    let Some(target) = matches.get_one::<String>("target") else {
        return search(Duration::from_secs(seconds), paths, steps);
    };
    let known = targets(paths)?;
    if !known.contains(target) {
        return Err(Failure::new(format!("no fuzz target `{target}`; there are {}", known.join(", "))));
    }
    let fuzzers = build(paths, steps)?;
    let inputs: Vec<&PathBuf> = matches.get_many("input").into_iter().flatten().collect();
    if inputs.is_empty() {
        return fuzzers.run_all(std::slice::from_ref(target), Duration::from_secs(seconds), steps);
    }
    let mut replay = Command::new(fuzzers.built.join(target));
    steps.command(&format!("replay in {target}"), replay.args(inputs), Show::Live)?;
    Ok(())
}

/// Every target for `time`, as many at once as there are cores.
pub(crate) fn search(time: Duration, paths: &Paths, steps: &mut Steps<'_>) -> Result<()> {
    let targets = targets(paths)?;
    build(paths, steps)?.run_all(&targets, time, steps)
}

/// Their names: the files in `fuzz_targets`.
fn targets(paths: &Paths) -> Result<Vec<String>> {
    let dir = paths.root.join("tests/fuzz/fuzz_targets");
    let entries = fs::read_dir(&dir).during(format_args!("cannot list {}", dir.display()))?;
    let names = entries.flatten().filter_map(|e| Some(e.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

fn build<'a>(paths: &'a Paths, steps: &mut Steps<'_>) -> Result<Fuzzers<'a>> {
    tools::cxx()?;
    // With a target named, the flags are for what runs there alone, and not for build scripts and macros.
    let host = host(paths)?;
    let mut build = paths.cargo(&[
        "build",
        "-p",
        "gateway-fuzz",
        "--features",
        "libfuzzer",
        "--bins",
        "--profile",
        "fuzz",
    ]);
    build.args(["--target", &host]).env("RUSTFLAGS", RUSTFLAGS);
    steps.command("build the fuzz targets", &mut build, Show::OnFailure)?;
    Ok(Fuzzers { paths, built: paths.target.join(host).join("fuzz") })
}

fn host(paths: &Paths) -> Result<String> {
    let output = paths.cargo(&["-vV"]).output().during("cannot run cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("cargo -vV names no host"))
}

impl Fuzzers<'_> {
    fn run_all(&self, targets: &[String], time: Duration, steps: &mut Steps<'_>) -> Result<()> {
        let name = format!("fuzz {} for {} s each", targets.join(", "), time.as_secs());
        steps.task(&name, |step| {
            let left: Mutex<VecDeque<&String>> = Mutex::new(targets.iter().collect());
            let failures: Mutex<Vec<String>> = Mutex::default();
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            std::thread::scope(|scope| {
                for _ in 0..cores.min(targets.len()) {
                    scope.spawn(|| {
                        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                        while let Some(target) = next() {
                            match self.run(target, time) {
                                Ok(runs) => step.note(&format!("{target}: {runs} runs")),
                                Err(failure) => failures
                                    .lock()
                                    .unwrap_or_else(PoisonError::into_inner)
                                    .push(failure.to_string()),
                            }
                        }
                    });
                }
            });
            let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
            if failures.is_empty() { Ok(()) } else { Err(Failure::new(failures.join("\n\n"))) }
        })
    }

    /// Searches for `time`; gives the number of inputs that were tried.
    fn run(&self, target: &str, time: Duration) -> Result<u64> {
        let work = self.paths.target.join("fuzz");
        // What it finds on its way stays between runs; the seeds in the tree are only read.
        let (found, artifacts) = (work.join("corpus").join(target), work.join("artifacts").join(target));
        for dir in [&found, &artifacts, &self.paths.logs()] {
            fs::create_dir_all(dir).during(format_args!("cannot make {}", dir.display()))?;
        }
        let fuzz = self.paths.root.join("tests/fuzz");
        let mut command = Command::new(self.built.join(target));
        command
            .arg(format!("-max_total_time={}", time.as_secs()))
            .arg(format!("-max_len={MAX_LEN}"))
            .arg(format!("-timeout={TIMEOUT}"))
            .arg(format!("-rss_limit_mb={RSS_LIMIT}"))
            .arg(format!("-dict={}", fuzz.join("json.dict").display()))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .args([&found, &fuzz.join("corpus").join(target)]);

        let log = self.paths.logs().join(format!("fuzz-{target}.log"));
        let mut file =
            BufWriter::new(File::create(&log).during(format_args!("cannot write {}", log.display()))?);
        let (mut tail, mut said) = (Tail::default(), Said::default());
        let status = exec::run(&mut command, |line| {
            // As for every step: a full disk must not fail the run.
            let _ = writeln!(file, "{line}");
            tail.push(line);
            said.hear(line);
        })
        .during(format_args!("cannot start {target}"))?;
        match said {
            Said { runs: Some(runs), instrumented: true, reproducer: None } if status.success() => Ok(runs),
            said => Err(Failure::new(format!(
                "fuzz target `{target}` failed ({status})\n{}\n  output:  {}\n{}",
                said.remedy(target, self.paths),
                log.display(),
                tail.text()
            ))),
        }
    }
}

/// What a target told of itself.
#[derive(Debug, Default)]
struct Said {
    runs: Option<u64>,
    /// Without counters it would try inputs at random, and find nothing.
    instrumented: bool,
    reproducer: Option<PathBuf>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        self.instrumented |= line.contains("inline 8-bit counters");
        if let Some(rest) = line.strip_prefix("Done ") {
            self.runs = rest.split(' ').next().and_then(|runs| runs.parse().ok());
        }
        if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.reproducer = Some(PathBuf::from(path));
        }
    }

    fn remedy(&self, target: &str, paths: &Paths) -> String {
        match &self.reproducer {
            Some(path) => {
                let path = paths.shown(path);
                format!(
                    "  input:   {path}\n  replay:  cargo xtask fuzz {target} {path}\n  \
                     keep it: cp {path} tests/fuzz/corpus/{target}/NAME"
                )
            }
            None if !self.instrumented => "  it was built without coverage counters".to_owned(),
            None => "  it ended early, without an input to show".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn paths() -> Paths {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
        Paths { root: root.to_owned(), target: root.join("target") }
    }

    #[test]
    fn every_target_has_seeds_and_is_known_to_cargo() {
        let paths = paths();
        let targets = targets(&paths).expect("targets");
        assert_eq!(targets, ["codec", "message", "notification", "request"]);
        let manifest = fs::read_to_string(paths.root.join("tests/fuzz/Cargo.toml")).expect("a manifest");
        for target in targets {
            assert!(manifest.contains(&format!("fuzz_targets/{target}.rs")), "{target}");
            assert!(paths.root.join("tests/fuzz/corpus").join(&target).is_dir(), "{target}");
        }
    }

    #[test]
    fn a_crash_is_told_with_the_way_to_replay_it() {
        let mut said = Said::default();
        said.hear("INFO: Loaded 1 modules   (9 inline 8-bit counters): 9 [0x1, 0xa),");
        let path = paths().target.join("fuzz/artifacts/codec/crash-1");
        said.hear(&format!("artifact_prefix='x/'; Test unit written to {}", path.display()));
        assert_eq!(said.runs, None);
        let remedy = said.remedy("codec", &paths());
        assert!(remedy.contains("cargo xtask fuzz codec target/fuzz/artifacts/codec/crash-1"), "{remedy}");
    }

    #[test]
    fn a_finished_search_tells_its_runs() {
        let mut said = Said::default();
        said.hear("Done 8388608 runs in 60 second(s)");
        assert_eq!((said.runs, said.instrumented), (Some(8_388_608), false));
    }
}
