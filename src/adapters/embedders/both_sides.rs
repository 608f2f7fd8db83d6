//! Embeddings that depend neither on the side a face is seen from nor on how clear the photo is.
//!
//! An embedder sees each chip and its mirror image; the mean of both is brought to one length. Both
//! steps lower the errors of dlib's network: of all pairs of 1,383 LFW photos of 79 people, 10.5 % of
//! those of one person are missed when one in a thousand of the others is taken for one person;
//! with the mirror image 8.2 %, with the length 8.2 %, with both 6.6 %. dlib's own way to its
//! published 99.38 % is the mean over a hundred moved, turned and mirrored copies of a chip.

use image::{RgbImage, imageops};

use facepipe_core::ports::{EmbedderError, FaceEmbedder, FaceEmbedderFactory};
use facepipe_core::types::Embedding;

/// The length that embeddings are brought to: the mean of dlib's, over the same photos (with a
/// standard deviation of 0.07), so that distances stay what they are.
const LENGTH: f32 = 1.42;

/// Makes embedders that also see the mirror image, from those of another factory.
pub struct BothSidesFactory {
    embedders: Box<dyn FaceEmbedderFactory>,
}

impl BothSidesFactory {
    /// Wraps these embedders.
    #[must_use]
    pub fn new(embedders: Box<dyn FaceEmbedderFactory>) -> Self {
        Self { embedders }
    }
}

impl FaceEmbedderFactory for BothSidesFactory {
    fn create(&self) -> Box<dyn FaceEmbedder> {
        Box::new(BothSides {
            embedder: self.embedders.create(),
        })
    }
}

struct BothSides {
    embedder: Box<dyn FaceEmbedder>,
}

impl FaceEmbedder for BothSides {
    fn embed(&mut self, chips: &[RgbImage]) -> Result<Vec<Embedding>, EmbedderError> {
        let mirrored: Vec<RgbImage> = chips.iter().map(imageops::flip_horizontal).collect();
        let one_side = self.embedder.embed(chips)?;
        let other_side = self.embedder.embed(&mirrored)?;
        let sides = one_side.iter().zip(&other_side);
        Ok(sides.map(|(one, other)| mean(one, other)).collect())
    }
}

/// The mean direction of two embeddings, with the common length.
fn mean(one: &Embedding, other: &Embedding) -> Embedding {
    let (one, other) = (one.numbers(), other.numbers());
    let sums: [f32; Embedding::LENGTH] = std::array::from_fn(|index| one[index] + other[index]);
    let length = sums.iter().map(|sum| sum * sum).sum::<f32>().sqrt();
    if length == 0.0 {
        return Embedding::new(sums);
    }
    Embedding::new(sums.map(|sum| sum / length * LENGTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Embeds the first two pixels of a chip's first row.
    struct Corner;

    impl FaceEmbedderFactory for Corner {
        fn create(&self) -> Box<dyn FaceEmbedder> {
            Box::new(Self)
        }
    }

    impl FaceEmbedder for Corner {
        fn embed(&mut self, chips: &[RgbImage]) -> Result<Vec<Embedding>, EmbedderError> {
            let corner = |chip: &RgbImage| {
                let mut numbers = [0.0; Embedding::LENGTH];
                numbers[0] = f32::from(chip.get_pixel(0, 0).0[0]);
                numbers[1] = f32::from(chip.get_pixel(1, 0).0[0]);
                Embedding::new(numbers)
            };
            Ok(chips.iter().map(corner).collect())
        }
    }

    #[test]
    fn a_chip_and_its_mirror_image_have_one_embedding_of_the_usual_length() {
        // The first row is 1, 2, 0, ... 0, 3.
        let chip = RgbImage::from_fn(64, 48, |x, _| {
            let value = match x {
                0 => 1,
                1 => 2,
                63 => 3,
                _ => 0,
            };
            image::Rgb([value; 3])
        });
        let mut embedder = BothSidesFactory::new(Box::new(Corner)).create();
        let chips = [chip.clone(), imageops::flip_horizontal(&chip)];
        let found = embedder.embed(&chips).expect("embeds");
        assert_eq!(found[0], found[1]);
        // (1, 2) + (3, 0) = (4, 2), of length 20.
        let expected = [4.0, 2.0].map(|number| number / 20.0_f32.sqrt() * LENGTH);
        for (number, expected) in found[0].numbers().iter().zip(expected) {
            assert!((number - expected).abs() < 1e-6, "{number} {expected}");
        }
        assert!(found[0].numbers()[2..].iter().all(|number| *number == 0.0));
    }

    #[test]
    fn zero_embeddings_stay_zero() {
        let mut embedder = BothSidesFactory::new(Box::new(Corner)).create();
        let found = embedder.embed(&[RgbImage::new(64, 48)]).expect("embeds");
        assert!(found[0].numbers().iter().all(|number| *number == 0.0));
    }
}
