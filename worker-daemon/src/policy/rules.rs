//! The params of one request against the table and the operator's profiles.

use super::{
    Refusal, list,
    members::{Members, is_null, string},
    profile::{Agent, Sandbox},
    table::{AGENT_SETTINGS, CATALOG_SETTING, INPUTS, Method, Rule, SETTINGS},
};
use serde_json::value::RawValue;
use shared::rpc::text::Text;
use std::path::Path;

const NEEDS_AGENT: &str = "it belongs to the profile `agent`; WORKER_PROFILES opens it";
const OUTSIDE: &str = "they must be in PROXY_CODEX_WORKDIR";
const UNKNOWN: &str = "this version doesn't know it; leave it out";

/// What the operator allows.
#[derive(Debug)]
pub(super) struct Limits<'a> {
    /// The profile `agent`, where it is on.
    pub(super) agent: Option<&'a Agent>,
    /// The catalog that an agent may name.
    pub(super) catalog: Option<&'a Path>,
}

/// What one member says about the others.
#[derive(Debug, Default)]
struct Seen {
    /// A setting opens codex's tools.
    tools: bool,
    /// Commands may do more than read.
    writes: bool,
    /// The folder lies in the workdir.
    inside: bool,
}

impl Limits<'_> {
    /// Whether the params stay within the profiles.
    pub(super) fn check(&self, method: &Method, params: &Members<'_>) -> Result<(), Refusal> {
        once(params, "")?;
        let mut seen = Seen::default();
        for (name, value) in params.iter().filter(|(_, value)| !is_null(value)) {
            let rule = method.members.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule);
            match rule.ok_or_else(|| Refusal::new(name, UNKNOWN))? {
                Rule::Open => {}
                Rule::Closed(why) => return Err(Refusal::new(name, why)),
                Rule::Off(why) if value.get() != "false" => return Err(Refusal::new(name, why)),
                Rule::Off(_) => {}
                Rule::Config => self.config(name, value, &mut seen)?,
                Rule::Sandbox => sandbox(name, value)?,
                Rule::SandboxPolicy => self.sandbox_policy(name, value, &mut seen)?,
                Rule::Approval => only(name, value, "never", "nobody is there to be asked")?,
                Rule::Environments => environments(name, value)?,
                Rule::FolderOfStart => self.folder(name, value, closed(params), &mut seen)?,
                Rule::Folder => self.folder(name, value, false, &mut seen)?,
                Rule::Input => input(name, value)?,
            }
        }
        // Left out, it would be the folder of the thread that is forked, or the one that codex was started in.
        if (seen.tools || seen.writes) && !seen.inside {
            let what = if seen.tools { "tools are opened" } else { "commands may write" };
            return Err(Refusal::new("cwd", format!("where {what}, it must be in PROXY_CODEX_WORKDIR")));
        }
        Ok(())
    }

    fn config(&self, name: &str, value: &RawValue, seen: &mut Seen) -> Result<(), Refusal> {
        let settings = object(name, value)?;
        once(&settings, "config.")?;
        for (setting, value) in settings.iter() {
            let member = || format!("{name}.{setting}");
            if SETTINGS.contains(&setting) {
                // A `null` among them is no absence: codex makes an empty string of it.
                if value.get().starts_with(['{', '[']) || is_null(value) {
                    return Err(Refusal::new(member(), "it must be a string, a number or a boolean"));
                }
            } else if setting == "features" && self.agent.is_some() {
                let why = "it replaces the whole table; write `features.shell_tool` and the like";
                return Err(Refusal::new(member(), why));
            } else if AGENT_SETTINGS.contains(&setting) || setting == CATALOG_SETTING {
                if self.agent.is_none() {
                    return Err(Refusal::new(member(), NEEDS_AGENT));
                }
                seen.tools = true;
                if setting == CATALOG_SETTING {
                    self.catalog(&member(), value)?;
                } else if !["true", "false"].contains(&value.get()) {
                    return Err(Refusal::new(member(), "it must be true or false"));
                }
            } else {
                return Err(Refusal::new(member(), "settings are the operator's; leave it out"));
            }
        }
        Ok(())
    }

    /// A catalog decides on tools and prompts, and codex reads the file: it is the daemon's own or none.
    fn catalog(&self, member: &str, value: &RawValue) -> Result<(), Refusal> {
        let path = string(value).ok_or_else(|| Refusal::new(member, "it must be a path"))?;
        match self.catalog {
            Some(raw) if Path::new(&*path).as_os_str() == raw.as_os_str() => Ok(()),
            Some(_) | None => Err(Refusal::new(member, "it must be the daemon's own raw catalog")),
        }
    }

    fn sandbox_policy(&self, name: &str, value: &RawValue, seen: &mut Seen) -> Result<(), Refusal> {
        let policy = object(name, value)?;
        once(&policy, "sandboxPolicy.")?;
        let kind = policy.get("type").and_then(string).and_then(|kind| Sandbox::of_policy(&kind));
        let most = self.agent.map_or(Sandbox::ReadOnly, |agent| agent.sandbox);
        let allowed = kind.filter(|kind| *kind <= most);
        let Some(kind) = allowed else {
            return Err(Refusal::new(format!("{name}.type"), "it goes beyond PROXY_SANDBOX_MODE"));
        };
        seen.writes = kind > Sandbox::ReadOnly;
        for (part, value) in policy.iter().filter(|(part, value)| *part != "type" && !is_null(value)) {
            let member = || format!("{name}.{part}");
            match part {
                "excludeSlashTmp" | "excludeTmpdirEnvVar" if ["true", "false"].contains(&value.get()) => {}
                "excludeSlashTmp" | "excludeTmpdirEnvVar" => {
                    return Err(Refusal::new(member(), "it must be true or false"));
                }
                "networkAccess" if value.get() == "false" => {}
                "networkAccess" => return Err(Refusal::new(member(), "commands have no network")),
                "writableRoots" => list::each(&member(), value, OUTSIDE, |_, root: Text<'_>| {
                    let inside = self.agent.is_some_and(|agent| agent.holds(&root));
                    if inside { Ok(()) } else { Err(Refusal::new(member(), OUTSIDE)) }
                })?,
                _ => return Err(Refusal::new(member(), UNKNOWN)),
            }
        }
        if kind == Sandbox::WorkspaceWrite {
            // Left out, they open folders that other programs have their files in.
            for part in ["excludeSlashTmp", "excludeTmpdirEnvVar"] {
                if policy.get(part).is_none_or(|value| value.get() != "true") {
                    let why = "it must be true: commands write in PROXY_CODEX_WORKDIR alone";
                    return Err(Refusal::new(format!("{name}.{part}"), why));
                }
            }
        }
        Ok(())
    }

    /// `nowhere`: no commands can run, so that `/` says nothing.
    fn folder(&self, name: &str, value: &RawValue, nowhere: bool, seen: &mut Seen) -> Result<(), Refusal> {
        let path = string(value).ok_or_else(|| Refusal::new(name, "it must be a path"))?;
        let Some(agent) = self.agent else {
            return only(
                name,
                value,
                "/",
                "nothing runs in it, and settings of a project could lie in another",
            );
        };
        seen.inside = agent.holds(&path);
        if seen.inside || (nowhere && &*path == "/") {
            return Ok(());
        }
        Err(Refusal::new(name, "it must be an absolute path in PROXY_CODEX_WORKDIR"))
    }
}

