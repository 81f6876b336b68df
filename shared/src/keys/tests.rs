use super::*;
use proptest::prelude::*;

const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn one(more: &str) -> String {
    format!("[[keys]]\nname = \"ci\"\nhash = \"{HASH}\"\ncreated = 2026-01-31T12:00:00Z\n{more}\n")
}

fn told(text: &str) -> Vec<String> {
    parse(text).expect_err("a problem").iter().map(ToString::to_string).collect()
}

#[test]
fn an_entry_has_what_it_says() {
    let text = one("expires = \"2026-12-31T23:59:59+01:00\"\nmodels = [\"gpt-5.5\", \"fast\"]\n\
        profiles = [\"completion\", \"agent\"]\noperator = true\n\
        limits = { window = \"1h\", requests = 10, tokens = 1_000, streams = 2 }");
    let entry = &parse(&text).unwrap()[0];
    assert_eq!(entry.name.as_str(), "ci");
    assert_eq!(entry.hash, Digest::of(b"abc"));
    assert_eq!(time::rfc3339(entry.created).unwrap(), "2026-01-31T12:00:00Z");
    let expires = entry.expires.unwrap();
    assert_eq!(time::rfc3339(expires).unwrap(), "2026-12-31T22:59:59Z");
    assert!(!entry.is_expired(expires - Duration::from_nanos(1)) && entry.is_expired(expires));
    assert_eq!(entry.models.as_deref(), Some(&["gpt-5.5".to_owned(), "fast".to_owned()][..]));
    assert!(entry.agent && entry.operator);
    let limits = Limits {
        window: Some(Duration::from_secs(3600)),
        requests: Some(10),
        tokens: Some(1000),
        streams: Some(2),
    };
    assert_eq!(entry.limits, limits);
}

#[test]
fn what_is_left_out_is_the_least() {
    let entry = &parse(&one("")).unwrap()[0];
    assert_eq!((entry.expires, entry.models.as_ref(), entry.limits), (None, None, Limits::default()));
    assert!(!entry.agent && !entry.operator && !entry.is_expired(SystemTime::now()));
}

#[test]
fn a_file_without_keys_is_one() {
    for empty in ["", "\n# nothing\n", "keys = []\n"] {
        assert_eq!(parse(empty), Ok(Vec::new()), "{empty}");
    }
}

#[test]
fn everything_is_told_at_once_by_line() {
    let text = format!(
        "colour = 1\n{}[[keys]]\nname = \"a b\"\nhash = \"md5:00\"\n[[keys]]\nname = \"late\"\nhash = \"{}\"\n\
         created = 2026-01-31T12:00:00+01:00\nexpires = 2026-01-31\nmodels = []\nprofiles = [\"root\"]\n\
         operator = \"yes\"\nadmin = true\nlimits = {{ window = 60, requests = 0, tokens = -1, sterams = 1 }}\n",
        one(""),
        Digest::of(b"x").to_text(),
    );
    let wanted = [
        (1, "there is no member `colour`"),
        (7, "key 2: `created` is missing: it must be a time in UTC"),
        (8, "key 2: `name` must be 1 to 64 letters"),
        (9, "key 2: `hash` must be `sha256:`"),
        (13, "key `late`: `created` must be a time in UTC"),
        (14, "key `late`: `expires` must be a time with an offset"),
        (15, "key `late`: `models` must name a model, or be left out"),
        (16, "key `late`: `profiles` must be [\"completion\"] or"),
        (17, "key `late`: `operator` must be true or false"),
        (18, "key `late`: there is no member `admin`; there are `name`, `hash`, `created`"),
        (19, "key `late`: `limits`: `window` must be a text with a number and its unit"),
        (19, "key `late`: `limits`: `requests` must be a whole number from 1 on"),
        (19, "key `late`: `limits`: `tokens` must be a whole number from 1 on"),
        (19, "key `late`: `limits`: there is no member `sterams`; there are `window`, `requests`"),
    ];
    let told = told(&text);
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
    for (told, (line, words)) in told.iter().zip(wanted) {
        assert!(told.starts_with(&format!("line {line}: {words}")), "{told}\n  is not {line}: {words}");
    }
}

#[test]
fn a_name_and_a_hash_are_there_once() {
    let both = told(&format!("{}{}", one(""), one("")));
    assert_eq!(
        both,
        [
            "line 6: key `ci`: the key in line 1 has the same name",
            "line 6: key `ci`: the key in line 1 has the same hash",
        ]
    );
    let hash = told(&format!("{}{}", one(""), one("").replace("\"ci\"", "\"other\"")));
    assert_eq!(hash, ["line 6: key `other`: the key in line 1 has the same hash"]);
}

#[test]
fn a_name_is_no_key() {
    let name = "0123456789abcdef0123456789abcdef";
    let other = one("").replace("\"ci\"", &format!("\"{name}\""));
    let own = format!(
        "[[keys]]\nname = \"own\"\nhash = \"{}\"\ncreated = 2026-01-31T12:00:00Z\n",
        Digest::of(name.as_bytes()).to_text()
    );
    let told = told(&format!("{other}{own}"));
    assert_eq!(told, ["line 1: its `name` is a key; a name is told to others: give it another one"]);
}

