//! Names of functions that codex or the upstream would not take, and back. Pure.
//!
//! The child refuses names with other characters than `[a-zA-Z0-9_-]`, `mcp` and those that begin with `mcp__`, and drops
//! its own `exec_command` and `shell_command` without a word; the upstream takes 64 characters. Such a name goes up as
//! another one that is derived from it, and comes back as the client wrote it. The names of one request are told
//! apart: two never become the same.

use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};

/// The longest name that the upstream takes, in characters.
const LONGEST: usize = 64;
/// Names of codex's own: a client's tool of such a name never reaches the model, or is refused.
const TAKEN: &[&str] = &["exec_command", "shell_command", "mcp"];
/// How names begin that the child keeps for its own use.
const RESERVED: &str = "mcp__";
/// What stands before a name that is kept or vanishes.
const PREFIX: &str = "fn_";

/// How the names of one request go up.
#[derive(Debug, Default)]
pub struct Names {
    sent: HashMap<String, String>,
    back: HashMap<String, String>,
}

impl Names {
    /// For these names, in the order in which the request has them; the same request always gives the same.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let mut taken: HashSet<String> =
            names.iter().filter(|n| fits(n)).map(|name| (*name).to_owned()).collect();
        let mut all = Self::default();
        for name in names.into_iter().filter(|n| !fits(n)) {
            if all.sent.contains_key(name) {
                continue;
            }
            let plain = plain(name);
            let mut sent = plain.clone();
            // Another function may have the name with the hash, too: whoever wants to can work it out.
            let mut count = 0_u64;
            while !taken.insert(sent.clone()) {
                sent = hashed(&plain, name, count);
                count += 1;
            }
            all.back.insert(sent.clone(), name.to_owned());
            all.sent.insert(name.to_owned(), sent);
        }
        all
    }

    /// What goes up for `name`.
    pub fn sent<'a>(&'a self, name: &'a str) -> &'a str {
        self.sent.get(name).map_or(name, String::as_str)
    }

    /// What the client calls what the model calls `name`.
    pub fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.back.get(name).map_or(name, String::as_str)
    }

    /// Whether `name` goes up as another one.
    pub fn changes(&self, name: &str) -> bool {
        self.sent.contains_key(name)
    }
}

fn allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Whether a name can go up as it is.
fn fits(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
        && name.chars().all(allowed)
        && !name.starts_with(RESERVED)
        && !TAKEN.contains(&name)
}

/// The nearest name that fits.
fn plain(name: &str) -> String {
    let mut plain: String = name.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    if plain.starts_with(RESERVED) || TAKEN.contains(&plain.as_str()) {
        plain.insert_str(0, PREFIX);
    }
    if fits(&plain) { plain } else { hashed(&plain, name, 0) }
}

/// The beginning of `plain`, and a part of a hash of the whole name; another one for each `count`.
fn hashed(plain: &str, name: &str, count: u64) -> String {
    let mut hash = Sha256::new_with_prefix(name);
    if count > 0 {
        hash.update(count.to_le_bytes());
    }
    let hash: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let mut start: String = plain.chars().take(LONGEST - hash.len() - 1).collect();
    if start.is_empty() {
        start.push('f');
    }
    format!("{start}_{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_reserved_and_long_names_go_up_as_others_and_come_back() {
        let long = "x".repeat(65);
        let all = ["get_weather", "mcp", "a.b", "mcp__files__read", "exec_command", "a_b", &long, "über", ""];
        let names = Names::new(all);
        assert_eq!(names.sent("get_weather"), "get_weather");
        assert_eq!(names.sent("mcp__files__read"), "fn_mcp__files__read");
        assert_eq!(names.sent("exec_command"), "fn_exec_command");
        assert_ne!(names.sent("a.b"), "a_b", "that name is another function's");
        assert_eq!(names.sent("über"), "_ber");
        for name in all {
            assert!(fits(names.sent(name)), "{name}");
            assert_eq!(names.original(names.sent(name)), name);
        }
        assert_eq!(names.original("unheard_of"), "unheard_of");
        assert!(names.changes("a.b") && names.changes("mcp") && !names.changes("a_b"));
    }

    #[test]
    fn a_name_that_was_worked_out_is_still_another_functions() {
        let first = hashed("a_b", "a.b", 0);
        let second = hashed("a_b", "a.b", 1);
        let all = ["a.b", "a_b", &first, &second];
        let names = Names::new(all);
        let sent: HashSet<&str> = all.iter().map(|name| names.sent(name)).collect();
        assert_eq!(sent.len(), all.len(), "{sent:?}");
        // The same where the name itself is one that is hashed from the start.
        let long = "x".repeat(65);
        let taken = hashed(&long, &long, 0);
        let names = Names::new([long.as_str(), &taken]);
        assert_ne!(names.sent(&long), names.sent(&taken));
        assert_eq!(names.original(names.sent(&long)), long);
    }

    proptest! {
        #[test]
        fn every_set_of_names_goes_up_apart_and_comes_back(
            set in proptest::collection::hash_set("(mcp__)?[a-c_. ü]{0,4}|x{60,70}|exec_command|fn_[a-c]", 0..20)
        ) {
            let names = Names::new(set.iter().map(String::as_str));
            let mut seen = HashSet::new();
            for name in &set {
                let sent = names.sent(name);
                prop_assert!(fits(sent), "{sent}");
                prop_assert!(seen.insert(sent.to_owned()), "{sent} stands for two");
                prop_assert_eq!(names.original(sent), name);
            }
        }
    }
}
