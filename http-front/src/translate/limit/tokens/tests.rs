//! The places that are taken to be firm are.

use super::*;
use proptest::prelude::*;

/// The places of a text that are firm.
fn places(text: &str) -> Vec<usize> {
    let pairs = text.char_indices().zip(text.char_indices().skip(1));
    pairs.filter(|((_, last), (_, next))| firm(*last, *next)).map(|(_, (at, _))| at).collect()
}

/// Every firm place of the text is a place where the tokenizer splits it, and what stands before it is split alike
/// without the rest.
fn holds(text: &str) -> Result<(), String> {
    let pre = load().pre.as_ref().unwrap();
    let ends = |text: &str| -> Vec<usize> {
        let lengths = pre.split(text).map(str::len);
        lengths
            .scan(0, |end, length| {
                *end += length;
                Some(*end)
            })
            .collect()
    };
    let all = ends(text);
    for place in places(text) {
        let (before, behind) = text.split_at(place);
        let mut parts = ends(before);
        parts.extend(ends(behind).into_iter().map(|end| place + end));
        if parts != all {
            return Err(format!("{text:?} at {place}: {all:?}, not {parts:?}"));
        }
    }
    Ok(())
}

/// One of each kind that the pattern, or `firm`, tells apart.
const KINDS: &[char] = &[
    'a', 'S', 'ǅ', 'ʰ', 'ー', '中', 'ᄀ', 'ſ', '\u{301}', '7', '٣', 'Ⅷ', 'Ⓐ', '\'', '’', '/', '!', '，',
    '\u{200d}', '👍', ' ', '\u{3000}', '\t', '\u{85}', '\r', '\n',
];

#[test]
fn firm_places_are_firm_among_all_short_texts() {
    for (kinds, length) in [(KINDS, 3), (&['a', 's', '\'', '7', '!', '/', ' ', '\n'], 5)] {
        for n in 0..kinds.len().pow(length) {
            let text: String =
                (0..length).map(|place| kinds[n / kinds.len().pow(place) % kinds.len()]).collect();
            holds(&text).unwrap();
        }
    }
}

#[test]
fn every_pair_of_characters_that_is_taken_to_be_firm_is() {
    // Around each: what could make one piece of both.
    for range in ['\0'..='\u{3ff}', '\u{2000}'..='\u{206f}', '\u{3000}'..='\u{30ff}', '\u{ff00}'..='\u{ffef}']
    {
        for c in range {
            for other in ['a', '中', '7', '!', '，', ' ', '\n', '/'] {
                for text in [format!("a{c}{other}s"), format!("{other}{c}s"), format!(" '{other}{c} \n")] {
                    holds(&text).unwrap();
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn firm_places_are_firm_in_long_texts(text in "(don't|I'LL|日本語、|x=1;| |  |\r\n|\n\n|\t|/|[0-9]{1,5}|\\PC|[a-zA-Z]{1,9}){0,40}") {
        prop_assert_eq!(holds(&text), Ok(()));
    }
}
