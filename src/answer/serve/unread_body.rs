//! The unread rest of a refused request's body is read and discarded, up to a limit.
//!
//! If a connection is closed while its client is still sending, it is reset, and the client loses
//! the answer that says why (RFC 9112, section 9.6): a browser would report a broken connection
//! instead of a photo that is too large.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::time::timeout;

/// Most bytes that are read after an answer: three of the largest bodies that are allowed by default.
const MOST_BYTES: usize = 60_000_000;
/// Longest time that is spent on it.
const MOST_TIME: Duration = Duration::from_secs(10);

/// A body that outlives the handler that reads it.
#[derive(Clone)]
struct SharedBody(Arc<Mutex<Body>>);

impl SharedBody {
    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.poll(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

/// Answers a request; if it was refused, reads and discards the rest of its body.
pub(super) async fn discard_unread(request: Request, next: Next) -> Response {
    // A client that waits for `100 Continue`, as `curl` does with large bodies, sends nothing when
    // refused.
    if request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let shared = SharedBody(Arc::new(Mutex::new(body)));
    let request = Request::from_parts(head, Body::new(shared.clone()));
    let response = next.run(request).await;
    let status = response.status();
    let is_slow = status == StatusCode::REQUEST_TIMEOUT;
    if status.is_client_error() && !is_slow && !shared.is_end_stream() {
        tokio::spawn(timeout(MOST_TIME, read(shared)));
    }
    response
}

async fn read(body: SharedBody) {
    let mut discarded = 0;
    while let Some(Ok(frame)) = poll_fn(|context| body.poll(context)).await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > MOST_BYTES {
            return;
        }
    }
}
