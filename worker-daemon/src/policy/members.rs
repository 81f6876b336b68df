//! The members of a JSON object, each as it was written.

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess},
};
use serde_json::value::RawValue;
use shared::rpc::text::Text;
use std::{collections::HashSet, fmt};

/// The members of an object, in their order.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    list: Vec<(Text<'a>, &'a RawValue)>,
}

impl<'a> Members<'a> {
    /// The members of `value`, when it is an object.
    pub(super) fn of(value: &'a RawValue) -> Option<Self> {
        serde_json::from_str(value.get()).ok()
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
                    list.push(member);
                }
                Ok(Members { list })
            }
        }
        d.deserialize_map(Visitor)
    }
}
