//! The sizes at which P-Net searches a photo.

use facepipe_core::types::Size;

/// Side of the square that one answer of P-Net is about, in pixels of the searched picture.
pub(super) const CELL: u32 = 12;
/// Pixels from one answer of P-Net to the next.
pub(super) const CELL_STEP: u32 = 2;
/// Ratio of neighbouring sizes: about the square root of one half, so that areas halve; the
/// default of facenet-pytorch and of the paper's authors.
const RATIO: f64 = 0.709;
/// Longest side of the largest searched picture. It bounds memory and time on camera pictures,
/// whose smallest faces (side/80 of the photo's longer side) are blurs that no one trains on.
const MAX_SEARCHED_SIDE: u32 = 960;

/// How many searched pixels a photo pixel becomes, from the largest searched picture on, in which
/// the smallest face fills a cell; empty for photos that are smaller than a face.
pub(super) fn scales(photo: Size, min_face: u32) -> Vec<f64> {
    let longer = f64::from(photo.width.max(photo.height));
    let largest = f64::from(CELL) / f64::from(min_face);
    let mut scale = largest.min(f64::from(MAX_SEARCHED_SIDE) / longer);
    let mut shorter = f64::from(photo.shorter()) * scale;
    let mut scales = Vec::new();
    while shorter >= f64::from(CELL) {
        scales.push(scale);
        scale *= RATIO;
        shorter *= RATIO;
    }
    scales
}

/// The size of a photo at a scale; a pixel more than exact, as the networks were tried with.
pub(super) fn size_at(photo: Size, scale: f64) -> Size {
    let scaled = |side: u32| (f64::from(side) * scale + 1.0) as u32;
    Size::new(scaled(photo.width), scaled(photo.height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fall_from_the_smallest_face_to_the_largest() {
        let photo = Size::new(640, 480);
        let scales = scales(photo, 20);
        assert_eq!(scales.len(), 10);
        assert!((scales[0] - 0.6).abs() < 1e-12);
        assert!((scales[1] - 0.6 * 0.709).abs() < 1e-12);
        let sizes: Vec<Size> = scales.iter().map(|scale| size_at(photo, *scale)).collect();
        assert_eq!(sizes[0], Size::new(385, 289));
        assert_eq!(sizes[9], Size::new(18, 14));
    }

    #[test]
    fn a_photo_of_one_face_is_searched_once_and_a_smaller_one_not_at_all() {
        assert_eq!(scales(Size::new(64, 20), 20), [0.6]);
        assert_eq!(scales(Size::new(64, 19), 20), [] as [f64; 0]);
        assert_eq!(scales(Size::new(1, 1), 20), [] as [f64; 0]);
    }

    #[test]
    fn camera_pictures_are_searched_no_larger_than_the_limit() {
        for photo in [
            Size::new(6000, 4000),
            Size::new(1601, 1200),
            Size::new(20, 32_000),
        ] {
            let scales = scales(photo, 20);
            let first = scales.first().map(|scale| size_at(photo, *scale));
            assert!(
                first.is_none_or(|size| size.width.max(size.height) <= 961),
                "{photo}"
            );
        }
    }
}
