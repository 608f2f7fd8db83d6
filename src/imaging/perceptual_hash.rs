//! 256-bit perceptual hashes (dHash: signs of the brightness steps between neighbouring cells).
//!
//! Chosen by measurement on aligned faces, the hardest pictures to distinguish: 64-bit hashes, and
//! hashes of a cosine transform, give different people's crops distances below those of one picture
//! saved twice. With 16 x 16 brightness steps, pictures of different people differ in 37 bits or
//! more (2,400 crops of 137 people), and one picture saved again or resized in 6 or fewer.
//!
//! [`CoarseHash`] is for finding candidates: pictures of one photo with other colours, without a strip of
//! its edge or with a frame stay near each other in it, and so do some that have nothing in common.

use image::imageops;
use image::{GrayImage, RgbImage};
use img_hash::image::{GrayImage as HashedImage, Luma};
use img_hash::{HashAlg, HashBytes, Hasher, HasherConfig};
use serde::{Deserialize, Serialize};

use crate::resize;

/// Side of the square that a picture is shrunk to before hashing, in pixels. Shrinking once with an
/// antialiasing filter makes the hash independent of the picture's resolution, and cheap.
const REDUCED_SIDE: u32 = 64;
/// Cells on each side of the grid whose brightness steps are the bits.
const GRID_SIDE: u32 = 16;
/// Bytes of a hash.
const BYTES: usize = (GRID_SIDE * GRID_SIDE / 8) as usize;

/// A perceptual hash. Pictures that look the same differ in few bits.
///
/// In manifests it is written as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PerceptualHash([u64; BYTES / 8]);

/// Side of the grid of a [`CoarseHash`].
const COARSE_SIDE: u32 = 8;

/// Two 64-bit hashes of the brightness steps between a few large cells: from left to right, and from
/// top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoarseHash {
    /// Steps from left to right.
    pub across: u64,
    /// Steps from top to bottom.
    pub down: u64,
}

/// A picture shrunk to the small square that hashes are computed from.
#[derive(Debug, Clone)]
pub struct Reduced(image::GrayImage);

impl Reduced {
    /// Shrinks a grey picture of any size; its ratio is not kept.
    #[must_use]
    pub fn of(picture: &image::GrayImage) -> Self {
        Self(resize::triangle(picture, REDUCED_SIDE, REDUCED_SIDE))
    }

    /// The same for the picture turned and mirrored.
    #[must_use]
    pub fn oriented(&self, orientation: image::metadata::Orientation) -> Self {
        let mut picture = image::DynamicImage::ImageLuma8(self.0.clone());
        picture.apply_orientation(orientation);
        Self(picture.into_luma8())
    }

    /// The picture's hash.
    #[must_use]
    pub fn hash(&self) -> PerceptualHash {
        let bytes = FINE.with(|hasher| steps_across(&self.0, GRID_SIDE, hasher));
        PerceptualHash(std::array::from_fn(|word| word_of(&bytes[8 * word..])))
    }

    /// The picture's coarse hash.
    #[must_use]
    pub fn coarse(&self) -> CoarseHash {
        let steps = |picture: &GrayImage| {
            COARSE.with(|hasher| word_of(&steps_across(picture, COARSE_SIDE, hasher)))
        };
        CoarseHash {
            across: steps(&self.0),
            down: steps(&imageops::rotate90(&self.0)),
        }
    }
}

/// For each of `side` x `side` places whether it is darker than the next one to the right, row by row.
///
/// The picture is shrunk here to the cells that are compared, which is the costly part: `img_hash`
/// shrinks slowly.
fn steps_across<Bytes: HashBytes + Copy>(
    picture: &GrayImage,
    side: u32,
    hasher: &Hasher<Bytes>,
) -> Bytes {
    let cells = resize::triangle(picture, side + 1, side);
    let (width, height) = cells.dimensions();
    // `img_hash` has the picture types of an earlier `image`.
    let cells = HashedImage::from_fn(width, height, |x, y| Luma(cells.get_pixel(x, y).0));
    let hash = hasher.hash_image(&cells);
    Bytes::from_iter(hash.as_bytes().iter().copied())
}

/// The first 8 bytes as a number.
fn word_of(bytes: &[u8]) -> u64 {
    let first = bytes.iter().take(8);
    first.fold(0, |word, byte| word << 8 | u64::from(*byte))
}

