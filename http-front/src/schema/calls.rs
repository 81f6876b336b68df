//! An answer that is a call of one of some functions: for a `tool_choice` that codex has no field for.
//!
//! It owns the schema of such an answer and reads the calls out of it. It promises that what it reads names a
//! function of the list, with arguments that its parameters take. It never decides whether a call is to be made.

use super::{
    Refusal, bounded,
    convert::{Converter, Rule},
    limits,
    node::{Kind, Member, Node, Plain, Tree},
    restore::{STEPS, elements, members, restore},
    types::Types,
};
use serde_json::{Value, json, value::RawValue};

const CALLS: &str = "calls";
const CALL: &str = "call";
const NAME: &str = "name";
const ARGUMENTS: &str = "arguments";

/// A function that may be called.
#[derive(Debug, Clone, Copy)]
pub struct Callable<'a> {
    /// Its name.
    pub name: &'a str,
    /// The JSON Schema of its arguments, an object's.
    pub parameters: &'a Value,
}

/// The schema of an answer that calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Calls {
    /// codex's `outputSchema`.
    pub schema: Value,
    tree: Tree,
    /// The names, and the arguments of each.
    functions: Vec<(String, Node)>,
    many: bool,
}

/// Makes the schema: `{"calls":[{"name":…,"arguments":…},…]}` with at least one where `many` calls may be made;
/// else `{"name":…,"arguments":…}`, inside `{"call":…}` where there are several functions. What strict mode can't
/// say of the arguments is left out: [`super::tool::carried`] tells it in the function's description.
///
/// # Errors
/// The number of the function whose parameters can't be said in strict mode, and why. The first function's for a
/// list without any.
pub fn convert(tools: &[Callable<'_>], many: bool) -> Result<Calls, (usize, Refusal)> {
    let plain: Vec<Value> = tools.iter().map(|tool| settled(tool.parameters)).collect();
    let mut converter = Converter::new(Rule::Dropped);
    let mut functions = Vec::new();
    let above = match (many, tools.len()) {
        (true, _) => 3,
        (false, 1) => 1,
        (false, _) => 2,
    };
    for (number, (tool, parameters)) in tools.iter().zip(&plain).enumerate() {
        let refused = |refusal| (number, refusal);
        bounded(parameters).map_err(refused)?;
        let node = converter.root(parameters, format!("{}.", tool.name)).map_err(refused)?;
        converter.room(above).map_err(refused)?;
        functions.push((tool.name.to_owned(), node));
    }
    let (definitions, _) = converter.definitions()?;
    let mut tree = Tree { root: Plain::from(Types::OBJECT).into(), definitions, whole: None };
    for (number, (_, node)) in functions.iter_mut().enumerate() {
        // No definition leads to itself alone.
        while let Kind::Ref(target) = node.kind {
            let Some((_, target)) = tree.definitions.get(target) else { break };
            *node = target.clone();
        }
        if !node.is_object() {
            let message = "The parameters of a function must be a JSON Schema of type \"object\".";
            return Err((number, Refusal { path: String::new(), message: message.to_owned() }));
        }
    }
    tree.settle(functions.iter_mut().map(|(_, node)| node));
    tree.root = shape(&functions, many);
    tree.finish();
    let schema = tree.written();
    limits::check(&schema).map_err(|refusal| (0, refusal))?;
    Ok(Calls { schema, tree, functions, many })
}

/// The parameters of a function without any are often not said at all.
fn settled(parameters: &Value) -> Value {
    let mut parameters = parameters.clone();
    if let Some(schema) = parameters.as_object_mut() {
        let bare = ["properties", "$ref", "allOf", "anyOf", "oneOf", "required", "patternProperties"];
        let open = schema.get("additionalProperties").is_none_or(Value::is_boolean);
        if open && !bare.iter().any(|key| schema.contains_key(*key)) {
            schema.insert("properties".to_owned(), json!({}));
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
        // Arguments are an object, whatever else would be valid.
        let types = schema.get("type").and_then(Types::read);
        if types.is_some_and(|types| types.meets(Types::OBJECT)) {
            schema.insert("type".to_owned(), json!("object"));
        }
    }
    parameters
}

fn shape(functions: &[(String, Node)], many: bool) -> Node {
    let call = |(name, arguments): &(String, Node)| -> Node {
        let name = Plain { values: Some(vec![name.as_str().into()]), ..Types::STRING.into() };
        let member =
            |name: &str, node| Member { name: name.to_owned(), node, optional: false, absent: false };
        let members = vec![member(NAME, name.into()), member(ARGUMENTS, arguments.clone())];
        Plain { members, ..Types::OBJECT.into() }.into()
    };
    let one = Node::any(functions.iter().map(call).collect());
    if many {
        let limits = [("minItems".to_owned(), json!(1))].into_iter().collect();
        return Node::of_member(
            CALLS,
            Plain { limits, items: Some(Box::new(one)), ..Types::ARRAY.into() }.into(),
        );
    }
    if one.is_object() { one } else { Node::of_member(CALL, one) }
}

impl Calls {
    /// The calls of an answer: which function of the list, and its arguments as compact JSON, as the function's own
    /// schema has them. `None` where the answer is not of the schema's form: it was cut off, or is no call.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Vec<(usize, String)>> {
        let answer: &RawValue = serde_json::from_str(text).ok()?;
        let calls = if self.many {
            elements(only(answer, CALLS)?).filter(|calls| !calls.is_empty())?
        } else if self.functions.len() == 1 {
            vec![answer]
        } else {
            vec![only(answer, CALL)?]
        };
        // One bound for all of them: there may be many.
        let mut left = STEPS;
        calls.into_iter().map(|call| self.call(call, &mut left)).collect()
    }

    fn call(&self, call: &RawValue, left: &mut usize) -> Option<(usize, String)> {
        let found = members(call)?;
        let member = |wanted: &str| found.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
        let name: String = serde_json::from_str(member(NAME)?.get()).ok().filter(|_| found.len() == 2)?;
        let number = self.functions.iter().position(|(known, _)| *known == name)?;
        let (_, node) = self.functions.get(number)?;
        Some((number, restore(&self.tree, node, member(ARGUMENTS)?, left)?))
    }
}

/// The one member that an object has, if that is its name.
fn only<'a>(value: &'a RawValue, wanted: &str) -> Option<&'a RawValue> {
    match members(value)?.as_slice() {
        [(name, value)] if name == wanted => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
