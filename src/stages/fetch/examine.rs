//! Whether downloaded bytes are an image worth keeping: the content decides.

use image::ImageError;
use serde::{Deserialize, Serialize};

use super::shrink::shrink;
use facepipe_core::artifacts::digest::{content_name, md5_hex, sha256_hex};
use facepipe_core::licence::OtherLicence;
use facepipe_core::types::{OriginalImage, Reason, Size};
use facepipe_imaging::image_io::{self, DecodeError, extension, format_name};
use facepipe_imaging::perceptual_hash::PerceptualHash;

/// Which images are kept, and in what size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Keep {
    /// Smallest shorter side of the upright image in pixels.
    pub min_size: u32,
    /// Largest longer side of the upright image in pixels; `None`: the decoder's limit.
    pub max_size: Option<u32>,
    /// Largest longer side divided by the shorter one; `None`: no limit.
    pub max_aspect: Option<f64>,
    /// Longest side of stored images in pixels: larger images are made smaller; `None`: the bytes
    /// stay as they are.
    pub resize: Option<u32>,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            min_size: 64,
            max_size: None,
            max_aspect: None,
            resize: None,
        }
    }
}

/// An image in the output folder.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) phash: Option<String>,
    /// The original, where it was made smaller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) original: Option<OriginalImage>,
}

/// An image that is worth keeping.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) stored: Stored,
    /// The bytes to store instead of the downloaded ones.
    pub(super) smaller: Option<Vec<u8>>,
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

impl From<OtherLicence> for LeftOut {
    fn from(error: OtherLicence) -> Self {
        Self {
            reason: Reason::Licence,
            message: error.to_string(),
            // Another run may allow other licences.
            permanent: false,
        }
    }
}

/// Decodes an image fully and says how it will be stored under `label`.
pub(super) fn examine(bytes: &[u8], label: &str, keep: &Keep) -> Result<Examined, LeftOut> {
    let decoded = image_io::decode(bytes).map_err(|error| of_decode_error(&error))?;
    let size = Size::new(decoded.rgb.width(), decoded.rgb.height());
    check_size(size, keep)?;
    let as_it_came = OriginalImage {
        md5: md5_hex(bytes),
        sha256: sha256_hex(bytes),
        bytes: bytes.len() as u64,
        width: size.width,
        height: size.height,
        format: format_name(decoded.format),
    };
    let smaller = match keep.resize {
        Some(longest) => shrink(&decoded, longest).map_err(|error| of_shrink_error(&error))?,
        None => None,
    };
    let Some(smaller) = smaller else {
        let phash = PerceptualHash::of(&decoded.rgb);
        let stored = stored(label, as_it_came, extension(decoded.format), phash, None);
        return Ok(Examined {
            stored,
            smaller: None,
        });
    };
    let made = OriginalImage {
        md5: md5_hex(&smaller.bytes),
        sha256: sha256_hex(&smaller.bytes),
        bytes: smaller.bytes.len() as u64,
        width: smaller.size.width,
        height: smaller.size.height,
        format: format_name(smaller.format),
    };
    // Of all the pixels of the original.
    let phash = PerceptualHash::of(&decoded.rgb);
    let extension = extension(smaller.format);
    Ok(Examined {
        stored: stored(label, made, extension, phash, Some(as_it_came)),
        smaller: Some(smaller.bytes),
    })
}

fn stored(
    label: &str,
    image: OriginalImage,
    extension: &str,
    phash: PerceptualHash,
    original: Option<OriginalImage>,
) -> Stored {
    Stored {
        file: format!("{label}/{}", content_name(&image.md5, extension)),
        md5: image.md5,
        sha256: image.sha256,
        bytes: image.bytes,
        width: image.width,
        height: image.height,
        format: image.format,
        phash: Some(phash.to_string()),
        original,
    }
}

