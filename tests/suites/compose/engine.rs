//! The images and compose files on a host with a Docker Engine and a Traefik, as an operator runs them.

mod dev;
mod host;
mod production;
mod scripts;
mod upgrade;
