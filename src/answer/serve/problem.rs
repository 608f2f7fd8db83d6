//! Answers to requests that can't be answered.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::batching::NoAnswer;
use super::workers::PhotoError;
use facepipe_faces::embed::EmbedError;
use facepipe_imaging::image_io::DecodeError;

/// When a client may retry after a full queue, in seconds: the smallest value of the header.
const RETRY_AFTER: &str = "1";

/// Why a request failed: its status, a code for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// The code of a failed request, for the metrics.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code(pub(super) &'static str);

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    code: &'a str,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        // Some decoders end a message with a line break.
        message.truncate(message.trim_end().len());
        Self {
            status,
            code,
            message,
        }
    }

    /// The request does not have the form that the route expects.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(super) fn full() -> Self {
        let message = "too many requests are queued already; try again in a moment";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "queue_full", message)
    }

    pub(super) fn too_late(limit: Duration) -> Self {
        let seconds = limit.as_secs_f64();
        let message = format!("there was no answer within {seconds} s");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", message)
    }

    pub(super) fn slow_body(limit: Duration) -> Self {
        let seconds = limit.as_secs_f64();
        let message = format!("the body did not arrive within {seconds} s");
        Self::new(StatusCode::REQUEST_TIMEOUT, "slow_body", message)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the body is over the limit of {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }

    pub(super) fn no_key() -> Self {
        let message = "a key is needed: send `Authorization: Bearer KEY` or `X-API-Key: KEY`";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// The request names the server by an unknown host name.
    pub(super) fn unknown_host(host: &str) -> Self {
        let message = format!(
            "this server is not known as `{host}`: use its address, or have it started with that name"
        );
        Self::new(StatusCode::FORBIDDEN, "unknown_host", message)
    }

    /// A page of another origin sends something.
    pub(super) fn foreign_page() -> Self {
        let message = "pages of other origins may not send requests to this server, unless it was started \
                       to allow them";
        Self::new(StatusCode::FORBIDDEN, "foreign_page", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Something that should not happen; only the log says what it was.
    pub(super) fn internal(what: &str) -> Self {
        tracing::error!(what, "a request failed");
        let message = "the server failed; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl From<NoAnswer> for Problem {
    fn from(error: NoAnswer) -> Self {
        Self::internal(&error.to_string())
    }
}

impl From<PhotoError> for Problem {
    fn from(error: PhotoError) -> Self {
        let unprocessable = |code| {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Self::new(status, code, error.to_string())
        };
        match &error {
            PhotoError::TooManyPixels { .. }
            | PhotoError::Decode(DecodeError::TooManyPixels { .. }) => {
                unprocessable("too_many_pixels")
            }
            PhotoError::Decode(DecodeError::UnknownFormat) => {
                let message = format!("{error}: send JPEG, PNG, WebP, GIF, BMP or TIFF");
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not_an_image", message)
            }
            PhotoError::Decode(_) => unprocessable("not_an_image"),
            PhotoError::NotHere(reason) => {
                Self::new(StatusCode::NOT_IMPLEMENTED, "not_available", reason.clone())
            }
            PhotoError::Embed(EmbedError::Detector(source)) if !source.concerns_all_photos() => {
                tracing::warn!(%error, "a photo can't be processed");
                unprocessable("detector_failed")
            }
            PhotoError::Embed(_) | PhotoError::Panicked(_) => Self::internal(&error.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            error: &self.message,
            code: self.code,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(Code(self.code));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_image_format_lists_the_known_ones() {
        let problem = Problem::from(PhotoError::Decode(DecodeError::UnknownFormat));
        assert_eq!(
            (problem.status.as_u16(), problem.code),
            (422, "not_an_image")
        );
        assert!(problem.message.contains("send JPEG, PNG"), "{problem:?}");
        let problem = Problem::from(PhotoError::Decode(DecodeError::Empty));
        assert_eq!(
            (problem.status.as_u16(), problem.code),
            (422, "not_an_image")
        );
    }

    #[test]
    fn messages_are_one_line() {
        assert_eq!(Problem::bad_request("cut off\n").message, "cut off");
    }
}
