//! Any bytes as a photo: refused, or a picture within the limits whose upright copy can be saved.

#![no_main]

use facepipe_imaging::image_io::{self, decode};
use facepipe_imaging::photo_date;
use libfuzzer_sys::fuzz_target;

/// Larger pictures take seconds each, and find no more.
const MOST_PIXELS: u64 = 1 << 22;

fuzz_target!(|bytes: &[u8]| {
    let _ = photo_date::by_camera(bytes);
    let size = image_io::size_of(bytes);
    if size.is_ok_and(|size| u64::from(size.width) * u64::from(size.height) > MOST_PIXELS) {
        return;
    }
    if let Ok(decoded) = decode(bytes) {
        let (width, height) = decoded.rgb.dimensions();
        assert!(width > 0 && height > 0);
        let png = image_io::encode_png(&decoded.rgb).expect("a picture can be saved");
        assert_eq!(
            decode(&png).expect("what was saved is read").rgb,
            decoded.rgb
        );
    }
});
