//! The one geometry by which a face is cut out of a photo, for crop, train, predict and serve
//! alike.
//!
//! It has two steps. [`cut_aligned`] cuts an upright part of the photo with the face and its
//! surroundings, unscaled: that is what `crop` saves. [`FaceCut::chip`] turns the face upright and
//! samples it in a network's input size. A chip from a saved crop has the same pixels as one from
//! the photo, so that a crop serves networks of any input size without a second loss. Only faces
//! that are much larger than any network's input are halved before they are saved, by the same
//! steps that the chip would take first.

use std::borrow::Cow;

use image::RgbImage;
use image::imageops::{self, FilterType};

use crate::alignment::square_for;
use facepipe_core::types::{
    Alignment, ChipForm, ChipSquare, CropPlace, EyeCornersNose, FaceBox, Landmarks5, PixelRect,
    Size,
};
use facepipe_models::dlib::face_chip::{
    Halvings, cut_from, halve, halve_size, halved, halved_point, square_of,
};

/// Longest side of a face in a crop, in pixels: more than twice the input of any backbone, and
/// small enough that a thousand crops of camera pictures don't fill a disk.
pub const MAX_FACE_SIDE: u32 = 512;
/// Smallest chip that a saved crop gives without a difference to the photo, in pixels. Smaller
/// chips are sampled after more halvings, whose blurs reach further around the face.
const SMALLEST_EXACT_CHIP: Size = Size::new(64, 64);

/// A face cut out of a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceCut {
    /// The face with its surroundings.
    pub pixels: RgbImage,
    /// The part of the upright photo that it shows.
    pub rect: PixelRect,
    /// Where the face is in it; `None` where the whole is the chip.
    pub place: Option<CropPlace>,
}

impl FaceCut {
    /// The face's chip of a form.
    #[must_use]
    pub fn chip(&self, form: ChipForm) -> Cow<'_, RgbImage> {
        chip_in(&self.pixels, self.place.as_ref(), form)
    }
}

/// The chip of a crop, aligned as dlib does it, for a network of an input size; see [`chip_in`].
#[must_use]
pub fn chip<'crop>(
    crop: &'crop RgbImage,
    place: Option<&CropPlace>,
    size: Size,
) -> Cow<'crop, RgbImage> {
    let alignment = Alignment::Dlib;
    chip_in(crop, place, ChipForm { alignment, size })
}

/// The chip of a crop: the aligned face, or, where no place is known, the whole crop, resized with an
/// antialiased triangle filter (its aspect ratio is not kept).
#[must_use]
pub fn chip_in<'crop>(
    crop: &'crop RgbImage,
    place: Option<&CropPlace>,
    form: ChipForm,
) -> Cow<'crop, RgbImage> {
    let size = form.size;
    match place {
        Some(place) => {
            let square = square_for(form.alignment, place);
            Cow::Owned(cut_from(crop, &CropPlace { square, ..*place }, size))
        }
        None if Size::of(crop) == size => Cow::Borrowed(crop),
        None => {
            let Size { width, height } = size;
            Cow::Owned(imageops::resize(crop, width, height, FilterType::Triangle))
        }
    }
}

/// The chips of several forms of a face in a picture.
#[must_use]
pub fn chips(picture: &RgbImage, place: &CropPlace, forms: &[ChipForm]) -> Vec<RgbImage> {
    let chip = |form: &ChipForm| chip_in(picture, Some(place), *form).into_owned();
    forms.iter().map(chip).collect()
}

/// Cuts out a face by its landmarks: the upright rectangle around its turned square, with `margin`
/// of the square's side on each side, and all that other alignments need, clamped to the photo.
/// `points` are the detector's, where it gives them.
///
/// The pixels are the photo's own, unless the square is larger than [`MAX_FACE_SIDE`]: then the
/// photo is halved until it isn't. `None` where the square lies outside the photo.
#[must_use]
pub fn cut_aligned(
    photo: &RgbImage,
    landmarks: &EyeCornersNose,
    points: Option<Landmarks5>,
    margin: f32,
) -> Option<FaceCut> {
    let mut place = CropPlace::in_picture(square_of(landmarks), points);
    let (mut size, mut halvings) = (Size::of(photo), 0);
    while place.square.side() > f64::from(MAX_FACE_SIDE) && size.shorter() > 4 {
        place.square = halved(place.square);
        place.points = place
            .points
            .map(|Landmarks5(points)| Landmarks5(points.map(halved_point)));
        size = halve_size(size);
        halvings += 1;
    }
    let needed = |square| Halvings::of(square, SMALLEST_EXACT_CHIP).margin;
    let margin = (f64::from(margin) * place.square.side()).max(needed(place.square));
    let inside = around(&place.square, margin).clamped(size)?;
    let other = square_for(Alignment::ArcFace, &place);
    let wanted = match around(&other, needed(other)).clamped(size) {
        Some(rect) => union(inside, rect),
        None => inside,
    };
    let rect = (0..halvings).fold(wanted, |rect, _| before_halving(rect));
    let (width, height) = (rect.size().width, rect.size().height);
    let mut pixels = imageops::crop_imm(photo, rect.left, rect.top, width, height).to_image();
    for _ in 0..halvings {
        pixels = halve(&pixels);
    }
    place.corner = [wanted.left, wanted.top];
    Some(FaceCut {
        pixels,
        rect,
        place: Some(place),
    })
}