fn check_size(size: Size, keep: &Keep) -> Result<(), LeftOut> {
    let (shorter, longer) = (size.width.min(size.height), size.width.max(size.height));
    if shorter < keep.min_size {
        let message = format!("{size} pixels: the shorter side is below {}", keep.min_size);
        return Err(LeftOut::for_good(Reason::TooSmall, message));
    }
    if let Some(max_size) = keep.max_size.filter(|max_size| longer > *max_size) {
        let message = format!("{size} pixels: the longer side is above {max_size}");
        return Err(LeftOut::for_good(Reason::TooLarge, message));
    }
    let aspect = f64::from(longer) / f64::from(shorter.max(1));
    if let Some(max_aspect) = keep.max_aspect.filter(|max_aspect| aspect > *max_aspect) {
        let message =
            format!("{size} pixels: the longer side is more than {max_aspect} times the shorter");
        return Err(LeftOut::for_good(Reason::Aspect, message));
    }
    Ok(())
}

/// How a file or answer that can't be decoded is recorded.
pub(super) fn of_decode_error(error: &DecodeError) -> LeftOut {
    let reason = match error {
        DecodeError::TooManyBytes { .. }
        | DecodeError::TooManyPixels { .. }
        | DecodeError::Damaged {
            source: ImageError::Limits(_),
            ..
        } => Reason::TooLarge,
        _ => Reason::Unreadable,
    };
    LeftOut {
        reason,
        message: error.to_string(),
        permanent: !matches!(error, DecodeError::Io(_)),
    }
}

fn of_shrink_error(error: &ImageError) -> LeftOut {
    LeftOut::for_good(
        Reason::Unreadable,
        format!("cannot write the smaller image: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_imaging::image_io::encode_png;
    use image::RgbImage;

    fn keep(min_size: u32) -> Keep {
        Keep {
            min_size,
            ..Keep::default()
        }
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        encode_png(&RgbImage::new(width, height)).expect("encodes")
    }

    #[test]
    fn an_image_is_named_by_its_content() {
        let bytes = png(64, 48);
        let stored = examine(&bytes, "ann", &keep(48)).expect("is kept").stored;
        assert_eq!(stored.file, format!("ann/{}.png", &md5_hex(&bytes)[..16]));
        assert_eq!((stored.width, stored.height), (64, 48));
        assert_eq!(stored.format, "png");
        let hash = PerceptualHash::of(&RgbImage::new(64, 48)).to_string();
        assert_eq!(stored.phash, Some(hash));
        assert_eq!(stored.original, None);
    }

    #[test]
    fn sizes_and_aspects_have_limits_that_still_pass() {
        let bytes = png(64, 48);
        let limited = |keep: Keep| {
            examine(&bytes, "ann", &keep)
                .map(|examined| examined.stored.width)
                .map_err(|left_out| left_out.reason)
        };
        let all = Keep {
            min_size: 48,
            max_size: Some(64),
            max_aspect: Some(1.34),
            resize: None,
        };
        assert_eq!(limited(all), Ok(64));
        assert_eq!(limited(keep(49)), Err(Reason::TooSmall));
        let max_size = Some(63);
        assert_eq!(limited(Keep { max_size, ..all }), Err(Reason::TooLarge));
        let max_aspect = Some(1.33);
        assert_eq!(limited(Keep { max_aspect, ..all }), Err(Reason::Aspect));
        let left_out = examine(&bytes, "ann", &keep(49)).expect_err("too small");
        assert!(left_out.message.starts_with("64x48 pixels"), "{left_out:?}");
    }

    #[test]
    fn a_smaller_copy_has_the_facts_of_its_original() {
        let bytes = png(64, 48);
        let shrunk = Keep {
            resize: Some(32),
            ..keep(48)
        };
        let examined = examine(&bytes, "ann", &shrunk).expect("is kept");
        let (stored, smaller) = (examined.stored, examined.smaller.expect("is smaller"));
        assert_eq!((stored.width, stored.height), (32, 24));
        assert_eq!(stored.md5, md5_hex(&smaller));
        let original = stored.original.expect("is remembered");
        assert_eq!(original.md5, md5_hex(&bytes));
        assert_eq!((original.width, original.height), (64, 48));
        let fits = Keep {
            resize: Some(64),
            ..keep(48)
        };
        assert!(
            examine(&bytes, "ann", &fits)
                .expect("is kept")
                .smaller
                .is_none()
        );
    }

    #[test]
    fn a_web_page_is_not_an_image() {
        let left_out = examine(b"<!DOCTYPE html><html>", "ann", &keep(0)).expect_err("no image");
        assert_eq!(left_out.reason, Reason::Unreadable);
        assert!(left_out.permanent);
    }
}
