//! `fetch-codex`, `fetch-clients`, and the same as steps of the other commands.

use std::path::PathBuf;

use crate::clients::{self, Clients};
use crate::codex;
use crate::failure::Result;
use crate::paths::Paths;
use crate::steps::Steps;

pub(crate) fn step(paths: &Paths, steps: &mut Steps<'_>) -> Result<PathBuf> {
    steps.task("fetch the pinned codex", |step| codex::fetch(paths, |line| step.note(line)))
}

pub(crate) fn clients(paths: &Paths, long: bool, steps: &mut Steps<'_>) -> Result<Clients> {
    steps.task("fetch the pinned clients", |step| clients::fetch(paths, long, |line| step.note(line)))
}
