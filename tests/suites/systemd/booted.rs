//! What holds on a booted machine.

mod keys;
mod life;
mod sandbox;
mod socket;
mod stop;
