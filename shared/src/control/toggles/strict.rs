//! Toggles read strictly: from the daemon's file, and from a client that sets them.
//!
//! What is missing, misspelt or of another shape may be what had closed the service, or was meant to, so it is an error. A
//! status is read more kindly: a later daemon may tell more. Owns the shapes alone; what a toggle may hold is told by
//! [`Setting::check`](super::Setting::check).

use super::{AppServer, Maintenance, Toggle};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// What can be read strictly.
pub trait Strict: Sized {
    /// Reads it from an object's members: those that must be there are, and no others.
    ///
    /// # Errors
    /// The first member that is wrong, or the one that is missing.
    fn read<'de, D: Deserializer<'de>>(members: D) -> Result<Self, D::Error>;
}

/// An object, and no list of its members' values, which serde takes for one.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Strict> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Strict> de::Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::read(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// The members of [`Maintenance`].
#[derive(Deserialize)]
#[serde(remote = "Maintenance", rename_all = "camelCase", deny_unknown_fields)]
struct MaintenanceMembers {
    enabled: bool,
    #[serde(default)]
    retry_after_s: Option<u64>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    until_ms: Option<u64>,
}

impl Strict for Maintenance {
    fn read<'de, D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        MaintenanceMembers::deserialize(members)
    }
}

/// The members of [`AppServer`].
#[derive(Deserialize)]
#[serde(remote = "AppServer", rename_all = "camelCase", deny_unknown_fields)]
struct AppServerMembers {
    enabled: bool,
}

impl Strict for AppServer {
    fn read<'de, D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        AppServerMembers::deserialize(members)
    }
}

/// The members of [`Toggle`]. Both must be there: serde takes an `Option` that is missing for `None`, unless it is told how
/// to read it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound(deserialize = "T: Strict"))]
struct ToggleMembers<T> {
    #[serde(deserialize_with = "Option::deserialize")]
    set: Option<Object<T>>,
    #[serde(deserialize_with = "Option::deserialize")]
    changed_ms: Option<u64>,
}

impl<T: Strict> Strict for Toggle<T> {
    fn read<'de, D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        let ToggleMembers { set, changed_ms } = ToggleMembers::<T>::deserialize(members)?;
        Ok(Self { set: set.map(|Object(set)| set), changed_ms })
    }
}

/// Reads a member that is an object.
///
/// # Errors
/// What is wrong with it.
pub fn object<'de, D: Deserializer<'de>, T: Strict>(d: D) -> Result<T, D::Error> {
    Object::deserialize(d).map(|Object(read)| read)
}

/// Reads a member that is there: an object, or `null`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn there<'de, D: Deserializer<'de>, T: Strict>(d: D) -> Result<Option<Option<T>>, D::Error> {
    let there = Option::<Object<T>>::deserialize(d)?;
    Ok(Some(there.map(|Object(read)| read)))
}
