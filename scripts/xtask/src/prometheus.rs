//! Prometheus and promtool, which read what the front tells: found, or installed.

use crate::failure::{Failure, Result};
use crate::steps::Steps;
use crate::{apt, tools};

const PROGRAMS: [&str; 2] = ["prometheus", "promtool"];
const PACKAGES: [&str; 1] = ["prometheus"];

/// Sees to it that both programs can be started by their names.
pub(crate) fn ensure(steps: &mut Steps<'_>) -> Result<()> {
    let missing = || PROGRAMS.iter().any(|program| tools::on_path(program).is_none());
    if !missing() {
        return Ok(());
    }
    apt::install(&PROGRAMS.join(" or "), &PACKAGES, steps).map_err(Failure::new)?;
    if missing() {
        return Err(Failure::new("apt-get has installed Prometheus under names that are not known"));
    }
    Ok(())
}
