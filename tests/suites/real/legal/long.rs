//! The same for many more requests, which chance picks.

use std::time::{SystemTime, UNIX_EPOCH};

const CASES: u32 = 20_000;

/// Another one each time, unless `LEGAL_SEED` names one.
#[expect(clippy::disallowed_methods, reason = "a run that failed is done again by its seed")]
fn seed() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock behind 1970").as_secs();
    let named = std::env::var("LEGAL_SEED").ok();
    named.map_or_else(now, |seed| seed.parse().expect("a number in LEGAL_SEED"))
}

#[test]
fn nothing_legal_is_refused_lost_moved_or_doubled_in_many_requests() {
    let seed = seed();
    println!("LEGAL_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    super::test::run(CASES, bytes);
}
