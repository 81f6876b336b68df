//! An answer by gRPC without its details.
//!
//! tonic panics on a `grpc-status-details-bin` that is no base64, which is the collector's word; nobody reads it here.

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Frame;
use std::task::{self, Poll};
use tonic::{
    body::Body,
    codegen::Service,
    transport::{self, Channel, channel::ResponseFuture},
};

/// The header and the trailer.
const DETAILS: &str = "grpc-status-details-bin";

/// A connection whose answers have none.
#[derive(Debug, Clone)]
pub(super) struct Plain(pub(super) Channel);

impl Service<Request<Body>> for Plain {
    type Response = Response<Body>;
    type Error = transport::Error;
    type Future = futures_util::future::MapOk<ResponseFuture, fn(Response<Body>) -> Response<Body>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        futures_util::TryFutureExt::map_ok(self.0.call(request), plain)
    }
}

fn plain(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().remove(DETAILS);
    answer.map(|body| Body::new(body.map_frame(without)))
}

fn without<D>(frame: Frame<D>) -> Frame<D> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            HeaderMap::remove(&mut trailers, DETAILS);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}
