//! What becomes of a client's `response_format`: codex's `outputSchema`, and the way back.
//!
//! codex sends it as it is and always with `strict: true`, so it must be in OpenAI's strict subset. It owns the
//! conversion and undoes it in the answers. It promises that a restored answer is valid under the client's schema,
//! at [`Level::Guaranteed`] whatever that is.

use super::{
    Level, Refusal, bounded,
    convert::{Converter, Rule},
    limits,
    node::{Kind, Node, Tree},
    restore::{STEPS, restore},
};
use serde_json::{Value, value::RawValue};

/// The member of the object around an answer that is no object.
const WRAPPED: &str = "value";

/// A converted schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// codex's `outputSchema`.
    pub schema: Value,
    back: Back,
}

/// What undoes the conversion.
#[derive(Debug, Clone, PartialEq)]
struct Back {
    tree: Tree,
    wrapped: bool,
}

/// Converts the schema of a `response_format`.
///
/// # Errors
/// A [`Refusal`] for what strict mode can't express, or can't guarantee where that is asked for.
pub fn convert(schema: &Value, level: Level) -> Result<Output, Refusal> {
    bounded(schema)?;
    let mut converter = Converter::new(match level {
        Level::Guaranteed => Rule::Refused,
        Level::BestEffort => Rule::Told,
    });
    let mut root = converter.root(schema, String::new())?;
    let (definitions, mut whole) = converter.definitions().map_err(|(_, refusal)| refusal)?;
    // The root must be an object itself: a reference to one won't do.
    for _ in 0..definitions.len() {
        let Some(number) = refers(&root) else { break };
        if let Some((_, target)) = definitions.get(number) {
            let target = target.clone();
            root = Node {
                title: root.title.or(target.title),
                description: root.description.or(target.description),
                kind: target.kind,
            };
        }
    }
    let wrapped = !root.is_object();
    if wrapped {
        converter.room(1)?;
        root = Node::of_member(WRAPPED, root);
        whole = None;
    }
    let mut tree = Tree { root, definitions, whole };
    tree.finish();
    let schema = tree.written();
    limits::check(&schema)?;
    Ok(Output { schema, back: Back { tree, wrapped } })
}

/// The definition that a node is, with nothing but descriptions beside it.
fn refers(node: &Node) -> Option<usize> {
    match &node.kind {
        Kind::Ref(number) => Some(*number),
        Kind::Any(_) | Kind::Plain(_) => None,
    }
}

impl Output {
    /// Whether an answer is the client's as it is, so that it can be passed on while it comes.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.back.wrapped && self.back.tree.is_exact()
    }

    /// What the client may read of an answer that was cut off: without the beginning of the object around it.
    #[must_use]
    pub fn cut<'a>(&self, answer: &'a str) -> &'a str {
        if !self.back.wrapped {
            return answer;
        }
        let rest = answer.trim_start().strip_prefix('{').map(str::trim_start);
        let rest = rest.and_then(|rest| rest.strip_prefix('"')?.strip_prefix(WRAPPED)?.strip_prefix('"'));
        let rest = rest.and_then(|rest| rest.trim_start().strip_prefix(':'));
        rest.unwrap_or_default().trim_start()
    }

    /// The model's answer as the client's schema has it, as compact JSON. `None` where it is no JSON or not of
    /// the schema's form: an answer that was cut off.
    #[must_use]
    pub fn restore(&self, answer: &str) -> Option<String> {
        let answer: &RawValue = serde_json::from_str(answer).ok()?;
        let Back { tree, wrapped } = &self.back;
        let mut left = STEPS;
        if !wrapped {
            return restore(tree, &tree.root, answer, &mut left);
        }
        let Kind::Plain(root) = &tree.root.kind else { return None };
        let [member] = root.members.as_slice() else { return None };
        let found = super::restore::members(answer)?;
        let [(name, value)] = found.as_slice() else { return None };
        if *name != member.name {
            return None;
        }
        restore(tree, &member.node, value, &mut left)
    }
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod tests;
