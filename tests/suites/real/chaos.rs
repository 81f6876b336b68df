//! A minute of trouble under steady load, with the real codex: whatever happens, every request ends once, with its own
//! text, and only those that ran beside a fault may fail.
#![expect(clippy::print_stdout, reason = "a failing run shows its table, its times and its seed")]

mod after;
mod brain;
mod faults;
mod report;
mod stage;
mod test;

/// A quarter of an hour of it, in an order that chance makes.
mod long;
