//! An answer under a converted schema, as the client's schema has it.
//!
//! It promises that every number and every string stays as the model wrote it, byte by byte, and that what it
//! returns fits the schema: types, members and listed values. It never returns half of an answer.

use super::{
    node::{Kind, Member, Node, Plain, Tree},
    types::{Types, same},
};
use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::{
    collections::{HashMap, HashSet},
    fmt,
};

/// How deep an answer may be nested.
const DEPTH: usize = 128;
/// How much may be looked at for one answer: each value that is looked at is one, and one more for each [`STEP`]
/// bytes of it and for each [`LISTED`] values that it is compared with. Alternatives inside alternatives, each of
/// which reads the value again, could take for ever.
pub(super) const STEPS: usize = 1_000_000;
const STEP: usize = 64;
const LISTED: usize = 16;

/// Restores the text of a value of this tree's node: its members that stand for absent ones are dropped. `None`
/// where it is no JSON or doesn't fit. It takes its steps from `left`, of [`STEPS`] for an answer; where there are
/// too few the value doesn't fit.
pub(super) fn restore(tree: &Tree, node: &Node, answer: &RawValue, left: &mut usize) -> Option<String> {
    let mut writer = Writer { tree, out: String::with_capacity(answer.get().len()), left };
    writer.node(node, answer, DEPTH)?;
    Some(writer.out)
}

/// The members of an object in order; `None` for another value.
pub fn members(value: &RawValue) -> Option<Vec<(String, &RawValue)>> {
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
    serde_json::from_str(value.get()).ok()
}

struct Writer<'a> {
    tree: &'a Tree,
    out: String,
    left: &'a mut usize,
}

impl Writer<'_> {
    /// Takes steps; `None` where there are too few, and none are left then.
    fn charge(&mut self, steps: usize) -> Option<()> {
        let left = self.left.checked_sub(steps);
        *self.left = left.unwrap_or(0);
        left.map(|_| ())
    }

    /// Writes one value, or nothing.
    fn node(&mut self, node: &Node, value: &RawValue, depth: usize) -> Option<()> {
        self.charge(1 + value.get().len() / STEP)?;
        if depth == 0 {
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
                self.charge(plain.values.as_ref().map_or(0, Vec::len) / LISTED)?;
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
        let mut seen = HashSet::new();
        let mut by_name: Option<HashMap<&str, &Member>> = None;
        self.out.push('{');
        let mut first = true;
        for (at, (name, value)) in found.into_iter().enumerate() {
            // Most come in the schema's order.
            let here = plain.members.get(at).filter(|member| member.name == name);
            let member = here.or_else(|| {
                let named = || plain.members.iter().map(|member| (member.name.as_str(), member)).collect();
                by_name.get_or_insert_with(named).get(name.as_str()).copied()
            })?;
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
