//! Augmentation of training images, by what photos of one face differ in: its place and size in the chip, light and
//! colour, sharpness, occlusion.

mod pixels;
mod presets;

pub use presets::Preset;

use image::{RgbImage, imageops};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use facepipe_core::types::{ChipSquare, CropPlace, Size};
use facepipe_faces::face_chip;
use facepipe_nn::Picture;

/// How training images are changed, each time in another way. A probability of 0 turns a change off, as
/// does a range of 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// Whether half of the images are mirrored.
    pub flip: bool,
    /// How far a face is turned at most, in degrees to either side.
    pub rotation: f64,
    /// By which share it becomes larger or smaller at most.
    pub scale: f64,
    /// How far it is moved at most, across and down, as a share of the chip's side.
    pub shift: f64,
    /// Brightness and contrast are multiplied by at most this more or less than 1.
    pub light: f64,
    /// The same of the saturation.
    pub saturation: f64,
    /// Share of images that lose their colours.
    pub grey: f64,
    /// Share of images that are slightly blurred.
    pub blur: f64,
    /// Share of images that are shrunk and enlarged again, as small faces are.
    pub low_resolution: f64,
    /// The smallest side to which they are shrunk, as a share of their own.
    pub smallest_side: f64,
    /// Share of images that go through a JPEG file.
    pub jpeg: f64,
    /// That file's lowest quality, 1 to 100.
    pub jpeg_quality: u8,
    /// Share of images of which a rectangle is hidden.
    pub cutout: f64,
    /// The rectangle's largest share of the image's area.
    pub cutout_area: f64,
}

impl Augmentation {
    /// Cuts the chip out of a picture and changes it, by random numbers. Where the face's place is known
    /// the chip is sampled once, from a square that is turned, moved and scaled; else the picture is sampled, and
    /// one that is larger than the network's input is shrunk to it first.
    pub(super) fn apply(&self, picture: &Picture, random: &mut impl Rng) -> RgbImage {
        let movement = self.movement(random);
        let mut chip = match &picture.place {
            Some(place) => {
                let place = CropPlace {
                    square: movement.of_square(place.square),
                    ..*place
                };
                face_chip::chip(&picture.image, Some(&place), picture.size).into_owned()
            }
            None => movement.of_picture(&picture.image, picture.size),
        };
        if self.flip && random.random_bool(0.5) {
            imageops::flip_horizontal_in_place(&mut chip);
        }
        self.change_pixels(chip, random)
    }

    fn movement(&self, random: &mut impl Rng) -> Movement {
        let mut around_zero = |most: f64| random.random_range(-1.0..=1.0) * most;
        Movement {
            angle: around_zero(self.rotation.to_radians()),
            zoom: around_zero(self.scale.ln_1p()).exp(),
            shift: [around_zero(self.shift), around_zero(self.shift)],
        }
    }
}

/// How the sampled part of a picture differs from the usual one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Movement {
    /// By how much it is turned, in radians.
    angle: f64,
    /// Its side as a multiple of the usual one.
    zoom: f64,
    /// How far its centre is from the usual one, as a share of the side.
    shift: [f64; 2],
}

impl Movement {
    fn of_square(self, square: ChipSquare) -> ChipSquare {
        let side = square.right - square.left;
        let centre = |from: f64, to: f64, shift: f64| (from + to) / 2.0 + shift * side;
        let x = centre(square.left, square.right, self.shift[0]);
        let y = centre(square.top, square.bottom, self.shift[1]);
        let half = side / 2.0 * self.zoom;
        ChipSquare {
            left: x - half,
            top: y - half,
            right: x + half,
            bottom: y + half,
            angle: square.angle + self.angle,
        }
    }

    fn of_picture(self, picture: &RgbImage, input: Size) -> RgbImage {
        let size = Size::of(picture);
        let still = self.angle == 0.0 && self.zoom == 1.0 && self.shift == [0.0; 2];
        if still {
            return picture.clone();
        }
        if size.width > input.width && size.height > input.height {
            let shrunk = face_chip::chip(picture, None, input);
            return pixels::moved(&shrunk, self);
        }
        pixels::moved(picture, self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::{Purpose, generator};
    use super::*;
    use image::Rgb;

    fn picture(place: Option<CropPlace>) -> Picture {
        Picture {
            image: RgbImage::from_fn(64, 48, |x, y| Rgb([x as u8 * 3, y as u8 * 4, 90])),
            place,
            size: Size::new(40, 30),
        }
    }

    fn changed(augmentation: &Augmentation, place: Option<CropPlace>, position: usize) -> RgbImage {
        let mut random = generator(3, Purpose::Augmentation, 1, position);
        augmentation.apply(&picture(place), &mut random)
    }

    #[test]
    fn the_same_numbers_change_an_image_the_same_way() {
        for augmentation in [Augmentation::light(), Augmentation::strong()] {
            let first = changed(&augmentation, None, 0);
            assert_eq!(first, changed(&augmentation, None, 0));
            assert_ne!(first, changed(&augmentation, None, 1));
            assert_eq!(first.dimensions(), (40, 30), "larger than the input");
        }
    }

    #[test]
    fn without_changes_an_image_stays_the_same() {
        let nothing = Augmentation::none();
        assert_eq!(changed(&nothing, None, 5), picture(None).image);
        let place = CropPlace::in_picture(square(), None);
        let chip = picture(Some(place)).chip();
        assert_eq!(changed(&nothing, Some(place), 5), chip);
    }

    fn square() -> ChipSquare {
        ChipSquare {
            left: 12.0,
            top: 8.0,
            right: 43.0,
            bottom: 39.0,
            angle: 0.2,
        }
    }

    #[test]
    fn a_faces_square_moves_within_the_ranges() {
        let augmentation = Augmentation::strong();
        let mut largest = [0.0_f64; 3];
        for position in 0..300 {
            let mut random = generator(0, Purpose::Augmentation, 1, position);
            let moved = augmentation.movement(&mut random).of_square(square());
            let differences = [
                (moved.angle - 0.2).abs().to_degrees() / augmentation.rotation,
                ((moved.right - moved.left) / 31.0).ln().abs() / augmentation.scale.ln_1p(),
                ((moved.left + moved.right) / 2.0 - 27.5).abs() / 31.0 / augmentation.shift,
            ];
            for (largest, difference) in largest.iter_mut().zip(differences) {
                assert!(difference <= 1.0 + 1e-9, "{differences:?}");
                *largest = largest.max(difference);
            }
        }
        assert!(largest.iter().all(|share| *share > 0.9), "{largest:?}");
    }

    #[test]
    fn a_face_is_moved_by_its_square_and_not_by_a_second_sampling() {
        let only_shift = Augmentation {
            shift: 0.1,
            ..Augmentation::none()
        };
        let place = CropPlace::in_picture(square(), None);
        let mut random = generator(3, Purpose::Augmentation, 1, 0);
        let movement = only_shift.movement(&mut random);
        let by_hand = Picture {
            place: Some(CropPlace {
                square: movement.of_square(square()),
                ..place
            }),
            ..picture(None)
        };
        assert_eq!(changed(&only_shift, Some(place), 0), by_hand.chip());
    }
}
