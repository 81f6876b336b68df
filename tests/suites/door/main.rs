//! What comes in at the front's door: bad input, keys, routes, slow and odd clients. Around the fake child.

mod asked;
mod bodies;
mod codexctl;
mod connections;
mod cors;
mod crowd;
mod door;
mod early;
mod forms;
mod half_open;
mod health;
mod keys;
mod keys_file;
mod keys_load;
mod keys_models;
mod limits;
mod metrics;
mod models;
mod raw;
mod records;
mod routes;
mod secrets;
mod strangers;
mod switches;
mod toggles;
mod verify;
