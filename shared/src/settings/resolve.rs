//! Where each value comes from.

use super::{Problem, Setting, credential};
use clap::{Arg, ArgAction, Command};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// A file of `$CREDENTIALS_DIRECTORY`.
    Credential,
    /// The configuration file.
    File,
    /// The table of settings.
    Default,
}

impl Origin {
    /// The word that `--print-config` shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Credential => "credential",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

/// The text and origin of every setting that has a value.
#[derive(Debug, Default)]
pub struct Values {
    pub(super) by_name: BTreeMap<&'static str, (String, Origin)>,
}

/// What the command line asked for.
#[derive(Debug)]
pub enum Invocation {
    /// Run with these values.
    Run(Values),
    /// `--print-config`: show the values, with origins.
    Print(Values),
    /// `--check-config`: say whether the values can be used.
    Check(Values),
    /// `--help`, `--version` or a usage error: print this and exit with the code.
    Exit {
        /// What to print, on stdout when the code is 0.
        text: String,
        /// The exit code.
        code: u8,
    },
}

/// Reads the command line, the environment, the credentials and the configuration file of a binary.
///
/// `read_file` reads the file that `--config` names, and the credentials of secret settings. An empty variable is an
/// unset one, as is an empty credential.
///
/// # Errors
/// Everything that is wrong with the configuration file and the credentials.
pub fn resolve(
    binary: &'static str,
    about: &'static str,
    settings: &[Setting],
    args: impl IntoIterator<Item = OsString>,
    env: impl Fn(&str) -> Option<String>,
    read_file: impl Fn(&Path) -> std::io::Result<String>,
) -> Result<Invocation, Vec<Problem>> {
    let mut command = Command::new(binary)
        .about(about)
        .version(crate::build_info::VERSION)
        .after_help(
            "Each setting: flag, else environment variable, else (of a secret) the file of its name in \
             $CREDENTIALS_DIRECTORY, else --config file, else default.",
        )
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("TOML file with settings, keys in lower case"),
        )
        .arg(flag("print-config", "Print every setting with its value and where it came from, then exit"))
        .arg(flag("check-config", "Say everything that is wrong with the settings, then exit"));
    for setting in settings {
        let default = setting.default.map_or(String::new(), |d| format!(" [default: {d}]"));
        command = command.arg(
            Arg::new(setting.name)
                .long(setting.flag())
                .value_name(setting.name)
                .allow_hyphen_values(true)
                .help(format!("{}{default}", setting.help)),
        );
    }
    let matches = match command.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(e) => {
            let code = if e.use_stderr() { crate::exit::USAGE } else { crate::exit::OK };
            return Ok(Invocation::Exit { text: e.to_string(), code });
        }
    };

    let mut problems = Vec::new();
    let mut file = match matches.get_one::<String>("config") {
        Some(path) => load(Path::new(path), settings, &read_file, &mut problems),
        None => BTreeMap::new(),
    };
    let mut values = Values::default();
    let credentials = env(credential::DIRECTORY).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    for setting in settings {
        let from_flag = matches.get_one::<String>(setting.name).map(|v| (v.clone(), Origin::Flag));
        let from_env = || {
            std::iter::once(&setting.name)
                .chain(setting.aliases)
                .find_map(|name| env(name).filter(|v| !v.is_empty()))
                .map(|v| (v, Origin::Environment))
        };
        let mut from_credential = || {
            let folder = credentials.as_deref().filter(|_| setting.secret)?;
            match credential::read(folder, setting, &read_file) {
                Ok(text) => text.map(|v| (v, Origin::Credential)),
                Err(problem) => {
                    problems.push(problem);
                    None
                }
            }
        };
        let from_file = file.remove(setting.name).map(|v| (v, Origin::File));
        let default = || setting.default.map(|v| (v.to_owned(), Origin::Default));
        let nearest = from_flag.or_else(from_env).or_else(&mut from_credential);
        if let Some(value) = nearest.or(from_file).or_else(default) {
            values.by_name.insert(setting.name, value);
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(if matches.get_flag("print-config") {
        Invocation::Print(values)
    } else if matches.get_flag("check-config") {
        Invocation::Check(values)
    } else {
        Invocation::Run(values)
    })
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn load(
    path: &Path,
    settings: &[Setting],
    read_file: &impl Fn(&Path) -> std::io::Result<String>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    let name = path.display().to_string();
    let table = match read_file(path).map(|text| text.parse::<toml::Table>()) {
        Ok(Ok(table)) => table,
        Ok(Err(e)) => {
            problems.push(Problem {
                setting: "--config".into(),
                message: format!("{name} is not TOML: {}", e.message()),
            });
            return found;
        }
        Err(e) => {
            problems
                .push(Problem { setting: "--config".into(), message: format!("{name} can't be read: {e}") });
            return found;
        }
    };
    for (key, value) in table {
        let Some(setting) = settings.iter().find(|s| s.key() == key) else {
            problems.push(Problem {
                setting: key,
                message: format!("{name} sets it, but there is no such setting"),
            });
            continue;
        };
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(truth) => truth.to_string(),
            toml::Value::Float(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_)
            | toml::Value::Table(_) => {
                problems.push(Problem {
                    setting: key,
                    message: format!("{name}: must be a string, a number or a boolean"),
                });
                continue;
            }
        };
        if !text.is_empty() {
            found.insert(setting.name, text);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Kind, document};

    const SETTINGS: &[Setting] = &[
        Setting::new("A_LIMIT", Kind::Count, Some("7"), "A limit."),
        Setting::new("A_KEY", Kind::Text, None, "A key.").secret(),
        Setting::new("LOG_FORMAT", Kind::Text, Some("json"), "Format.").with_aliases(&["RUST_LOG_FORMAT"]),
    ];

    fn run(args: &[&str], env: &[(&str, &str)], file: &str) -> Result<Invocation, Vec<Problem>> {
        let args = std::iter::once("bin").chain(args.iter().copied()).map(OsString::from);
        let env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        resolve("bin", "about", SETTINGS, args, |k| env.get(k).cloned(), |_| Ok(file.to_owned()))
    }

    fn value(args: &[&str], env: &[(&str, &str)], file: &str, name: &str) -> Option<(String, Origin)> {
        match run(args, env, file).unwrap() {
            Invocation::Run(values) => values.by_name.get(name).cloned(),
            other @ (Invocation::Print(_) | Invocation::Check(_) | Invocation::Exit { .. }) => {
                panic!("{other:?}")
            }
        }
    }

    #[test]
    fn flag_then_environment_then_file_then_default() {
        let file = "a_limit = 3";
        let some = |v: &str, o| Some((v.to_owned(), o));
        let with = ["--config", "f"];
        assert_eq!(
            value(&["--a-limit", "1", "--config", "f"], &[("A_LIMIT", "2")], file, "A_LIMIT"),
            some("1", Origin::Flag)
        );
        assert_eq!(value(&with, &[("A_LIMIT", "2")], file, "A_LIMIT"), some("2", Origin::Environment));
        assert_eq!(value(&with, &[("A_LIMIT", "")], file, "A_LIMIT"), some("3", Origin::File));
        assert_eq!(value(&[], &[], file, "A_LIMIT"), some("7", Origin::Default));
        assert_eq!(
            value(&[], &[("RUST_LOG_FORMAT", "text")], file, "LOG_FORMAT"),
            some("text", Origin::Environment)
        );
        assert_eq!(value(&[], &[], file, "A_KEY"), None);
    }

    #[test]
    fn every_problem_of_the_file_is_told_at_once() {
        let problems = run(&["--config", "f"], &[], "nope = 1\na_limit = [1]\n").unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn a_secret_is_never_printed() {
        let Invocation::Print(values) = run(&["--print-config"], &[("A_KEY", "hunter2")], "").unwrap() else {
            panic!()
        };
        let text = document::print(SETTINGS, &values);
        assert!(text.contains("A_KEY") && text.contains("(secret)") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn help_and_usage_errors_exit() {
        for (args, expected) in [(["--help"], 0), (["--version"], 0), (["--bogus"], 2)] {
            let Invocation::Exit { text, code } = run(&args, &[], "").unwrap() else { panic!() };
            assert_eq!(code, expected, "{text}");
        }
    }
}
