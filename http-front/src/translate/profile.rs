//! What a request runs as. Pure.
//!
//! `PROXY_PROFILE` says it for requests that say nothing; the header `x-codex-profile` says it for one request. Less
//! than the default may always be asked for; more needs the key's right. What a profile may do is [`super::agent`]'s.

use super::mode::Profile;
use crate::error::{ApiError, Kind};

/// The header that names a profile: of a request, what it asks for; of an answer, what it ran as.
pub const HEADER: &str = "x-codex-profile";

/// What the operator has settled for a request's key.
#[derive(Debug, Clone, Copy)]
pub struct Rights {
    /// What requests run as that name nothing (`PROXY_PROFILE`).
    pub default: Profile,
    /// Whether the key may ask for the profile `agent`.
    pub may_agent: bool,
}

impl Rights {
    /// Whether any request of the key could run as an agent.
    pub fn any_agent(self) -> bool {
        self.may_agent || self.default == Profile::Agent
    }
}

/// The profile of a request that asks for this one.
///
/// # Errors
/// 400 for a word that names no profile; 403 where the key has no right to what is asked for.
pub fn choose(asked: Option<&str>, rights: Rights) -> Result<Profile, ApiError> {
    let Some(asked) = asked else { return Ok(rights.default) };
    let Some(asked) = Profile::named(asked) else {
        return Err(ApiError::invalid(
            HEADER,
            "The header `x-codex-profile` is `completion` or `agent`; or leave it out.",
        ));
    };
    match asked {
        Profile::Completion => Ok(asked),
        Profile::Agent if rights.any_agent() => Ok(asked),
        Profile::Agent => Err(ApiError::new(
            Kind::ProfileNotAllowed,
            "This API key may not use the profile `agent`. Leave the header `x-codex-profile` out, or ask the operator for the right.",
        )
        .with_param(HEADER)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(asked: Option<&str>, default: Profile, may_agent: bool) -> Result<Profile, u16> {
        choose(asked, Rights { default, may_agent }).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn the_header_chooses_within_the_rights() {
        use Profile::{Agent, Completion};
        for (asked, default, may_agent, expected) in [
            (None, Completion, false, Ok(Completion)),
            (None, Completion, true, Ok(Completion)),
            (None, Agent, false, Ok(Agent)),
            (Some("completion"), Completion, false, Ok(Completion)),
            (Some("completion"), Agent, false, Ok(Completion)),
            (Some("agent"), Completion, false, Err(403)),
            (Some("agent"), Completion, true, Ok(Agent)),
            (Some("agent"), Agent, false, Ok(Agent)),
        ] {
            assert_eq!(outcome(asked, default, may_agent), expected, "{asked:?} {default:?} {may_agent}");
        }
    }

    #[test]
    fn what_names_no_profile_is_refused_whatever_the_rights_are() {
        for asked in ["Agent", "agents", "agent,completion", "é"] {
            for default in [Profile::Completion, Profile::Agent] {
                assert_eq!(outcome(Some(asked), default, true), Err(400), "{asked}");
            }
        }
    }
}
