//! The table as a document: what `docs/protocol.md` says about parameters.

use super::table::{
    AGENT_SETTINGS, CATALOG_SETTING, CLOSED_INPUTS, INPUTS, METHODS, Method, Rule, SETTINGS, UNREAD,
};

impl Rule {
    /// What is allowed by it, where it is neither all nor nothing.
    fn within(self) -> Option<&'static str> {
        match self {
            Self::Open | Self::Closed(_) => None,
            Self::Off(_) => Some("`false`"),
            Self::Config => Some("the settings below"),
            Self::Sandbox => Some("`read-only`"),
            Self::SandboxPolicy => Some(
                "`readOnly`; agent: up to `PROXY_SANDBOX_MODE`, without network, and `workspaceWrite` with `excludeSlashTmp` and `excludeTmpdirEnvVar`",
            ),
            Self::Approval => Some("`never`"),
            Self::Environments => Some("`[]`"),
            Self::FolderOfStart => {
                Some("`/`; agent: in `PROXY_CODEX_WORKDIR`, or `/` with `environments: []`")
            }
            Self::Folder => Some("`/`; agent: in `PROXY_CODEX_WORKDIR`"),
            Self::Input => Some("the inputs below"),
        }
    }
}

fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(" ")
}

fn row(method: &Method) -> String {
    let of = |wanted: fn(Rule) -> bool| {
        listed(method.members.iter().filter(|(_, rule)| wanted(*rule)).map(|(name, _)| *name))
    };
    let open = of(|rule| rule == Rule::Open);
    let refused = of(|rule| matches!(rule, Rule::Closed(_)));
    let held: Vec<String> = method
        .members
        .iter()
        .filter_map(|(name, rule)| Some(format!("`{name}`: {}", rule.within()?)))
        .collect();
    format!("| `{}` | {open} | {} | {refused} |\n", method.name, held.join("<br>"))
}

/// The tables of methods, settings and inputs.
pub fn markdown() -> String {
    let mut text =
        String::from("| method | open | only with these values | refused by name |\n|---|---|---|---|\n");
    for method in METHODS {
        text.push_str(&row(method));
    }
    for name in UNREAD {
        text.push_str(&format!("| `{name}` | all: its params are not read | | |\n"));
    }
    text.push_str(&format!(
        "\n| settings in `config` | |\n|---|---|\n| open | {} |\n| with the profile `agent` | {} `{CATALOG_SETTING}` \
         (the daemon's own raw catalog alone) |\n| refused | every other |\n",
        listed(SETTINGS.iter().copied()),
        listed(AGENT_SETTINGS.iter().copied())
    ));
    text.push_str("\n| `input` of type | |\n|---|---|\n");
    for (kind, members) in INPUTS {
        let url = if members.contains(&"url") { "; `url` is a data URL" } else { "" };
        text.push_str(&format!("| `{kind}` | {}{url} |\n", listed(members.iter().copied())));
    }
    text.push_str(&format!("| {} | refused |\n", listed(CLOSED_INPUTS.iter().copied())));
    text
}
