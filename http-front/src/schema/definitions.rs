//! Which definitions a converted schema has, and what they are called.
//!
//! It promises one name for each place that a reference leads to, the same ones for the same schema, made of
//! letters, digits, `_`, `-` and `.`: pointers to them need no escaping, which not everybody undoes.

use super::{
    Refusal,
    refs::{Target, last},
};
use std::collections::{HashMap, HashSet};

/// The longest name of a definition, in characters.
const NAME: usize = 64;

/// What was referred to so far, in the order of the first reference.
#[derive(Debug, Default)]
pub(super) struct Definitions<'a> {
    list: Vec<Definition<'a>>,
    places: HashMap<(usize, String), usize>,
    names: HashSet<String>,
    /// The last number that was added to a wanted name.
    counts: HashMap<String, usize>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Definition<'a> {
    /// The name below `$defs`.
    pub(super) name: String,
    /// Which of several schemas it is part of.
    pub(super) source: usize,
    /// What the references lead to.
    pub(super) target: Target<'a>,
}

impl Definition<'_> {
    /// A refusal in the converted definition `above.NAME`, by the place where the client has it.
    pub(super) fn original(&self, refusal: &Refusal, above: &str) -> Refusal {
        let converted = format!(".{above}.{}", self.name);
        let below = refusal.path.strip_prefix(&converted).unwrap_or(&refusal.path);
        let mut path = String::new();
        for step in self.target.pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            if step.bytes().all(|b| b.is_ascii_digit()) && !step.is_empty() {
                path.push_str(&format!("[{step}]"));
            } else {
                path.push('.');
                path.extend(step.chars().take(NAME));
            }
        }
        path.push_str(below);
        Refusal { path, message: refusal.message.clone() }
    }
}

impl<'a> Definitions<'a> {
    /// The number of the definition that stands for this target. `prefix` begins the names of the source's.
    pub(super) fn of(&mut self, source: usize, prefix: &str, target: Target<'a>) -> usize {
        let key = (source, target.pointer.clone());
        if let Some(number) = self.places.get(&key) {
            return *number;
        }
        let number = self.list.len();
        let name =
            self.free(&plain(&format!("{prefix}{}", last(&target.pointer).unwrap_or("root".to_owned()))));
        self.places.insert(key, number);
        self.list.push(Definition { name, source, target });
        number
    }

    pub(super) fn get(&self, number: usize) -> Option<&Definition<'a>> {
        self.list.get(number)
    }

    pub(super) fn name(&self, number: usize) -> &str {
        self.list.get(number).map_or("", |definition| &definition.name)
    }

    fn free(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        while !self.names.insert(name.clone()) {
            let count = self.counts.entry(wanted.to_owned()).or_insert(1);
            *count += 1;
            name = format!("{wanted}_{count}");
        }
        name
    }
}

fn plain(name: &str) -> String {
    let name: String = name
        .chars()
        .take(NAME)
        .map(|c| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' })
        .collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn each_place_has_one_name() {
        let mut definitions = Definitions::default();
        let mut name = |pointer: &str| {
            let target = Target { pointer: pointer.to_owned(), schema: &Value::Null };
            let number = definitions.of(0, "", target);
            definitions.name(number).to_owned()
        };
        for (pointer, wanted) in [
            ("/$defs/A", "A"),
            ("/definitions/A", "A_2"),
            ("/$defs/A", "A"),
            ("/$defs/a~1b c", "a_b_c"),
            ("", "root"),
            ("/$defs/", "_"),
        ] {
            assert_eq!(name(pointer), wanted);
        }
    }
}
