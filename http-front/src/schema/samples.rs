//! What becomes of each keyword of JSON Schema: a sample of each, and its fate, found by converting it.
//!
//! It owns the samples of draft 2020-12's keywords, of older drafts' and of OpenAPI's. The table in
//! `docs/compatibility.md` and the tests at the real codex are made from it; no request ever meets it.

mod list;

use super::{Level, Refusal, output, tool};
use serde_json::Value;

/// A schema that shows a keyword.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The keyword.
    pub keyword: &'static str,
    /// What is special about this sample, where a keyword has several.
    pub case: &'static str,
    /// The whole schema, an object's.
    pub schema: Value,
    /// The place of the schema that has the keyword, a JSON pointer.
    pub at: &'static str,
}

/// What becomes of a keyword.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It is in the converted schema, at the same place and with the same value.
    Carried,
    /// The model is told of it by a text: a tool's or a schema's description.
    Told {
        /// The schema at its place, where the keyword makes a difference there.
        schema: Option<Value>,
    },
    /// The schema at its place says it with other keywords, or says less than allowed.
    Converted {
        /// That schema.
        schema: Value,
    },
    /// Left out: it says nothing of a value.
    Silent,
    /// The request is refused.
    Refused(Refusal),
}

/// All samples, in the order of the table.
#[must_use]
pub fn all() -> Vec<Sample> {
    list::all()
}

impl Sample {
    /// The value of the keyword.
    #[must_use]
    pub fn value(&self) -> &Value {
        const NONE: &Value = &Value::Null;
        self.schema.pointer(self.at).and_then(|schema| schema.get(self.keyword)).unwrap_or(NONE)
    }

    /// The keyword with its value, as it is told.
    #[must_use]
    pub fn told(&self) -> String {
        if self.keyword.is_empty() {
            return self.schema.pointer(self.at).map(Value::to_string).unwrap_or_default();
        }
        format!("{}:{}", Value::from(self.keyword), self.value())
    }

    /// What becomes of it in the parameters of a function.
    #[must_use]
    pub fn in_tool(&self) -> Fate {
        self.fate(|schema| {
            let carried = tool::carried(schema, false)?;
            Ok((carried.schema, carried.told.unwrap_or_default()))
        })
    }

    /// What becomes of it in the schema of a `response_format`.
    #[must_use]
    pub fn in_output(&self, level: Level) -> Fate {
        self.fate(|schema| {
            let converted = output::convert(schema, level)?.schema;
            let description = converted.pointer(self.at).and_then(|schema| schema.get("description"));
            let told = description.and_then(Value::as_str).unwrap_or_default().to_owned();
            Ok((converted, told))
        })
    }

    fn fate(&self, convert: impl Fn(&Value) -> Result<(Value, String), Refusal>) -> Fate {
        let (converted, told) = match convert(&self.schema) {
            Ok(done) => done,
            Err(refusal) => return Fate::Refused(refusal),
        };
        let here = converted.pointer(self.at).cloned().unwrap_or_default();
        let there = here.get(self.keyword);
        if there == Some(self.value()) {
            return Fate::Carried;
        }
        let told = told.contains(&self.told());
        let schema = (there.is_some() || self.makes_a_difference(&here, convert)).then_some(here);
        match schema {
            schema if told => Fate::Told { schema },
            Some(schema) => Fate::Converted { schema },
            None => Fate::Silent,
        }
    }

    /// Whether the converted schema at its place is another one than without the keyword. Descriptions aside.
    fn makes_a_difference(
        &self,
        here: &Value,
        convert: impl Fn(&Value) -> Result<(Value, String), Refusal>,
    ) -> bool {
        let mut without = self.schema.clone();
        let Some(schema) = without.pointer_mut(self.at).and_then(Value::as_object_mut) else {
            // The whole schema is what is shown.
            return here != &Value::Object(super::Object::new())
                || self.schema.pointer(self.at) == Some(&Value::Bool(true));
        };
        schema.shift_remove(self.keyword);
        let Ok((without, _)) = convert(&without) else { return true };
        let bare = |schema: Option<&Value>| {
            let mut schema = schema.cloned().unwrap_or_default();
            if let Some(schema) = schema.as_object_mut().filter(|_| self.keyword != "title") {
                schema.shift_remove("description");
            }
            schema
        };
        bare(Some(here)) != bare(without.pointer(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_sample_has_its_keyword_once() {
        let mut seen = HashSet::new();
        for sample in all() {
            let schema = sample.schema.pointer(sample.at).expect("its place");
            assert!(sample.keyword.is_empty() || schema.get(sample.keyword).is_some(), "{sample:?}");
            assert!(seen.insert((sample.keyword, sample.case)), "{sample:?}");
        }
    }

    /// Nothing but what is for a schema's authors alone is left out of what the model is told.
    #[test]
    fn nothing_is_lost_but_what_says_nothing() {
        let silent: Vec<&str> = all()
            .iter()
            .filter(|sample| sample.in_tool() == Fate::Silent)
            .map(|sample| sample.keyword)
            .collect();
        assert_eq!(
            silent,
            ["$schema", "$vocabulary", "$id", "$anchor", "$dynamicAnchor", "$comment", "title"]
        );
        for sample in all() {
            for level in [Level::Guaranteed, Level::BestEffort] {
                let known = silent.contains(&sample.keyword) || sample.keyword.starts_with("unevaluated");
                assert!(known || sample.in_output(level) != Fate::Silent, "{sample:?}");
            }
        }
    }
}
