//! A client's schema to a [`Node`] in OpenAI's strict subset.
//!
//! It promises that what is made takes no value (once it was restored) that the client's schema refuses, but for
//! what the [`Rule`] lets it tell or drop. It never widens in silence. OpenAI's limits are kept here, so that a
//! refusal names the client's place and not the upstream's.

mod combined;
mod distinct;
mod members;
mod plain;

use super::{
    Object, Refusal,
    definitions::{Definition, Definitions},
    keyword::{self, Role},
    merge::{Conflict, Passed, flat, size},
    node::{Kind, Node, Plain},
    place::Place,
    refs::Refs,
    types::Types,
};
use serde_json::{Value, json};

/// OpenAI's limits: levels of objects and arrays, properties in all, listed values in all.
const LEVELS: usize = 10;
pub(super) const PROPERTIES: usize = 5000;
pub(super) const VALUES: usize = 1000;
/// The most alternatives of one `anyOf`, and the most schemas in all. OpenAI's own limits are not known; what is
/// larger than this can't be within the others and be of any use.
const ALTERNATIVES: usize = 500;
const NODES: usize = 20_000;
/// The most schemas inside one another, levels and alternatives and what is merged: each takes stack.
const DEPTH: usize = 100;
/// How many bytes of schemas may be copied where some are merged: a small schema can ask for many large copies.
const COPIED: usize = 16 * 1024 * 1024;

/// What becomes of a keyword that strict mode has nothing for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The schema is refused.
    Refused,
    /// The description tells it.
    Told,
    /// It is known already: told elsewhere, descriptions too.
    Dropped,
}

/// Definitions by name, and which of them is the first schema itself.
pub(super) type Converted = (Vec<(String, Node)>, Option<usize>);

/// The conversion of one schema, or of several into one.
pub(super) struct Converter<'a> {
    rule: Rule,
    sources: Vec<(Refs<'a>, String)>,
    definitions: Definitions<'a>,
    /// The source in hand, the place in it, and its level.
    source: usize,
    place: Place,
    level: usize,
    /// The deepest level so far of a root, and where.
    deepest: (usize, Refusal),
    /// What is being merged in just now: none of it can be merged into itself.
    merging: Passed,
    /// How deep the walk is, with what is merged on the way.
    depth: usize,
    nodes: usize,
    properties: usize,
    values: usize,
    copied: usize,
}

impl<'a> Converter<'a> {
    pub(super) fn new(rule: Rule) -> Self {
        Self {
            rule,
            sources: Vec::new(),
            definitions: Definitions::default(),
            source: 0,
            place: Place::default(),
            level: 1,
            deepest: (0, Place::default().refuse(String::new())),
            merging: Vec::new(),
            depth: 0,
            nodes: 0,
            properties: 0,
            values: 0,
            copied: 0,
        }
    }

    /// Converts the next schema, the names of whose definitions begin with `prefix`.
    pub(super) fn root(&mut self, schema: &'a Value, prefix: String) -> Result<Node, Refusal> {
        self.source = self.sources.len();
        self.sources.push((Refs::new(schema), prefix));
        self.start();
        self.deepest.0 = 0;
        self.node(schema)
    }

    /// Refuses the schema that was converted last where it is too deep with `above` more levels around it.
    pub(super) fn room(&self, above: usize) -> Result<(), Refusal> {
        if self.deepest.0 + above > LEVELS { Err(self.deepest.1.clone()) } else { Ok(()) }
    }

    /// The definitions that the schemas so far refer to, and which of them is the first schema itself.
    ///
    /// # Errors
    /// The number of the schema, and why it is refused.
    pub(super) fn definitions(&mut self) -> Result<Converted, (usize, Refusal)> {
        let mut list = Vec::new();
        let mut whole = None;
        while let Some(Definition { name, source, target }) = self.definitions.get(list.len()).cloned() {
            if target.pointer.is_empty() && source == 0 {
                whole = Some(list.len());
            }
            self.source = source;
            self.start();
            self.place.push("$defs");
            self.place.push(name.as_str());
            let definition = Definition { name, source, target };
            let node = self
                .node(definition.target.schema)
                .map_err(|refusal| (source, definition.original(&refusal, "$defs")))?;
            list.push((definition.name, node));
        }
        if let Some(number) = endless(&list)
            && let Some(definition) = self.definitions.get(number)
        {
            let refusal =
                Place::default().refuse("It refers to itself, with no object and no array between.");
            return Err((definition.source, definition.original(&refusal, "$defs")));
        }
        Ok((list, whole))
    }

