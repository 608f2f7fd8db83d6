//! The only place that decodes images: untrusted bytes in, upright RGB8 out, or an error.
//!
//! The content decides the format, not the name. Limits are set before anything is decoded, and a
//! panic of a decoder fails only its image.

use std::cell::Cell;
use std::io::{self, Cursor, Read as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use crate::other_formats::OtherFormat;
use crate::{repairs, truncation};
use facepipe_core::types::Size;

/// Longest side that is decoded, in pixels: no camera makes longer pictures, only decompression
/// bombs do.
pub const MAX_SIDE: u32 = 32_768;
/// Most pixels that are decoded: the largest phone cameras make 200 megapixels.
pub const MAX_PIXELS: u64 = 250_000_000;
/// Most memory that a decoder may take, in bytes: RGBA at 16 bit of [`MAX_PIXELS`], halved, for
/// such pictures are 8 bit.
const MAX_ALLOCATION: u64 = 1 << 30;
/// Largest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// A decoded image.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// Upright pixels: EXIF orientation applied, transparency laid onto white, first frame only.
    pub rgb: RgbImage,
    /// The format of the bytes.
    pub format: ImageFormat,
}

/// Why bytes are not a usable image.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The file can't be read. (The path is in the record that holds this.)
    #[error("cannot read the file: {}", .0.kind())]
    Io(#[from] io::Error),
    /// A folder, a pipe, a device or the like.
    #[error("a folder, or neither a file nor a folder")]
    NotAFile,
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are of no known image format.
    #[error("not an image of a known format")]
    UnknownFormat,
    /// A format that is recognised but not decoded.
    #[error("{0} files are not decoded: convert it to JPEG or PNG")]
    OtherFormat(OtherFormat),
    /// Larger than allowed.
    #[error("{size} pixels are over the limit of {MAX_SIDE} a side or {MAX_PIXELS} in all")]
    TooManyPixels {
        /// The size in the header.
        size: Size,
    },
    /// The file is larger than allowed.
    #[error("{bytes} bytes are over the limit of {MAX_FILE_BYTES}")]
    TooManyBytes {
        /// The file's size.
        bytes: u64,
    },
    /// The decoder's own error.
    #[error("damaged or unsupported {format:?} data: {source}")]
    Damaged {
        /// The format of the bytes.
        format: ImageFormat,
        /// The decoder's message.
        source: ImageError,
    },
    /// The data ends before the picture does.
    #[error("the {format:?} data ends before the picture does")]
    Truncated {
        /// The format of the bytes.
        format: ImageFormat,
    },
    /// The decoder panicked.
    #[error("the decoder crashed on it: {0}")]
    Panicked(String),
}

/// Reads a file's bytes, at most [`MAX_FILE_BYTES`]: also of one that grows meanwhile. Pipes and devices are not
/// opened, for they may wait for ever or have no end.
///
/// # Errors
/// [`DecodeError::Io`], [`DecodeError::NotAFile`], [`DecodeError::TooManyBytes`].
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, DecodeError> {
    let metadata = fs_err::metadata(path)?;
    if !metadata.is_file() {
        return Err(DecodeError::NotAFile);
    }
    let bytes = metadata.len();
    if bytes > MAX_FILE_BYTES {
        return Err(DecodeError::TooManyBytes { bytes });
    }
    let mut content = Vec::with_capacity(bytes as usize + 1);
    fs_err::File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut content)?;
    let bytes = content.len() as u64;
    if bytes > MAX_FILE_BYTES {
        return Err(DecodeError::TooManyBytes { bytes });
    }
    Ok(content)
}

/// Decodes a whole image.
///
/// # Errors
/// [`DecodeError`] on bytes that are not an image, damaged, or over the limits.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    contain(|| decode_unguarded(bytes))
        .unwrap_or_else(|message| Err(DecodeError::Panicked(message)))
}

/// The size in an image's header, without decoding anything.
///
/// # Errors
/// [`DecodeError`] on bytes that are not an image, or whose header is damaged.
pub fn size_of(bytes: &[u8]) -> Result<Size, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    contain(|| {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
        let format = known_format(reader.format(), bytes)?;
        let size = reader.into_dimensions();
        let (width, height) = size.map_err(|source| DecodeError::Damaged { format, source })?;
        Ok(Size::new(width, height))
    })
    .unwrap_or_else(|message| Err(DecodeError::Panicked(message)))
}

fn decode_unguarded(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let bytes = &*repairs::repaired(bytes);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let format = known_format(reader.format(), bytes)?;
    let damaged = |source| DecodeError::Damaged { format, source };
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let size = Size::new(width, height);
    if width > MAX_SIDE || height > MAX_SIDE || size.area() > MAX_PIXELS {
        return Err(DecodeError::TooManyPixels { size });
    }
    if truncation::is_truncated(bytes, format) {
        return Err(DecodeError::Truncated { format });
    }
    // An unreadable orientation is no reason to refuse a picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    image.apply_orientation(orientation);
    Ok(Decoded {
        rgb: onto_white(image),
        format,
    })
}

