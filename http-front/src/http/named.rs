//! The body of an answer works for a request: what panics in it says for which.

use ::http::Response;
use http_body::{Body, Frame, SizeHint};
use shared::telemetry;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// The name of its request, which an answer carries in its extensions from its route to here.
#[derive(Debug, Clone)]
pub struct Name(pub Arc<str>);

/// The answer, with a body that works for the request whose name it carries.
///
/// # Errors
/// Those of the answer.
pub async fn named<B, E>(
    answer: impl Future<Output = Result<Response<B>, E>>,
) -> Result<Response<Named<B>>, E> {
    let mut response = answer.await?;
    let request = response.extensions_mut().remove::<Name>().map(|Name(name)| name);
    Ok(response.map(|body| Named { body, request }))
}

/// A body that works for a request, where it is known for which.
#[derive(Debug)]
pub struct Named<B> {
    body: B,
    request: Option<Arc<str>>,
}

impl<B: Body + Unpin> Body for Named<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Self { body, request } = &mut *self;
        let poll = || Pin::new(body).poll_frame(cx);
        match request {
            Some(request) => telemetry::within(request, poll),
            None => poll(),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::{future::lazy, stream::once};
    use http_body_util::{BodyExt as _, StreamBody};
    use std::{convert::Infallible, future::ready};

    /// The request that a body works for, as it says.
    async fn heard(name: Option<&str>) -> Bytes {
        let body = StreamBody::new(once(lazy(|_| {
            let request = telemetry::request().unwrap_or_else(|| "none".into());
            Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(request.as_bytes())))
        })));
        let mut response = Response::new(body);
        if let Some(name) = name {
            response.extensions_mut().insert(Name(name.into()));
        }
        let answer = named(ready(Ok::<_, Infallible>(response))).await.unwrap();
        answer.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_body_works_for_the_request_of_its_answer() {
        assert_eq!(heard(Some("req_1")).await, "req_1");
        assert_eq!(heard(None).await, "none");
    }
}
