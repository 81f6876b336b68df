//! What a request runs as. Pure.
//!
//! `PROXY_PROFILE` says it for requests that say nothing; the header `x-codex-profile` says it for one request. Less
//! than the default may always be asked for; more needs the key's right. What a profile may do is [`super::agent`]'s.

use super::mode::Profile;
use crate::error::{ApiError, Kind};
use http::HeaderMap;

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

/// The profile of a request with these headers.
///
/// # Errors
/// 400 for a word that names no profile, or for several of them; 403 where the key has no right to what is asked for.
pub fn choose(headers: &HeaderMap, rights: Rights) -> Result<Profile, ApiError> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(rights.default) };
    let asked = value.to_str().ok().and_then(|word| Profile::named(word.trim()));
    let (Some(asked), None) = (asked, values.next()) else {
        return Err(ApiError::invalid(
            HEADER,
            "The header `x-codex-profile` must be `completion` or `agent`, once; or leave it out.",
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
    use http::HeaderValue;

    fn outcome(values: &[&[u8]], default: Profile, may_agent: bool) -> Result<Profile, u16> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        choose(&headers, Rights { default, may_agent }).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn the_header_chooses_within_the_rights() {
        use Profile::{Agent, Completion};
        for (values, default, may_agent, expected) in [
            (&[][..], Completion, false, Ok(Completion)),
            (&[], Completion, true, Ok(Completion)),
            (&[], Agent, false, Ok(Agent)),
            (&["completion"], Completion, false, Ok(Completion)),
            (&["completion"], Agent, false, Ok(Completion)),
            (&["agent"], Completion, false, Err(403)),
            (&["agent"], Completion, true, Ok(Agent)),
            (&[" agent "], Completion, true, Ok(Agent)),
            (&["agent"], Agent, false, Ok(Agent)),
        ] {
            let bytes: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
            assert_eq!(outcome(&bytes, default, may_agent), expected, "{values:?} {default:?} {may_agent}");
        }
    }

    #[test]
    fn what_names_no_profile_is_refused_whatever_the_rights_are() {
        let odd: [&[&[u8]]; 7] = [
            &[b""],
            &[b"Agent"],
            &[b"agents"],
            &[b"agent,completion"],
            &[b"\xff"],
            &[b"completion", b"agent"],
            &[b"completion", b"completion"],
        ];
        for values in odd {
            for default in [Profile::Completion, Profile::Agent] {
                assert_eq!(outcome(values, default, true), Err(400), "{values:?}");
            }
        }
    }
}