    fn start(&mut self) {
        self.place = Place::default();
        self.level = 1;
        self.merging.clear();
        self.depth = 0;
    }

    fn refs(&self) -> &Refs<'a> {
        &self.sources[self.source].0
    }

    /// One schema.
    fn node(&mut self, schema: &Value) -> Result<Node, Refusal> {
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(self.place.refuse(format!("The schema has more than {NODES} schemas in it.")));
        }
        if self.level > self.deepest.0 {
            let message =
                format!("Strict schemas may have {LEVELS} levels of objects and arrays; this is deeper.");
            self.deepest = (self.level, self.place.refuse(message));
        }
        if self.level > LEVELS {
            return Err(self.deepest.1.clone());
        }
        match schema {
            Value::Bool(true) => self.anything(),
            Value::Bool(false) => Err(self.place.refuse("No value is valid here.")),
            Value::Object(schema) => self.schema(schema),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(self.place.refuse("A JSON Schema must be an object or a boolean."))
            }
        }
    }

    fn schema(&mut self, schema: &Object) -> Result<Node, Refusal> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self
                .place
                .refuse("There are too many references and alternatives inside one another."));
        }
        let node = self.form(schema)?;
        self.depth -= 1;
        Ok(node)
    }

    fn form(&mut self, schema: &Object) -> Result<Node, Refusal> {
        if let Some(reference) = schema.get("$ref") {
            return self.reference(schema, reference);
        }
        if let Some(parts) = schema.get("allOf") {
            return self.all_of(schema, parts);
        }
        match ["oneOf", "anyOf"].into_iter().find(|key| schema.contains_key(*key)) {
            Some(key) => self.one_of(schema, key),
            None => self.plain(schema, Object::new()),
        }
    }

    /// A place where anything may stand. Strict mode has no schema for that.
    fn anything(&self) -> Result<Node, Refusal> {
        match self.rule {
            Rule::Refused => Err(self
                .place
                .refuse("Strict schemas need a type here: they can't say that any value is valid.")),
            Rule::Told | Rule::Dropped => Ok(Plain::from(Types::SCALARS).into()),
        }
    }

    /// A keyword that strict mode has nothing for.
    fn lose(&self, key: &str, value: &Value, told: &mut Object) -> Result<(), Refusal> {
        match self.rule {
            Rule::Refused => {
                let message = format!("`{key}` with this value can't be guaranteed.");
                Err(self.place.refuse_key(key, message))
            }
            Rule::Told => {
                told.insert(key.to_owned(), value.clone());
                Ok(())
            }
            Rule::Dropped => Ok(()),
        }
    }

    /// Gives a node the title and the description of its schema; what is told and the hints end the description.
    fn noted(&mut self, mut node: Node, schema: &Object, mut told: Object) -> Result<Node, Refusal> {
        if self.rule == Rule::Dropped {
            return Ok(node);
        }
        for (key, value) in schema.iter().filter(|(key, _)| keyword::role(key) == Role::Hint) {
            told.insert(key.clone(), value.clone());
        }
        for value in told.values_mut() {
            if super::refs::has_any(value) {
                let message =
                    "What is told in a description can't refer to itself, to nothing, or to very much.";
                let before = COPIED.saturating_sub(self.copied);
                let mut left = before;
                *value = self.spelled(value, &mut left, 0).ok_or_else(|| self.place.refuse(message))?;
                self.copied += before - left;
            }
        }
        let text = |key: &str| schema.get(key).and_then(Value::as_str).map(str::to_owned);
        if let Some(title) = text("title") {
            node.title = Some(title);
        }
        let more = (!told.is_empty()).then(|| format!("Its JSON Schema also has: {}", Value::Object(told)));
        let parts: Vec<String> =
            [text("description"), node.description.take(), more].into_iter().flatten().collect();
        node.description = (!parts.is_empty()).then(|| parts.join("\n\n"));
        Ok(node)
    }

    /// A value with what its references lead to in their place.
    fn spelled(&self, value: &Value, left: &mut usize, depth: usize) -> Option<Value> {
        const DEEPEST: usize = 64;
        *left = left.checked_sub(size(value))?;
        if depth > DEEPEST {
            return None;
        }
        match value {
            Value::Array(values) => values.iter().map(|value| self.spelled(value, left, depth + 1)).collect(),
            Value::Object(members) => {
                if members.contains_key("$dynamicRef") || members.contains_key("$recursiveRef") {
                    return None;
                }
                let mut out = Object::new();
                for (key, value) in members.iter().filter(|(key, _)| *key != "$ref") {
                    out.insert(key.clone(), self.spelled(value, left, depth + 1)?);
                }
                let Some(reference) = members.get("$ref") else { return Some(Value::Object(out)) };
                let target = self.refs().resolve(reference.as_str()?)?;
                let target = self.spelled(target.schema, left, depth + 1)?;
                Some(if out.is_empty() { target } else { json!({"allOf": [target, out]}) })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
        }
    }

    /// Counts what is copied for a merge.
    fn copy(&mut self, schema: &Object) -> Result<(), Refusal> {
        self.charge(schema.iter().map(|(key, value)| key.len() + size(value)).sum())
    }

    /// Counts bytes that are copied.
    fn charge(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.copied += bytes;
        if self.copied > COPIED {
            return Err(self.place.refuse("There is too much in this schema that would have to be merged."));
        }
        Ok(())
    }

    /// A schema with what it refers to merged in. What is copied for that is counted, down to nothing left.
    fn flat(&mut self, schema: &Object, passed: &mut Passed) -> Result<Object, Conflict> {
        let mut left = COPIED.saturating_sub(self.copied);
        let done = flat(schema, self.refs(), passed, &mut left);
        self.copied = self.copied.max(COPIED - left);
        done.map(|(flat, _)| flat)
    }

    /// One of these, as few as one `anyOf` may have. `key` is where they are from.
    fn any(&self, key: &str, nodes: Vec<Node>) -> Result<Node, Refusal> {
        let count: usize =
            nodes.iter().map(|node| if let Kind::Any(parts) = &node.kind { parts.len() } else { 1 }).sum();
        if count > ALTERNATIVES {
            return Err(self
                .place
                .refuse_key(key, format!("`{key}` may have {ALTERNATIVES} schemas, with those inside it.")));
        }
        Ok(Node::any(nodes))
    }

    /// Does something one or more steps down, and comes back.
    fn below<T>(
        &mut self,
        steps: &[&str],
        levels: usize,
        work: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let depth = self.place.depth();
        for step in steps {
            self.place.push(*step);
        }
        self.level += levels;
        let done = work(self)?;
        self.level -= levels;
        self.place.back(depth);
        Ok(done)
    }
}

/// A definition that leads to itself without any member or element between: no value has an end there.
fn endless(definitions: &[(String, Node)]) -> Option<usize> {
    fn leads(node: &Node, to: &mut Vec<usize>) {
        match &node.kind {
            Kind::Any(nodes) => nodes.iter().for_each(|node| leads(node, to)),
            Kind::Ref(number) => to.push(*number),
            Kind::Plain(_) => {}
        }
    }
    let mut waiting: Vec<usize> = Vec::new();
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); definitions.len()];
    let mut done: Vec<usize> = Vec::new();
    for (number, (_, node)) in definitions.iter().enumerate() {
        let mut to = Vec::new();
        leads(node, &mut to);
        waiting.push(to.len());
        if to.is_empty() {
            done.push(number);
        }
        for target in to {
            above.get_mut(target)?.push(number);
        }
    }
    // Whatever leads only to what has an end has one.
    while let Some(number) = done.pop() {
        for other in std::mem::take(&mut above[number]) {
            waiting[other] -= 1;
            if waiting[other] == 0 {
                done.push(other);
            }
        }
    }
    waiting.iter().position(|count| *count > 0)
}

/// The reference to a definition.
fn reference(number: usize) -> Node {
    Kind::Ref(number).into()
}
