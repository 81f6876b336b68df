//! Whose message is this? The few members of `params` and `result` that name a thread or a turn.

use super::{
    strict::{Skip, Skipped},
    text::Text,
};
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess},
};
use std::{fmt, marker::PhantomData};

/// The names in a message's `params` or `result`. Everything else is skipped, and a member of another type than
/// expected counts as absent: the child's schema grows, and what we don't understand is not ours to refuse.
#[derive(Debug, Default)]
pub struct Scope<'a> {
    /// `threadId`, or `thread.id`.
    pub thread: Option<Text<'a>>,
    /// `turnId`, or `turn.id`.
    pub turn: Option<Text<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Scope<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ScopeVisitor::<IgnoredAny>(PhantomData))
    }
}

/// A [`Scope`] whose other members were read as strictly as the child reads them.
#[derive(Debug)]
pub struct StrictScope<'a>(pub Scope<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for StrictScope<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ScopeVisitor::<Skipped>(PhantomData)).map(Self)
    }
}

struct ScopeVisitor<S>(PhantomData<S>);

impl<'de, S: Skip<'de>> de::Visitor<'de> for ScopeVisitor<S> {
    type Value = Scope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // A name given twice is refused: whoever reads the other one of the two would see another thread.
        fn once<E: de::Error, T>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), E> {
            if slot.replace(value).is_some() { Err(E::duplicate_field(name)) } else { Ok(()) }
        }
        let (mut thread_id, mut turn_id, mut thread, mut turn) = (None, None, None, None);
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match &*key {
                "threadId" => once(&mut thread_id, map.next_value::<Lenient<'de, S>>()?.0, "threadId")?,
                "turnId" => once(&mut turn_id, map.next_value::<Lenient<'de, S>>()?.0, "turnId")?,
                "thread" => once(&mut thread, map.next_value::<Named<'de, S>>()?.0, "thread")?,
                "turn" => once(&mut turn, map.next_value::<Named<'de, S>>()?.0, "turn")?,
                other => {
                    S::name(other)?;
                    map.next_value::<S>()?;
                }
            }
        }
        Ok(Scope {
            thread: thread_id.flatten().or(thread.flatten()),
            turn: turn_id.flatten().or(turn.flatten()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<S>()?.is_some() {}
        Ok(Scope::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scope::default())
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Scope::default())
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Scope::default())
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Scope::default())
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Scope::default())
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scope::default())
    }
}

/// A string, or nothing where something else stands.
struct Lenient<'a, S>(Option<Text<'a>>, PhantomData<S>);

/// The string `id` of an object, or nothing.
struct Named<'a, S>(Option<Text<'a>>, PhantomData<S>);

/// Visits a value of any type and keeps a string, or the `id` of an object.
struct Pick<S> {
    id_of_object: bool,
    rest: PhantomData<S>,
}

impl<'de, S: Skip<'de>> Deserialize<'de> for Lenient<'de, S> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let picked = d.deserialize_any(Pick::<S> { id_of_object: false, rest: PhantomData })?;
        Ok(Self(picked, PhantomData))
    }
}

impl<'de, S: Skip<'de>> Deserialize<'de> for Named<'de, S> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let picked = d.deserialize_any(Pick::<S> { id_of_object: true, rest: PhantomData })?;
        Ok(Self(picked, PhantomData))
    }
}

impl<'de, S: Skip<'de>> de::Visitor<'de> for Pick<S> {
    type Value = Option<Text<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok((!self.id_of_object).then(|| Text(v.into())))
    }
    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok((!self.id_of_object).then(|| Text(v.to_owned().into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut id = None;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if self.id_of_object && &*key == "id" && id.is_none() {
                id = map.next_value::<Lenient<'de, S>>()?.0;
            } else {
                S::name(&key)?;
                map.next_value::<S>()?;
            }
        }
        Ok(id)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<S>()?.is_some() {}
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(json: &str) -> (Option<String>, Option<String>) {
        let scope: Scope<'_> = serde_json::from_str(json).unwrap();
        (scope.thread.map(|t| t.to_string()), scope.turn.map(|t| t.to_string()))
    }

    #[test]
    fn finds_ids_wherever_the_protocol_puts_them() {
        let some = |a: &str, b: &str| (Some(a.to_owned()), Some(b.to_owned()));
        assert_eq!(scope(r#"{"threadId":"a","turnId":"b"}"#), some("a", "b"));
        assert_eq!(
            scope(r#"{"thread":{"x":[],"id":"a"},"turn":{"id":"b","items":[{"id":"c"}]}}"#),
            some("a", "b")
        );
        assert_eq!(scope(r#"{"threadId":"a","turn":{"id":"b"},"item":{"threadId":"z"}}"#), some("a", "b"));
    }

    #[test]
    fn anything_else_has_no_scope() {
        for json in [
            "null",
            "1",
            "-1",
            "1.5",
            "true",
            r#""x""#,
            "[1,[2]]",
            "{}",
            r#"{"threadId":1,"thread":"x"}"#,
            r#"{"threadId":{"id":"x"},"turn":{"id":7}}"#,
        ] {
            assert_eq!(scope(json), (None, None), "{json}");
        }
    }

    #[test]
    fn a_name_given_twice_is_refused() {
        assert!(serde_json::from_str::<Scope<'_>>(r#"{"threadId":"a","threadId":"b"}"#).is_err());
    }
}
