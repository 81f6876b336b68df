//! From places in a text to its lines. Pure.

use super::{MAX_PROBLEMS, Problem};

/// The beginnings of the lines of a text, and what was found wrong in it.
pub(super) struct Lines {
    begins: Vec<usize>,
    problems: Vec<Problem>,
    /// Those past the bound.
    more: usize,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { begins: std::iter::once(0).chain(ends).collect(), problems: Vec::new(), more: 0 }
    }

    /// The line of a place, from 1 on.
    pub(super) fn line(&self, at: usize) -> usize {
        self.begins.partition_point(|begin| *begin <= at)
    }

    /// Notes what is wrong at a place.
    pub(super) fn problem(&mut self, at: usize, message: impl Into<String>) {
        self.note(Problem { line: Some(self.line(at)), message: message.into() });
    }

    /// Notes a problem.
    pub(super) fn note(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// `value`, unless something was wrong.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Vec<Problem>> {
        // The file's order, whatever order the parser gives.
        self.problems.sort_by_key(|problem| problem.line);
        if self.more > 0 {
            self.problems.push(Problem::of_file(format!("and {} more problems", self.more)));
        }
        if self.problems.is_empty() { Ok(value) } else { Err(self.problems) }
    }
}
