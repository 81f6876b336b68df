//! Where a listener is to listen: an address, or the name of one. Pure.
//!
//! A name is for containers: the addresses that they get are not known before they run. It must stand for one address;
//! a listener behind a name that stands for several, or for all, would be reachable from where nobody meant it to be.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// The longest name, in bytes, and the longest part of one.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Where a listener is to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// At this address.
    Address(SocketAddr),
    /// At the address that this name stands for.
    Name {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Why the addresses of a name can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has several, and not all of them are loopback.
    #[error("it stands for several addresses ({})", listed(.0))]
    Several(Vec<IpAddr>),
    /// It stands for every address of the host.
    #[error("it stands for every address of this host ({0})")]
    Every(IpAddr),
}

impl ListenAddress {
    /// Reads `address:port` or `name:port`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        let (host, port) = text.rsplit_once(':')?;
        // Numbers have signs and spaces in other places, a port has not.
        let port = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok())??;
        is_name(host).then(|| Self::Name { host: host.to_owned(), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// The one of a name's addresses that is listened on: the only one, or, where all are loopback (`localhost` has two), that
/// of IPv4. `None` where there is none.
///
/// # Errors
/// [`Unfit`].
pub fn choose(found: &[SocketAddr]) -> Result<Option<SocketAddr>, Unfit> {
    let ip = |address: &SocketAddr| address.ip().to_canonical();
    if let Some(every) = found.iter().map(ip).find(IpAddr::is_unspecified) {
        return Err(Unfit::Every(every));
    }
    let mut distinct: Vec<IpAddr> = found.iter().map(ip).collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() > 1 && !distinct.iter().all(IpAddr::is_loopback) {
        return Err(Unfit::Several(distinct));
    }
    Ok(found.iter().find(|address| address.is_ipv4()).or(found.first()).copied())
}

/// Whether it can be looked up, and is a name: the system takes `0`, `127.1` and `0x7f000001` for addresses.
fn is_name(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_digit()) || label.to_ascii_lowercase().starts_with("0x")
    };
    labels.len() <= MAX_NAME
        && labels.split('.').all(is_label)
        && !labels.rsplit('.').next().is_some_and(is_number)
}

fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(found: &[&str]) -> Result<Option<String>, Unfit> {
        let found: Vec<SocketAddr> = found.iter().map(|address| address.parse().unwrap()).collect();
        choose(&found).map(|address| address.map(|address| address.to_string()))
    }

    #[test]
    fn addresses_and_names_are_read_as_they_are_written() {
        for (text, host, port) in [
            ("internal.front:18080", "internal.front", 18080),
            ("localhost:0", "localhost", 0),
            ("front_1:65535", "front_1", 65535),
            ("3com.example.:7", "3com.example.", 7),
            // As containers are called that nobody has called anything.
            ("3f2a9c1b0d4e:7", "3f2a9c1b0d4e", 7),
        ] {
            let read = ListenAddress::parse(text).unwrap();
            assert_eq!(read, ListenAddress::Name { host: host.into(), port });
            assert_eq!(read.to_string(), text);
        }
        for text in ["127.0.0.1:18080", "0.0.0.0:0", "[::1]:1", "[fe80::1%2]:1"] {
            let read = ListenAddress::parse(text).unwrap();
            assert_eq!(read, ListenAddress::Address(text.parse().unwrap()));
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        let long = format!("{}:1", vec!["abcdefghi"; 26].join("."));
        let label = format!("{}:1", "a".repeat(64));
        for text in [
            "",
            ":",
            ":1",
            ".:1",
            "18080",
            "front",
            "front:",
            "front:x",
            "front:+1",
            "front: 1",
            "front:65536",
            "fro nt:1",
            "http://front:1",
            "front:1/",
            "a..b:1",
            "-a:1",
            "a-:1",
            ".a:1",
            "a:b:1",
            "::1:1",
            "[front]:1",
            "frönt:1",
            "0:1",
            "127.1:1",
            "1.2.3.4.:1",
            "0x7f000001:1",
            "256.1.1.1:1",
            "*:1",
            &long,
            &label,
        ] {
            assert_eq!(ListenAddress::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_stands_for_one_address() {
        assert_eq!(chosen(&[]), Ok(None));
        assert_eq!(chosen(&["172.18.0.3:1"]), Ok(Some("172.18.0.3:1".into())));
        // As the system tells it: once for each kind of socket, or mapped.
        assert_eq!(chosen(&["172.18.0.3:1", "172.18.0.3:1"]), Ok(Some("172.18.0.3:1".into())));
        assert_eq!(chosen(&["[::ffff:172.18.0.3]:1", "172.18.0.3:1"]), Ok(Some("172.18.0.3:1".into())));
        assert_eq!(chosen(&["[fe80::1%3]:1"]), Ok(Some("[fe80::1%3]:1".into())));
        let several = |ips: [&str; 2]| Err(Unfit::Several(ips.map(|ip| ip.parse().unwrap()).into()));
        assert_eq!(chosen(&["172.19.0.3:1", "172.18.0.3:1"]), several(["172.18.0.3", "172.19.0.3"]));
        assert_eq!(chosen(&["127.0.0.1:1", "172.18.0.3:1"]), several(["127.0.0.1", "172.18.0.3"]));
        assert_eq!(chosen(&["172.18.0.3:1", "[fd00::3]:1"]), several(["172.18.0.3", "fd00::3"]));
    }

    #[test]
    fn of_loopback_addresses_that_of_ipv4_is_taken() {
        assert_eq!(chosen(&["[::1]:7", "127.0.0.1:7"]), Ok(Some("127.0.0.1:7".into())));
        assert_eq!(chosen(&["[::1]:7"]), Ok(Some("[::1]:7".into())));
        assert_eq!(chosen(&["127.0.1.1:7", "127.0.0.1:7"]), Ok(Some("127.0.1.1:7".into())));
    }

    #[test]
    fn a_name_of_every_address_is_refused() {
        for every in ["0.0.0.0", "[::]", "[::ffff:0.0.0.0]"] {
            let found = [format!("{every}:1")];
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            let Err(Unfit::Every(ip)) = chosen(&found) else { panic!("{every} is taken") };
            assert!(ip.is_unspecified());
            let Err(Unfit::Every(_)) = chosen(&["127.0.0.1:1", found[0]]) else { panic!("{every} is taken") };
        }
    }
}
