//! Whether image data ends before the picture does: decoders fill what is missing with grey or black.
//!
//! Only the picture itself counts: a thumbnail in a metadata segment has an end mark of its own, and what
//! follows the picture (a second picture of an MPO file, a phone's video) may be cut.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use image::ImageFormat;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::jpeg_segments::{marker, segments};

/// Coefficients of a block.
const COEFFICIENTS: usize = 64;

/// Whether the data of a picture ends too early, where the format's decoder doesn't say so itself.
pub(super) fn is_truncated(bytes: &[u8], format: ImageFormat) -> bool {
    match format {
        ImageFormat::Jpeg => match JpegEnd::of(bytes) {
            JpegEnd::Marked => false,
            JpegEnd::Unmarked(scans) => !(scans.are_refined() && needs_nothing_more(bytes)),
        },
        ImageFormat::Png => !has_png_end(bytes),
        _ => false,
    }
}

/// How the data of a JPEG ends.
#[derive(Debug)]
enum JpegEnd {
    /// With an end mark after a scan.
    Marked,
    /// Without, after these scans.
    Unmarked(Scans),
}

impl JpegEnd {
    fn of(bytes: &[u8]) -> Self {
        let mut scans = Scans::default();
        for segment in segments(bytes) {
            match segment.code {
                marker::END_OF_IMAGE if scans.count > 0 => return Self::Marked,
                marker::PROGRESSIVE | marker::PROGRESSIVE_ARITHMETIC => scans.progressive = true,
                marker::START_OF_SCAN => scans.add(segment.content),
                _ => {}
            }
        }
        Self::Unmarked(scans)
    }
}

/// What the scans of a JPEG have brought so far.
#[derive(Debug, Default)]
struct Scans {
    count: usize,
    progressive: bool,
    /// Of each component, by its number in the file: how many low bits of each coefficient are missing.
    missing: BTreeMap<u8, [u8; COEFFICIENTS]>,
}

impl Scans {
    /// Reads the header of a scan: its components, its first and last coefficient, its bits (T.81, B.2.3).
    fn add(&mut self, header: &[u8]) {
        self.count += 1;
        let components = header.first().map_or(0, |count| usize::from(*count));
        let Some((components, &[first, last, bits, ..])) = header
            .get(1..)
            .and_then(|rest| rest.split_at_checked(2 * components))
        else {
            return;
        };
        for component in components.chunks_exact(2) {
            let missing = self
                .missing
                .entry(component[0])
                .or_insert([u8::MAX; COEFFICIENTS]);
            if let Some(band) = missing.get_mut(usize::from(first)..=usize::from(last)) {
                band.fill(bits & 0x0f);
            }
        }
    }

    /// Whether each bit of each coefficient has had its scan.
    fn are_refined(&self) -> bool {
        self.count > 0
            && (!self.progressive || self.missing.values().flatten().all(|bits| *bits == 0))
    }
}

/// Whether the pixels of a JPEG without an end mark depend on nothing that is missing: they are the same whatever
/// bytes follow.
fn needs_nothing_more(bytes: &[u8]) -> bool {
    /// Bytes that are no marker and mean different things in every Huffman table.
    const FOLLOWING: [u8; 2] = [0x00, 0x5a];
    const COUNT: usize = 64;
    let mut ended = bytes.to_vec();
    ended.resize(bytes.len() + COUNT, 0);
    ended.extend([0xff, marker::END_OF_IMAGE]);
    let side = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_max_width(side)
        .set_max_height(side);
    // Digests: the pixels of both would need twice the memory.
    let [first, second] = FOLLOWING.map(|following| {
        ended[bytes.len()..bytes.len() + COUNT].fill(following);
        let pixels = JpegDecoder::new_with_options(ZCursor::new(&ended), options).decode();
        let mut digest = DefaultHasher::new();
        pixels.ok()?.hash(&mut digest);
        Some(digest.finish())
    });
    first.is_some() && first == second
}

/// Whether the chunks of a PNG lead to the one that ends it (PNG 1.2, section 3.2).
fn has_png_end(bytes: &[u8]) -> bool {
    const SIGNATURE: usize = 8;
    /// Of a chunk, beside its data: length, name and checksum.
    const FRAME: usize = 12;
    let mut at = SIGNATURE;
    while let Some(&[a, b, c, d, ref name @ ..]) = bytes.get(at..at + 8) {
        if name == b"IEND" {
            return true;
        }
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        at = at.saturating_add(FRAME).saturating_add(length);
    }
    false
}

#[cfg(test)]
#[path = "truncation_tests.rs"]
mod tests;
