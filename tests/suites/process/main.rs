//! Our binaries as an operator runs them, around a child that crashes, hangs, floods and sends rubbish.

mod command_line;
mod ends;
mod lives;
mod rpc;
mod slow_reader;
mod support;
mod systemd;
mod turns;
