//! The operator's own names for models. Pure.

/// An alias: `alias=model[:effort]`; an empty model is the default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name that clients use.
    pub name: String,
    /// The model that it means, if it names one.
    pub model: Option<String>,
    /// The effort that it stands for.
    pub effort: Option<String>,
}

impl Alias {
    /// Reads one entry of `PROXY_MODEL_ALIASES`.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub fn parse(entry: &str) -> Result<Self, String> {
        let (name, target) = entry
            .split_once('=')
            .ok_or_else(|| format!("`{entry}` must be alias=model, alias=model:effort or alias="))?;
        let (model, effort) = match target.trim().rsplit_once(':') {
            Some((model, effort)) => (model, Some(effort.to_owned())),
            None => (target.trim(), None),
        };
        let name = name.trim().to_owned();
        if name.is_empty() || effort.as_deref() == Some("") {
            return Err(format!("`{entry}` must be alias=model, alias=model:effort or alias="));
        }
        Ok(Self { name, model: Some(model.to_owned()).filter(|m| !m.is_empty()), effort })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_has_a_name_and_perhaps_a_model_and_an_effort() {
        let read = |entry| Alias::parse(entry).map(|a| (a.name, a.model, a.effort)).ok();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("a="), Some(("a".into(), None, None)));
        assert_eq!(read(" a = m "), Some(("a".into(), some("m"), None)));
        assert_eq!(read("a=m:low"), Some(("a".into(), some("m"), some("low"))));
        assert_eq!(read("a=:low"), Some(("a".into(), None, some("low"))));
        for wrong in ["x", "=m", "a=m:"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
