//! Whether downloaded bytes are an image worth keeping: the content decides.

use serde::{Deserialize, Serialize};

use crate::artifacts::digest::{content_name, md5_hex, sha256_hex};
use crate::image_io::{self, DecodeError, extension, format_name};
use crate::types::{Reason, Size};

/// An image that lies in the output folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    /// `<label>/<first 16 of md5>.<ext>`.
    pub(super) file: String,
    pub(super) md5: String,
    pub(super) sha256: String,
    pub(super) bytes: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: String,
}

/// Why something was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeftOut {
    pub(super) reason: Reason,
    pub(super) message: String,
    /// Whether trying again can't help.
    pub(super) permanent: bool,
}

impl LeftOut {
    pub(super) fn for_good(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            permanent: true,
        }
    }
}

/// Decodes an image fully and says how it will be stored under `label`.
pub(super) fn examine(bytes: &[u8], label: &str, min_size: u32) -> Result<Stored, LeftOut> {
    let decoded = image_io::decode(bytes).map_err(|error| of_decode_error(&error))?;
    let size = Size::new(decoded.rgb.width(), decoded.rgb.height());
    if size.width.min(size.height) < min_size {
        let message = format!("{size} pixels: the shorter side is below {min_size}");
        return Err(LeftOut::for_good(Reason::TooSmall, message));
    }
    let md5 = md5_hex(bytes);
    let name = content_name(&md5, extension(decoded.format));
    Ok(Stored {
        file: format!("{label}/{name}"),
        md5,
        sha256: sha256_hex(bytes),
        bytes: bytes.len() as u64,
        width: size.width,
        height: size.height,
        format: format_name(decoded.format),
    })
}

/// How a file or answer that can't be decoded is recorded.
pub(super) fn of_decode_error(error: &DecodeError) -> LeftOut {
    let reason = match error {
        DecodeError::TooManyBytes { .. } | DecodeError::TooManyPixels { .. } => Reason::TooLarge,
        _ => Reason::Unreadable,
    };
    LeftOut {
        reason,
        message: error.to_string(),
        permanent: !matches!(error, DecodeError::Io(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_io::encode_png;
    use image::RgbImage;

    #[test]
    fn an_image_is_named_by_its_content() {
        let bytes = encode_png(&RgbImage::new(64, 48)).expect("encodes");
        let stored = examine(&bytes, "ann", 48).expect("is kept");
        assert_eq!(stored.file, format!("ann/{}.png", &md5_hex(&bytes)[..16]));
        assert_eq!((stored.width, stored.height), (64, 48));
        assert_eq!(stored.format, "png");
    }

    #[test]
    fn the_shorter_side_counts() {
        let bytes = encode_png(&RgbImage::new(64, 48)).expect("encodes");
        let left_out = examine(&bytes, "ann", 49).expect_err("too small");
        assert_eq!(left_out.reason, Reason::TooSmall);
        assert!(left_out.message.starts_with("64x48 pixels"), "{left_out:?}");
    }

    #[test]
    fn a_web_page_is_no_image() {
        let left_out = examine(b"<!DOCTYPE html><html>", "ann", 0).expect_err("is no image");
        assert_eq!(left_out.reason, Reason::Unreadable);
        assert!(left_out.permanent);
    }
}
