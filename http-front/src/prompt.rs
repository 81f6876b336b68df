//! The operator's prompt: read once at start, put into every request.
//!
//! It owns the text, and promises that neither a log nor an error ever holds it.

use crate::{
    config::Config,
    error::ApiError,
    openai::message::Message,
    translate::{
        inject::{filled, inject},
        mode::Injection,
    },
};
use http::{HeaderName, HeaderValue};
use std::{
    fmt, fs, io,
    io::Read,
    path::{Path, PathBuf},
};

/// The header of answers that names what was done with the prompt.
pub const HEADER: HeaderName = HeaderName::from_static("x-codex-injection-mode");
/// The largest file, in bytes: every request has its text once more.
const LARGEST: u64 = 1024 * 1024;

/// The operator's prompt, and what becomes of it.
pub struct Prompt {
    mode: Injection,
    text: String,
}

/// The text is nobody's to read in a log.
impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("mode", &self.mode).field("bytes", &self.text.len()).finish()
    }
}

/// Why the prompt can't be had.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The file can't be read.
    #[error("CODEX__SYSTEM_PROMPT_FILE: can't read {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is too large.
    #[error("CODEX__SYSTEM_PROMPT_FILE: {0} has more than {LARGEST} bytes")]
    TooLarge(PathBuf),
    /// The file is no text.
    #[error("CODEX__SYSTEM_PROMPT_FILE: {0} is not UTF-8")]
    NotText(PathBuf),
}

impl Prompt {
    /// Reads the prompt that the configuration names. With the mode `disabled` the file isn't touched, so that a bad one
    /// can always be switched off.
    ///
    /// # Errors
    /// [`PromptError`], where a file is named and can't be used.
    pub fn load(config: &Config) -> Result<Self, PromptError> {
        let text = match (config.injection, &config.prompt_file) {
            (Injection::Disabled, _) => String::new(),
            (Injection::Override | Injection::Append, Some(path)) => read(path)?,
            (Injection::Override | Injection::Append, None) => String::new(),
        };
        let prompt = Self::new(config.injection, text);
        if prompt.mode != config.injection {
            tracing::warn!(
                event = "no_system_prompt",
                mode = config.injection.as_str(),
                "CODEX__SYSTEM_PROMPT_FILE is not set or empty: no prompt is put into requests",
            );
        }
        Ok(prompt)
    }

    /// This text in this mode; without a text nothing is done, whatever the mode.
    pub fn new(mode: Injection, text: String) -> Self {
        let mode = if text.trim().is_empty() { Injection::Disabled } else { mode };
        Self { mode, text }
    }

    /// What is done: `disabled` also where there is no text.
    pub fn mode(&self) -> Injection {
        self.mode
    }

    /// The value of [`HEADER`].
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_static(self.mode.as_str())
    }

    /// Puts the prompt into the conversation of a request that names `model`.
    ///
    /// # Errors
    /// 400 with the path of what can't be carried of the message that it changes.
    pub fn apply(&self, messages: &mut Vec<Message<'_>>, model: &str) -> Result<(), ApiError> {
        if self.mode == Injection::Disabled {
            return Ok(());
        }
        inject(self.mode, &filled(&self.text, model), messages)
    }
}

/// The text of a file, without a byte order mark and without the end of its last line.
fn read(path: &Path) -> Result<String, PromptError> {
    let failed = |error| PromptError::Read { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(PromptError::TooLarge(path.to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| PromptError::NotText(path.to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::message::{Content, Role};

    fn of(bytes: &[u8]) -> Result<String, PromptError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        read(file.path())
    }

    #[test]
    fn the_mark_and_the_last_line_end_are_no_part_of_the_text() {
        assert_eq!(of(b"\xef\xbb\xbfBe kind.\r\n").unwrap(), "Be kind.");
        assert_eq!(of(b"a\n\n").unwrap(), "a\n");
        assert_eq!(of(b" a ").unwrap(), " a ");
        assert_eq!(of(b"a\r").unwrap(), "a\r");
        assert_eq!(of(b"").unwrap(), "");
    }

    #[test]
    fn the_bound_is_exact_and_a_file_must_be_text() {
        let largest = vec![b'a'; usize::try_from(LARGEST).unwrap()];
        assert_eq!(of(&largest).unwrap().len(), largest.len());
        assert!(matches!(of(&[&largest[..], b"a"].concat()), Err(PromptError::TooLarge(_))));
        assert!(matches!(of(b"\xff"), Err(PromptError::NotText(_))));
        let gone = read(Path::new("/nowhere/prompt.txt")).unwrap_err().to_string();
        assert!(gone.starts_with("CODEX__SYSTEM_PROMPT_FILE: can't read /nowhere/prompt.txt: "), "{gone}");
        assert!(matches!(read(Path::new("/")), Err(PromptError::Read { .. })));
    }

    #[test]
    fn a_prompt_is_filled_in_and_never_shown() {
        let prompt = Prompt::new(Injection::Append, "secret of {model}".into());
        let mut messages = vec![Message::saying(Role::System, "S".into())];
        prompt.apply(&mut messages, "m").unwrap();
        assert!(
            matches!(&messages[0].content, Some(Content::Text(text)) if text == "S\n\nsecret of m"),
            "{messages:?}"
        );
        assert_eq!(prompt.header(), "append");
        assert!(!format!("{prompt:?}").contains("secret"));
    }

    #[test]
    fn without_a_text_nothing_is_done() {
        let prompt = Prompt::new(Injection::Override, " \n".into());
        let mut messages = vec![Message::saying(Role::User, "a".into())];
        prompt.apply(&mut messages, "m").unwrap();
        assert_eq!((messages.len(), prompt.mode()), (1, Injection::Disabled));
        assert_eq!(prompt.header(), "disabled");
    }
}
