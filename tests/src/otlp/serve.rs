//! The receiver's connections.

use super::{
    Mode, State,
    seen::{Body as Kept, Request as Seen},
};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use opentelemetry_proto::tonic::collector::{
    metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
};
use prost::Message;
use std::{
    convert::Infallible,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// How long a slow one takes.
const SLOW: Duration = Duration::from_millis(700);

/// What gRPC tells more of a status with, in base64.
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// Where one is sent that follows.
const ELSEWHERE: &str = "/elsewhere/v1/traces";

/// Serves every connection until the runtime ends.
#[expect(clippy::disallowed_methods, reason = "the runtime of a receiver ends with it")]
pub(super) async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let closing = |mode| {
            let Mode::ClosingTimes(times) = mode else { return None };
            Some(match times.checked_sub(1) {
                Some(left) => (mode, Mode::ClosingTimes(left)),
                None => (Mode::Normal, Mode::Normal),
            })
        };
        if matches!(state.now(closing), Mode::ClosingTimes(_)) {
            continue;
        }
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, state).await;
                    }
                }
                None => serve(stream, state).await,
            }
        });
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, state: Arc<State>) {
    let service = hyper::service::service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(request, &state).await) }
    });
    // A client that leaves is no matter.
    drop(auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await);
}

async fn answer(request: Request<Incoming>, state: &State) -> Answer {
    let (head, body) = request.into_parts();
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let grpc = kind.starts_with("application/grpc");
    let Ok(body) = body.collect().await.map(|body| body.to_bytes()) else {
        return plain(StatusCode::BAD_REQUEST);
    };
    let path = head.uri.path().to_owned();
    // Behind the five bytes of its frame, which say that it isn't compressed and how long it is.
    let message = if grpc { body.slice(body.len().min(5)..) } else { body };
    let (kept, taken) = match path.rsplit('/').next() {
        Some("traces") if !grpc => spans(message, state),
        Some("metrics") if !grpc => metrics(message),
        Some("Export") if path.contains(".TraceService/") && grpc => spans(message, state),
        Some("Export") if path.contains(".MetricsService/") && grpc => metrics(message),
        _ => return plain(StatusCode::NOT_FOUND),
    };
    let Some(kept) = kept else { return plain(StatusCode::BAD_REQUEST) };
    // Before anybody sees that it came, and changes it.
    let mode = state.now(|mode| {
        let Mode::BusyTimes(times) = mode else { return None };
        Some(match times.checked_sub(1) {
            Some(left) => (Mode::Busy, Mode::BusyTimes(left)),
            None => (Mode::Normal, Mode::Normal),
        })
    });
    keep(Seen { path, headers: head.headers, body: kept }, state);
    if mode == Mode::Slow {
        tokio::time::sleep(SLOW).await;
    }
    match (mode, grpc) {
        (Mode::Normal | Mode::Slow | Mode::Partial | Mode::Long | Mode::ClosingTimes(_), true) => {
            unary(&taken)
        }
        (Mode::Odd, true) => odd(&taken),
        (
            Mode::Normal | Mode::Slow | Mode::Partial | Mode::Long | Mode::Odd | Mode::ClosingTimes(_),
            false,
        ) => protobuf(taken),
        // What a collector says may repeat what it was sent.
        (Mode::Refusing, true) => status("16", "the key secret-of-the-collector is unknown"),
        (Mode::Busy | Mode::BusyTimes(_), true) => status("14", "busy"),
        (Mode::Refusing, false) => plain(StatusCode::UNAUTHORIZED),
        (Mode::Busy | Mode::BusyTimes(_), false) => plain(StatusCode::SERVICE_UNAVAILABLE),
        (Mode::Redirecting, _) => elsewhere(),
        (Mode::Hanging, _) => std::future::pending().await,
        (Mode::Rubbish, grpc) => endless(grpc),
    }
}

fn keep(seen: Seen, state: &State) {
    let mut requests = state.requests.lock().unwrap_or_else(PoisonError::into_inner);
    requests.push(seen);
    state.grow.send_replace(requests.len());
}

fn spans(message: Bytes, state: &State) -> (Option<Kept>, Vec<u8>) {
    let mode = *state.mode.lock().unwrap_or_else(PoisonError::into_inner);
    let part = |rejected_spans, error_message| ExportTracePartialSuccess { rejected_spans, error_message };
    let partial = (mode == Mode::Partial).then(|| part(1, "one too many".to_owned()));
    let partial_success = partial.or_else(|| (mode == Mode::Long).then(|| part(0, "x".repeat(65 * 1024))));
    let answer = ExportTraceServiceResponse { partial_success }.encode_to_vec();
    (ExportTraceServiceRequest::decode(message).ok().map(Kept::Spans), answer)
}

fn metrics(message: Bytes) -> (Option<Kept>, Vec<u8>) {
    let answer = ExportMetricsServiceResponse { partial_success: None }.encode_to_vec();
    (ExportMetricsServiceRequest::decode(message).ok().map(Kept::Metrics), answer)
}

fn response(status: StatusCode, kind: &'static str, frames: Vec<Frame<Bytes>>) -> Answer {
    let body = StreamBody::new(stream::iter(frames.into_iter().map(Ok)));
    let mut response = Response::new(UnsyncBoxBody::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn plain(status: StatusCode) -> Answer {
    response(status, "text/plain", vec![Frame::data(Bytes::from_static(b"secret-of-the-collector"))])
}

/// The way to [`ELSEWHERE`] at this receiver.
fn elsewhere() -> Answer {
    let mut response = plain(StatusCode::TEMPORARY_REDIRECT);
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(ELSEWHERE));
    response
}

fn protobuf(message: Vec<u8>) -> Answer {
    response(StatusCode::OK, "application/x-protobuf", vec![Frame::data(message.into())])
}

fn unary(message: &[u8]) -> Answer {
    framed(message, HeaderMap::new())
}

fn odd(message: &[u8]) -> Answer {
    framed(message, HeaderMap::from_iter([(DETAILS, HeaderValue::from_static("!"))]))
}

fn framed(message: &[u8], mut trailers: HeaderMap) -> Answer {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or_default());
    frame.put_slice(message);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = vec![Frame::data(frame.freeze()), Frame::trailers(trailers)];
    response(StatusCode::OK, "application/grpc", frames)
}

fn status(code: &'static str, message: &'static str) -> Answer {
    let mut response = response(StatusCode::OK, "application/grpc", Vec::new());
    response.headers_mut().insert("grpc-status", HeaderValue::from_static(code));
    response.headers_mut().insert("grpc-message", HeaderValue::from_static(message));
    response
}

/// A body of what is no message, for as long as somebody reads it.
fn endless(grpc: bool) -> Answer {
    let kind = if grpc { "application/grpc" } else { "application/x-protobuf" };
    let frames = stream::repeat(Bytes::from_static(&[0xff; 4096])).map(|bytes| Ok(Frame::data(bytes)));
    let mut response = Response::new(UnsyncBoxBody::new(StreamBody::new(frames)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
