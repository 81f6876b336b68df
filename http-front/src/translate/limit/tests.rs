//! The limits against what they are defined as, for any text, cut in any way.

use super::{tokens, *};
use proptest::{collection::vec, prelude::*};

/// What the definition says: the output, why it ended, and where the text told that at the latest.
struct Expected {
    output: String,
    reached: Option<Reached>,
    told: usize,
}

fn expected(text: &str, limits: &Limits) -> Expected {
    let (within, over, told) = first_tokens(text, limits.max_tokens);
    let stops = || limits.stop.iter().filter(|stop| !stop.is_empty());
    for end in 1..=within.len() {
        let here = stops().filter(|stop| within.as_bytes()[..end].ends_with(stop.as_bytes()));
        if let Some(length) = here.map(String::len).max() {
            let output = within[..end - length].to_owned();
            // With a limit of tokens it may be that the segment must be complete.
            let told = if limits.max_tokens.is_some() { end + SEGMENT + 4 } else { end };
            return Expected { output, reached: Some(Reached::Stop), told };
        }
    }
    Expected { output: within.to_owned(), reached: over.then_some(Reached::Length), told }
}

/// The text of the first tokens, whether there are more, and where that is told at the latest.
fn first_tokens(text: &str, max: Option<u64>) -> (&str, bool, usize) {
    let Some(max) = max else { return (text, false, usize::MAX) };
    let (mut length, mut left, mut start) = (0, max, 0);
    let segments = tokens::segments(text);
    for (at, segment) in segments.iter().enumerate() {
        for token in tokens::load().encode(*segment) {
            if left == 0 {
                // At the first character of a segment, or when the one behind it begins.
                let behind = segments.get(at + 1).map(|behind| (start + segment.len(), *behind));
                let (from, chars) =
                    if length == start { (start, *segment) } else { behind.unwrap_or((usize::MAX / 2, "")) };
                let told = from + chars.chars().next().map_or(0, char::len_utf8);
                return (&text[..text.floor_char_boundary(length)], true, told);
            }
            length += tokens::load().bpe.token_len(token);
            left -= 1;
        }
        start += segment.len();
    }
    (text, false, usize::MAX)
}

/// Pushes the text, cut there, and holds every step to the promise.
fn check(text: &str, cuts: &[usize], limits: &Limits) -> Result<(), TestCaseError> {
    let expected = expected(text, limits);
    let (mut limiter, mut out, mut reached, mut taken) = (Limiter::new(limits), String::new(), None, 0);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(*cut)).collect();
    cuts.sort_unstable();
    cuts.push(text.len());
    for cut in cuts {
        // Whoever goes back to a snapshot goes on as if nothing had been.
        let mut snapshot = limiter.clone();
        reached = limiter.push(&text[taken..cut], &mut out);
        let mut again = String::new();
        prop_assert_eq!(snapshot.push(&text[taken..cut], &mut again), reached);
        prop_assert!(out.ends_with(&again));
        prop_assert!(expected.output.starts_with(&out), "{:?} of {:?}", out, expected.output);
        taken = cut;
        if reached.is_some() {
            prop_assert_eq!(&out, &expected.output, "all of it is out when its end is told");
            prop_assert_eq!(limiter.push(text, &mut again), reached);
            break;
        }
        prop_assert!(cut < expected.told, "not told at {} of {}", cut, expected.told);
        held(&text[..cut], &out, limits)?;
    }
    let end = limiter.finish(&mut out);
    prop_assert!(reached.is_none() || end == reached);
    prop_assert_eq!((out, end), (expected.output, expected.reached));
    Ok(())
}

/// Whether no more is held back than there is a reason for.
fn held(text: &str, out: &str, limits: &Limits) -> Result<(), TestCaseError> {
    let far = limits.max_tokens.is_none_or(|max| max >= text.len() as u64);
    if far {
        let rest = &text[out.len()..];
        let begins = limits.stop.iter().any(|stop| stop.starts_with(rest));
        prop_assert!(begins || rest.is_empty(), "{:?} is held back", rest);
    }
    let bound = SEGMENT + limits.stop.iter().map(String::len).max().unwrap_or(0);
    prop_assert!(text.len() - out.len() <= bound);
    Ok(())
}

fn texts() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "[a-zA-Z]{1,12}",
        2 => Just(" ".to_owned()),
        1 => "[ \t\u{3000}\u{85}]{1,20}",
        1 => "(\r|\n|\r\n){1,4}",
        1 => "[0-9]{1,8}",
        1 => "(don't|we'LL|I'M|x's|l’été|/|!=|\\.\\.\\.|://)",
        1 => "[一-十、。「」ァ-ヺ가-각]{1,9}",
        1 => "(👍🏽|👩‍👩‍👧|e\u{301}|🇩🇪|क्षि)",
        1 => "\\PC{1,4}",
        2 => "[ab]{1,6}",
    ];
    vec(word, 0..60).prop_map(|words| words.concat())
}

fn stops() -> impl Strategy<Value = Vec<String>> {
    let stop = prop_oneof![
        4 => "[ab]{1,4}",
        1 => Just("aab".to_owned()),
        1 => Just("ab".to_owned()),
        1 => "(\n\n|\r\n|\n| a|。|👍|'t|)",
        1 => "\\PC{1,3}",
    ];
    vec(stop, 0..=4)
}

