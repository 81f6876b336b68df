//! Answers by chance: what a model may write under a strict schema.

use serde_json::{Map, Value, json};

/// Makes instances of one schema.
pub(crate) struct Maker<'a> {
    root: &'a Value,
    state: u64,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(root: &'a Value, seed: u64) -> Self {
        Self { root, state: seed | 1 }
    }

    /// An instance; `None` where this way through the schema has none, or no end.
    pub(crate) fn make(&mut self) -> Option<Value> {
        self.value(self.root, 12)
    }

    fn below(&mut self, bound: usize) -> usize {
        // xorshift: any will do, as long as the seed repeats it.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % bound as u64).expect("a remainder")
    }

    fn value(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        if depth == 0 {
            return None;
        }
        if let Some(reference) = schema["$ref"].as_str() {
            return self.value(self.root.pointer(&reference[1..])?, depth - 1);
        }
        if let Some(list) = schema["anyOf"].as_array() {
            let start = self.below(list.len());
            return (0..list.len()).find_map(|at| self.value(&list[(start + at) % list.len()], depth - 1));
        }
        if let Some(values) = schema["enum"].as_array() {
            return Some(values[self.below(values.len())].clone());
        }
        let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
        let start = self.below(types.len());
        (0..types.len()).find_map(|at| self.typed(types[(start + at) % types.len()].as_str()?, schema, depth))
    }

    fn typed(&mut self, name: &str, schema: &Value, depth: usize) -> Option<Value> {
        match name {
            "null" => Some(Value::Null),
            "boolean" => Some(json!(self.below(2) == 0)),
            "string" => {
                let text = ["", "a", "b", "zz", "é\n", "2020-01-01"];
                let text = if schema.get("pattern").is_some() { &text[1..4] } else { &text[..] };
                Some(json!(text[self.below(text.len())]))
            }
            "integer" | "number" => {
                let start = self.below(200);
                let halves = (0..200)
                    .map(|n| (n + start) % 200)
                    .map(|n| f64::from(u32::try_from(n).expect("small")) / 2.0 - 50.0);
                let fits = |n: &f64| {
                    let bound = |key: &str, holds: fn(&f64, &f64) -> bool| {
                        schema[key].as_f64().is_none_or(|bound| holds(n, &bound))
                    };
                    (name == "number" || n.fract() == 0.0)
                        && bound("minimum", f64::ge)
                        && bound("maximum", f64::le)
                        && bound("exclusiveMinimum", f64::gt)
                        && bound("exclusiveMaximum", f64::lt)
                        && schema["multipleOf"].as_f64().is_none_or(|step| (n / step).fract() == 0.0)
                };
                let found = halves.into_iter().find(fits)?;
                #[expect(clippy::cast_possible_truncation, reason = "a whole number below 100")]
                Some(if found.fract() == 0.0 { json!(found as i64) } else { json!(found) })
            }
            "array" => {
                let least = usize::try_from(schema["minItems"].as_u64().unwrap_or(0)).ok()?;
                let most = usize::try_from(schema["maxItems"].as_u64().unwrap_or(3)).ok()?.max(least);
                let count = least + self.below(most - least + 1);
                let mut all = Vec::new();
                for _ in 0..count {
                    match self.value(&schema["items"], depth - 1) {
                        Some(value) => all.push(value),
                        None if all.len() >= least => break,
                        None => return None,
                    }
                }
                Some(Value::Array(all))
            }
            "object" => {
                let mut members = Map::new();
                for (name, schema) in schema["properties"].as_object()? {
                    members.insert(name.clone(), self.value(schema, depth - 1)?);
                }
                Some(Value::Object(members))
            }
            _ => None,
        }
    }
}
