//! The environment of the child: what it needs, and nothing else.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::Path,
};

/// Variables that are handed on as they are: where programs and certificates are, proxies, language and time.
const HANDED_ON: &[&str] = &[
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "USER",
    "LOGNAME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// What no provider's key is called, and what the child must never get: our own keys and settings, what changes which
/// code a program loads, and what systemd or a collector gave to the daemon alone.
const NEVER: &[&str] =
    &["PROXY_", "WORKER_", "CODEX__", "LD_", "LISTEN_", "NOTIFY_SOCKET", "WATCHDOG_", "OTEL_"];

/// Builds the child's environment from ours.
///
/// `log` is its `RUST_LOG`: ours is never inherited, because at `info` its log holds tool arguments. `HOME` is the
/// state folder, so that nothing of a person's home (skills, instructions, shell settings) gets into a request.
/// The names in `provider_keys` are those that the operator's `config.toml` wants read from the environment.
pub fn build(
    ours: impl IntoIterator<Item = (OsString, OsString)>,
    home: &Path,
    log: &str,
    ca_bundle: Option<&Path>,
    provider_keys: &[String],
) -> BTreeMap<OsString, OsString> {
    let wanted = |name: &OsStr| {
        name.to_str().is_some_and(|n| HANDED_ON.contains(&n) || provider_keys.iter().any(|key| key == n))
    };
    let mut env: BTreeMap<OsString, OsString> = ours.into_iter().filter(|(name, _)| wanted(name)).collect();
    env.insert("CODEX_HOME".into(), home.into());
    env.insert("HOME".into(), home.into());
    env.insert("RUST_LOG".into(), log.into());
    // One object a line, so that a line of the log can't be mistaken for two.
    env.insert("LOG_FORMAT".into(), "json".into());
    if let Some(bundle) = ca_bundle {
        env.insert("SSL_CERT_FILE".into(), bundle.into());
        // The directory would be parsed for every turn, too.
        env.remove(OsStr::new("SSL_CERT_DIR"));
    }
    env
}

/// The environment variables that the providers of a `config.toml` are configured to read.
pub fn provider_keys(config: &toml::Table) -> Vec<String> {
    let providers = config.get("model_providers").and_then(toml::Value::as_table);
    let mut names: Vec<String> = Vec::new();
    for provider in providers.into_iter().flat_map(toml::Table::values) {
        names.extend(provider.get("env_key").and_then(toml::Value::as_str).map(str::to_owned));
        let headers = provider.get("env_http_headers").and_then(toml::Value::as_table);
        names.extend(
            headers
                .into_iter()
                .flat_map(toml::Table::values)
                .filter_map(toml::Value::as_str)
                .map(str::to_owned),
        );
    }
    names.retain(|name| !NEVER.iter().any(|never| name.starts_with(never)));
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systemd;

    #[test]
    fn hands_on_what_is_needed_and_nothing_else() {
        let ours = [
            ("PATH", "/bin"),
            ("RUST_LOG", "trace"),
            ("PROXY_API_KEY", "secret"),
            ("LD_PRELOAD", "x"),
            ("MY_KEY", "k"),
            ("SSL_CERT_DIR", "/certs"),
            ("HOME", "/root"),
        ];
        let ours = ours.map(|(k, v)| (OsString::from(k), OsString::from(v)));
        let env =
            build(ours, Path::new("/state"), "error", Some(Path::new("/ca.pem")), &["MY_KEY".to_owned()]);
        let got: Vec<String> =
            env.iter().map(|(k, v)| format!("{}={}", k.to_string_lossy(), v.to_string_lossy())).collect();
        assert_eq!(
            got,
            [
                "CODEX_HOME=/state",
                "HOME=/state",
                "LOG_FORMAT=json",
                "MY_KEY=k",
                "PATH=/bin",
                "RUST_LOG=error",
                "SSL_CERT_FILE=/ca.pem"
            ]
        );
    }

    #[test]
    fn what_systemd_told_us_is_not_the_childs() {
        let ours = systemd::VARIABLES.iter().map(|name| (OsString::from(name), OsString::from("1")));
        let env = build(ours, Path::new("/state"), "error", None, &[]);
        assert!(systemd::VARIABLES.iter().all(|name| !env.contains_key(OsStr::new(name))), "{env:?}");
    }

    #[test]
    fn reads_the_names_that_providers_want() {
        let config = "[model_providers.a]\nenv_key='A_KEY'\n[model_providers.b]\nenv_http_headers={x='B_HDR'}\n\
                      [model_providers.c]\nenv_key='PROXY_API_KEY'\nenv_http_headers={x='LD_PRELOAD', y='OTEL_X'}\n\
                      [model_providers.d]\nenv_key='LD_LIBRARY_PATH'\nenv_http_headers={x='NOTIFY_SOCKET'}";
        assert_eq!(provider_keys(&config.parse().unwrap()), ["A_KEY", "B_HDR"]);
        let config = "[model_providers.a]\nenv_key='NOTIFY_SOCKET'";
        assert!(provider_keys(&config.parse().unwrap()).is_empty());
        assert!(provider_keys(&"model_providers = 3".parse().unwrap()).is_empty());
    }
}
