//! What holds on a booted machine.

mod agent;
mod documents;
mod front;
mod install;
mod keys;
mod life;
mod sandbox;
mod socket;
mod stop;
mod upgrade;
mod workers;
