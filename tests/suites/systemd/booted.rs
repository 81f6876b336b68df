//! What holds on a booted machine.

mod life;
mod sandbox;
mod socket;
mod stop;
