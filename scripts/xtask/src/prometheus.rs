//! Prometheus, promtool and amtool, which read what the front tells, and jq, which the runbooks read logs with: found, or
//! installed.

use crate::failure::{Failure, Result};
use crate::steps::Steps;
use crate::{apt, tools};

const PROGRAMS: [&str; 4] = ["prometheus", "promtool", "amtool", "jq"];
const PACKAGES: [&str; 3] = ["prometheus", "prometheus-alertmanager", "jq"];

/// Sees to it that these programs can be started by their names.
pub(crate) fn ensure(steps: &mut Steps<'_>) -> Result<()> {
    let missing = || PROGRAMS.iter().any(|program| tools::on_path(program).is_none());
    if !missing() {
        return Ok(());
    }
    apt::install(&PROGRAMS.join(" or "), &PACKAGES, steps).map_err(Failure::new)?;
    if missing() {
        return Err(Failure::new("apt-get has installed them under names that are not known"));
    }
    Ok(())
}
