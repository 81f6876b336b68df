//! What comes in at the front's door: bad input, keys, routes, slow and odd clients. Around the fake child.

mod asked;
mod bodies;
mod connections;
mod door;
mod early;
mod health;
mod keys;
mod metrics;
mod models;
mod raw;
mod routes;
mod secrets;
mod switches;
mod toggles;