impl PerceptualHash {
    /// Bits of a hash: the largest distance.
    pub const BITS: u32 = GRID_SIDE * GRID_SIDE;

    /// The hash of a picture of any size.
    #[must_use]
    pub fn of(picture: &RgbImage) -> Self {
        Reduced::of(&crate::image_io::grey(picture)).hash()
    }

    /// The hash of these [`words`](Self::words).
    #[must_use]
    pub const fn from_words(words: [u64; BYTES / 8]) -> Self {
        Self(words)
    }

    /// The hash as words, for [`close_pairs`](facepipe_neighbours::hash_join::close_pairs).
    #[must_use]
    pub const fn words(self) -> [u64; BYTES / 8] {
        self.0
    }

    /// The number of bits that differ, 0 to 256.
    #[must_use]
    pub fn distance(self, other: Self) -> u32 {
        facepipe_neighbours::hash_join::distance(&self.0, &other.0)
    }
}

thread_local! {
    // One for each thread: they can't be shared.
    static FINE: Hasher<[u8; BYTES]> = hasher(GRID_SIDE);
    static COARSE: Hasher<[u8; 8]> = hasher(COARSE_SIDE);
}

fn hasher<Bytes: HashBytes>(side: u32) -> Hasher<Bytes> {
    HasherConfig::with_bytes_type()
        .hash_size(side, side)
        .hash_alg(HashAlg::Gradient)
        .to_hasher()
}

impl From<PerceptualHash> for String {
    fn from(hash: PerceptualHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for PerceptualHash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

impl std::fmt::Display for PerceptualHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|word| write!(formatter, "{word:016x}"))
    }
}

/// A text that is not the 64 hexadecimal digits of a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a perceptual hash of 64 hexadecimal digits")]
pub struct NotAHash(String);

impl std::str::FromStr for PerceptualHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_a_hash = || NotAHash(text.to_owned());
        if text.len() != BYTES * 2 || !text.is_ascii() {
            return Err(not_a_hash());
        }
        let mut words = [0; BYTES / 8];
        for (index, word) in words.iter_mut().enumerate() {
            let digits = &text[index * 16..][..16];
            *word = u64::from_str_radix(digits, 16).map_err(|_| not_a_hash())?;
        }
        Ok(Self(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
            let value = 127.0 + 60.0 * (u * 9.0).sin() + 60.0 * (v * 7.0 + u * 3.0).cos();
            Rgb([value as u8, (value * 0.8) as u8, 255 - value as u8])
        })
    }

    #[test]
    fn size_hardly_changes_the_hash() {
        let large = PerceptualHash::of(&picture(640, 480));
        let small = PerceptualHash::of(&picture(160, 120));
        assert!(large.distance(small) <= 6, "{}", large.distance(small));
    }

    #[test]
    fn a_mirrored_picture_has_another_hash() {
        let upright = picture(64, 48);
        let mirrored = image::imageops::flip_horizontal(&upright);
        let distance = PerceptualHash::of(&upright).distance(PerceptualHash::of(&mirrored));
        assert!(distance >= 37, "as far apart as two people: {distance}");
    }

    #[test]
    fn coarse_hashes_hardly_change_with_the_colours() {
        let upright = picture(320, 240);
        let faded = RgbImage::from_fn(320, 240, |x, y| {
            Rgb(upright.get_pixel(x, y).0.map(|value| value / 2 + 90))
        });
        let coarse = |picture| Reduced::of(&image::imageops::grayscale(picture)).coarse();
        let (a, b) = (coarse(&upright), coarse(&faded));
        let distance = (a.across ^ b.across).count_ones() + (a.down ^ b.down).count_ones();
        assert!(distance <= 4, "{distance}");
        assert!(a.across != a.down && a.across.count_ones() > 8);
    }

    #[test]
    fn a_turned_picture_has_the_hash_of_its_orientation() {
        let upright = picture(64, 48);
        let turned = image::imageops::rotate90(&upright);
        let reduced = Reduced::of(&image::imageops::grayscale(&upright));
        let hash = reduced
            .oriented(image::metadata::Orientation::Rotate90)
            .hash();
        let distance = hash.distance(PerceptualHash::of(&turned));
        assert!(distance <= 6, "{distance}");
    }

    #[test]
    fn hashes_are_written_and_read() {
        let hash = PerceptualHash::of(&picture(64, 48));
        assert_eq!(hash.to_string().len(), 64);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!("00ff".parse::<PerceptualHash>().is_err());
    }
}
