//! Photos from the bodies of requests: forms, JSON, or the photo's bytes.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use tokio::time::timeout;

use super::problem::Problem;
use super::service::{Room, Service};

/// With or without the padding `=`.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// The suffix of a photo's name in JSON.
const BASE64_ENDING: &str = "_b64";

/// The photos of a request.
pub(super) struct Photos<const COUNT: usize> {
    /// In the order of the requested names.
    pub(super) photos: [Bytes; COUNT],
    /// The memory that is reserved for the body.
    pub(super) room: Room,
}

/// A request's whole body.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    /// The memory that is reserved for it.
    pub(super) room: Room,
}

/// Reads the photos of a request, which have these names. A single photo may also be the whole
/// body.
///
/// # Errors
/// 400, 408, 413 or 429.
pub(super) async fn photos<const COUNT: usize>(
    service: &Service,
    request: Request,
    names: [&str; COUNT],
) -> Result<Photos<COUNT>, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if kind == "multipart/form-data" {
        return form(service, request, names).await;
    }
    let Whole { bytes, room } = whole(service, request).await?;
    // No photo begins with `{`, and `curl -d` labels JSON as a form.
    let is_json = kind == "application/json" || bytes.trim_ascii_start().starts_with(b"{");
    let photos = if is_json {
        from_json(&bytes, names)?
    } else {
        let photos: Result<[Bytes; COUNT], _> = vec![bytes].try_into();
        photos.map_err(|_| Problem::bad_request(expected(names)))?
    };
    if photos.iter().any(Bytes::is_empty) {
        return Err(Problem::bad_request(expected(names)));
    }
    Ok(Photos { photos, room })
}

/// Reads a body.
///
/// # Errors
/// 400, 408, 413 or 429.
pub(super) async fn whole(service: &Service, request: Request) -> Result<Whole, Problem> {
    let limits = service.settings.limits;
    let room = room(service, &request)?;
    let read = timeout(limits.time, Bytes::from_request(request, &())).await;
    let read = read.map_err(|_| Problem::slow_body(limits.time))?;
    let bytes = read.map_err(|rejection| {
        unreadable(rejection.status(), rejection.body_text(), limits.body_bytes)
    })?;
    Ok(Whole { bytes, room })
}

async fn form<const COUNT: usize>(
    service: &Service,
    request: Request,
    names: [&str; COUNT],
) -> Result<Photos<COUNT>, Problem> {
    let limits = service.settings.limits;
    let room = room(service, &request)?;
    let read = async {
        let form = Multipart::from_request(request, &()).await;
        let mut form = form.map_err(|rejection| {
            unreadable(rejection.status(), rejection.body_text(), limits.body_bytes)
        })?;
        let wrong = |error: axum::extract::multipart::MultipartError| {
            unreadable(error.status(), error.body_text(), limits.body_bytes)
        };
        let mut found: [Bytes; COUNT] = std::array::from_fn(|_| Bytes::new());
        while let Some(field) = form.next_field().await.map_err(wrong)? {
            let place = names.iter().position(|name| field.name() == Some(*name));
            let Some(place) = place else {
                continue;
            };
            let photo = field.bytes().await.map_err(wrong)?;
            if !found[place].is_empty() {
                let message = format!("`{}` is in the form twice", names[place]);
                return Err(Problem::bad_request(message));
            }
            found[place] = photo;
        }
        if found.iter().any(Bytes::is_empty) {
            return Err(Problem::bad_request(expected(names)));
        }
        Ok(found)
    };
    let read = timeout(limits.time, read).await;
    let photos = read.map_err(|_| Problem::slow_body(limits.time))??;
    Ok(Photos { photos, room })
}

/// Memory for the request's body; without a `Content-Length`, for the largest body allowed.
fn room(service: &Service, request: &Request) -> Result<Room, Problem> {
    let limit = service.settings.limits.body_bytes;
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or(limit);
    if length > limit {
        return Err(Problem::too_large(limit));
    }
    service.room(length)
}

fn unreadable(status: StatusCode, text: String, limit: usize) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::too_large(limit)
    } else {
        Problem::bad_request(text)
    }
}

fn from_json<const COUNT: usize>(
    bytes: &[u8],
    names: [&str; COUNT],
) -> Result<[Bytes; COUNT], Problem> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| Problem::bad_request(format!("the body is not JSON: {error}")))?;
    let mut photos: [Bytes; COUNT] = std::array::from_fn(|_| Bytes::new());
    for (photo, name) in photos.iter_mut().zip(names) {
        let key = format!("{name}{BASE64_ENDING}");
        let text = value.get(&key).and_then(Value::as_str);
        let text = text.ok_or_else(|| Problem::bad_request(expected(names)))?;
        // As browsers make it: `data:image/jpeg;base64,...`.
        let text = match text.split_once(',') {
            Some((head, text)) if head.starts_with("data:") => text,
            _ => text,
        };
        let decoded = BASE64.decode(without_space(text).as_bytes());
        let decoded = decoded
            .map_err(|error| Problem::bad_request(format!("`{key}` is not base64: {error}")))?;
        *photo = decoded.into();
    }
    Ok(photos)
}

/// Base64 without its line breaks, which `base64` and mail programs make.
fn without_space(text: &str) -> Cow<'_, str> {
    let is_space = |letter: char| letter.is_ascii_whitespace();
    if text.contains(is_space) {
        Cow::Owned(text.replace(is_space, ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// The forms that a body may have.
fn expected<const COUNT: usize>(names: [&str; COUNT]) -> String {
    let quoted = |ending: &str| {
        let names = names.map(|name| format!("`{name}{ending}`"));
        names.join(" and ")
    };
    let whole = if COUNT == 1 {
        ", or the photo's bytes as the body"
    } else {
        ""
    };
    format!(
        "send {} as files of a form (multipart/form-data), or JSON with {}{whole}",
        quoted(""),
        quoted(BASE64_ENDING),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_photos_as_base64_with_or_without_a_head() {
        for text in ["AAEC", " AAEC\n", "AA\r\nEC", "data:image/png;base64,AAEC"] {
            let body = serde_json::json!({"image_b64": text, "other": 3}).to_string();
            let photos = from_json(body.as_bytes(), ["image"]).expect("a photo");
            assert_eq!(photos, [Bytes::from_static(&[0, 1, 2])], "{text}");
        }
        for body in [
            "",
            "[]",
            "{}",
            "7",
            r#"{"image_b64": 7}"#,
            r#"{"image_b64": "?"}"#,
        ] {
            let problem = from_json(body.as_bytes(), ["image"]).expect_err(body);
            assert_eq!(problem.status, StatusCode::BAD_REQUEST);
        }
        for text in ["AAE=", "AAE"] {
            let body = serde_json::json!({"image_b64": text}).to_string();
            let photos = from_json(body.as_bytes(), ["image"]).expect("a photo");
            assert_eq!(photos, [Bytes::from_static(&[0, 1])], "{text}");
        }
        let both = br#"{"a_b64": "AAAA", "b_b64": "AAEC"}"#;
        let photos = from_json(both, ["a", "b"]).expect("two photos");
        assert_eq!(photos[1], Bytes::from_static(&[0, 1, 2]));
    }

    #[test]
    fn what_is_expected_names_each_photo() {
        let text = expected(["image1", "image2"]);
        assert!(text.contains("`image1` and `image2` as files"), "{text}");
        assert!(text.contains("`image1_b64` and `image2_b64`"), "{text}");
        assert!(expected(["image"]).contains("the photo's bytes"));
    }
}
