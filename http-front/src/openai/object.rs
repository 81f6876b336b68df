//! Objects, and nothing else: serde would read a struct from an array, too, and an array is no request.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// A value that stands in the JSON as an object.
#[derive(Debug)]
pub struct Object<T>(pub T);

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Reads a member that is an array of objects.
///
/// # Errors
/// Those of the deserializer.
pub fn array<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(d)?;
    Ok(objects.into_iter().map(|Object(inner)| inner).collect())
}

/// Reads a member that is an object or `null`.
///
/// # Errors
/// Those of the deserializer.
pub fn optional<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    let object = Option::<Object<T>>::deserialize(d)?;
    Ok(object.map(|Object(inner)| inner))
}

/// Reads a member that is an array of objects or `null`.
///
/// # Errors
/// Those of the deserializer.
pub fn optional_array<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let objects = Option::<Vec<Object<T>>>::deserialize(d)?;
    Ok(objects.map(|objects| objects.into_iter().map(|Object(inner)| inner).collect()))
}
