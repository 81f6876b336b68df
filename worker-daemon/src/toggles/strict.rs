//! The strict way to read toggles: from objects alone, with every member that there must be, and none that isn't known.
//!
//! What is read wrongly could open what an operator had closed, so nothing is guessed: a list is no object, a member that
//! is missing is not the same as `null`, and a name that nobody knows may be one that was mistyped. Pure.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use shared::control::toggles::{self, Change, Toggle};
use std::{fmt, marker::PhantomData};

/// What is read from an object: serde takes a list for a struct, too.
#[derive(Debug)]
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        d.deserialize_map(Members(PhantomData)).map(Self)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Maintenance {
    enabled: bool,
    retry_after_s: Option<u64>,
    message: Option<String>,
    until_ms: Option<u64>,
}

impl From<Maintenance> for toggles::Maintenance {
    fn from(read: Maintenance) -> Self {
        let Maintenance { enabled, retry_after_s, message, until_ms } = read;
        Self { enabled, retry_after_s, message, until_ms }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppServer {
    enabled: bool,
}

impl From<AppServer> for toggles::AppServer {
    fn from(AppServer { enabled }: AppServer) -> Self {
        Self { enabled }
    }
}

/// One toggle of the file. `deserialize_with` makes a member that may be `null` one that must be there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound = "T: Deserialize<'de>")]
struct Kept<T> {
    #[serde(deserialize_with = "Option::deserialize")]
    set: Option<Object<T>>,
    #[serde(deserialize_with = "Option::deserialize")]
    changed_ms: Option<u64>,
}

impl<T> Kept<T> {
    fn toggle<U: From<T>>(self) -> Toggle<U> {
        Toggle { set: self.set.map(|Object(set)| set.into()), changed_ms: self.changed_ms }
    }
}

/// The file. Members beside the toggles may be a later version's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    maintenance: Object<Kept<Maintenance>>,
    app_server: Object<Kept<AppServer>>,
    revision: u64,
}

/// What `daemon/toggles/set` takes: a member that is not there stays as it is, `null` removes the toggle.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    #[serde(default, deserialize_with = "there")]
    maintenance: Option<Option<Object<Maintenance>>>,
    #[serde(default, deserialize_with = "there")]
    app_server: Option<Option<Object<AppServer>>>,
    asked_ms: Option<u64>,
}

/// A member that is there, `null` or not.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(d).map(Some)
}

/// Reads the file's text.
///
/// # Errors
/// Where it can't be read.
pub(super) fn file(bytes: &[u8]) -> serde_json::Result<super::Written> {
    let Object(File { maintenance: Object(maintenance), app_server: Object(app_server), revision }) =
        serde_json::from_slice(bytes)?;
    Ok(super::Written { maintenance: maintenance.toggle(), app_server: app_server.toggle(), revision })
}

/// Reads the parameters of `daemon/toggles/set`. Whether what they hold can be kept is not checked.
///
/// # Errors
/// What is wrong with them; it may name a member as the client wrote it.
pub(crate) fn change(text: &str) -> serde_json::Result<Change> {
    let Object(Params { maintenance, app_server, asked_ms }) = serde_json::from_str(text)?;
    Ok(Change {
        maintenance: maintenance.map(|set| set.map(|Object(set)| set.into())),
        app_server: app_server.map(|set| set.map(|Object(set)| set.into())),
        asked_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read() {
        for text in [
            r#"{"maintenance":{"enabled":true,"retryAfterS":5,"message":"m","untilMs":7},"askedMs":3}"#,
            r#"{"maintenance":null,"appServer":{"enabled":false}}"#,
            r#"{"appServer":null}"#,
            "{}",
        ] {
            let lenient: Change = serde_json::from_str(text).unwrap();
            assert_eq!(change(text).unwrap(), lenient, "{text}");
            assert_eq!(change(&serde_json::to_string(&lenient).unwrap()).unwrap(), lenient, "{text}");
        }
    }

    #[test]
    fn a_change_of_another_form_is_refused() {
        for wrong in [
            json!([]),
            json!([null, null, null]),
            json!({ "maintenance": [true] }),
            json!({ "maintenance": [true, null, null, null] }),
            json!({ "maintenance": {} }),
            json!({ "maintenance": { "enabled": true, "until": 7 } }),
            json!({ "maintenance": { "enabled": true, "Message": "m" } }),
            json!({ "appServer": [false] }),
            json!({ "appServer": { "enabled": false, "until": 7 } }),
            json!({ "app_server": { "enabled": false } }),
        ] {
            assert!(change(&wrong.to_string()).is_err(), "{wrong}");
        }
        assert!(change(r#"{"appServer":{"enabled":false},"appServer":{"enabled":true}}"#).is_err(), "twice");
    }
}
