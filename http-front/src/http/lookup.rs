//! The address that a listener's name stands for, looked up once, at the start.
//!
//! In bounded time, and with more than one try: a container can run a moment before the network knows its names.

use super::address::{ListenAddress, Unfit, choose};
use std::{io, net::SocketAddr, time::Duration};
use tokio::time::{sleep, timeout};

/// How long a name is looked for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait before it is looked for again.
const PAUSE: Duration = Duration::from_millis(250);

/// Why a name can't be listened at.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// Nobody knows it.
    #[error(
        "{setting}: no address was found for the name {host} within {} s ({why}); give an address such as 127.0.0.1, or a \
         name that this host, or the container's network, knows",
        PATIENCE.as_secs()
    )]
    Unknown {
        /// The setting that has the name.
        setting: &'static str,
        /// The name.
        host: String,
        /// What the last try came to.
        why: String,
    },
    /// What it stands for can't be used.
    #[error("{setting}: {host} can't be listened at: {why}; give the one address, or a name for it alone")]
    Unfit {
        /// The setting that has the name.
        setting: &'static str,
        /// The name.
        host: String,
        /// Why.
        why: Unfit,
    },
}

/// The address to listen on, by the system's look-up; `setting` is named in the error.
///
/// # Errors
/// [`NameError`].
pub async fn address(wanted: &ListenAddress, setting: &'static str) -> Result<SocketAddr, NameError> {
    let system = async |host: &str, port| Ok(tokio::net::lookup_host((host, port)).await?.collect());
    address_by(wanted, setting, system).await
}

async fn address_by(
    wanted: &ListenAddress,
    setting: &'static str,
    look_up: impl AsyncFn(&str, u16) -> io::Result<Vec<SocketAddr>>,
) -> Result<SocketAddr, NameError> {
    let (host, port) = match wanted {
        ListenAddress::Address(address) => return Ok(*address),
        ListenAddress::Name { host, port } => (host, *port),
    };
    let mut why = "no answer came".to_owned();
    let found = timeout(PATIENCE, async {
        loop {
            match look_up(host, port).await.map(|found| choose(&found)) {
                Ok(Ok(None)) => why = "it has none".to_owned(),
                Ok(Ok(Some(address))) => return Ok(address),
                Ok(Err(unfit)) => return Err(unfit),
                Err(error) => why = error.to_string(),
            }
            sleep(PAUSE).await;
        }
    });
    match found.await {
        Ok(Ok(address)) => Ok(address),
        Ok(Err(why)) => Err(NameError::Unfit { setting, host: host.clone(), why }),
        Err(_) => Err(NameError::Unknown { setting, host: host.clone(), why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, future::pending};
    use tokio::time::Instant;

    const SETTING: &str = "PROXY_INTERNAL_ADDR";

    fn name() -> ListenAddress {
        ListenAddress::parse("internal.front:7").unwrap()
    }

    fn addresses(text: &str) -> Vec<SocketAddr> {
        text.split(' ').map(|address| address.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn the_system_knows_this_host() {
        let found = address(&ListenAddress::parse("localhost:7").unwrap(), SETTING).await.unwrap();
        assert_eq!(found, "127.0.0.1:7".parse().unwrap());
    }

    #[tokio::test]
    async fn an_address_is_not_looked_up() {
        let wanted = ListenAddress::parse("0.0.0.0:7").unwrap();
        let found = address_by(&wanted, SETTING, async |_, _| panic!("it was looked up")).await;
        assert_eq!(found.unwrap().to_string(), "0.0.0.0:7");
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_comes_a_moment_later_is_found() {
        let tries = Cell::new(0);
        let wanted = name();
        let found = address_by(&wanted, SETTING, async |host, port| {
            tries.set(tries.get() + 1);
            match tries.get() {
                1 => Err(io::Error::other("not yet")),
                2 => Ok(vec![]),
                _ => Ok(vec![SocketAddr::new(
                    if host == "internal.front" { [10, 0, 0, 7] } else { [0; 4] }.into(),
                    port,
                )]),
            }
        });
        assert_eq!(found.await.unwrap().to_string(), "10.0.0.7:7");
        assert_eq!(tries.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_nobody_knows_is_given_up() {
        let begun = Instant::now();
        let unknown = address_by(&name(), SETTING, async |_, _| Err(io::Error::other("who is that?"))).await;
        let text = unknown.unwrap_err().to_string();
        for part in [SETTING, "internal.front", "who is that?", "within 5 s", "127.0.0.1"] {
            assert!(text.contains(part), "no {part} in {text}");
        }
        let silent = address_by(&name(), SETTING, async |_, _| pending().await).await.unwrap_err();
        assert!(silent.to_string().contains("no answer came"), "{silent}");
        assert_eq!(begun.elapsed(), 2 * PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_of_several_addresses_is_refused_at_once() {
        let begun = Instant::now();
        for (found, part) in [("10.0.0.7:7 10.1.0.7:7", "10.0.0.7, 10.1.0.7"), ("0.0.0.0:7", "every address")]
        {
            let refused = address_by(&name(), SETTING, async |_, _| Ok(addresses(found))).await.unwrap_err();
            let text = refused.to_string();
            assert!(
                text.contains(SETTING) && text.contains("internal.front") && text.contains(part),
                "{text}"
            );
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
