//! Faults of files that other programs pass over, mended before decoding.

use std::borrow::Cow;

use crate::jpeg_segments::{marker, segments};

/// The bytes, with what is known to be mended.
pub(super) fn repaired(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.starts_with(b"GIF8") {
        with_gif_palette(bytes)
    } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        with_adobe_segment(bytes)
    } else {
        Cow::Borrowed(bytes)
    }
}

/// A GIF may leave the colours to the reader (GIF89a, appendix "Global Color Table"): then it gets a
/// table of greys. Frames with a table of their own don't use it.
fn with_gif_palette(bytes: &[u8]) -> Cow<'_, [u8]> {
    const FLAGS: usize = 10;
    const HEADER: usize = 13;
    const HAS_TABLE_OF_256: u8 = 0b1000_0111;
    let without_table = bytes.len() > HEADER && bytes[FLAGS] & 0b1000_0000 == 0;
    if !without_table {
        return Cow::Borrowed(bytes);
    }
    let mut patched = bytes[..HEADER].to_vec();
    patched[FLAGS] |= HAS_TABLE_OF_256;
    patched.extend((0..=255_u8).flat_map(|grey| [grey; 3]));
    patched.extend(&bytes[HEADER..]);
    Cow::Owned(patched)
}

/// Adobe's segment of a JPEG (APP14) names the colours' transform in its twelfth byte. Where it is shorter it
/// becomes a comment, so that the picture is decoded as if it were not there; libjpeg does the same.
fn with_adobe_segment(bytes: &[u8]) -> Cow<'_, [u8]> {
    /// Name, version, two sets of flags, the transform.
    const WHOLE: usize = 12;
    let short = segments(bytes)
        .take_while(|segment| segment.code != marker::START_OF_SCAN)
        .find(|segment| segment.code == marker::ADOBE && segment.content.len() < WHOLE);
    short.map_or(Cow::Borrowed(bytes), |segment| {
        let mut patched = bytes.to_vec();
        patched[segment.at] = marker::COMMENT;
        Cow::Owned(patched)
    })
}

#[cfg(test)]
mod tests {
    use crate::image_io::{decode, encode_jpeg};
    use image::{Rgb, RgbImage};

    #[test]
    fn a_short_adobe_segment_is_passed_over() {
        let photo = RgbImage::from_fn(48, 32, |x, y| Rgb([(x * 5) as u8, (y * 7) as u8, 90]));
        let whole = encode_jpeg(&photo, 90).expect("encodes");
        let mut with_segment = whole[..2].to_vec();
        with_segment.extend(b"\xff\xee\x00\x08Adobe\x00");
        with_segment.extend(&whole[2..]);
        let decoded = decode(&with_segment).expect("decodes");
        assert_eq!(decoded.rgb, decode(&whole).expect("decodes").rgb);
    }
}
