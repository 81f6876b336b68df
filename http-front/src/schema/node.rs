//! A schema that was converted: what strict mode can say, and what of it must be undone in the answers.
//!
//! It owns the writing of it in OpenAI's strict subset. A tree is whole once it was made: its references lead
//! into its own definitions.

use super::{Object, types::Types};
use serde_json::{Value, json};
use std::collections::{HashSet, VecDeque};

/// A converted schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// One of these.
    Any(Vec<Node>),
    /// A definition, by its number.
    Ref(usize),
    /// Values of these types.
    Plain(Plain),
}

/// What is said of values without alternatives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Plain {
    /// Never empty. Where `object` or `array` is in it, it is alone.
    pub(super) types: Types,
    /// The values that are possible, where they are listed: scalars alone, and each of one of the types.
    pub(super) values: Option<Vec<Value>>,
    /// Keywords that are carried as they are.
    pub(super) limits: Object,
    /// The members of an object.
    pub(super) members: Vec<Member>,
    /// The elements of an array.
    pub(super) items: Option<Box<Node>>,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) node: Node,
    /// The client's schema doesn't require it. Strict mode requires every member.
    pub(super) optional: bool,
    /// `null` stands for its absence.
    pub(super) absent: bool,
}

/// A schema with its definitions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    pub(super) root: Node,
    pub(super) definitions: Vec<(String, Node)>,
    /// The definition that is the root itself: references to it are written `#`.
    pub(super) whole: Option<usize>,
}

impl From<Kind> for Node {
    fn from(kind: Kind) -> Self {
        Self { title: None, description: None, kind }
    }
}

impl From<Plain> for Node {
    fn from(plain: Plain) -> Self {
        Kind::Plain(plain).into()
    }
}

impl From<Types> for Plain {
    fn from(types: Types) -> Self {
        Self { types, values: None, limits: Object::new(), members: Vec::new(), items: None }
    }
}

impl Node {
    /// An object with just this member.
    pub(super) fn of_member(name: &str, node: Self) -> Self {
        let member = Member { name: name.to_owned(), node, optional: false, absent: false };
        Plain { members: vec![member], ..Types::OBJECT.into() }.into()
    }

    /// One of these: no nesting of alternatives, and none twice.
    pub(super) fn any(nodes: Vec<Self>) -> Self {
        let mut list: Vec<Self> = Vec::new();
        for node in nodes {
            match node {
                Self { title: None, description: None, kind: Kind::Any(parts) } => list.extend(parts),
                other => list.push(other),
            }
        }
        let mut seen = HashSet::new();
        let mut new: VecDeque<bool> = list.iter().map(|node| seen.insert(node)).collect();
        list.retain(|_| new.pop_front().unwrap_or(true));
        match list.len() {
            1 => list.remove(0),
            _ => Kind::Any(list).into(),
        }
    }

    /// Whether it is an object and nothing else, as the root of strict mode must be.
    pub(super) fn is_object(&self) -> bool {
        matches!(&self.kind, Kind::Plain(plain) if plain.types == Types::OBJECT)
    }
}

impl Tree {
    /// Makes the optional members nullable that aren't yet.
    pub(super) fn finish(&mut self) {
        let null = self.null();
        finish(&mut self.root, &null);
        for (_, node) in &mut self.definitions {
            finish(node, &null);
        }
    }

