//! Every failure that a client can be told, caused for real: by the upstream, codex, the daemon, the front, the client.

mod judge;
mod kinds;
mod late;
mod upstream;
