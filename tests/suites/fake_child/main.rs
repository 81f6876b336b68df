//! The fake child against what the real one wrote, in process and as a program, and the recorder in front of it.

mod client;
mod members;
mod process;
mod protocol;
