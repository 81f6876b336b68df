//! Sets of JSON Schema's types.

use serde_json::{Number, Value};

/// A set of types. `number` has the integers too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Types(u8);

/// In the order in which they are written; `null` comes last, as OpenAI's own examples have it.
const NAMES: [(&str, u8); 7] = [
    ("string", 1),
    ("number", 2),
    ("integer", 4),
    ("boolean", 8),
    ("object", 16),
    ("array", 32),
    ("null", 64),
];

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const STRING: Self = Self(1);
    pub(super) const NUMBER: Self = Self(2 | 4);
    pub(super) const INTEGER: Self = Self(4);
    pub(super) const BOOLEAN: Self = Self(8);
    pub(super) const OBJECT: Self = Self(16);
    pub(super) const ARRAY: Self = Self(32);
    pub(super) const NULL: Self = Self(64);
    pub(super) const ALL: Self = Self(127);
    /// What has no parts.
    pub(super) const SCALARS: Self = Self(127 & !16 & !32);

    /// Reads the value of `type`: a name, or an array of at least one.
    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(name) => Self::named(name),
            Value::Array(names) if !names.is_empty() => {
                names.iter().try_fold(Self::NONE, |all, name| Some(all.or(Self::named(name.as_str()?)?)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn named(name: &str) -> Option<Self> {
        if name == "number" {
            return Some(Self::NUMBER);
        }
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, bit)| Self(*bit))
    }

    /// The type of a value; a whole number written with a point is an integer too.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if whole(number) => Self::INTEGER,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether any of `other` is in it.
    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this value's type is in it.
    pub(super) fn takes(self, value: &Value) -> bool {
        match value {
            // Any number, where `number` is meant: its own bit is what tells it from `integer`.
            Value::Number(number) if !whole(number) => self.0 & 2 != 0,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => self.meets(Self::of(value)),
        }
    }

    /// As the value of `type`; `None` for the empty set.
    pub(super) fn written(self) -> Option<Value> {
        let names: Vec<&str> = NAMES
            .iter()
            .filter(|(name, bit)| self.0 & bit != 0 && !(*name == "integer" && self.0 & 2 != 0))
            .map(|(name, _)| *name)
            .collect();
        match names.as_slice() {
            [] => None,
            [name] => Some(Value::from(*name)),
            names => Some(Value::from(names)),
        }
    }
}

fn whole(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|n| n.fract() == 0.0)
}

/// Whether two values are the same one to JSON Schema, for which 1 and 1.0 are.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.is_f64() != b.is_f64() && a.as_f64() == b.as_f64())
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_type_is_a_name_or_some() {
        assert_eq!(Types::read(&json!("integer")), Some(Types::INTEGER));
        assert_eq!(Types::read(&json!(["null", "string"])), Some(Types::STRING.or(Types::NULL)));
        for bad in [json!([]), json!("any"), json!(["string", 1]), json!(null), json!({})] {
            assert_eq!(Types::read(&bad), None, "{bad}");
        }
        assert_eq!(Types::STRING.or(Types::NULL).written(), Some(json!(["string", "null"])));
        assert_eq!(Types::NUMBER.written(), Some(json!("number")));
        assert_eq!(Types::INTEGER.written(), Some(json!("integer")));
        assert_eq!(Types::NONE.written(), None);
    }

    #[test]
    fn an_integer_is_a_number_and_a_fraction_is_no_integer() {
        assert!(Types::NUMBER.takes(&json!(1)) && Types::INTEGER.takes(&json!(1.0)));
        assert!(Types::NUMBER.takes(&json!(0.5)) && !Types::INTEGER.takes(&json!(0.5)));
        assert_eq!(Types::NUMBER.and(Types::INTEGER), Types::INTEGER);
        assert!(same(&json!([1, {"a": 2.0}]), &json!([1.0, {"a": 2}])));
        assert!(!same(&json!(u64::MAX), &json!(u64::MAX - 1)));
    }
}
