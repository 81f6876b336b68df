//! The command line of the fake codex: read like the real one's, as far as the daemon uses it.

use std::path::PathBuf;

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `--version`.
    Version,
    /// `debug models [--bundled]`.
    Models,
    /// `app-server`, with the settings that a fake child heeds.
    AppServer(Settings),
    /// Anything else.
    Usage,
}

/// The `-c` settings that a fake child heeds; all others are taken and ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `model`.
    pub model: Option<String>,
    /// `model_catalog_json`: the file whose models `model/list` shows.
    pub catalog: Option<PathBuf>,
}

impl Command {
    /// Reads the arguments, without the program. Options may stand before and after the words.
    #[must_use]
    pub fn parse(arguments: &[String]) -> Self {
        let mut words = Vec::new();
        let mut settings = Settings::default();
        let (mut version, mut bundled) = (false, false);
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(argument) = rest.next() {
            let (option, inline) = match argument.split_once('=') {
                Some((option, value)) if argument.starts_with("--") => (option, Some(value)),
                _ => (argument, None),
            };
            match option {
                "-c" | "--config" | "--enable" | "--disable" => {
                    let Some(value) = inline.or_else(|| rest.next()) else {
                        return Self::Usage;
                    };
                    if matches!(option, "-c" | "--config") {
                        settings.set(value);
                    }
                }
                "--version" | "-V" => version = true,
                "--bundled" => bundled = true,
                word if word.starts_with('-') => return Self::Usage,
                word => words.push(word),
            }
        }
        match (words.as_slice(), version, bundled) {
            ([], true, false) => Self::Version,
            (["debug", "models"], false, _) => Self::Models,
            (["app-server"], false, false) => Self::AppServer(settings),
            _ => Self::Usage,
        }
    }
}

impl Settings {
    fn set(&mut self, setting: &str) {
        let Some((key, value)) = setting.split_once('=') else {
            return;
        };
        // A TOML string, or bare, as the real one takes it too.
        let value = value.trim().trim_matches(['"', '\'']);
        match key.trim() {
            "model" => self.model = Some(value.to_owned()),
            "model_catalog_json" => self.catalog = Some(PathBuf::from(value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Command {
        Command::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_may_stand_on_both_sides() {
        let command = parse("--disable goals -c model=\"m\" app-server --enable x -c a.b={c=1}");
        let settings = Settings { model: Some("m".to_owned()), catalog: None };
        assert_eq!(command, Command::AppServer(settings));
    }

    #[test]
    fn other_arguments_are_refused() {
        assert_eq!(parse("app-server --nonsense"), Command::Usage);
        assert_eq!(parse("exec hello"), Command::Usage);
        assert_eq!(parse("app-server -c"), Command::Usage);
        assert_eq!(parse("debug models --bundled"), Command::Models);
        assert_eq!(parse("--version"), Command::Version);
    }
}