/// The rectangle around two.
fn union(one: PixelRect, other: PixelRect) -> PixelRect {
    PixelRect {
        left: one.left.min(other.left),
        top: one.top.min(other.top),
        right: one.right.max(other.right),
        bottom: one.bottom.max(other.bottom),
    }
}

/// The whole pixels that hold a turned square and `margin` pixels around it.
fn around(square: &ChipSquare, margin: f64) -> FaceBox {
    let corners = square.corners();
    let start = |axis: usize| {
        let values = corners.map(|corner| corner[axis]).into_iter();
        (values.fold(f64::INFINITY, f64::min) - margin).floor() as f32
    };
    let end = |axis: usize| {
        let values = corners.map(|corner| corner[axis]).into_iter();
        (values.fold(f64::NEG_INFINITY, f64::max) + margin).ceil() as f32 + 1.0
    };
    FaceBox {
        left: start(0),
        top: start(1),
        right: end(0),
        bottom: end(1),
    }
}

/// The pixels that a rectangle's pixels are made from when a picture is halved.
fn before_halving(rect: PixelRect) -> PixelRect {
    PixelRect {
        left: 2 * rect.left,
        top: 2 * rect.top,
        right: 2 * rect.right + 3,
        bottom: 2 * rect.bottom + 3,
    }
}

/// Cuts out a detector's box without alignment: a square on the box's longer side with the same
/// centre, grown by `margin` of that side on each side, clamped to the photo. A result with a side
/// over [`MAX_FACE_SIDE`] is shrunk to it.
#[must_use]
pub fn cut_box(photo: &RgbImage, face: PixelRect, margin: f32) -> FaceCut {
    cut_rect(photo, chip_rect(face, margin, Size::of(photo)))
}

/// A whole photo as if it were a face.
#[must_use]
pub fn whole(photo: &RgbImage) -> FaceCut {
    cut_rect(photo, PixelRect::whole(Size::of(photo)))
}

/// At the photo's edge the result is not square.
fn chip_rect(face: PixelRect, margin: f32, photo: Size) -> PixelRect {
    let size = face.size();
    let (width, height) = (size.width as f32, size.height as f32);
    let half = width.max(height) * (0.5 + margin);
    let (x, y) = (
        face.left as f32 + width / 2.0,
        face.top as f32 + height / 2.0,
    );
    FaceBox {
        left: x - half,
        top: y - half,
        right: x + half,
        bottom: y + half,
    }
    .clamped(photo)
    .unwrap_or(face)
}

