//! The members of an object. Strict mode knows each by name, requires each, and takes no others.

use super::{Converter, PROPERTIES};
use crate::schema::{
    Object, Refusal,
    keyword::{self, Role},
    node::Member,
    types::Types,
};
use serde_json::{Value, json};
use std::collections::HashSet;

impl Converter<'_> {
    pub(super) fn members(&mut self, schema: &Object, told: &mut Object) -> Result<Vec<Member>, Refusal> {
        let open = json!(true);
        let said = schema.get("additionalProperties").or_else(|| schema.get("unevaluatedProperties"));
        if said.is_some_and(|rest| !rest.is_boolean() && !rest.is_object()) {
            return Err(self
                .place
                .refuse_key("additionalProperties", "It must be a boolean or a JSON Schema."));
        }
        let rest = said.unwrap_or(&open);
        if schema
            .get("patternProperties")
            .is_some_and(|all| all.as_object().is_none_or(|all| !all.is_empty()))
        {
            let message =
                "Strict schemas name every member of an object: none can be described by a pattern.";
            return Err(self.place.refuse_key("patternProperties", message));
        }
        let (properties, required) = (self.properties(schema)?, self.required(schema)?);
        // Properties that are given, none as they may be, are the ones that are meant, unless it is said otherwise.
        let closed = *rest == false || (properties.is_some() && said.is_none());
        let none = Object::new();
        let properties = properties.unwrap_or(&none);
        if properties.is_empty() && required.is_empty() && !closed {
            let message =
                "Strict schemas name every member of an object: it can't be a map, or have any members.";
            return Err(self.place.refuse(message));
        }
        let extra = required.iter().filter(|name| !properties.contains_key(**name)).count();
        self.properties += properties.len() + extra;
        if self.properties > PROPERTIES {
            let message = format!("Strict schemas may have {PROPERTIES} properties in all.");
            return Err(self.place.refuse_key("properties", message));
        }
        let needed = keyword::required(schema);
        let mut members = Vec::new();
        for (name, property) in properties {
            let optional = !needed.contains(name.as_str());
            if optional && *property == false {
                continue;
            }
            let node = self.below(&["properties", name], 1, |this| this.node(property))?;
            members.push(Member { name: name.clone(), node, optional, absent: false });
        }
        for name in required.iter().filter(|name| !properties.contains_key(**name)) {
            if *rest == false {
                let message = format!("`required` names {name:?}, and no such member is allowed.");
                return Err(self.place.refuse_key("required", message));
            }
            let node = self.below(&["additionalProperties"], 1, |this| this.node(rest))?;
            members.push(Member { name: (*name).to_owned(), node, optional: false, absent: false });
        }
        self.rules(schema, &members, told)?;
        Ok(members)
    }

    fn properties<'s>(&self, schema: &'s Object) -> Result<Option<&'s Object>, Refusal> {
        match schema.get("properties") {
            None => Ok(None),
            Some(Value::Object(properties)) => Ok(Some(properties)),
            Some(_) => Err(self
                .place
                .refuse_key("properties", "`properties` must be an object of JSON Schemas by name.")),
        }
    }

    /// The names that are required, each once.
    fn required<'s>(&self, schema: &'s Object) -> Result<Vec<&'s str>, Refusal> {
        let known = match schema.get("required") {
            None => true,
            Some(names) => names.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
        };
        if !known {
            return Err(self
                .place
                .refuse_key("required", "`required` must be an array of the names of properties."));
        }
        let mut seen = HashSet::new();
        let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        Ok(names.filter_map(Value::as_str).filter(|name| seen.insert(*name)).collect())
    }

    /// What else is said of the object. Some of it holds for just these members in any case.
    fn rules(&mut self, schema: &Object, members: &[Member], told: &mut Object) -> Result<(), Refusal> {
        let always: HashSet<&str> =
            members.iter().filter(|member| !member.optional).map(|member| member.name.as_str()).collect();
        let known: HashSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
        let least = always.len();
        for (key, value) in schema {
            let holds = match key.as_str() {
                "additionalProperties" | "unevaluatedProperties" | "patternProperties" => true,
                "minProperties" => keyword::count(value).is_some_and(|count| count <= least as u64),
                "maxProperties" => keyword::count(value).is_some_and(|count| count >= members.len() as u64),
                "dependentRequired" => value.as_object().is_some_and(|all| {
                    let mut names = all
                        .iter()
                        .filter(|(name, _)| known.contains(name.as_str()))
                        .flat_map(|(_, names)| names.as_array().map_or(&[Value::Null][..], Vec::as_slice));
                    names.all(|name| name.as_str().is_some_and(|name| always.contains(name)))
                }),
                "dependentSchemas" | "dependencies" => value.as_object().is_some_and(Object::is_empty),
                key => keyword::subject(key) != Types::OBJECT || keyword::role(key) != Role::Assertion,
            };
            if !holds {
                self.lose(key, value, told)?;
            }
        }
        Ok(())
    }
}
