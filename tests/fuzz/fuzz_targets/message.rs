//! Searches for bytes that `gateway_fuzz::message` doesn't stand.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::message::check(data));
