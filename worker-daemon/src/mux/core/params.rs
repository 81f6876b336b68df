//! The params of a client's request, as far as the core reads them.
//!
//! An object has its [`Scope`] read, and all of it as strictly as the child reads it. Anything else is told apart, so
//! that it can be refused: the child would read
//! an array as the members of its struct in their order, and past us it could name a thread that we don't see.

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, value::MapAccessDeserializer},
};
use shared::rpc::{
    scope::{Scope, StrictScope},
    strict::Skipped,
};
use std::fmt;

/// Params of a request.
#[derive(Debug)]
pub enum Params<'a> {
    /// An object, with the names in it.
    Object(Scope<'a>),
    /// JSON of another kind.
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Params<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Params<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        StrictScope::deserialize(MapAccessDeserializer::new(map)).map(|scope| Params::Object(scope.0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<Skipped>()?.is_some() {}
        Ok(Params::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Params::Other)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Params::Other)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Params::Other)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Params::Other)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Params::Other)
    }
}
