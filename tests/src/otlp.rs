//! An OTLP receiver: what a collector is to the binaries under test.
//!
//! One listener on loopback that takes spans and metrics by gRPC and by HTTP/protobuf, with or without TLS, and keeps what
//! came. It can be told to behave badly. It runs on a thread of its own and is gone when it is dropped.

mod seen;
mod serve;

pub use seen::{Body, Metric, Point, Request, Span};

use crate::pair::{Builder, DEADLINE};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tempfile::TempDir;
use tokio::{net::TcpSocket, runtime::Runtime, sync::watch};
use tokio_rustls::TlsAcceptor;

/// How a receiver behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It takes everything.
    Normal,
    /// It refuses everything: gRPC `UNAUTHENTICATED`, status 401.
    Refusing,
    /// It is busy: gRPC `UNAVAILABLE`, status 503.
    Busy,
    /// It is busy for so many exports, and takes everything from then on.
    BusyTimes(usize),
    /// It closes so many connections at once, and takes everything from then on.
    ClosingTimes(usize),
    /// It says that another path is the right one: status 307, and no OTLP over gRPC.
    Redirecting,
    /// It reads what comes and never answers.
    Hanging,
    /// It takes everything, after a while.
    Slow,
    /// It answers what is no OTLP, without an end.
    Rubbish,
    /// It takes everything but one span of each export.
    Partial,
    /// It takes everything, and says it in more than 64 KiB.
    Long,
    /// It takes everything, with details that are no base64 where it is gRPC.
    Odd,
}

/// Which protocol a binary is told to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// HTTP/protobuf.
    Http,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Grpc, Self::Http];

    /// As `OTEL_EXPORTER_OTLP_PROTOCOL` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http/protobuf",
        }
    }
}

/// What came, and how to behave.
#[derive(Debug)]
struct State {
    mode: Mutex<Mode>,
    requests: Mutex<Vec<Request>>,
    /// Grows with the requests.
    grow: watch::Sender<usize>,
}

impl State {
    /// How to behave this time, where `counts` says which modes' times it is one of.
    fn now(&self, counts: fn(Mode) -> Option<(Mode, Mode)>) -> Mode {
        let mut mode = self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        match counts(*mode) {
            Some((now, next)) => {
                *mode = next;
                now
            }
            None => *mode,
        }
    }
}

/// A receiver.
pub struct Receiver {
    addr: SocketAddr,
    state: Arc<State>,
    tls: Option<(TempDir, PathBuf)>,
    /// Has the port, and doesn't listen yet.
    closed: Mutex<Option<TcpSocket>>,
    runtime: Option<Runtime>,
}

impl Receiver {
    /// A receiver without TLS.
    ///
    /// # Errors
    /// When it can't listen.
    pub fn start(mode: Mode) -> io::Result<Self> {
        let receiver = Self::with(mode)?;
        receiver.listen(None)?;
        Ok(receiver)
    }

    /// One that is down: its port is its own, and refuses connections until [`Self::open`].
    ///
    /// # Errors
    /// When there is no port.
    pub fn down() -> io::Result<Self> {
        Self::with(Mode::Normal)
    }

    /// It comes up.
    ///
    /// # Errors
    /// When it can't listen.
    pub fn open(&self) -> io::Result<()> {
        self.listen(None)
    }

    /// A receiver behind TLS, with a certificate of a CA of its own: [`Self::ca`].
    ///
    /// # Errors
    /// When it can't listen.
    pub fn start_tls(mode: Mode) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("ca.pem");
        let (config, ca) = certificates().map_err(io::Error::other)?;
        std::fs::write(&path, ca)?;
        let mut receiver = Self::with(mode)?;
        receiver.listen(Some(TlsAcceptor::from(Arc::new(config))))?;
        receiver.tls = Some((folder, path));
        Ok(receiver)
    }

    fn with(mode: Mode) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let addr = socket.local_addr()?;
        let (grow, _) = watch::channel(0);
        let state = Arc::new(State { mode: Mutex::new(mode), requests: Mutex::default(), grow });
        Ok(Self { addr, state, tls: None, closed: Mutex::new(Some(socket)), runtime: Some(runtime) })
    }

    fn listen(&self, tls: Option<TlsAcceptor>) -> io::Result<()> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(socket), Some(runtime)) = (closed, &self.runtime) else { return Ok(()) };
        let inside = runtime.enter();
        let listener = socket.listen(1024)?;
        drop(inside);
        runtime.spawn(serve::accept(listener, tls, Arc::clone(&self.state)));
        Ok(())
    }

    /// Behaves like this from now on.
    pub fn behave(&self, mode: Mode) {
        *self.state.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// How it behaves now.
    pub fn mode(&self) -> Mode {
        *self.state.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.addr.port())
    }

    /// The file with its CA, where it has one.
    pub fn ca(&self) -> Option<PathBuf> {
        self.tls.as_ref().map(|(_, path)| path.clone())
    }

    /// A pair whose binaries both export to it at once.
    #[must_use]
    pub fn told(&self, builder: Builder, protocol: Protocol) -> Builder {
        let builder = builder
            .both("OTEL_EXPORTER_OTLP_ENDPOINT", &self.endpoint())
            .both("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.as_str())
            .both("OTEL_BSP_SCHEDULE_DELAY", "20")
            .both("OTEL_METRIC_EXPORT_INTERVAL", "100");
        match self.ca() {
            Some(ca) => builder.both("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca.to_string_lossy()),
            None => builder,
        }
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The spans so far, in the order in which they came.
    pub fn spans(&self) -> Vec<Span> {
        self.requests().iter().flat_map(Request::spans).collect()
    }

    /// The metrics so far, the last state of each last.
    pub fn metrics(&self) -> Vec<Metric> {
        self.requests().iter().flat_map(Request::metrics).collect()
    }

    /// Waits until `wanted` finds what it wants in what came.
    ///
    /// # Errors
    /// When it doesn't in time; says what was waited for, and what came.
    pub async fn until<T>(&self, what: &str, wanted: impl Fn(&Self) -> Option<T>) -> io::Result<T> {
        let mut grown = self.state.grow.subscribe();
        let search = async {
            loop {
                if let Some(found) = wanted(self) {
                    return found;
                }
                if grown.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let found = tokio::time::timeout(DEADLINE, search).await;
        found.map_err(|_| {
            io::Error::other(format!(
                "waited for {what}; there came {} requests: {:#?}",
                self.requests().len(),
                self.spans()
            ))
        })
    }

    /// Waits for a span that `wanted` picks.
    ///
    /// # Errors
    /// As [`Self::until`].
    pub async fn span(&self, what: &str, wanted: impl Fn(&Span) -> bool) -> io::Result<Span> {
        self.until(what, |receiver| receiver.spans().into_iter().find(&wanted)).await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What the server shows, and the CA that signed it.
fn certificates() -> Result<(ServerConfig, String), Box<dyn std::error::Error + Send + Sync>> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Else it is called like what it signs, which OpenSSL takes for a certificate that signed itself.
    params.distinguished_name.push(DnType::CommonName, "a CA of tests");
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, issuer.pem()))
}
