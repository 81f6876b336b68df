//! What the settings of what is written down come to.

use crate::records::rotated;
use shared::settings::Reader;
use std::{path::PathBuf, time::Duration};

/// The most traces that may be kept: the folder is looked through while requests run.
const MAX_TRACES: u64 = 10_000;

/// What is written down, and where.
#[derive(Debug, Clone)]
pub struct RecordConfig {
    /// `PROXY_TRACE_BUFFER_ENABLED`.
    pub traces: bool,
    /// `PROXY_TRACE_BUFFER_DIR`, or the folder `trace-buffer` in `PROXY_STATE_DIR`.
    pub trace_dir: PathBuf,
    /// `PROXY_TRACE_BUFFER_MAX_FILES`.
    pub trace_files: usize,
    /// `PROXY_TRACE_BUFFER_TTL_S`.
    pub trace_ttl: Duration,
    /// `TOKEN_LOG_PATH`.
    pub usage_log: Option<PathBuf>,
    /// `ACCESS_LOG_PATH`.
    pub access_log: Option<PathBuf>,
    /// `PROXY_LOG_FILE_MAX_BYTES`.
    pub max_log_bytes: u64,
}

impl RecordConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let state = r.path("PROXY_STATE_DIR").unwrap_or_default();
        let trace_dir = r.path("PROXY_TRACE_BUFFER_DIR").unwrap_or_else(|| state.join("trace-buffer"));
        let (usage_log, access_log) = (r.path("TOKEN_LOG_PATH"), r.path("ACCESS_LOG_PATH"));
        if usage_log.is_some() && usage_log == access_log {
            r.problem("ACCESS_LOG_PATH", "must be another file than TOKEN_LOG_PATH");
        }
        if let (Some(usage), Some(access)) = (&usage_log, &access_log)
            && (*access == rotated(usage) || *usage == rotated(access))
        {
            r.problem(
                "ACCESS_LOG_PATH",
                "must not be where TOKEN_LOG_PATH goes when it is full, or the other way",
            );
        }
        let trace_files = r.count_from("PROXY_TRACE_BUFFER_MAX_FILES", 1);
        r.at_most("PROXY_TRACE_BUFFER_MAX_FILES", trace_files, MAX_TRACES);
        Self {
            traces: r.boolean("PROXY_TRACE_BUFFER_ENABLED"),
            trace_dir,
            trace_files: usize::try_from(trace_files).unwrap_or(usize::MAX),
            trace_ttl: Duration::from_secs(r.count_from("PROXY_TRACE_BUFFER_TTL_S", 1)),
            usage_log,
            access_log,
            max_log_bytes: r.bytes_from("PROXY_LOG_FILE_MAX_BYTES", 64 * 1024) as u64,
        }
    }
}
