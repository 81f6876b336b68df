//! Which URLs may be fetched. Pure.
//!
//! Owns the rules about what stands in a URL: scheme, credentials, port, an address instead of a name. What a name
//! resolves to is [`resolve`](super::resolve)'s to check. Each hop of a chain of redirects is held to the same rules.

use super::{address::is_public, problem::Problem};
use std::net::IpAddr;
use url::{Host, Position, Url};

/// The port of https.
const HTTPS: u16 = 443;

/// An entry of `PROXY_IMAGE_HOSTS`: a host and a port that may be fetched from wherever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    /// As the URL standard writes hosts: in lower case, an IPv6 address in brackets.
    host: String,
    port: u16,
}

impl AllowedHost {
    /// Reads `host` or `host:port`; without a port it is 443.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(entry: &str) -> Result<Self, &'static str> {
        const RIGHT: &str = "an entry must be `host` or `host:port`, such as `images.internal:8443`";
        let url = Url::parse(&format!("https://{entry}/")).map_err(|_| RIGHT)?;
        let bare = url.username().is_empty() && url.password().is_none() && url.path() == "/";
        if !bare || url.query().is_some() || url.fragment().is_some() {
            return Err(RIGHT);
        }
        let host = url.host_str().ok_or(RIGHT)?.to_owned();
        Ok(Self { host, port: url.port().unwrap_or(HTTPS) })
    }
}

/// Who is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer {
    /// A name, still to be resolved.
    Name(String),
    /// An address, checked.
    Address(IpAddr),
}