/// Whether the thread has no environment at all.
fn closed(params: &Members<'_>) -> bool {
    params.get("environments").is_some_and(is_empty_list)
}

fn is_empty_list(value: &RawValue) -> bool {
    serde_json::from_str::<[(); 0]>(value.get()).is_ok()
}

fn environments(name: &str, value: &RawValue) -> Result<(), Refusal> {
    if is_empty_list(value) { Ok(()) } else { Err(Refusal::new(name, "it must be [] or be left out")) }
}

/// A thread that may write from its start makes codex trust its folder, and note that in `config.toml`: from then on
/// settings in the folder, which the model can write, start programs outside of any sandbox.
fn sandbox(name: &str, value: &RawValue) -> Result<(), Refusal> {
    only(name, value, "read-only", "a turn's sandboxPolicy can open more, within the profile `agent`")
}

fn only(name: &str, value: &RawValue, wanted: &str, why: &str) -> Result<(), Refusal> {
    match string(value) {
        Some(text) if &*text == wanted => Ok(()),
        Some(_) | None => Err(Refusal::new(name, format!("only `{wanted}` is; {why}"))),
    }
}

fn input(name: &str, value: &RawValue) -> Result<(), Refusal> {
    list::each(name, value, "it must be a list of objects", |at, item: Members<'_>| {
        let place = format!("{name}[{at}].");
        once(&item, &place)?;
        let kind = item.get("type").and_then(string);
        let known = INPUTS.iter().find(|(known, _)| kind.as_ref().is_some_and(|kind| &**kind == *known));
        let Some((_, known)) = known else {
            let why =
                "an input is a text, or an image or audio as a data URL; files are not read for clients";
            return Err(Refusal::new(format!("{place}type"), why));
        };
        for (part, value) in item.iter().filter(|(_, value)| !is_null(value)) {
            let member = || format!("{place}{part}");
            if !known.contains(&part) {
                return Err(Refusal::new(member(), "send the content itself, as a data URL"));
            }
            if part == "url" && !string(value).is_some_and(|url| url.starts_with("data:")) {
                return Err(Refusal::new(member(), "only a data URL is"));
            }
        }
        Ok(())
    })
}

fn object<'a>(name: &str, value: &'a RawValue) -> Result<Members<'a>, Refusal> {
    Members::of(value).map_err(|why| Refusal::new(name, why))
}

fn once(members: &Members<'_>, place: &str) -> Result<(), Refusal> {
    match members.twice() {
        Some(name) => Err(Refusal::new(format!("{place}{name}"), "it is given twice")),
        None => Ok(()),
    }
}
