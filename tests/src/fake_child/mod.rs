//! A scripted stand-in for `codex app-server`, codex-cli 0.169.0.
//!
//! The core ([`Fake`]) is the protocol without I/O; [`serve()`] drives it over any pair of pipes; [`program`] is the
//! `fake-codex` binary. A [`Script`] makes the child misbehave; the last user message of a turn may hold directives
//! (lines such as `!chunks 5`), so that a test can drive it through the daemon and the front.
//!
//! Message shapes are the real child's, checked by `tests/suites/fake_child`. It never calls a model, and what it
//! does not do it refuses loudly.
//!
//! # Directives
//! Text that is not a directive is echoed. Unknown `!words` are text; a bad argument fails the turn (`badRequest`).
//!
//! | line | effect |
//! |---|---|
//! | `!echo TEXT` | says TEXT, even where it looks like a directive |
//! | `!big BYTES` | one delta of so many bytes |
//! | `!chunks N` | the text in at most N deltas (3) |
//! | `!flood N` | N deltas at once, in place of the text |
//! | `!pause MS` | a pause before each delta |
//! | `!messages N` | the text N times, in N message items |
//! | `!reasoning TEXT` | a reasoning item before the messages |
//! | `!refuse` | in place of the text a refusal: a message item that begins, and codex can't read |
//! | `!usage IN CACHED OUT REASONING` | the counts of each model call (11 3 7 2) |
//! | `!garbage` | a line that is no JSON, an empty line, and a line in two halves |
//! | `!early_started` | `turn/started` before the answer to `turn/start` |
//! | `!lose METHOD` | requests of this method are swallowed from here on |
//! | `!retry`, `!retry_early` | a retry announced after half of the deltas, or before any; then all from the start |
//! | `!hang`, `!crash`, `!exit N`, `!fail KIND` | a bad end: with text after half of the deltas, without before any item |
//! | `!fail_message TEXT` | the message of a `!fail` above it |
//! | `!lose_completed` | everything but `turn/completed` |
//! | `!tool NAME ARGUMENTS` | a function call (`item/tool/call`); the rest of the line goes verbatim into the raw item |
//! | `!ask METHOD` | any other server request; several asks go out together, and the answers become the text |

pub mod catalog;
pub mod command;
mod core;
mod directive;
mod history;
pub mod home;
mod methods;
mod play;
pub mod program;
mod rpc;
mod script;
mod serve;
mod shape;
mod threads;
mod turn;

pub use self::core::{Fake, Host, Step, Wake, wall_clock_ms};
pub use self::home::{Entry, Home};
pub use self::script::{First, Script, Start};
pub use self::serve::{serve, serve_fake};

/// The version that the fake claims to be.
pub const VERSION: &str = "0.169.0";