#[test]
fn what_stands_in_a_wrong_place_is_not_repeated() {
    let key = "sk-codex-0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    for text in [
        format!("{key}\n"),
        format!("\"{key}\" = 1\n"),
        format!("[[keys]]\n{key} = 1\n"),
        format!("[[keys]]\nname = \"{key}\"\n"),
        format!(
            "[[keys]]\nhash = \"{key}\"\nexpires = \"{key}\"\nmodels = \"{key}\"\nprofiles = [\"{key}\"]\n"
        ),
        format!("[[keys]]\nlimits = {{ window = \"{key}\", \"{key}\" = 1 }}\noperator = \"{key}\"\n"),
        format!("keys = \"{key}\"\n"),
        format!("keys = [\"{key}\"]\n"),
        format!("[[keys]]\nname = {key}\n"),
        format!("[[keys]]\n\"{key}\" = 1\n\"{key}\" = 2\n"),
        format!("[[keys]]\n[{key}]\n[{key}]\n"),
    ] {
        for told in told(&text) {
            assert!(!told.contains("0123456789"), "{told}");
        }
    }
}

#[test]
fn a_file_has_bounds() {
    let many = |n: usize| -> String {
        let entry = |n: usize| {
            let hash = Digest::of(n.to_string().as_bytes()).to_text();
            format!("[[keys]]\nname = \"k{n}\"\nhash = \"{hash}\"\ncreated = \"2026-01-31T12:00:00Z\"\n")
        };
        (0..n).map(entry).collect()
    };
    assert_eq!(parse(&many(MAX_KEYS)).map(|keys| keys.len()), Ok(MAX_KEYS));
    assert_eq!(told(&many(MAX_KEYS + 1)), ["it has more than 4096 keys"]);
    let padded = |n: usize| format!("#{}", "x".repeat(n - 1));
    assert_eq!(parse(&padded(MAX_BYTES)), Ok(Vec::new()));
    assert_eq!(told(&padded(MAX_BYTES + 1)), ["it has more than 1048576 bytes"]);
    let wrong = told(&"[[keys]]\n".repeat(100));
    assert_eq!((wrong.len(), &*wrong[MAX_PROBLEMS]), (MAX_PROBLEMS + 1, "and 250 more problems"));
    for deep in ["[".repeat(100_000), format!("keys = {}", "{a=".repeat(100_000)), "a.".repeat(100_000)] {
        assert_eq!(told(&deep).len(), 1);
    }
}

#[test]
fn a_file_is_read_within_bounds() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let words = |path: &std::path::Path| join(&file::read(path).expect_err("a problem").problems());
    assert_eq!(file::read(&path).unwrap_err(), file::Unread::Missing);
    assert_eq!(file::read(&path.join("below")).unwrap_err(), file::Unread::Missing);
    fs::write(&path, one("")).unwrap();
    assert_eq!(file::read(&path.join("below")).unwrap_err(), file::Unread::Missing);
    let loaded = file::read(&path).unwrap();
    assert_eq!((loaded.entries.len(), &*loaded.text), (1, &*one("")));
    assert_eq!(file::Stamp::of(&fs::metadata(&path).unwrap()), loaded.stamp);
    let now = SystemTime::now();
    assert!(loaded.stamp.age(now + Duration::from_secs(60)) >= Duration::from_secs(60));
    assert_eq!(loaded.stamp.age(now - Duration::from_secs(3600)), Duration::ZERO);
    fs::write(&path, "[[keys]]").unwrap();
    let other = file::Stamp::of(&fs::metadata(&path).unwrap());
    assert!(other != loaded.stamp && other.is_file_of(&loaded.stamp));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o602)).unwrap();
    assert_eq!(words(&path), "everybody may write to it; `chmod o-w` it");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, b"\xff").unwrap();
    assert_eq!(words(&path), "it is not UTF-8");
    fs::write(&path, vec![b'#'; MAX_BYTES + 1]).unwrap();
    assert_eq!(words(&path), "it has more than 1048576 bytes");
    assert_eq!(words(folder.path()), "it is no regular file");
}

proptest! {
    /// Whatever the text, there is an answer; it has the hash nowhere.
    #[test]
    fn no_text_is_too_hostile(
        lines in prop::collection::vec(prop_oneof![
            Just("[[keys]]".to_owned()), Just("[keys]".to_owned()), Just("name = \"ci\"".to_owned()),
            Just(format!("hash = \"{HASH}\"")), Just(format!("\"{HASH}\" = 1")), Just(HASH.to_owned()),
            Just(format!("name = \"{HASH}\"")), Just("created = 2026-01-31T12:00:00Z".to_owned()),
            Just("expires = 07:00:00".to_owned()), Just("limits.requests = 0x10".to_owned()),
            Just("limits = { window = \"1h\" ".to_owned()), Just("models = [[[\"a\"]]]".to_owned()),
            Just("operator = nan".to_owned()), any::<String>(), "[a-z\\[\\]{}=.\"']{0,20}",
        ], 0..12),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\u{feff}\n")],
    ) {
        let text = lines.join(end);
        match parse(&text) {
            Ok(entries) => prop_assert!(entries.len() <= 12),
            Err(problems) => {
                prop_assert!(!problems.is_empty() && problems.len() <= MAX_PROBLEMS + 1);
                for problem in problems {
                    let told = problem.to_string();
                    prop_assert!(!told.contains("ba7816bf8f01"), "{}", told);
                    prop_assert!(problem.line.is_none_or(|line| line <= text.lines().count() + 1));
                }
            }
        }
    }
}
