//! A TLS server on loopback with a certificate of its own, and every way to answer badly.

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use shared::shutdown::Shutdown;
use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The name in the certificate.
pub(crate) const NAME: &str = "cdn.test";

/// The server, and what it was asked.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its certificate, as a bundle.
    pub(crate) bundle: NamedTempFile,
    heads: Arc<Mutex<Vec<String>>>,
    /// One permit for each connection that is over.
    over: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Server {
    /// Serves `image` and the rest.
    pub(crate) async fn start(image: Vec<u8>) -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned(), "127.0.0.1".to_owned()])
            .expect("a certificate");
        let mut bundle = NamedTempFile::new().expect("a file");
        bundle.write_all(made.cert.pem().as_bytes()).expect("it can be written");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the certificate fits its key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            bundle,
            heads: Arc::default(),
            over: Arc::new(Semaphore::new(0)),
            shutdown: Shutdown::new(),
        };
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (heads, over, shutdown) = (server.heads.clone(), server.over.clone(), server.shutdown.clone());
        let forced = server.shutdown.force_token();
        server.shutdown.spawn(forced.run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, heads, over, image) =
                    (acceptor.clone(), heads.clone(), over.clone(), image.clone());
                let forced = shutdown.force_token();
                shutdown.spawn(forced.run_until_cancelled_owned(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &heads, &image).await;
                    }
                    over.add_permits(1);
                }));
            }
        }));
        server
    }

    /// The URL of a path, by the name of the certificate.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{NAME}:{}{path}", self.address.port())
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic while it was held").clone()
    }

    /// Waits until `n` more connections are over.
    pub(crate) async fn ended(&self, n: u32) {
        self.over.acquire_many(n).await.expect("never closed").forget();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.start_force();
    }
}

async fn serve(mut stream: TlsStream<TcpStream>, heads: &Mutex<Vec<String>>, image: &[u8]) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).expect("ASCII");
    let path = head.split(' ').nth(1).expect("a path").to_owned();
    heads.lock().expect("no panic while it was held").push(head);
    // An error means that the client has gone, which is its right.
    let _ = answer(&mut stream, &path, image).await;
    let _ = stream.shutdown().await;
}

async fn answer(stream: &mut TlsStream<TcpStream>, path: &str, image: &[u8]) -> std::io::Result<()> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let whole = |status: &str, body: &[u8]| {
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let redirect = |status: &str, to: &str| {
        format!("HTTP/1.1 {status}\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
    };
    match path {
        "/image" => stream.write_all(&whole("200 OK", image)).await,
        "/missing" => stream.write_all(&whole("404 Not Found", image)).await,
        "/html" => stream.write_all(&whole("200 OK", b"<html>no image</html>")).await,
        "/empty" => stream.write_all(&whole("200 OK", b"")).await,
        "/partial" => stream.write_all(&whole("206 Partial Content", image)).await,
        "/cut" => {
            let whole = whole("200 OK", image);
            stream.write_all(&whole[..whole.len() - 10]).await
        }
        "/chunked" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            for chunk in image.chunks(100) {
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
                stream.write_all(&[chunk, b"\r\n"].concat()).await?;
            }
            stream.write_all(b"0\r\n\r\n").await
        }
        "/declared" => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").await,
        "/endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&[0; 4096]).await?;
            }
        }
        "/endless-head" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-long: ").await?;
            loop {
                stream.write_all(&[b'a'; 4096]).await?;
            }
        }
        "/slow" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\x89PNG").await?;
            stream.read_u8().await.map(drop)
        }
        "/silent" => stream.read_u8().await.map(drop),
        "/rubbish" => stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await,
        "/nowhere" => stream.write_all(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n").await,
        "/to" => stream.write_all(&redirect("302 Found", query)).await,
        _ => match path.strip_prefix("/hops/").and_then(|n| n.parse::<u32>().ok()) {
            Some(0) => stream.write_all(&redirect("308 Permanent Redirect", "/image")).await,
            Some(n) => stream.write_all(&redirect("301 Moved Permanently", &format!("{}", n - 1))).await,
            None => stream.write_all(&whole("500 Internal Server Error", b"")).await,
        },
    }
}
