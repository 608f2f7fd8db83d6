//! Images made smaller before they are stored, where the settings give a longest side.

use image::{ImageError, ImageFormat};

use facepipe_core::types::Size;
use facepipe_imaging::image_io::{Decoded, encode_jpeg, encode_png};
use facepipe_imaging::resize::lanczos;

/// Quality of JPEGs that were made smaller: the loss is below that of the first JPEG.
const JPEG_QUALITY: u8 = 95;

/// An image that was made smaller.
#[derive(Debug)]
pub(super) struct Smaller {
    pub(super) bytes: Vec<u8>,
    pub(super) size: Size,
    pub(super) format: ImageFormat,
}

/// Makes an upright image smaller, so that its longer side has `longest` pixels; `None` where it is not
/// larger than that. JPEG and WebP become JPEG, everything else PNG.
pub(super) fn shrink(decoded: &Decoded, longest: u32) -> Result<Option<Smaller>, ImageError> {
    let (width, height) = decoded.rgb.dimensions();
    let longer = width.max(height);
    if longer <= longest {
        return Ok(None);
    }
    let scaled = |side: u32| {
        let side = (f64::from(side) * f64::from(longest) / f64::from(longer)).round();
        (side as u32).max(1)
    };
    let size = Size::new(scaled(width), scaled(height));
    let small = lanczos(&decoded.rgb, size.width, size.height);
    let is_lossy = matches!(decoded.format, ImageFormat::Jpeg | ImageFormat::WebP);
    let (bytes, format) = if is_lossy {
        (encode_jpeg(&small, JPEG_QUALITY)?, ImageFormat::Jpeg)
    } else {
        (encode_png(&small)?, ImageFormat::Png)
    };
    Ok(Some(Smaller {
        bytes,
        size,
        format,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    fn decoded(width: u32, height: u32, format: ImageFormat) -> Decoded {
        let rgb = RgbImage::from_fn(width, height, |x, y| {
            Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 90])
        });
        Decoded { rgb, format }
    }

    #[test]
    fn the_longer_side_gets_the_size_and_the_ratio_stays() {
        let tall = decoded(120, 480, ImageFormat::Jpeg);
        let small = shrink(&tall, 96).expect("shrinks").expect("is larger");
        assert_eq!(
            (small.size, small.format),
            (Size::new(24, 96), ImageFormat::Jpeg)
        );
        let again = facepipe_imaging::image_io::decode(&small.bytes).expect("decodes");
        assert_eq!(again.rgb.dimensions(), (24, 96));
        let [red, green, blue] = again.rgb.get_pixel(12, 48).0;
        assert!(red.abs_diff(130) < 9 && green.abs_diff(128) < 9 && blue.abs_diff(90) < 9);
        let line = decoded(400, 1, ImageFormat::Bmp);
        let small = shrink(&line, 100).expect("shrinks").expect("is larger");
        assert_eq!(
            (small.size, small.format),
            (Size::new(100, 1), ImageFormat::Png)
        );
    }

    #[test]
    fn nothing_is_enlarged() {
        let small = decoded(64, 48, ImageFormat::Png);
        assert!(shrink(&small, 64).expect("looks").is_none());
        assert!(shrink(&small, 640).expect("looks").is_none());
    }
}
