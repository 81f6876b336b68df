//! Configuration: flag > environment > credential > `--config` TOML file > default, from one table of settings. A
//! credential is a file that systemd or Docker gives; secrets alone are looked for there.
//!
//! A binary declares its settings once, as a `&[Setting]`. The command line, the look-up, `--print-config`, the
//! reference in `docs/configuration.md` and `.env.example` all come from that table, so they can't disagree.
//! The environment is an argument here: nothing in this crate reads it, the binaries pass it in.

pub mod cli;
mod credential;
pub mod document;
pub mod reader;
mod resolve;
mod units;

pub use credential::read_text;
pub use reader::{Problem, Reader};
pub use resolve::{Invocation, Origin, Values, resolve};

/// What a setting's text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path of the file system.
    Path,
    /// `1`, `true`, `yes`, `on` or `0`, `false`, `no`, `off`.
    Bool,
    /// A duration in milliseconds.
    Millis,
    /// A whole number.
    Count,
    /// A size in bytes: a number, or one with `KiB`, `MiB` or `GiB`.
    Bytes,
    /// `host:port`.
    Address,
    /// An octal file mode.
    Mode,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable. The flag is the same in lower case with dashes, the key of the file with underscores.
    pub name: &'static str,
    /// Other variables that mean the same; the first that is set wins, `name` before all.
    pub aliases: &'static [&'static str],
    /// What its text means.
    pub kind: Kind,
    /// The default as text; `None` means unset.
    pub default: Option<&'static str>,
    /// Whether its value is a secret: never printed.
    pub secret: bool,
    /// What it does, in one sentence.
    pub help: &'static str,
}

impl Setting {
    /// A setting without aliases that is no secret.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        default: Option<&'static str>,
        help: &'static str,
    ) -> Self {
        Self { name, aliases: &[], kind, default, secret: false, help }
    }

    /// The same with other variables of the same meaning.
    pub const fn with_aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// The same, never printed.
    pub const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// The long flag, without the dashes in front.
    pub fn flag(&self) -> String {
        self.name.to_ascii_lowercase().replace("__", "-").replace('_', "-")
    }

    /// The key in the configuration file.
    pub fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }
}

/// The settings that both binaries have.
pub const COMMON: &[Setting] = &[
    Setting::new(
        "RUST_LOG",
        Kind::Text,
        Some("info"),
        "Which log lines are written, in the syntax of tracing's EnvFilter.",
    ),
    Setting::new("LOG_FORMAT", Kind::Text, Some("json"), "`json`, one object a line, or `text` for people.")
        .with_aliases(&["RUST_LOG_FORMAT"]),
    Setting::new(
        "LOG_COLLECT_MS",
        Kind::Millis,
        Some("10"),
        "How long lines are collected behind one that was written, in milliseconds, at most 1000; `0` writes each at once.",
    ),
];
