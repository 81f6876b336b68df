//! `fetch-codex`, and the same as a step of the other commands.

use std::path::PathBuf;

use crate::codex;
use crate::failure::Result;
use crate::paths::Paths;
use crate::steps::Steps;

pub(crate) fn step(paths: &Paths, steps: &mut Steps<'_>) -> Result<PathBuf> {
    steps.task("fetch the pinned codex", |step| codex::fetch(paths, |line| step.note(line)))
}
