//! Every format, cut at many places.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::{JpegEnd, is_truncated};
use crate::image_io::{DecodeError, decode};

/// A picture with detail all over, so that each part of the data matters.
fn picture() -> RgbImage {
    RgbImage::from_fn(96, 80, |x, y| {
        let noise = (x * 7919 + y * 104_729) % 251;
        Rgb([(x * 2 + noise / 4) as u8, (y * 3) as u8, noise as u8])
    })
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = DynamicImage::ImageRgb8(picture());
    // Icons always have transparency.
    match format {
        ImageFormat::Ico => picture.into_rgba8().into(),
        _ => picture,
    }
    .write_to(&mut bytes, format)
    .expect("encodes");
    bytes.into_inner()
}

#[test]
fn a_cut_picture_is_refused_in_every_format() {
    use ImageFormat::{Bmp, Gif, Ico, Jpeg, Png, Pnm, Qoi, Tiff, WebP};
    for format in [Bmp, Gif, Ico, Jpeg, Png, Pnm, Qoi, Tiff, WebP] {
        let bytes = encoded(format);
        assert!(decode(&bytes).is_ok(), "{format:?}");
        for percent in [10, 30, 50, 70, 80, 90, 95] {
            let cut = &bytes[..bytes.len() * percent / 100];
            assert!(decode(cut).is_err(), "{format:?} at {percent} %");
        }
    }
}

/// The drawn picture as libjpeg writes it.
const PROGRESSIVE: &[u8] = include_bytes!("test_pictures/progressive.jpg");
const WITH_RESTARTS: &[u8] = include_bytes!("test_pictures/restarts.jpg");

#[test]
fn a_jpeg_without_its_end_mark_is_whole_when_its_scans_are() {
    let baseline = encoded(ImageFormat::Jpeg);
    for (name, whole) in [
        ("baseline", &*baseline),
        ("progressive", PROGRESSIVE),
        ("restarts", WITH_RESTARTS),
    ] {
        let without_mark = &whole[..whole.len() - 2];
        assert!(matches!(JpegEnd::of(without_mark), JpegEnd::Unmarked(_)));
        let decoded = decode(without_mark).expect(name);
        assert_eq!(decoded.rgb, decode(whole).expect("whole").rgb);
        for percent in [10, 30, 50, 70, 80, 90, 95, 98] {
            let cut = &whole[..whole.len() * percent / 100];
            let error = decode(cut).expect_err(name);
            assert!(
                matches!(
                    error,
                    DecodeError::Truncated { .. } | DecodeError::Damaged { .. }
                ),
                "{name} at {percent} %: {error}"
            );
        }
    }
}

#[test]
fn a_progressive_jpeg_needs_all_its_scans() {
    let starts: Vec<usize> = memchr::memmem::find_iter(PROGRESSIVE, &[0xff, 0xda]).collect();
    assert!(starts.len() > 3);
    for start in &starts[1..] {
        assert!(is_truncated(&PROGRESSIVE[..*start], ImageFormat::Jpeg));
        assert!(is_truncated(&PROGRESSIVE[..*start + 40], ImageFormat::Jpeg));
    }
}

#[test]
fn the_end_mark_of_a_thumbnail_is_not_the_pictures() {
    let thumbnail = encoded(ImageFormat::Jpeg);
    let with_thumbnail = |photo: &[u8]| {
        let mut bytes = photo[..2].to_vec();
        bytes.extend([0xff, 0xe1]);
        bytes.extend((thumbnail.len() as u16 + 2).to_be_bytes());
        bytes.extend(&thumbnail);
        bytes.extend(&photo[2..]);
        bytes
    };
    for photo in [&thumbnail, PROGRESSIVE, WITH_RESTARTS] {
        assert!(decode(&with_thumbnail(photo)).is_ok());
        let cut = &photo[..photo.len() / 2];
        assert!(decode(&with_thumbnail(cut)).is_err());
    }
}

#[test]
fn what_follows_a_whole_jpeg_may_be_cut() {
    let mut two = encoded(ImageFormat::Jpeg);
    let second = two[..two.len() / 2].to_vec();
    two.extend(second);
    assert!(decode(&two).is_ok());
}
