//! Where in a schema something stands, for people and for the model.

use super::Refusal;

/// The most characters of a name in a place: a name may be as long as the body.
const NAME: usize = 64;

/// A place below a schema.
#[derive(Debug, Clone, Default)]
pub(super) struct Place(Vec<Step>);

/// One step down.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Into the value of a keyword.
    Key(String),
    /// Into one of an array.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl Place {
    /// How many steps it has; [`Self::back`] goes there.
    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, step: impl Into<Step>) {
        self.0.push(step.into());
    }

    pub(super) fn back(&mut self, depth: usize) {
        self.0.truncate(depth);
    }

    /// The name of the property that stands here.
    pub(super) fn name(&self) -> Option<&str> {
        match self.0.as_slice() {
            [.., Step::Key(above), Step::Key(name)] if above == "properties" => Some(name),
            _ => None,
        }
    }

    /// A refusal of what stands here.
    pub(super) fn refuse(&self, message: impl Into<String>) -> Refusal {
        Refusal { path: self.param(), message: message.into() }
    }

    /// A refusal of the value of a keyword of what stands here.
    pub(super) fn refuse_key(&self, key: &str, message: impl Into<String>) -> Refusal {
        Refusal { path: format!("{}.{}", self.param(), cut(key)), message: message.into() }
    }

    /// `.properties.x.items`.
    fn param(&self) -> String {
        let mut text = String::new();
        for step in &self.0 {
            match step {
                Step::Key(key) => {
                    text.push('.');
                    text.push_str(&cut(key));
                }
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }

    /// The place as a value has it: `x[].y`, `x.*` for other members, `x.anyOf[0]` for an alternative. Empty for
    /// the value itself.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        let mut steps = self.0.iter();
        while let Some(step) = steps.next() {
            match step {
                Step::Key(key) if key == "items" => text.push_str("[]"),
                Step::Key(key) if key == "additionalProperties" => join(&mut text, "*"),
                // What follows is a name, whatever it looks like.
                Step::Key(key) if key == "properties" || key == "$defs" => {
                    if key == "$defs" {
                        join(&mut text, key);
                    }
                    if let Some(Step::Key(name)) = steps.next() {
                        join(&mut text, &quoted(name));
                    }
                }
                Step::Key(key) => join(&mut text, key),
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }
}

fn join(text: &mut String, name: &str) {
    if !text.is_empty() {
        text.push('.');
    }
    text.push_str(name);
}

/// A name that could be read as something else is written as JSON writes it.
fn quoted(name: &str) -> String {
    if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-$".contains(c)) {
        return name.to_owned();
    }
    serde_json::Value::from(name).to_string()
}

fn cut(name: &str) -> String {
    name.chars().take(NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(steps: &[&str]) -> Place {
        let mut place = Place::default();
        for step in steps {
            match step.parse::<usize>() {
                Ok(index) => place.push(index),
                Err(_) => place.push(*step),
            }
        }
        place
    }

    #[test]
    fn a_place_for_people() {
        let place = place(&["properties", "x", "items", "anyOf", "1"]);
        assert_eq!(place.param(), ".properties.x.items.anyOf[1]");
        assert_eq!(place.refuse_key("type", "no").path, ".properties.x.items.anyOf[1].type");
        assert_eq!(Place::default().param(), "");
    }

    #[test]
    fn a_place_for_the_model() {
        for (steps, told) in [
            (&["properties", "x", "items", "properties", "items"][..], "x[].items"),
            (&["properties", "a.b", "additionalProperties", "anyOf", "0"], "\"a.b\".*.anyOf[0]"),
            (&["$defs", "items", "properties", "next"], "$defs.items.next"),
            (&[], ""),
        ] {
            assert_eq!(place(steps).told(), told);
        }
    }
}