/// The format that was guessed, unless it is one that only looks like it.
fn known_format(guessed: Option<ImageFormat>, bytes: &[u8]) -> Result<ImageFormat, DecodeError> {
    match guessed {
        // Camera raw files begin as TIFF does, with a thumbnail.
        Some(ImageFormat::Tiff | ImageFormat::Avif) | None => match OtherFormat::of(bytes) {
            Some(format) => Err(DecodeError::OtherFormat(format)),
            None => guessed.ok_or(DecodeError::UnknownFormat),
        },
        Some(format) => Ok(format),
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOCATION);
    limits
}

/// RGB8 with transparency laid onto white, as a browser shows it.
fn onto_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [red, green, blue, alpha] = rgba.get_pixel(x, y).0;
        let blend = |channel: u8| {
            let alpha = u32::from(alpha);
            ((u32::from(channel) * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        image::Rgb([blend(red), blend(green), blend(blue)])
    })
}

/// The usual file extension of a format.
#[must_use]
pub fn extension(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "jpg",
        other => other.extensions_str().first().copied().unwrap_or("img"),
    }
}

/// A format's name in manifests, such as `jpeg`.
#[must_use]
pub fn format_name(format: ImageFormat) -> String {
    format!("{format:?}").to_lowercase()
}

/// Encodes as PNG, lossless; the same pixels always give the same bytes.
///
/// # Errors
/// [`ImageError`] when the encoder fails, which on memory it does only for an empty image.
pub fn encode_png(image: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    // `write_to` would compile the encoders of all formats.
    image.write_with_encoder(PngEncoder::new(&mut bytes))?;
    Ok(bytes)
}

/// Encodes as JPEG of a quality from 1 to 100.
///
/// # Errors
/// [`ImageError`] when the encoder fails: for an empty image, or a side over 65,535.
pub fn encode_jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))?;
    Ok(bytes)
}

/// Runs third-party code that may panic on hostile input; a panic becomes its message.
///
/// The panic is not printed: it becomes an ordinary error of the current item.
///
/// # Errors
/// The panic's message.
pub fn contain<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    thread_local!(static CONTAINED: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CONTAINED.get() {
                previous(info);
            }
        }));
    });
    let outer = CONTAINED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(outer);
    result.map_err(|payload| {
        payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned())
    })
}

/// A picture in grey: of each pixel 0.2126 red, 0.7152 green and 0.0722 blue (ITU-R BT.709), rounded down, as
/// [`image::imageops::grayscale`] does, but on whole numbers.
#[must_use]
pub fn grey(picture: &RgbImage) -> image::GrayImage {
    const SHARES: [u32; 3] = [2126, 7152, 722];
    let value = |pixel: &[u8; 3]| {
        let [red, green, blue] = pixel.map(u32::from);
        ((SHARES[0] * red + SHARES[1] * green + SHARES[2] * blue) / 10_000) as u8
    };
    let values = picture.as_raw().as_chunks().0.iter().map(value).collect();
    let (width, height) = picture.dimensions();
    image::GrayImage::from_raw(width, height, values)
        .unwrap_or_else(|| image::imageops::grayscale(picture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, Rgba, RgbaImage};

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        image
            .write_to(&mut Cursor::new(&mut bytes), format)
            .expect("encodes");
        bytes
    }

    #[test]
    fn grey_is_what_the_image_crate_makes_of_it() {
        let picture = RgbImage::from_fn(64, 48, |x, y| {
            Rgb([
                (x * 37 + y) as u8,
                (y * 91 + x) as u8,
                (x * y + 3 * x) as u8,
            ])
        });
        assert_eq!(grey(&picture), image::imageops::grayscale(&picture));
    }

    #[test]
    fn transparent_pixels_become_white() {
        let mut image = RgbaImage::new(64, 48);
        image.put_pixel(1, 0, Rgba([200, 100, 0, 255]));
        let decoded = decode(&encoded(&image.into(), ImageFormat::Png)).expect("decodes");
        assert_eq!(decoded.rgb.get_pixel(0, 0), &Rgb([255, 255, 255]));
        assert_eq!(decoded.rgb.get_pixel(1, 0), &Rgb([200, 100, 0]));
    }

    #[test]
    fn bytes_of_other_formats_are_refused() {
        assert!(matches!(decode(b""), Err(DecodeError::Empty)));
        assert!(matches!(
            decode(b"version https://git"),
            Err(DecodeError::UnknownFormat)
        ));
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_not_read() {
        assert!(matches!(
            read_bytes(Path::new("/dev/zero")),
            Err(DecodeError::NotAFile)
        ));
    }

    #[test]
    fn the_size_is_read_without_the_pixels() {
        let image = DynamicImage::ImageRgb8(RgbImage::new(64, 48));
        let bytes = encoded(&image, ImageFormat::Png);
        let cut = &bytes[..bytes.len() - 20];
        assert!(decode(cut).is_err());
        assert_eq!(size_of(cut).expect("a header"), Size::new(64, 48));
        assert!(matches!(size_of(b""), Err(DecodeError::Empty)));
        assert!(matches!(size_of(b"text"), Err(DecodeError::UnknownFormat)));
        assert!(matches!(
            size_of(&bytes[..12]),
            Err(DecodeError::Damaged { .. })
        ));
    }

    #[test]
    fn a_panic_is_contained_and_reported() {
        assert_eq!(
            contain(|| panic!("at pixel {}", 7)),
            Err::<(), _>("at pixel 7".to_owned())
        );
    }
}
