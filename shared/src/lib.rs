//! What both sides of the worker socket must agree on.
//!
//! Owns the wire format (`rpc`, `codec`, `line`), the payloads of the app-server protocol that we read or write
//! (`app_server`), our own `daemon/*` methods (`control`), and the small machinery that both binaries need
//! (`settings`, `keys`, `telemetry`, `shutdown`, `queue`, `backoff`). It does no network I/O and spawns no process, so
//! that everything in it can be tested in milliseconds.

pub mod app_server;
pub mod backoff;
pub mod build_info;
pub mod codec;
pub mod control;
pub mod exit;
pub mod id;
pub mod keys;
pub mod line;
pub mod process;
pub mod queue;
pub mod rpc;
pub mod settings;
pub mod shutdown;
pub mod signals;
pub mod telemetry;
pub mod time;
pub mod trace;
pub mod writer;