    /// Does the same to nodes that aren't in the tree yet.
    pub(super) fn settle<'n>(&self, nodes: impl Iterator<Item = &'n mut Node>) {
        let null = self.null();
        nodes.for_each(|node| finish(node, &null));
    }

    /// Which definitions take `null`. Most lead to later ones, so that one pass from the end does. After a few
    /// passes what isn't seen is taken for no: a second `null` does no harm.
    fn null(&self) -> Vec<bool> {
        const PASSES: usize = 8;
        let mut null = vec![false; self.definitions.len()];
        for _ in 0..PASSES {
            for (number, (_, node)) in self.definitions.iter().enumerate().rev() {
                let takes = takes_null(node, &null);
                if let Some(known) = null.get_mut(number) {
                    *known = takes;
                }
            }
        }
        null
    }

    /// Whether answers are valid for the client as they are.
    pub(super) fn is_exact(&self) -> bool {
        is_exact(&self.root) && self.definitions.iter().all(|(_, node)| is_exact(node))
    }

    /// In OpenAI's strict subset.
    pub(super) fn written(&self) -> Value {
        let mut schema = self.write(&self.root);
        let definitions: Object = self
            .definitions
            .iter()
            .enumerate()
            .filter(|(number, _)| self.whole != Some(*number))
            .map(|(_, (name, node))| (name.clone(), Value::Object(self.write(node))))
            .collect();
        if !definitions.is_empty() {
            schema.insert("$defs".to_owned(), Value::Object(definitions));
        }
        Value::Object(schema)
    }

    fn write(&self, node: &Node) -> Object {
        let mut out = Object::new();
        for (key, text) in [("title", &node.title), ("description", &node.description)] {
            if let Some(text) = text {
                out.insert(key.to_owned(), text.as_str().into());
            }
        }
        match &node.kind {
            Kind::Any(nodes) => {
                let nodes = nodes.iter().map(|node| Value::Object(self.write(node))).collect();
                out.insert("anyOf".to_owned(), nodes);
            }
            Kind::Ref(number) => {
                let target = match self.definitions.get(*number) {
                    Some((name, _)) if self.whole != Some(*number) => format!("#/$defs/{name}"),
                    Some(_) | None => "#".to_owned(),
                };
                // A reference takes nothing beside it.
                if out.is_empty() {
                    out.insert("$ref".to_owned(), target.into());
                } else {
                    out.insert("anyOf".to_owned(), json!([{"$ref": target}]));
                }
            }
            Kind::Plain(plain) => self.write_plain(plain, &mut out),
        }
        out
    }

    fn write_plain(&self, plain: &Plain, out: &mut Object) {
        if let Some(types) = plain.types.written() {
            out.insert("type".to_owned(), types);
        }
        if let Some(values) = &plain.values {
            out.insert("enum".to_owned(), values.as_slice().into());
        }
        out.extend(plain.limits.iter().map(|(key, value)| (key.clone(), value.clone())));
        if plain.types.meets(Types::OBJECT) {
            let names: Vec<&str> = plain.members.iter().map(|member| member.name.as_str()).collect();
            let properties =
                plain.members.iter().map(|m| (m.name.clone(), Value::Object(self.write(&m.node))));
            out.insert("properties".to_owned(), Value::Object(properties.collect()));
            out.insert("required".to_owned(), names.into());
            out.insert("additionalProperties".to_owned(), json!(false));
        }
        if let Some(items) = &plain.items {
            out.insert("items".to_owned(), Value::Object(self.write(items)));
        }
    }
}

/// Whether a node takes `null`, as far as the definitions are known to.
fn takes_null(node: &Node, defined: &[bool]) -> bool {
    match &node.kind {
        Kind::Any(nodes) => nodes.iter().any(|node| takes_null(node, defined)),
        Kind::Ref(number) => defined.get(*number).copied().unwrap_or(false),
        Kind::Plain(plain) => {
            plain.types.meets(Types::NULL)
                && plain.values.as_ref().is_none_or(|values| values.contains(&Value::Null))
        }
    }
}

fn finish(node: &mut Node, null: &[bool]) {
    match &mut node.kind {
        Kind::Any(nodes) => nodes.iter_mut().for_each(|node| finish(node, null)),
        Kind::Ref(_) => {}
        Kind::Plain(plain) => {
            for member in &mut plain.members {
                finish(&mut member.node, null);
                let takes = takes_null(&member.node, null);
                if member.optional && !takes {
                    member.absent = true;
                    nullable(&mut member.node);
                }
            }
            plain.items.iter_mut().for_each(|items| finish(items, null));
        }
    }
}

/// Lets a node take `null` too. Objects and arrays become one of two alternatives: the form that generators of
/// strict schemas write.
pub(super) fn nullable(node: &mut Node) {
    match &mut node.kind {
        Kind::Plain(plain) if !plain.types.meets(Types::OBJECT.or(Types::ARRAY)) => {
            plain.types = plain.types.or(Types::NULL);
            if let Some(values) = &mut plain.values {
                values.push(Value::Null);
            }
        }
        Kind::Any(nodes) => nodes.push(Plain::from(Types::NULL).into()),
        Kind::Ref(_) | Kind::Plain(_) => {
            let inner = std::mem::replace(&mut node.kind, Kind::Any(Vec::new()));
            node.kind = Kind::Any(vec![inner.into(), Plain::from(Types::NULL).into()]);
        }
    }
}

fn is_exact(node: &Node) -> bool {
    match &node.kind {
        Kind::Any(nodes) => nodes.iter().all(is_exact),
        Kind::Ref(_) => true,
        Kind::Plain(plain) => {
            plain.members.iter().all(|member| !member.absent && is_exact(&member.node))
                && plain.items.as_deref().is_none_or(is_exact)
        }
    }
}
