//! Photos that the server can read: colours, which survive JPEG, encode their contents.

use facepipe_imaging::image_io;
use image::{Rgb, RgbImage};

/// Least difference between two colours with different meanings.
const STEP: u8 = 20;
/// The colour of a picture without a face.
const EMPTY: u8 = 20;

/// The contents of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OnPhoto {
    /// Whose face it is: the first of several, which are of this person and the next ones.
    pub person: u8,
    /// How many faces there are.
    pub faces: u8,
    /// Which photo of many.
    pub number: u8,
}

impl OnPhoto {
    /// One person's photo.
    pub const fn of(person: u8, number: u8) -> Self {
        Self {
            person,
            faces: 1,
            number,
        }
    }

    /// Draws it, never square.
    pub fn drawn(self) -> RgbImage {
        let level = |value: u8| EMPTY + STEP * value;
        let colour = Rgb([level(self.person), level(self.faces), level(self.number)]);
        RgbImage::from_pixel(96, 72, colour)
    }

    /// Reads a received picture.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let rgb = image_io::decode(bytes).ok()?.rgb;
        let Rgb(colour) = *rgb.get_pixel(rgb.width() / 2, rgb.height() / 2);
        let value = |level: u8| (level.saturating_sub(EMPTY) + STEP / 2) / STEP;
        let [person, faces, number] = colour.map(value);
        Some(Self {
            person,
            faces,
            number,
        })
    }
}