/// A URL that may be fetched, as far as the URL itself tells. Its `Debug` has no path.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Target {
    url: Url,
    /// Name or address of the host.
    pub(super) peer: Peer,
    /// Its port.
    pub(super) port: u16,
    /// Whether the operator allows this host and port wherever they are.
    pub(super) allowed: bool,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("peer", &self.peer).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Target {
    /// Reads the URL of a request.
    ///
    /// # Errors
    /// No URL, or one that may not be fetched.
    pub(super) fn parse(text: &str, hosts: &[AllowedHost]) -> Result<Self, Problem> {
        Self::check(Url::parse(text).map_err(|_| Problem::NoUrl)?, hosts)
    }

    /// Where a redirect leads.
    ///
    /// # Errors
    /// No URL, or one that may not be fetched.
    pub(super) fn follow(&self, location: &str, hosts: &[AllowedHost]) -> Result<Self, Problem> {
        let url =
            self.url.join(location).map_err(|_| Problem::BadRedirect { host: self.host().to_owned() })?;
        Self::check(url, hosts)
    }

    /// The host, for messages.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// Path and query, as a request line has them.
    pub(super) fn path(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    fn check(url: Url, hosts: &[AllowedHost]) -> Result<Self, Problem> {
        match url.scheme() {
            "https" => {}
            "http" => return Err(Problem::NotHttps("http")),
            "file" => return Err(Problem::NotHttps("file")),
            "ftp" => return Err(Problem::NotHttps("ftp")),
            _ => return Err(Problem::NoUrl),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Problem::Credentials);
        }
        let port = url.port().unwrap_or(HTTPS);
        let name = url.host_str().ok_or(Problem::NoUrl)?;
        let allowed = hosts.iter().any(|entry| entry.host == name && entry.port == port);
        if !allowed && port != HTTPS {
            return Err(Problem::Port { host: name.to_owned(), port });
        }
        // The parser writes every form of an IPv4 address (decimal, octal, short) as the one with four numbers.
        let peer = match url.host() {
            Some(Host::Domain(name)) => Peer::Name(name.to_owned()),
            Some(Host::Ipv4(address)) => Peer::Address(address.into()),
            Some(Host::Ipv6(address)) => Peer::Address(address.into()),
            None => return Err(Problem::NoUrl),
        };
        match peer {
            Peer::Address(address) if !allowed && !is_public(address) => {
                Err(Problem::NotPublic { host: name.to_owned() })
            }
            Peer::Address(_) | Peer::Name(_) => Ok(Self { url, peer, port, allowed }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(url: &str) -> Result<Target, Problem> {
        let hosts = ["images.internal:8443", "store.internal", "10.0.0.7", "[fd00::7]:8443"];
        let hosts: Vec<_> = hosts.map(|h| AllowedHost::parse(h).expect("an entry")).into();
        Target::parse(url, &hosts)
    }

    #[test]
    fn https_on_the_internet_may_be_fetched() {
        let target = parse("HTTPS://Images.Example.com/a%20b.png?X-Signature=abc#part").expect("it may");
        assert_eq!(target.peer, Peer::Name("images.example.com".into()));
        assert_eq!((target.port, target.allowed), (443, false));
        assert_eq!(target.authority(), "images.example.com");
        assert_eq!(target.path(), "/a%20b.png?X-Signature=abc");
        assert!(!format!("{target:?}").contains("Signature"));
        assert!(parse("https://example.com:443/").is_ok());
        assert_eq!(parse("https://1.1.1.1/").expect("it may").peer, Peer::Address([1, 1, 1, 1].into()));
    }

    #[test]
    fn other_schemes_ports_and_credentials_may_not() {
        assert_eq!(parse("http://example.com/a.png"), Err(Problem::NotHttps("http")));
        assert_eq!(parse("file:///etc/passwd"), Err(Problem::NotHttps("file")));
        for url in [
            "",
            "a.png",
            "/a.png",
            "//example.com/a.png",
            "gopher://example.com/",
            "blob:https://a/b",
            "https://",
        ] {
            assert_eq!(parse(url), Err(Problem::NoUrl), "{url}");
        }
        for url in
            ["https://user@example.com/", "https://:secret@example.com/", "https://a:b@images.internal:8443/"]
        {
            assert_eq!(parse(url), Err(Problem::Credentials), "{url}");
        }
        let port = |host: &str, port| Err(Problem::Port { host: host.into(), port });
        assert_eq!(parse("https://example.com:8443/"), port("example.com", 8443));
        assert_eq!(parse("https://1.1.1.1:22/"), port("1.1.1.1", 22));
        assert_eq!(parse("https://store.internal:8443/"), port("store.internal", 8443));
    }

    #[test]
    fn no_form_of_a_private_address_may() {
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.01/",
            "https://017700000001/",
            "https://0/",
            "https://127.0.0.1./",
            "https://１２７.0.0.1/",
            "https://127。0。0。1/",
            "https://%31%32%37.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://2852039166/",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1]/",
            "https://[fd00::8]/",
            "https:\\\\127.0.0.1\\",
            "https:127.0.0.1",
            "https://127.0.0.1\t/",
        ] {
            assert!(matches!(parse(url), Err(Problem::NotPublic { .. })), "{url}: {:?}", parse(url));
        }
    }

    #[test]
    fn the_operators_hosts_may_be_anywhere() {
        for url in [
            "https://images.internal:8443/a.png",
            "https://IMAGES.internal:8443/a.png",
            "https://store.internal/a.png",
            "https://10.0.0.7/a.png",
            "https://0xa.7/a.png",
            "https://[fd00:0::7]:8443/a.png",
        ] {
            assert!(parse(url).is_ok_and(|target| target.allowed), "{url}");
        }
        // Another port, or another spelling, is another host.
        assert!(parse("https://images.internal/a.png").is_ok_and(|target| !target.allowed));
        assert!(parse("https://store.internal./a.png").is_ok_and(|target| !target.allowed));
    }

    #[test]
    fn a_redirect_is_held_to_the_same_rules() {
        let start = parse("https://example.com/a/b.png?c").expect("it may");
        assert_eq!(start.follow("../d.png", &[]).expect("it may").path(), "/d.png");
        assert_eq!(start.follow("//other.com/e", &[]).expect("it may").host(), "other.com");
        assert_eq!(start.follow("http://example.com/", &[]), Err(Problem::NotHttps("http")));
        assert_eq!(start.follow("data:image/png;base64,AAAA", &[]), Err(Problem::NoUrl));
        assert!(matches!(start.follow("https://169.254.169.254/", &[]), Err(Problem::NotPublic { .. })));
        assert!(matches!(start.follow("https://[", &[]), Err(Problem::BadRedirect { .. })));
    }

    #[test]
    fn entries_of_the_setting() {
        for entry in ["", "a b", "http://a", "a/b", "a?b", "a#b", "u@a", "a:99999", "a:b"] {
            assert!(AllowedHost::parse(entry).is_err(), "{entry}");
        }
        assert_eq!(AllowedHost::parse("A.b"), Ok(AllowedHost { host: "a.b".into(), port: 443 }));
    }

    proptest! {
        #[test]
        fn reading_never_panics(url in "(https?://)?\\PC{0,40}", location in "\\PC{0,40}") {
            if let Ok(target) = parse(&url) {
                let _ = (target.host(), target.authority(), target.path(), target.follow(&location, &[]));
            }
        }
    }
}
