//! Our binaries as an operator runs them, around a child that crashes, hangs, floods and sends rubbish.

mod command_line;
mod ends;
mod exits;
mod handover;
mod home;
mod hostile;
mod lives;
mod log;
mod peers;
mod pipelines;
mod raw;
mod rpc;
mod secure;
mod slow_reader;
mod support;
mod systemd;
mod turns;
mod users;
mod watchdog;
