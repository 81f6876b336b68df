//! The images, the compose files, the manifests for Kubernetes and the operator's scripts, with the real Compose, hadolint,
//! kubectl and the schemas of Compose and Kubernetes; and with a real Docker Engine and a real Traefik, where this machine can run them.
//!
//! What needs the engine lives in the module `engine`: `cargo xtask test` builds the images and runs it as a step of its own.
#![expect(clippy::panic, reason = "helpers of tests fail a test by panicking")]

mod engine;
mod files;
mod kubernetes;
mod scripts;
mod tools;
