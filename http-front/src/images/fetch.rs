//! Images from URLs: https, from the internet, small and soon.
//!
//! Promises that every hop is held to [`target`](super::target)'s rules and goes to an address that
//! [`resolve`](super::resolve) checked, that no more than the bound is read, and that nothing is left behind when it is
//! dropped. Knows no proxies, cookies, credentials or caches, and sends nothing of the client's request but the URL.
//! Logs nothing: a URL may hold a signature.

use super::{
    ImagesError,
    problem::Problem,
    resolve::Resolver,
    target::{AllowedHost, Peer, Target},
};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::{Body, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use shared::build_info;
use std::{convert::Infallible, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Fetches at once; each may hold an image.
const FETCHES: usize = 16;
/// Redirects that are followed.
const REDIRECTS: usize = 3;
/// Addresses of a host that are tried.
const ADDRESSES: usize = 4;
/// The time to connect to one of them.
const CONNECT: Duration = Duration::from_secs(3);
/// The most bytes of an answer's head.
const HEAD: usize = 64 * 1024;
/// What is taken for a body before it comes.
const FIRST: usize = 64 * 1024;

/// Fetches images.
pub(super) struct Fetcher {
    hosts: Vec<AllowedHost>,
    resolver: Resolver,
    tls: TlsConnector,
    places: Semaphore,
    max_bytes: usize,
}

/// What a request came to.
enum Hop {
    Bytes(Vec<u8>),
    Redirect(Target),
}

impl Fetcher {
    /// Ready to fetch; `bundle` has the certificates to trust instead of the system's.
    ///
    /// # Errors
    /// There are no certificates.
    pub(super) fn new(
        hosts: Vec<AllowedHost>,
        resolver: Resolver,
        bundle: Option<&Path>,
        max_bytes: usize,
    ) -> Result<Self, ImagesError> {
        let tls = TlsConnector::from(Arc::new(tls_config(roots(bundle)?)?));
        Ok(Self { hosts, resolver, tls, places: Semaphore::new(FETCHES), max_bytes })
    }

    /// What the operator allows.
    pub(super) fn hosts(&self) -> &[AllowedHost] {
        &self.hosts
    }

    /// The body behind a URL, until `deadline` at the latest. Cancel safe: dropping it closes the connection.
    ///
    /// # Errors
    /// Everything but an answer 200 in time and within the bound.
    pub(super) async fn fetch(&self, target: Target, deadline: Instant) -> Result<Vec<u8>, Problem> {
        let host = target.host().to_owned();
        timeout_at(deadline, self.follow(target)).await.unwrap_or(Err(Problem::Late { host }))
    }

    async fn follow(&self, mut target: Target) -> Result<Vec<u8>, Problem> {
        let _place = self.places.acquire().await.map_err(|_| Problem::Ending)?;
        for _ in 0..=REDIRECTS {
            match self.hop(&target).await? {
                Hop::Bytes(bytes) => return Ok(bytes),
                Hop::Redirect(next) => target = next,
            }
        }
        Err(Problem::Redirects { max: REDIRECTS })
    }

    async fn hop(&self, target: &Target) -> Result<Hop, Problem> {
        let stream = self.connect(target).await?;
        let broke_off = |_: hyper::Error| Problem::BrokeOff { host: target.host().to_owned() };
        let mut client = http1::Builder::new();
        client.max_buf_size(HEAD);
        let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(broke_off)?;
        let exchange = async {
            let response = sender.send_request(request(target)?).await.map_err(broke_off)?;
            self.answer(target, response).await
        };
        // The connection is part of this future and not a task: it ends with it. What goes wrong with it, the
        // exchange is told.
        let drive = async {
            drop(connection.await);
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            done = exchange => done,
            never = drive => match never {},
        }
    }

    async fn connect(&self, target: &Target) -> Result<TlsStream<TcpStream>, Problem> {
        let (addresses, name) = match &target.peer {
            Peer::Name(name) => {
                let server = ServerName::try_from(name.clone()).map_err(|_| unreachable(target))?;
                (self.resolver.addresses(name, target.allowed).await?, server)
            }
            Peer::Address(address) => (vec![*address], ServerName::from(*address)),
        };
        for address in addresses.into_iter().take(ADDRESSES) {
            let address = SocketAddr::new(address, target.port);
            if let Ok(Ok(stream)) = timeout(CONNECT, TcpStream::connect(address)).await {
                return self.tls.connect(name, stream).await.map_err(|_| unreachable(target));
            }
        }
        Err(unreachable(target))
    }

    async fn answer(&self, target: &Target, response: Response<Incoming>) -> Result<Hop, Problem> {
        let host = || target.host().to_owned();
        let (head, body) = response.into_parts();
        match head.status {
            StatusCode::OK => self.body(target, body).await.map(Hop::Bytes),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location =
                    location(&head.headers).ok_or_else(|| Problem::BadRedirect { host: host() })?;
                target.follow(location, &self.hosts).map(Hop::Redirect)
            }
            other => Err(Problem::Status { host: host(), status: other.as_u16() }),
        }
    }

    async fn body(&self, target: &Target, mut body: Incoming) -> Result<Vec<u8>, Problem> {
        let max = self.max_bytes;
        // What is declared may be refused at once, and is not believed otherwise.
        if body.size_hint().lower() > max as u64 {
            return Err(Problem::TooManyBytes { max });
        }
        let mut bytes = Vec::with_capacity(FIRST);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::BrokeOff { host: target.host().to_owned() })?;
            // Trailers are of no interest.
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > max {
                return Err(Problem::TooManyBytes { max });
            }
            bytes.extend_from_slice(&data);
        }
        if bytes.is_empty() { Err(Problem::Empty) } else { Ok(bytes) }
    }
}

fn unreachable(target: &Target) -> Problem {
    Problem::Unreachable { host: target.host().to_owned() }
}

fn location(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::LOCATION)?.to_str().ok()
}

fn request(target: &Target) -> Result<Request<Empty<Bytes>>, Problem> {
    Request::get(target.path())
        .header(header::HOST, target.authority())
        .header(header::ACCEPT, "image/png, image/jpeg, image/webp, image/gif")
        // Some hosts refuse requests that don't say who they are from.
        .header(header::USER_AGENT, format!("http-front/{}", build_info::VERSION))
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| Problem::NoUrl)
}

fn roots(bundle: Option<&Path>) -> Result<RootCertStore, ImagesError> {
    let certificates = match bundle {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| ImagesError::Bundle { path: path.to_owned(), message: error.to_string() })?,
        // This looks at SSL_CERT_FILE and SSL_CERT_DIR, as everything that uses the system's certificates does.
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    // Some of the system's certificates may be of a kind that is not understood here.
    let (added, _) = roots.add_parsable_certificates(certificates);
    match bundle {
        _ if added > 0 => Ok(roots),
        Some(path) => Err(ImagesError::Bundle {
            path: path.to_owned(),
            message: "there is no certificate in it".to_owned(),
        }),
        None => Err(ImagesError::NoCertificates),
    }
}

fn tls_config(roots: RootCertStore) -> Result<ClientConfig, ImagesError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ImagesError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // One request's visit must not be recognisable in another's.
    config.resumption = Resumption::disabled();
    Ok(config)
}
