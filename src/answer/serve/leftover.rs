//! What a refused request still sends is taken in for a while.
//!
//! A connection that is closed while its client is sending is reset, and the client loses the answer that
//! says why (RFC 9112, section 9.6): a browser would tell of a broken connection instead of a photo that is
//! too large.

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

/// Bytes that are taken in after an answer: three of the largest bodies that are allowed by default.
const MOST_BYTES: usize = 60_000_000;
/// As long as it lasts at most.
const LONGEST: Duration = Duration::from_secs(10);

/// A body that is still there when its reader has left it.
#[derive(Clone)]
struct Lent(Arc<Mutex<Body>>);

impl Lent {
    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }
}

impl HttpBody for Lent {
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

/// Answers a request, and takes in what comes of its body after that.
pub(super) async fn take_in(request: Request, next: Next) -> Response {
    // Who asks first, as `curl` does with large bodies, sends nothing when it is refused.
    if request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let lent = Lent(Arc::new(Mutex::new(body)));
    let request = Request::from_parts(head, Body::new(lent.clone()));
    let response = next.run(request).await;
    let status = response.status();
    let is_slow = status == StatusCode::REQUEST_TIMEOUT;
    if status.is_client_error() && !is_slow && !lent.is_end_stream() {
        tokio::spawn(timeout(LONGEST, read(lent)));
    }
    response
}

async fn read(body: Lent) {
    let mut taken = 0;
    while let Some(Ok(frame)) = poll_fn(|context| body.poll(context)).await {
        taken += frame.data_ref().map_or(0, Bytes::len);
        if taken > MOST_BYTES {
            return;
        }
    }
}