fn cut_rect(photo: &RgbImage, rect: PixelRect) -> FaceCut {
    let Size { width, height } = rect.size();
    let mut pixels = imageops::crop_imm(photo, rect.left, rect.top, width, height).to_image();
    let longer = width.max(height);
    if longer > MAX_FACE_SIDE {
        let shrunk = |side: u32| {
            let scaled = f64::from(side) * f64::from(MAX_FACE_SIDE) / f64::from(longer);
            (scaled.round() as u32).max(1)
        };
        let (width, height) = (shrunk(width), shrunk(height));
        pixels = imageops::resize(&pixels, width, height, FilterType::Triangle);
    }
    FaceCut {
        pixels,
        rect,
        place: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn a_tall_box_becomes_a_square_with_the_same_centre() {
        let face = PixelRect::from([20, 10, 30, 30]);
        let rect = chip_rect(face, 0.25, Size::new(64, 48));
        assert_eq!(<[u32; 4]>::from(rect), [10, 5, 40, 35]);
    }

    #[test]
    fn at_the_edge_it_is_clamped() {
        let face = PixelRect::from([0, 30, 20, 48]);
        let rect = chip_rect(face, 0.5, Size::new(64, 48));
        assert_eq!(<[u32; 4]>::from(rect), [0, 19, 30, 48]);
    }

    #[test]
    fn a_large_box_is_shrunk_with_its_ratio() {
        let photo = RgbImage::new(2048, 1100);
        assert_eq!(Size::of(&whole(&photo).pixels), Size::new(512, 275));
        let small = cut_box(&photo, PixelRect::from([5, 6, 69, 54]), 0.0);
        assert_eq!(Size::of(&small.pixels), Size::new(64, 62));
        assert_eq!(<[u32; 4]>::from(small.rect), [5, 0, 69, 62]);
    }

    fn photo() -> RgbImage {
        RgbImage::from_fn(1280, 960, |x, y| {
            let wave = |step: f64, at: u32| (120.0 + 100.0 * (f64::from(at) / step).sin()) as u8;
            Rgb([wave(9.0, x), wave(7.0, y), wave(23.0, x + y)])
        })
    }

    fn dlib_form(size: Size) -> ChipForm {
        let alignment = Alignment::Dlib;
        ChipForm { alignment, size }
    }

    /// A face at a place of the photo, turned a little; its chip's square has about 6 times `unit`.
    fn landmarks(x: i32, y: i32, unit: i32) -> EyeCornersNose {
        let at = |dx: i32, dy: i32| [x + dx * unit / 20, y + dy * unit / 20];
        EyeCornersNose([at(30, -6), at(15, -3), at(-30, 6), at(-15, 3), at(2, 32)])
    }

    #[test]
    fn a_crop_gives_the_chip_of_the_photo() {
        let photo = photo();
        for unit in [8, 40, 80] {
            let landmarks = landmarks(700, 450, unit);
            let around = landmarks
                .0
                .map(|point| point.map(|number| number as f32 + 0.3));
            for points in [None, Some(Landmarks5(around))] {
                let cut = cut_aligned(&photo, &landmarks, points, 0.1).expect("inside");
                assert!(Size::of(&cut.pixels).area() < Size::of(&photo).area());
                let whole_photo = CropPlace::in_picture(square_of(&landmarks), points);
                for size in [Size::new(64, 80), Size::new(150, 150), Size::new(224, 224)] {
                    for alignment in [Alignment::Dlib, Alignment::ArcFace] {
                        let form = ChipForm { alignment, size };
                        let direct = chip_in(&photo, Some(&whole_photo), form);
                        let saved = chip_in(&cut.pixels, cut.place.as_ref(), form);
                        assert!(saved == direct, "{unit} at {size}, {alignment:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_huge_face_is_halved_and_its_chip_stays_almost_the_same() {
        let photo = photo();
        let landmarks = landmarks(640, 420, 120);
        let cut = cut_aligned(&photo, &landmarks, None, 0.0).expect("inside");
        let square = cut.place.expect("aligned").square;
        assert!(square.side() <= 512.0 && square_of(&landmarks).side() > 512.0);
        assert!(cut.pixels.width() < 700, "{:?}", cut.pixels.dimensions());
        let form = dlib_form(Size::new(150, 150));
        let direct = facepipe_models::dlib::face_chip::cut(&photo, &landmarks);
        let chip = cut.chip(form);
        let differences = chip.iter().zip(direct.iter());
        let sum: u64 = differences.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = sum as f64 / chip.len() as f64;
        assert!(mean < 3.0, "{mean}");
        // Larger surroundings don't change the chip.
        let wider = cut_aligned(&photo, &landmarks, None, 0.2).expect("inside");
        assert!(wider.pixels.width() > cut.pixels.width());
        assert!(*wider.chip(form) == *chip);
    }

    #[test]
    fn a_face_outside_the_photo_has_no_cut() {
        let photo = RgbImage::new(64, 48);
        assert_eq!(
            cut_aligned(&photo, &landmarks(-900, 20, 20), None, 0.2),
            None
        );
        for point in [i32::MIN, i32::MAX] {
            let extreme = EyeCornersNose([[point, 7], [0, point], [9, 9], [point; 2], [3, 1]]);
            if let Some(cut) = cut_aligned(&photo, &extreme, None, 0.2) {
                assert_eq!(
                    cut.chip(dlib_form(Size::new(15, 10))).dimensions(),
                    (15, 10)
                );
            }
        }
    }
}
