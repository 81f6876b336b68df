//! What is read of a body that nobody asked for, by the byte: the socket is in memory and everything is there at once,
//! which is the most that a client can do.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use warp::Reply;

/// What is read of a stranger's body.
const STRANGER: u64 = 64 * 1024;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts what is read from it.
struct Counted(DuplexStream, Arc<AtomicU64>);

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.0).poll_read(cx, buf);
        self.1.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// As the front answers a stranger: at once, and it hangs up where a body was announced.
async fn refuse(request: Request<Incoming>) -> Result<warp::reply::Response, Infallible> {
    let peer = request.extensions().get::<Peer>().expect("the peer").clone();
    let has_body = request.headers().contains_key("content-length")
        || request.headers().contains_key("transfer-encoding");
    let mut response = warp::reply::with_status("no", http::StatusCode::UNAUTHORIZED).into_response();
    if has_body {
        peer.linger.allow_in_all(STRANGER);
        response.headers_mut().insert("connection", HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// How many bytes are read when all of this is sent at once, and how many answers there are.
async fn read_of(sent: Vec<u8>) -> (u64, usize) {
    let (mut client, server) = duplex(8 << 20);
    client.write_all(&sent).await.expect("room for it");
    let read = Arc::new(AtomicU64::new(0));
    let seat = Seats::new(1, ConnectionCounts::default()).take().await;
    let limits = HttpLimits { header_timeout: MINUTE, write_timeout: MINUTE, connections: 1 };
    let addr = SocketAddr::from(([127, 0, 0, 1], 1));
    let served = connection(Counted(server, read.clone()), addr, seat, refuse, limits, Shutdown::new());
    tokio::time::timeout(Duration::from_secs(600), served).await.expect("the connection ends");
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.expect("answers");
    (read.load(Ordering::Relaxed), answers.matches("401 Unauthorized").count())
}

/// A body as it goes over the wire, without end where it comes in chunks.
fn body(chunk: Option<usize>, bytes: usize) -> Bytes {
    let Some(size) = chunk else { return vec![b'x'; bytes].into() };
    let mut body = Vec::new();
    while body.len() < bytes {
        body.extend_from_slice(format!("{size:x}\r\n").as_bytes());
        body.resize(body.len() + size, b'x');
        body.extend_from_slice(b"\r\n");
    }
    body.into()
}

#[tokio::test(start_paused = true)]
async fn a_head_has_a_bound() {
    let head = |bytes: usize| format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(bytes)).into_bytes();
    assert_eq!(read_of(head(MAX_HEAD - 1024)).await.1, 1);
    let (read, answers) = read_of(head(4 << 20)).await;
    assert_eq!(answers, 0);
    assert!(read <= (MAX_HEAD + super::super::linger::READ) as u64, "{read} bytes of a head were read");
}

/// A request is in progress until the last byte of its answer was written; then its connection can go.
#[tokio::test]
async fn a_connection_whose_answer_is_not_read_yet_is_not_closed_for_another() {
    const ANSWER: usize = 1 << 20;
    let (mut client, server) = duplex(1024);
    let seats = Seats::new(1, ConnectionCounts::default());
    let seat = seats.take().await;
    let limits = HttpLimits { header_timeout: MINUTE, write_timeout: MINUTE, connections: 1 };
    let answer = |request: Request<Incoming>| async move {
        request.extensions().get::<Peer>().expect("the peer").known();
        Ok::<_, Infallible>(warp::reply::html("x".repeat(ANSWER)).into_response())
    };
    let addr = SocketAddr::from(([127, 0, 0, 1], 1));
    let served = connection(server, addr, seat, answer, limits, Shutdown::new());
    let asks = async {
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("a request");
        // All of the answer is made, most of it is not written.
        let mut half = vec![0; ANSWER / 2];
        client.read_exact(&mut half).await.expect("half of the answer");
        let seats = seats.clone();
        let mut next = Box::pin(async move { seats.take().await });
        tokio::select! {
            biased;
            _ = &mut next => panic!("a connection was closed in the middle of its answer"),
            () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
        }
        let mut rest = Vec::new();
        let (read, _seat) = tokio::join!(client.read_to_end(&mut rest), next);
        read.expect("the rest, and then the end for the next one");
        assert!(half.len() + rest.len() > ANSWER, "the answer is whole: {}", half.len() + rest.len());
    };
    let both = async { tokio::join!(served, asks) };
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("the idle connection goes");
}

/// A stream that began before another process took over ends without a word of the connection's end: the client may ask once more.
#[tokio::test(start_paused = true)]
async fn a_replaced_front_answers_once_more_on_each_connection_and_closes_idle_ones() {
    let shutdown = Shutdown::new();
    let connected = async |answer_after: Duration| {
        let (client, server) = duplex(8192);
        let seat = Seats::new(1, ConnectionCounts::default()).take().await;
        let limits = HttpLimits { header_timeout: 10 * UNUSED, write_timeout: MINUTE, connections: 1 };
        let answer = move |_: Request<Incoming>| async move {
            let body = futures_util::stream::once(async move {
                sleep(answer_after).await;
                Ok::<_, Infallible>(hyper::body::Frame::data(Bytes::from_static(b"done")))
            });
            Ok::<_, Infallible>(Response::new(Box::pin(http_body_util::StreamBody::new(body))))
        };
        let addr = SocketAddr::from(([127, 0, 0, 1], 1));
        let served = connection(server, addr, seat, answer, limits, shutdown.clone());
        (client, served)
    };
    let ask = async |client: &mut DuplexStream| {
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("a request");
        let mut text = String::new();
        while !text.ends_with("0\r\n\r\n") {
            let mut more = [0; 1024];
            let n = client.read(&mut more).await.expect("an answer");
            assert_ne!(n, 0, "it is closed behind {text:?}");
            text.push_str(std::str::from_utf8(&more[..n]).expect("text"));
        }
        text.to_lowercase()
    };
    let began = Instant::now();
    let (mut busy, served_busy) = connected(UNUSED + 2 * MINUTE).await;
    let (mut idle, served_idle) = connected(Duration::ZERO).await;
    let clients = async {
        let first = async {
            let text = ask(&mut busy).await;
            assert!(!text.contains("connection: close"), "{text}");
            sleep(UNUSED / 2).await;
            let text = ask(&mut busy).await;
            assert!(text.contains("connection: close"), "{text}");
            assert_eq!(busy.read(&mut [0]).await.expect("the end"), 0);
        };
        let second = async {
            assert!(!ask(&mut idle).await.contains("connection: close"));
            // The head of the other one's answer is out.
            sleep(MINUTE).await;
            shutdown.start_replaced();
            assert_eq!(idle.read(&mut [0]).await.expect("the end"), 0);
            assert_eq!(began.elapsed(), MINUTE + UNUSED);
        };
        tokio::join!(first, second)
    };
    tokio::join!(served_busy, served_idle, clients);
}

/// A stranger that asks and doesn't read has no claim on its place.
#[tokio::test]
async fn a_connection_of_a_stranger_that_does_not_read_is_closed_for_another() {
    let (mut client, server) = duplex(1024);
    let seats = Seats::new(1, ConnectionCounts::default());
    let seat = seats.take().await;
    let limits = HttpLimits { header_timeout: MINUTE, write_timeout: MINUTE, connections: 1 };
    let answer = |_: Request<Incoming>| async {
        Ok::<_, Infallible>(warp::reply::html("x".repeat(1 << 20)).into_response())
    };
    let addr = SocketAddr::from(([127, 0, 0, 1], 1));
    let served = connection(server, addr, seat, answer, limits, Shutdown::new());
    let asks = async {
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("a request");
        client.read_exact(&mut [0; 16]).await.expect("the beginning of an answer");
        let _place = seats.take().await;
    };
    let both = async { tokio::join!(served, asks) };
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("it goes for the next one");
}

#[tokio::test]
async fn the_kernel_keeps_little_of_a_connection() {
    use nix::sys::socket::{getsockopt, sockopt};
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "PORT").expect("a listener");
    let addr = listener.local_addr().expect("an address");
    let (client, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
    let (stream, _client) = (accepted.expect("a connection").0, client.expect("a connection"));
    for kept in [getsockopt(&stream, sockopt::SndBuf), getsockopt(&stream, sockopt::RcvBuf)] {
        assert!(kept.expect("a size") <= 2 * KERNEL_BUFFER as usize);
    }
}

/// The time of a connection that waits for more passes at once.
fn run<R>(test: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_more_of_a_body_is_read_than_is_allowed_however_it_comes(
        chunk in prop::option::of(prop_oneof![1usize..40, 1_000usize..300_000]),
        before in 0usize..60,
        padding in 0usize..20_000,
        method in prop::sample::select(vec!["POST", "GET", "HEAD", "OPTIONS", "PUT"]),
        version in prop::sample::select(vec!["1.0", "1.1"]),
        expects in any::<bool>(),
        bytes in prop_oneof![0usize..70_000, 100_000usize..3_000_000],
    ) {
        prop_assume!(version == "1.1" || chunk.is_none());
        let mut sent = Vec::new();
        // Requests without a body before it, in the same bytes.
        for number in 0..before {
            sent.extend_from_slice(format!("GET /{number} HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(padding / 60)).as_bytes());
        }
        let framing = match chunk {
            None => format!("content-length: {}", 4 << 20),
            Some(_) => "transfer-encoding: chunked".to_owned(),
        };
        let expect = if expects { "expect: 100-continue\r\n" } else { "" };
        let pad = "z".repeat(padding);
        sent.extend_from_slice(
            format!("{method} /v1/chat/completions/ HTTP/{version}\r\n{expect}x: {pad}\r\n{framing}\r\n\r\n").as_bytes(),
        );
        let heads = sent.len() as u64;
        sent.extend_from_slice(&body(chunk, bytes));
        let (read, answers) = run(read_of(sent));
        prop_assert_eq!(answers, before + 1);
        prop_assert!(read <= heads + STRANGER, "{} bytes of the body were read", read - heads);
        // And what a client sends at once is read away as far as that goes, so that the answer reaches it: at most the
        // head is taken for a part of the body.
        let wanted = (bytes as u64).min(STRANGER - super::super::linger::READ as u64);
        prop_assert!(read >= wanted.min(heads + bytes as u64), "{} of {} bytes were read", read, bytes);
    }
}
