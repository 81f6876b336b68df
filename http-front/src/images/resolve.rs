//! Names to addresses, without those that are not on the internet.
//!
//! Promises that what it gives was checked, and the caller connects to exactly that: a name that resolves to something
//! else a moment later gains nothing. Look-ups of the system block, can't be stopped and may take long; so they run on
//! threads of their own, of which there are few.

use super::{address::is_public, problem::Problem};
use shared::shutdown::Shutdown;
use std::{
    io,
    net::{IpAddr, ToSocketAddrs},
    sync::Arc,
};
use tokio::sync::Semaphore;

/// Look-ups at once; one that hangs keeps its place until the system gives it up.
const LOOKUPS: usize = 16;

/// Resolves a name to addresses, in the order in which they should be tried. May block.
pub type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// Resolves as the system does.
pub(super) fn system() -> Lookup {
    Arc::new(|name| Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect()))
}

/// Resolves and checks.
pub(super) struct Resolver {
    lookup: Lookup,
    places: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Resolver {
    pub(super) fn new(lookup: Lookup, shutdown: Shutdown) -> Self {
        Self { lookup, places: Arc::new(Semaphore::new(LOOKUPS)), shutdown }
    }

    /// The addresses of a name; the public ones alone, unless the operator allows this host. Never none. Cancel safe;
    /// a look-up that has begun goes on.
    ///
    /// # Errors
    /// The name has no address, or none that is public.
    pub(super) async fn addresses(&self, name: &str, allowed: bool) -> Result<Vec<IpAddr>, Problem> {
        let place = self.places.clone().acquire_owned().await.map_err(|_| Problem::Ending)?;
        let (lookup, owned) = (self.lookup.clone(), name.to_owned());
        let found = self.shutdown.spawn_blocking(move || {
            let found = lookup(&owned);
            drop(place);
            found
        });
        let host = || name.to_owned();
        let found = found.await.map_err(|_| Problem::Ending)?;
        let mut addresses = found.map_err(|_| Problem::Unresolved { host: host() })?;
        if addresses.is_empty() {
            return Err(Problem::Unresolved { host: host() });
        }
        addresses.retain(|address| allowed || is_public(*address));
        if addresses.is_empty() { Err(Problem::NotPublic { host: host() }) } else { Ok(addresses) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver() -> Resolver {
        let lookup = |name: &str| match name {
            "nowhere" => Err(io::Error::other("no such name")),
            "empty" => Ok(vec![]),
            list => Ok(list.split('_').map(|a| a.parse().expect("an address")).collect()),
        };
        Resolver::new(Arc::new(lookup), Shutdown::new())
    }

    #[tokio::test]
    async fn addresses_that_are_not_public_are_left_out() {
        let resolver = resolver();
        let public = |name: &'static str| resolver.addresses(name, false);
        let host = |name: &str| name.to_owned();
        let one: IpAddr = "8.8.8.8".parse().unwrap();
        assert_eq!(public("10.0.0.1_8.8.8.8_fd00::1_127.0.0.1").await, Ok(vec![one]));
        for name in ["10.0.0.1", "127.0.0.1_169.254.169.254", "::1", "::ffff:10.0.0.1"] {
            assert_eq!(public(name).await, Err(Problem::NotPublic { host: host(name) }), "{name}");
        }
        for name in ["nowhere", "empty"] {
            assert_eq!(public(name).await, Err(Problem::Unresolved { host: host(name) }), "{name}");
        }
    }

    #[tokio::test]
    async fn an_allowed_host_may_be_anywhere() {
        assert_eq!(resolver().addresses("10.0.0.1_::1", true).await.map(|found| found.len()), Ok(2));
    }
}
