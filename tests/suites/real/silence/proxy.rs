//! A proxy that cuts a connection on which nothing is said for some time, as those before a service do.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A running proxy; it ends when it is dropped.
pub(super) struct Proxy {
    addr: SocketAddr,
    cuts: Arc<AtomicU64>,
    _running: JoinSet<()>,
}

impl Proxy {
    /// Passes everything on to `to`; bytes in either direction begin the time of `patience` anew.
    pub(super) async fn start(to: SocketAddr, patience: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let cuts = Arc::new(AtomicU64::new(0));
        let mut running = JoinSet::new();
        running.spawn(accept(listener, to, patience, cuts.clone()));
        Ok(Self { addr, cuts, _running: running })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections that were cut for their silence.
    pub(super) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, patience: Duration, cuts: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let cuts = cuts.clone();
        connections.spawn(async move {
            if let Ok(true) = pass_on(client, to, patience).await {
                cuts.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
}

/// Ends with either side, or by a cut; true for that.
async fn pass_on(mut client: TcpStream, to: SocketAddr, patience: Duration) -> io::Result<bool> {
    let mut server = TcpStream::connect(to).await?;
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read? {
                0 => return Ok(false),
                n => server.write_all(&up[..n]).await?,
            },
            read = server.read(&mut down) => match read? {
                0 => return Ok(false),
                n => client.write_all(&down[..n]).await?,
            },
            () = tokio::time::sleep(patience) => return Ok(true),
        }
    }
}
