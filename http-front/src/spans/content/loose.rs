//! JSON that is read as far as it is wanted, whatever it is: what has another type than expected is nothing, and of a list
//! no more is kept than its bound.

use serde::{
    Deserialize, Deserializer,
    de::{
        Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// A text, a list read as `L`, an object read as `M`, or nothing of that.
#[derive(Debug, Default)]
pub(super) enum Loose<'a, L, M> {
    #[default]
    None,
    Text(Cow<'a, str>),
    List(L),
    Map(M),
}

/// Only a text is wanted.
pub(super) type Text<'a> = Loose<'a, IgnoredAny, IgnoredAny>;

impl<L, M> Loose<'_, L, M> {
    /// The text, where it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::None | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The object, where it is one.
    pub(super) fn map(&self) -> Option<&M> {
        match self {
            Self::Map(map) => Some(map),
            Self::None | Self::Text(_) | Self::List(_) => None,
        }
    }
}

impl<T, M, const N: usize> Loose<'_, First<T, N>, M> {
    /// What is kept of the list, where it is one.
    pub(super) fn list(&self) -> &[T] {
        match self {
            Self::List(list) => &list.0,
            Self::None | Self::Text(_) | Self::Map(_) => &[],
        }
    }
}

impl<'de: 'a, 'a, L: Deserialize<'de>, M: Deserialize<'de>> Deserialize<'de> for Loose<'a, L, M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading::<Self>(PhantomData))
    }
}

/// What it is about to be.
struct Reading<T>(PhantomData<T>);

impl<'de: 'a, 'a, L: Deserialize<'de>, M: Deserialize<'de>> Visitor<'de> for Reading<Loose<'a, L, M>> {
    type Value = Loose<'a, L, M>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        L::deserialize(SeqAccessDeserializer::new(list)).map(Loose::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        M::deserialize(MapAccessDeserializer::new(map)).map(Loose::Map)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Loose::None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Loose::None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Loose::None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Loose::None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Loose::None)
    }
}

/// The first `N` of a list; the others are read over.
#[derive(Debug)]
pub(super) struct First<T, const N: usize>(Vec<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for First<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Reading::<Self>(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Reading<First<T, N>> {
    type Value = First<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut first = Vec::new();
        while first.len() < N {
            let Some(next) = list.next_element()? else { return Ok(First(first)) };
            first.push(next);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(first))
    }
}
