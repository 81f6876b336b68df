//! A value of a schema in OpenAI's strict subset: what the model would write.

use crate::crowd::Dice;
use serde_json::{Map, Value, json};

/// How deep it may get before the shortest way out is taken, and before there is none.
const DEEP: usize = 6;
const TOO_DEEP: usize = 40;

/// A value; `None` where every value is endless.
pub(crate) fn instance(root: &Value, dice: &mut Dice) -> Option<Value> {
    of(root, root, dice, 0)
}

fn pick(dice: &mut Dice, sides: usize) -> usize {
    usize::try_from(dice.roll(sides as u64)).expect("a small number")
}

fn of(schema: &Value, root: &Value, dice: &mut Dice, depth: usize) -> Option<Value> {
    if depth > TOO_DEEP {
        return None;
    }
    if let Some(to) = schema["$ref"].as_str() {
        return of(root.pointer(to.strip_prefix('#')?)?, root, dice, depth + 1);
    }
    if let Some(parts) = schema["anyOf"].as_array() {
        let first = if depth > DEEP { parts.len() - 1 } else { pick(dice, parts.len()) };
        let mut order: Vec<&Value> = parts.iter().cycle().skip(first).take(parts.len()).collect();
        if depth > DEEP {
            order.sort_by_key(|part| {
                part["type"] == "object" || part["type"] == "array" || part.get("$ref").is_some()
            });
        }
        return order.into_iter().find_map(|part| of(part, root, dice, depth + 1));
    }
    if let Some(values) = schema["enum"].as_array() {
        return Some(values[pick(dice, values.len())].clone());
    }
    if let Some(value) = schema.get("const") {
        return Some(value.clone());
    }
    let kind = match schema["type"].as_array() {
        Some(kinds) if depth > DEEP => kinds.last()?,
        Some(kinds) => &kinds[pick(dice, kinds.len())],
        None => &schema["type"],
    };
    Some(match kind.as_str()? {
        "null" => Value::Null,
        "boolean" => (dice.roll(2) == 0).into(),
        "integer" | "number" => number(schema, dice),
        "array" => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            let most = schema["maxItems"].as_u64().unwrap_or(least + 2);
            let count =
                if depth > DEEP { least } else { least + dice.roll(most.saturating_sub(least) + 1).min(2) };
            let items = (0..count).map(|_| of(&schema["items"], root, dice, depth + 1));
            items.collect::<Option<Vec<Value>>>()?.into()
        }
        "object" => {
            let mut members = Map::new();
            for (name, part) in schema["properties"].as_object()? {
                members.insert(name.clone(), of(part, root, dice, depth + 1)?);
            }
            members.into()
        }
        _ => match (schema["format"].as_str(), schema.get("pattern")) {
            (Some("date"), _) => json!("2024-02-29"),
            (_, Some(_)) => json!("abc"),
            _ => ["", "x", "null", "\u{0}\u{2028}\u{1f980}\"\\"][pick(dice, 4)].into(),
        },
    })
}

fn number(schema: &Value, dice: &mut Dice) -> Value {
    let bound = |key: &str| schema[key].as_i64();
    let above = i64::try_from(dice.roll(5)).expect("a small number");
    match (bound("minimum"), bound("exclusiveMinimum"), bound("maximum"), bound("multipleOf")) {
        (Some(least), ..) => least + above,
        (_, Some(below), ..) => below + 1 + above,
        (_, _, Some(most), _) => most - above,
        (.., Some(step)) => step * above,
        _ => above - 2,
    }
    .into()
}
