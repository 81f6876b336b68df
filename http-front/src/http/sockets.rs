//! The two listening sockets: passed by systemd, by the process whose place this one takes, or bound here.

use super::listener::{self, BindError};
use listenfd::ListenFd;
use nix::sys::socket::{getsockopt, sockopt::AcceptConn};
use std::{
    io,
    net::{SocketAddr, TcpListener as Passed},
    os::fd::{AsFd, OwnedFd},
};
use tokio::net::TcpListener;

/// The setting of the public listener.
const PUBLIC: &str = "PORT";
/// The setting of the internal listener.
pub const INTERNAL: &str = "PROXY_INTERNAL_ADDR";

/// What is to be served.
#[derive(Debug)]
pub struct Sockets {
    /// For clients.
    pub public: TcpListener,
    /// For operators.
    pub internal: TcpListener,
}

/// Why the sockets can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketsError {
    /// One can't be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// What was passed isn't to be served.
    #[error(
        "LISTEN_FDS: a passed socket can't be served: {0}; the front serves listening TCP sockets (ListenStream= with an address and a port, Accept=no)"
    )]
    Unfit(io::Error),
    /// There are two listeners.
    #[error(
        "LISTEN_FDS: {} sockets were passed ({}), which is the internal one is not plain; pass one at PROXY_INTERNAL_ADDR ({internal}) and at most one other",
        .passed.len(), listed(.passed)
    )]
    Unclear {
        /// Where they listen.
        passed: Vec<SocketAddr>,
        /// Where the internal one should.
        internal: SocketAddr,
    },
}

/// Takes what systemd has passed, and binds what it has not.
///
/// # Errors
/// [`SocketsError`]. Within a tokio runtime.
pub fn first(passed: ListenFd, public: SocketAddr, internal: SocketAddr) -> Result<Sockets, SocketsError> {
    let found = from_systemd(passed).map_err(SocketsError::Unfit)?;
    let addresses = found.iter().map(Passed::local_addr).collect::<io::Result<Vec<_>>>();
    let addresses = addresses.map_err(SocketsError::Unfit)?;
    let Some(places) = places(&addresses, internal) else {
        return Err(SocketsError::Unclear { passed: addresses, internal });
    };
    let mut found: Vec<Option<Passed>> = found.into_iter().map(Some).collect();
    let mut take = |at: Option<usize>| at.and_then(|at| found.get_mut(at)?.take());
    let (for_public, for_internal) = (take(places.public), take(places.internal));
    Ok(Sockets {
        public: serve(for_public, public, PUBLIC)?,
        internal: serve(for_internal, internal, INTERNAL)?,
    })
}

/// Takes what the older process has given, wherever that listens: other addresses need a restart.
///
/// # Errors
/// [`SocketsError`]. Within a tokio runtime.
pub fn given(public: OwnedFd, internal: OwnedFd) -> Result<Sockets, SocketsError> {
    let take = |passed: OwnedFd| listener::take(Passed::from(passed)).map_err(SocketsError::Unfit);
    Ok(Sockets { public: take(public)?, internal: take(internal)? })
}

impl Sockets {
    /// The same sockets once more, for the process that takes over.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn again(&self) -> io::Result<[OwnedFd; 2]> {
        Ok([self.public.as_fd().try_clone_to_owned()?, self.internal.as_fd().try_clone_to_owned()?])
    }
}

fn from_systemd(mut passed: ListenFd) -> io::Result<Vec<Passed>> {
    let mut found = Vec::new();
    for at in 0..passed.len() {
        if let Some(socket) = passed.take_tcp_listener(at)? {
            if !getsockopt(&socket, AcceptConn)? {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it doesn't listen"));
            }
            found.push(socket);
        }
    }
    Ok(found)
}

fn serve(
    passed: Option<Passed>,
    addr: SocketAddr,
    setting: &'static str,
) -> Result<TcpListener, SocketsError> {
    match passed {
        Some(passed) => listener::take(passed).map_err(SocketsError::Unfit),
        None => Ok(listener::bind(addr, setting)?),
    }
}

/// Which of the passed ones is which.
#[derive(Debug, Default, PartialEq, Eq)]
struct Places {
    public: Option<usize>,
    internal: Option<usize>,
}

/// The one at the internal listener's address is that, any other is the public one; `None` where there are too many.
fn places(passed: &[SocketAddr], internal: SocketAddr) -> Option<Places> {
    let mut places = Places::default();
    for (at, found) in passed.iter().enumerate() {
        let place = if *found == internal { &mut places.internal } else { &mut places.public };
        if place.replace(at).is_some() {
            return None;
        }
    }
    Some(places)
}

fn listed(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_internal_one_is_known_by_its_address() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (public, internal, other) = (at("0.0.0.0:11435"), at("127.0.0.1:18080"), at("[::]:11435"));
        let found = |passed: &[SocketAddr]| places(passed, internal);
        let place = |public, internal| Some(Places { public, internal });
        assert_eq!(found(&[]), place(None, None));
        assert_eq!(found(&[public]), place(Some(0), None));
        assert_eq!(found(&[internal]), place(None, Some(0)));
        assert_eq!(found(&[public, internal]), place(Some(0), Some(1)));
        assert_eq!(found(&[internal, public]), place(Some(1), Some(0)));
        assert_eq!(found(&[public, other]), None);
        assert_eq!(found(&[public, internal, other]), None);
        let error = SocketsError::Unclear { passed: vec![public, other], internal }.to_string();
        for part in ["0.0.0.0:11435, [::]:11435", "127.0.0.1:18080", "PROXY_INTERNAL_ADDR"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
