//! The accept loop around warp.
//!
//! `warp::serve` leaves out what a streaming front needs: TCP_NODELAY, a deadline for the head of a request, a
//! bounded drain, and quiet when a client hangs up. This loop has them.
//!
//! And it has places: where none is free, the connection that has been without a request the longest is closed for a new
//! one, so that half-sent heads and idle connections, however many, keep nobody out.

use super::{
    linger::{Linger, Lingering},
    progress::{Ending, Progress},
    seats::{Seat, Seats},
};
use crate::metrics::ConnectionCounts;
use http::{HeaderValue, Request, Response, header::CONNECTION};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt};
use shared::shutdown::Shutdown;
use std::{convert::Infallible, io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Instant, sleep, sleep_until},
};
use tokio_io_timeout::TimeoutStream;

pub use super::progress::Name;

/// What the kernel keeps of a connection for each direction, in bytes; it doubles that. Left to itself it keeps megabytes for
/// a client that reads slowly, or sends what nobody wants: for strangers, and beside `PROXY_STREAM_BUFFER_BYTES`.
const KERNEL_BUFFER: u32 = 256 * 1024;
/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 1024;
/// How long to wait after `accept` failed (too many open files), so that the loop doesn't spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection without a request stays open once another process serves. Longer than clients keep one for their
/// next request (Go 90 s): closed at the moment of that, the request would be lost.
const UNUSED: Duration = Duration::from_secs(100);
/// The most that is kept of what a client sent and nobody has asked for, and with it the longest head.
pub const MAX_HEAD: usize = 32 * 1024;

/// What requests know of their connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The client's address.
    pub addr: SocketAddr,
    /// What is read away when the connection ends.
    pub linger: Linger,
    progress: Progress,
}

impl Peer {
    /// The client has shown a key: its connection isn't closed for another one until its request is over.
    pub fn known(&self) {
        self.progress.known();
    }

    /// Whether the connection ends because the client took nothing of its answer for too long.
    pub fn is_stalled(&self) -> bool {
        self.progress.is_stalled()
    }
}

/// Why a listener can't be served.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: can't listen on {addr}: {source}{}", remedy(source))]
pub struct BindError {
    /// The setting that chose the address.
    pub setting: &'static str,
    /// The address.
    pub addr: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// What to do about it, where that is plain.
fn remedy(source: &io::Error) -> &'static str {
    if source.kind() == io::ErrorKind::AddrInUse {
        "; stop what uses it or choose another port"
    } else if source.kind() == io::ErrorKind::AddrNotAvailable {
        "; this host doesn't have it: choose another address, or mend what the name stands for"
    } else {
        ""
    }
}

/// The bounds of a listener.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Time to send a head.
    pub header_timeout: Duration,
    /// The longest that a client may take nothing of what is written to it.
    pub write_timeout: Duration,
    /// Open connections.
    pub connections: usize,
}

/// Binds `addr`; `setting` is named in the error.
///
/// # Errors
/// [`BindError`], with the remedy where the address is in use.
pub fn bind(addr: SocketAddr, setting: &'static str) -> Result<TcpListener, BindError> {
    let bound = || {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart must not wait for the connections of the last run to time out.
        socket.set_reuseaddr(true)?;
        // Accepted connections have them, too.
        socket.set_send_buffer_size(KERNEL_BUFFER)?;
        socket.set_recv_buffer_size(KERNEL_BUFFER)?;
        socket.bind(addr)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|source| BindError { setting, addr, source })
}

/// Serves a socket that listens already, as one that is bound here.
///
/// # Errors
/// What the system says. Within a tokio runtime.
pub fn take(passed: std::net::TcpListener) -> io::Result<TcpListener> {
    setsockopt(&passed, sockopt::SndBuf, &(KERNEL_BUFFER as usize))?;
    setsockopt(&passed, sockopt::RcvBuf, &(KERNEL_BUFFER as usize))?;
    passed.set_nonblocking(true)?;
    TcpListener::from_std(passed)
}

/// Serves `service` on `listener` until the drain; open connections finish their requests. Connections are counted in
/// `counts`. Where another process takes over, nobody is accepted any more, and open connections end with the answer to their
/// next request.
pub async fn serve<S, F, B>(
    listener: TcpListener,
    service: S,
    limits: HttpLimits,
    counts: ConnectionCounts,
    shutdown: Shutdown,
) where
    S: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static,
{
    let seats = Seats::new(limits.connections, counts);
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.draining() => return,
            // What is in the queue is the other process's.
            () = shutdown.replaced() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, addr)) => {
                prepare(&stream);
                // It is accepted before anybody is asked to go for it.
                let seat = tokio::select! {
                    seat = seats.take() => seat,
                    () = shutdown.draining() => return,
                };
                let (service, tasks) = (service.clone(), shutdown.clone());
                shutdown.spawn_work(connection(stream, addr, seat, service, limits, tasks));
            }
            Err(error) => {
                tracing::warn!(event = "accept_failed", %error, "can't accept a client");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn prepare(stream: &TcpStream) {
    // Without it the first event on a reused connection waits for the client's delayed acknowledgement, 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(event = "nodelay_failed", %error);
    }
}

/// Serves one connection until it ends, or goes for another one.
async fn connection<T, S, F, B>(
    stream: T,
    addr: SocketAddr,
    seat: Seat,
    service: S,
    limits: HttpLimits,
    shutdown: Shutdown,
) where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static,
{
    let progress = Progress::new(seat);
    let peer = Peer { addr, linger: Linger::default(), progress: progress.clone() };
    let written = progress.clone();
    // What was cut off for being read slowly has an end to tell, and waits with it for a client that may never read.
    let mut stream = Box::pin(TimeoutStream::new(stream));
    stream.as_mut().set_write_timeout_pinned(Some(limits.write_timeout));
    let io = TokioIo::new(Lingering::new(stream, peer.linger.clone(), move |what| written.told(what)));
    let (began, tasks) = (progress.clone(), shutdown.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        peer.linger.begin();
        let in_progress = began.begin();
        request.extensions_mut().insert(peer.clone());
        let answer = service(request);
        let tasks = tasks.clone();
        async move {
            let mut response = answer.await?;
            if tasks.is_replaced() {
                // The client's next request goes to the process that serves now.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(Ending::of(response, in_progress))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(MAX_HEAD)
        .header_read_timeout(limits.header_timeout)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    let mut draining = false;
    let mut unused = std::pin::pin!(unused(&shutdown, &progress));
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = progress.seat().asked_to_go() => {
                tracing::debug!(event = "connection_evicted", "closed to make room for a new connection");
                return;
            }
            () = async { tokio::select! { () = shutdown.draining() => {}, () = &mut unused => {} } }, if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        // A client that hangs up or sends rubbish is no fault of ours, and no news either.
        tracing::debug!(event = "connection_ended", %error);
    }
}

/// Waits until another process serves and the connection was without a request for [`UNUSED`] after that: the client may send one
/// more where its last answer didn't say that the connection ends.
async fn unused(shutdown: &Shutdown, progress: &Progress) {
    shutdown.replaced().await;
    let replaced = Instant::now();
    loop {
        let end = progress.rests_since().map(|rests| rests.max(replaced) + UNUSED);
        match end {
            Some(end) if end <= Instant::now() => return,
            Some(end) => sleep_until(end).await,
            None => sleep(UNUSED).await,
        }
    }
}

#[cfg(test)]
mod tests;
