//! Documents made from the table of settings.

use super::{Setting, Values};
use std::fmt::Write;

/// What `--print-config` prints: one line a setting, with its value and origin.
pub fn print(settings: &[Setting], values: &Values) -> String {
    let mut out = String::new();
    for setting in settings {
        let (value, origin) = match values.by_name.get(setting.name) {
            Some((_, origin)) if setting.secret => ("(secret)", origin.as_str()),
            Some((text, origin)) => (text.as_str(), origin.as_str()),
            None => ("", "unset"),
        };
        // Writing to a String cannot fail.
        let _ok = writeln!(out, "{:<32} {value:<40} # {origin}", setting.name);
    }
    out
}

/// A Markdown table of the settings.
pub fn markdown(settings: &[Setting]) -> String {
    let mut out = String::from("| variable | flag | default | meaning |\n|---|---|---|---|\n");
    for setting in settings {
        let default = setting.default.map_or("unset".to_owned(), |d| format!("`{d}`"));
        let names = std::iter::once(&setting.name).chain(setting.aliases).map(|n| format!("`{n}`"));
        let names: Vec<String> = names.collect();
        let help = setting.help.replace('|', "\\|");
        let _ok = writeln!(out, "| {} | `--{}` | {default} | {help} |", names.join(" "), setting.flag());
    }
    out
}

/// The settings as commented lines of an environment file.
pub fn env_sample(settings: &[Setting]) -> String {
    let mut out = String::new();
    for setting in settings {
        let _ok = writeln!(out, "# {}\n#{}={}", setting.help, setting.name, setting.default.unwrap_or(""));
    }
    out
}
