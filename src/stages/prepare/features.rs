//! The features of a picture: computed once, and then read from the cache.

use serde::{Deserialize, Serialize};

use super::view::{self, TURNS, ViewHashes};
use facepipe_core::types::{CropPlace, Size};
use facepipe_imaging::image_io::{self, DecodeError};
use facepipe_imaging::perceptual_hash::{PerceptualHash, Reduced};

/// Changed whenever [`Features`] are computed in another way, so that none of older versions are used.
pub(super) const VERSION: u32 = 2;

/// A picture without its pixels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Features {
    /// MD5 of the bytes.
    pub(super) md5: String,
    /// BLAKE3 digest of the size and the decoded pixels, hexadecimal: the same for the same picture saved without
    /// loss in another format. Of that many bytes MD5 would take longer than decoding.
    pub(super) pixel_digest: String,
    /// File extension by content.
    pub(super) extension: String,
    pub(super) size: Size,
    /// The hash of all pixels.
    pub(super) phash: PerceptualHash,
    /// The hashes of the compared part: the aligned face, or the picture inside its frame.
    pub(super) view: ViewHashes,
    /// The same of the picture in the [`TURNS`], where that was requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) turned: Vec<ViewHashes>,
}

impl Features {
    pub(super) fn of(
        bytes: &[u8],
        md5: String,
        place: Option<&CropPlace>,
        rotations: bool,
    ) -> Result<Self, DecodeError> {
        let decoded = image_io::decode(bytes)?;
        let size = Size::of(&decoded.rgb);
        let mut pixels = blake3::Hasher::new();
        pixels.update(format!("{size} ").as_bytes());
        pixels.update(decoded.rgb.as_raw());
        let grey = image_io::grey(&decoded.rgb);
        let whole = Reduced::of(&grey);
        let phash = whole.hash();
        let part = view::part(&decoded.rgb, &grey, place);
        let view = part.as_ref().map_or(whole, Reduced::of);
        let fine = if part.is_some() { view.hash() } else { phash };
        let turned = if rotations { &TURNS[..] } else { &[] };
        Ok(Self {
            md5,
            pixel_digest: pixels.finalize().to_hex().to_string(),
            extension: image_io::extension(decoded.format).to_owned(),
            size,
            phash,
            view: ViewHashes {
                fine,
                coarse: view.coarse(),
            },
            turned: turned
                .iter()
                .map(|turn| ViewHashes::of(&view.oriented(*turn)))
                .collect(),
        })
    }
}
