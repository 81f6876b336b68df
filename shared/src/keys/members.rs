//! The members of one table of a file, each read as what it should be. Pure.

use super::{Problem, lines::Lines};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The longest name of a member that is repeated: a hash or a key is longer.
const SHOWN: usize = 24;

/// A table whose members are taken one by one; those that nobody takes are unknown.
pub(super) struct Members<'t, 'l> {
    table: &'t DeTable<'t>,
    /// Where the table begins.
    at: usize,
    /// Whose members they are, for messages.
    whose: String,
    known: Vec<&'static str>,
    lines: &'l mut Lines,
}

impl<'t, 'l> Members<'t, 'l> {
    pub(super) fn of(table: &'t DeTable<'t>, at: usize, whose: String, lines: &'l mut Lines) -> Self {
        Self { table, at, whose, known: Vec::new(), lines }
    }

    /// Says that a member is wrong.
    pub(super) fn wrong(&mut self, at: usize, name: &str, message: &str) {
        self.lines.problem(at, format!("{}: `{name}` {message}", self.whose));
    }

    /// Says that a member is missing.
    pub(super) fn missing(&mut self, name: &str, message: &str) {
        self.wrong(self.at, name, &format!("is missing: it {message}"));
    }

    /// A member as `read` takes it; a problem with `message` where it doesn't.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        message: &str,
        read: impl FnOnce(&'t DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        self.checked(name, |value| read(value).ok_or_else(|| message.to_owned()))
    }

    /// The same with a message of its own for each case.
    pub(super) fn checked<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'t DeValue<'t>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.take(name)?;
        match read(value.get_ref()) {
            Ok(value) => Some(value),
            Err(message) => {
                self.wrong(value.span().start, name, &message);
                None
            }
        }
    }

    /// A member with its place.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(name);
        self.table.get(name)
    }

    /// What the members of a member belong to.
    pub(super) fn below(&mut self, name: &'static str) -> Option<Members<'t, '_>> {
        let value = self.take(name)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(value.span().start, name, "must be a table");
            return None;
        };
        let whose = format!("{}: `{name}`", self.whose);
        Some(Members { table, at: value.span().start, whose, known: Vec::new(), lines: self.lines })
    }

    /// Says which members nobody has taken.
    pub(super) fn finish(self) {
        for name in self.table.keys() {
            if self.known.contains(&name.get_ref().as_ref()) {
                continue;
            }
            let known = self.known.join("`, `");
            let message =
                format!("{}: there is no member {}; there are `{known}`", self.whose, shown(name.get_ref()));
            self.lines.note(Problem { line: Some(self.lines.line(name.span().start)), message });
        }
    }
}

/// A name that somebody has made up, where it is a short word such as members have: a key that was put in its place is none.
pub(super) fn shown(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if name.len() <= SHOWN && name.bytes().all(plain) {
        format!("`{name}`")
    } else {
        "of that name".to_owned()
    }
}
