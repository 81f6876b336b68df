//! The members of a JSON object, each as it was written; an object with more than [`MAX_MEMBERS`] is not read to its
//! end.

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess},
};
use serde_json::value::RawValue;
use shared::rpc::text::Text;
use std::{collections::HashSet, fmt};

/// Members that one object may have. The table knows far fewer, and each that is kept takes memory.
pub(super) const MAX_MEMBERS: usize = 256;
/// What is wrong with an object that has more of them.
pub(super) const TOO_MANY: &str = "it has more than 256 members";

/// The members of an object, in their order: at most [`MAX_MEMBERS`].
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    list: Vec<(Text<'a>, &'a RawValue)>,
}

impl<'a> Members<'a> {
    /// The members of `value`.
    ///
    /// # Errors
    /// What is wrong with it: it is no object, or one with too many members.
    pub(super) fn of(value: &'a RawValue) -> Result<Self, &'static str> {
        serde_json::from_str(value.get())
            .map_err(|error| if is_too_many(&error) { TOO_MANY } else { "it must be an object" })
    }

    /// Every member, with its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.list.iter().map(|(name, value)| (&**name, *value))
    }

    /// The value of a member that is there and not `null`.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.iter().find(|(n, value)| *n == name && !is_null(value)).map(|(_, value)| value)
    }

    /// A name that is given twice: two readers may take a different one of the two.
    pub(super) fn twice(&self) -> Option<&str> {
        let mut seen = HashSet::with_capacity(self.list.len());
        self.iter().map(|(name, _)| name).find(|name| !seen.insert(*name))
    }
}

/// Whether this is the error for an object with too many members. No other begins so: those of `serde_json` are its own
/// words, whatever the JSON is.
pub(super) fn is_too_many(error: &impl fmt::Display) -> bool {
    error.to_string().starts_with(TOO_MANY)
}

/// Whether a value stands for none.
pub(super) fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// The string that a value is; a long one is not copied.
pub(super) fn string(value: &RawValue) -> Option<Text<'_>> {
    serde_json::from_str(value.get()).ok()
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(member) = map.next_entry()? {
                    if list.len() == MAX_MEMBERS {
                        return Err(de::Error::custom(TOO_MANY));
                    }
                    list.push(member);
                }
                Ok(Members { list })
            }
        }
        d.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_up_to_its_bound() {
        let names = |n: usize| (0..n).map(|i| format!(r#""{i}":0"#)).collect::<Vec<_>>().join(",");
        assert!(TOO_MANY.contains(&MAX_MEMBERS.to_string()));
        let full = format!("{{{}}}", names(MAX_MEMBERS));
        let read: Members<'_> = serde_json::from_str(&full).unwrap();
        assert_eq!(read.iter().count(), MAX_MEMBERS);
        // What is behind the bound is no JSON: whoever reaches it says so.
        let over = format!("{{{},!", names(MAX_MEMBERS + 1));
        assert!(is_too_many(&serde_json::from_str::<Members<'_>>(&over).unwrap_err()));
        let under = format!("{{{},!", names(MAX_MEMBERS));
        assert!(!is_too_many(&serde_json::from_str::<Members<'_>>(&under).unwrap_err()));
        let told = format!("{:?}", TOO_MANY);
        assert!(!is_too_many(&serde_json::from_str::<Members<'_>>(&told).unwrap_err()));
    }
}