fn limits() -> impl Strategy<Value = Limits> {
    let max = prop_oneof![2 => Just(None), 4 => (0..80u64).prop_map(Some), 1 => any::<u64>().prop_map(Some)];
    (stops(), max).prop_map(|(stop, max_tokens)| Limits { stop, max_tokens })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// The count of a text that is not cut anywhere is the tokenizer's own.
    #[test]
    fn segments_have_the_tokens_of_the_whole(text in texts()) {
        let segments = tokens::segments(&text);
        prop_assert_eq!(segments.concat(), text.as_str());
        let counted: Vec<u32> = segments.iter().flat_map(|segment| tokens::load().encode(*segment)).collect();
        prop_assert_eq!(counted, tokens::load().encode(text.as_str()));
    }

    #[test]
    fn the_output_is_what_the_definition_says(
        text in texts(), cuts in vec(0..800usize, 0..12), limits in limits(),
    ) {
        check(&text, &cuts, &limits)?;
    }

    /// Character by character, where everything is told as early as can be.
    #[test]
    fn and_for_single_characters(text in texts(), limits in limits()) {
        let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        check(&text, &cuts, &limits)?;
    }

    /// A stop text that is in the text is found, wherever it stands.
    #[test]
    fn and_for_stop_texts_of_the_text(text in texts(), at in any::<prop::sample::Index>(), length in 1..20usize, max in limits()) {
        let from = text.floor_char_boundary(at.index(text.len() + 1));
        let stop: String = text[from..].chars().take(length).collect();
        let limits = Limits { stop: vec![stop, "ab".to_owned()], ..max };
        check(&text, &[at.index(text.len() + 1), from + 1], &limits)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Long runs without any place to split, which are cut at a fixed length.
    #[test]
    fn and_for_texts_without_a_place_to_split(
        (part, times) in (prop_oneof![Just("a"), Just(" "), Just("é"), Just("한"), Just("!"), Just("👍"), Just("aB"), Just("\n")], 1000..6000usize),
        head in 0..3usize, max in 0..3000u64, cuts in vec(0..20_000usize, 0..6),
    ) {
        let text = format!("{}{}", "x".repeat(head), part.repeat(times));
        check(&text, &cuts, &Limits { max_tokens: Some(max), ..Limits::default() })?;
        check(&text, &cuts, &Limits { max_tokens: Some(max), stop: vec![format!("{part}{part}."), part.repeat(500)] })?;
    }
}

fn cut(text: &str, stop: &[&str], max_tokens: Option<u64>) -> (String, Option<Reached>) {
    let stop = stop.iter().map(|stop| (*stop).to_owned()).collect();
    let mut limiter = Limiter::new(&Limits { stop, max_tokens });
    let mut out = String::new();
    let told = limiter.push(text, &mut out);
    let end = limiter.finish(&mut out);
    assert!(told.is_none() || told == end);
    (out, end)
}

#[test]
fn texts_end_where_they_must() {
    let own = |text: &str, reached| (text.to_owned(), reached);
    assert_eq!(cut("one two three", &[], None), own("one two three", None));
    assert_eq!(cut("one two three", &[], Some(3)), own("one two three", None));
    assert_eq!(cut("one two three", &[], Some(2)), own("one two", Some(Reached::Length)));
    assert_eq!(cut("one two three", &[" t"], Some(2)), own("one", Some(Reached::Stop)));
    assert_eq!(cut("one two three", &["three"], Some(2)), own("one two", Some(Reached::Length)));
    assert_eq!(cut("one two three", &["two three"], Some(3)), own("one ", Some(Reached::Stop)));
    assert_eq!(cut("", &["x"], Some(1)), own("", None));
    assert_eq!(cut("x", &[], Some(0)), own("", Some(Reached::Length)));
    assert_eq!(cut("", &[], Some(0)), own("", None));
    // One character of several tokens is there or not.
    let family = "👩‍👩‍👧‍👦";
    assert!(tokens::load().encode(family).len() > 3);
    for max in 0..4 {
        let (text, reached) = cut(family, &[], Some(max));
        assert!(family.starts_with(&text) && reached == Some(Reached::Length), "{text}");
    }
}

/// A delta at a time, as a model writes.
#[test]
fn far_from_the_limit_nothing_waits() {
    let limits = Limits { stop: vec!["END".to_owned()], max_tokens: Some(100) };
    let mut limiter = Limiter::new(&limits);
    for word in ["Hello", ",", " wor", "ld", " it's"] {
        let mut out = String::new();
        assert_eq!((limiter.push(word, &mut out), out.as_str()), (None, word));
    }
}

/// Bounds, not speeds: a quadratic step would take hours.
#[test]
fn long_texts_take_a_time_of_their_length() {
    let bytes = 500_000;
    for part in ["word ", "a", " ", "\n", "ab", "aB", "1", "!?", "中", "\u{200d}", "'s"] {
        let text = part.repeat(bytes / part.len());
        let since = std::time::Instant::now();
        for (stop, max_tokens) in
            [(&["aaaaaaab", "ababababc"][..], None), (&[], Some(u64::MAX)), (&["aab"], Some(10))]
        {
            let (out, reached) = cut(&text, stop, max_tokens);
            assert_eq!(reached.is_some(), out.len() < text.len());
        }
        let mut limiter = Limiter::new(&Limits { stop: vec!["b".to_owned()], max_tokens: Some(1_000_000) });
        let mut out = String::new();
        for (at, c) in text.char_indices() {
            if limiter.push(&text[at..at + c.len_utf8()], &mut out).is_some() {
                break;
            }
        }
        assert!(since.elapsed().as_secs() < 60, "{part:?}: {:?}", since.elapsed());
    }
}
