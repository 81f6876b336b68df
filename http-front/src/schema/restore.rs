//! An answer under a converted schema, as the client's schema has it.
//!
//! It promises that every number and every string stays as the model wrote it, byte by byte, and that what it
//! returns fits the schema: types, members and listed values. It never returns half of an answer.

use super::{
    node::{Kind, Node, Plain, Tree},
    types::{Types, same},
};
use serde::{
    Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::fmt;

/// How deep an answer may be nested, and how many values may be looked at: alternatives inside alternatives could
/// take for ever.
const DEPTH: usize = 128;
const STEPS: usize = 2_000_000;

/// Restores the text of a value of this tree's node: its members that stand for absent ones are dropped. `None`
/// where it is no JSON or doesn't fit.
pub(super) fn restore(tree: &Tree, node: &Node, answer: &RawValue) -> Option<String> {
    let mut writer = Writer { tree, out: String::with_capacity(answer.get().len()), steps: 0 };
    writer.node(node, answer, DEPTH)?;
    Some(writer.out)
}

/// The members of an object in order; `None` for another value.
pub(super) fn members(value: &RawValue) -> Option<Vec<(String, &RawValue)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    serde_json::Deserializer::from_str(value.get()).deserialize_map(Members).ok()
}

/// The elements of an array; `None` for another value.
pub(super) fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    struct Elements;
    impl<'de> Visitor<'de> for Elements {
        type Value = Vec<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut elements = Vec::new();
            while let Some(element) = seq.next_element()? {
                elements.push(element);
            }
            Ok(elements)
        }
    }
    serde_json::Deserializer::from_str(value.get()).deserialize_seq(Elements).ok()
}

struct Writer<'a> {
    tree: &'a Tree,
    out: String,
    steps: usize,
}

impl Writer<'_> {
    /// Writes one value, or nothing.
    fn node(&mut self, node: &Node, value: &RawValue, depth: usize) -> Option<()> {
        self.steps += 1;
        if depth == 0 || self.steps > STEPS {
            return None;
        }
        match &node.kind {
            Kind::Any(nodes) => {
                let length = self.out.len();
                nodes.iter().find_map(|node| {
                    let done = self.node(node, value, depth - 1);
                    if done.is_none() {
                        self.out.truncate(length);
                    }
                    done
                })
            }
            Kind::Ref(number) => {
                let tree = self.tree;
                let (_, node) = tree.definitions.get(*number)?;
                self.node(node, value, depth - 1)
            }
            Kind::Plain(plain) => self.plain(plain, value, depth),
        }
    }

    fn plain(&mut self, plain: &Plain, value: &RawValue, depth: usize) -> Option<()> {
        match value.get().as_bytes().first()? {
            b'{' if plain.types.meets(Types::OBJECT) => self.object(plain, value, depth),
            b'[' if plain.types.meets(Types::ARRAY) => {
                self.out.push('[');
                for (at, element) in elements(value)?.into_iter().enumerate() {
                    if at > 0 {
                        self.out.push(',');
                    }
                    self.node(plain.items.as_deref()?, element, depth - 1)?;
                }
                self.out.push(']');
                Some(())
            }
            b'{' | b'[' => None,
            _ => {
                let fits = match serde_json::from_str::<Value>(value.get()) {
                    Ok(value) => {
                        plain.types.takes(&value)
                            && plain
                                .values
                                .as_ref()
                                .is_none_or(|values| values.iter().any(|v| same(v, &value)))
                    }
                    // A number that no machine holds is one all the same.
                    Err(_) => {
                        let number = value.get().starts_with(|c: char| c == '-' || c.is_ascii_digit());
                        number && plain.types.takes(&Value::from(0.5)) && plain.values.is_none()
                    }
                };
                fits.then(|| self.out.push_str(value.get()))
            }
        }
    }

    fn object(&mut self, plain: &Plain, value: &RawValue, depth: usize) -> Option<()> {
        let found = members(value)?;
        if found.len() != plain.members.len() {
            return None;
        }
        let mut seen = std::collections::HashSet::new();
        self.out.push('{');
        let mut first = true;
        for (at, (name, value)) in found.into_iter().enumerate() {
            // Most come in the schema's order.
            let here = plain.members.get(at).filter(|member| member.name == name);
            let member = here.or_else(|| plain.members.iter().find(|member| member.name == name))?;
            if !seen.insert(name) {
                return None;
            }
            if member.absent && value.get() == "null" {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.out.push(',');
            }
            self.out.push_str(&Value::from(member.name.as_str()).to_string());
            self.out.push(':');
            self.node(&member.node, value, depth - 1)?;
        }
        self.out.push('}');
        Some(())
    }
}
