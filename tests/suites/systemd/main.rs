//! The pair under a real systemd, as the units in `systemd/` run it, with the real codex and a scripted upstream.
//!
//! Each test in `booted` boots a machine of its own (systemd-nspawn) from a root folder that `cargo xtask test` makes. They
//! need root and are run by it as a step of their own, where the machine can do that; nextest leaves the module
//! `booted` out otherwise.

mod booted;
mod gateway;
mod machine;
mod units;
