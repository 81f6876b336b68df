//! A list in params, read item by item: up to the first that is refused, and to a bound.

use super::{Refusal, members};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess},
};
use serde_json::value::RawValue;
use std::{fmt, marker::PhantomData};

/// Items that one list may have.
pub(super) const MAX_ITEMS: usize = 4096;
const TOO_MANY: &str = "it has more than 4096 items";

/// Has `look` judge each item of the list `value`, which is the member `name`, with its place. Keeps none of them.
///
/// # Errors
/// The first refusal of `look`; `wants`, where the value is no list or an item no `T`; too many items, or too many
/// members in one. Nothing behind that is read.
pub(super) fn each<'a, T: Deserialize<'a>>(
    name: &str,
    value: &'a RawValue,
    wants: &str,
    look: impl FnMut(usize, T) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut refused = None;
    let items = Items { name, look, refused: &mut refused, item: PhantomData };
    match serde_json::Deserializer::from_str(value.get()).deserialize_seq(items) {
        Ok(()) => Ok(()),
        Err(_) => Err(refused.unwrap_or_else(|| Refusal::new(name, wants))),
    }
}

struct Items<'n, T, F> {
    name: &'n str,
    look: F,
    /// Why the reading was stopped: an error of a deserializer can carry nothing but text.
    refused: &'n mut Option<Refusal>,
    item: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(usize, T) -> Result<(), Refusal>> de::Visitor<'de>
    for Items<'_, T, F>
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        for at in 0.. {
            let item = seq.next_element().inspect_err(|error| {
                if members::is_too_many(error) {
                    *self.refused = Some(Refusal::new(format!("{}[{at}]", self.name), members::TOO_MANY));
                }
            });
            let Some(item) = item? else { break };
            let looked = match at {
                MAX_ITEMS.. => Err(Refusal::new(self.name, TOO_MANY)),
                0..MAX_ITEMS => (self.look)(at, item),
            };
            if let Err(refusal) = looked {
                *self.refused = Some(refusal);
                return Err(de::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many items were looked at, and what was refused, where the item 7 is.
    fn read(list: &str) -> (usize, Option<Refusal>) {
        let mut looked = 0;
        let mut d = serde_json::Deserializer::from_str(list);
        let mut refused = None;
        let look = |at: usize, item: u64| {
            looked += 1;
            if item == 7 { Err(Refusal::new(format!("l[{at}]"), "seven")) } else { Ok(()) }
        };
        let items = Items { name: "l", look, refused: &mut refused, item: PhantomData };
        let read = d.deserialize_seq(items);
        assert!(read.is_err() || refused.is_none());
        (looked, refused)
    }

    #[test]
    fn a_list_is_read_up_to_what_is_refused() {
        assert_eq!(read("[1,2]"), (2, None));
        // What comes behind is no JSON: whoever reaches it refuses nothing by itself.
        assert_eq!(read("[1,7,!"), (2, Some(Refusal::new("l[1]", "seven"))));
        assert_eq!(read("[1,!,7]"), (1, None));
    }

    #[test]
    fn a_list_is_read_up_to_its_bound() {
        assert!(TOO_MANY.contains(&MAX_ITEMS.to_string()));
        let items = |n: usize| vec!["1"; n].join(",");
        assert_eq!(read(&format!("[{}]", items(MAX_ITEMS))), (MAX_ITEMS, None));
        let over = read(&format!("[{},!", items(MAX_ITEMS + 1)));
        assert_eq!(over, (MAX_ITEMS, Some(Refusal::new("l", TOO_MANY))));
    }
}
