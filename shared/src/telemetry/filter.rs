//! Which lines are written.

use tracing_subscriber::{
    EnvFilter,
    filter::{Directive, LevelFilter, ParseError},
};

/// What both binaries say, beside what each says: failed starts, a collector that takes nothing, a process that takes over or
/// doesn't, systemd that hears nothing.
const SHARED: [&str; 3] = ["shared", "otel", "handover"];

/// What this text (`RUST_LOG`) chooses. Where it has no level for all, such as `http_front=debug`, what both binaries say is
/// chosen from `info` on, unless the text names it: whoever asks for one crate's lines doesn't want to miss why it ended.
pub(super) fn read(text: &str) -> Result<EnvFilter, ParseError> {
    let filter = EnvFilter::try_new(text)?;
    let written = filter.to_string();
    let directives: Vec<&str> = written.split(',').collect();
    if directives.iter().any(|directive| directive.parse::<LevelFilter>().is_ok()) {
        return Ok(filter);
    }
    let is_named = |name: &str| {
        directives
            .iter()
            .any(|directive| directive.split_once('=').map_or(*directive, |(target, _)| target) == name)
    };
    SHARED.iter().filter(|name| !is_named(name)).try_fold(filter, |filter, name| {
        let directive: Directive = format!("{name}=info").parse()?;
        Ok(filter.add_directive(directive))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directives(text: &str) -> Vec<String> {
        let mut all: Vec<String> = read(text).unwrap().to_string().split(',').map(str::to_owned).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn a_filter_without_a_level_for_all_has_what_both_binaries_say() {
        assert_eq!(
            directives("http_front=debug"),
            ["handover=info", "http_front=debug", "otel=info", "shared=info"]
        );
        assert_eq!(
            directives("hyper=trace,otel=off"),
            ["handover=info", "hyper=trace", "otel=off", "shared=info"]
        );
        assert_eq!(directives("shared=warn,otel"), ["handover=info", "otel=trace", "shared=warn"]);
        assert_eq!(
            directives("shared::shutdown=debug"),
            ["handover=info", "otel=info", "shared::shutdown=debug", "shared=info"]
        );
    }

    #[test]
    fn a_filter_with_a_level_for_all_is_taken_as_it_is() {
        for (text, as_it_is) in [
            ("info", &["info"][..]),
            ("off", &["off"]),
            ("2", &["warn"]),
            ("", &[""]),
            ("http_front=debug,WARN", &["http_front=debug", "warn"]),
        ] {
            assert_eq!(directives(text), as_it_is, "{text}");
        }
        assert!(read("http_front=loud").is_err());
    }
}
