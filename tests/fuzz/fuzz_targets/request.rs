//! Searches for bytes that `gateway_fuzz::request` doesn't stand.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gateway_fuzz::request::check(data));
