//! Embeddings that can be compared: of one length, so that they depend less on how clear the photo is, and where it
//! pays not on the side that a face is seen from.
//!
//! With the mirror image an embedder sees each chip twice, and the embedding is the mean direction. Both
//! steps lower the errors of dlib's network: of all pairs of 1,383 LFW photos of 79 people, 10.5 % of
//! those of one person are missed when one in a thousand of the others is taken for one person;
//! with the mirror image 8.2 %, with the length 8.2 %, with both 6.6 %. dlib's own way to its
//! published 99.38 % is the mean over a hundred moved, turned and mirrored copies of a chip.

use image::{RgbImage, imageops};

use facepipe_core::ports::{EmbedderError, FaceEmbedder, FaceEmbedderFactory};
use facepipe_core::types::{ChipForm, EmbedderModel, Embedding};

/// Which chips the embedder of a face sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// The chip.
    One,
    /// The chip and its mirror image.
    Both,
}

/// Makes embedders of another factory's, whose embeddings have one length.
pub struct ComparableFactory {
    embedders: Box<dyn FaceEmbedderFactory>,
    sides: Sides,
    length: f32,
}

impl ComparableFactory {
    /// Wraps these embedders.
    #[must_use]
    pub fn new(embedders: Box<dyn FaceEmbedderFactory>, sides: Sides, length: f32) -> Self {
        Self {
            embedders,
            sides,
            length,
        }
    }
}

impl FaceEmbedderFactory for ComparableFactory {
    fn model(&self) -> &EmbedderModel {
        self.embedders.model()
    }

    fn create(&self) -> Box<dyn FaceEmbedder> {
        Box::new(Comparable {
            embedder: self.embedders.create(),
            sides: self.sides,
            length: self.length,
        })
    }
}

struct Comparable {
    embedder: Box<dyn FaceEmbedder>,
    sides: Sides,
    length: f32,
}

impl FaceEmbedder for Comparable {
    fn forms(&self) -> &[ChipForm] {
        self.embedder.forms()
    }

    fn embed(&mut self, faces: &[Vec<RgbImage>]) -> Result<Vec<Embedding>, EmbedderError> {
        let mut found = self.embedder.embed(faces)?;
        if self.sides == Sides::Both {
            let mirror = |chips: &Vec<RgbImage>| -> Vec<RgbImage> {
                chips.iter().map(imageops::flip_horizontal).collect()
            };
            let mirrored: Vec<Vec<RgbImage>> = faces.iter().map(mirror).collect();
            let other_side = self.embedder.embed(&mirrored)?;
            let sides = found.iter().zip(&other_side);
            found = sides.map(|(one, other)| sum(one, other)).collect();
        }
        Ok(found
            .iter()
            .map(|embedding| embedding.of_length(self.length))
            .collect())
    }
}

fn sum(one: &Embedding, other: &Embedding) -> Embedding {
    let pairs = one.numbers().iter().zip(other.numbers());
    Embedding::new(pairs.map(|(one, other)| one + other).collect::<Vec<f32>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::{Alignment, Distances, Size};

    const LENGTH: f32 = 1.42;

    /// Embeds the first two pixels of a chip's first row.
    struct Corner {
        model: EmbedderModel,
        form: [ChipForm; 1],
    }

    impl Corner {
        fn new() -> Self {
            let nothing = Distances {
                same_person: 1.0,
                spread: 0.0,
                neighbour: 0.0,
                doubtful_zone: 0.0,
                clearly_nearer: 0.0,
                same_identity: 0.0,
                two_people: 0.0,
                one_photo: 0.0,
                alike: 0.0,
            };
            Self {
                model: EmbedderModel {
                    name: "corner".to_owned(),
                    files: Vec::new(),
                    length: 2,
                    distances: nothing,
                },
                form: [ChipForm {
                    alignment: Alignment::Dlib,
                    size: Size::new(64, 48),
                }],
            }
        }
    }

    impl FaceEmbedderFactory for Corner {
        fn model(&self) -> &EmbedderModel {
            &self.model
        }

        fn create(&self) -> Box<dyn FaceEmbedder> {
            Box::new(Self::new())
        }
    }

    impl FaceEmbedder for Corner {
        fn forms(&self) -> &[ChipForm] {
            &self.form
        }

        fn embed(&mut self, faces: &[Vec<RgbImage>]) -> Result<Vec<Embedding>, EmbedderError> {
            let corner = |chips: &Vec<RgbImage>| {
                let number = |x| f32::from(chips[0].get_pixel(x, 0).0[0]);
                Embedding::new([number(0), number(1)])
            };
            Ok(faces.iter().map(corner).collect())
        }
    }

    fn embed(sides: Sides, chips: Vec<RgbImage>) -> Vec<Embedding> {
        let factory = ComparableFactory::new(Box::new(Corner::new()), sides, LENGTH);
        let faces: Vec<Vec<RgbImage>> = chips.into_iter().map(|chip| vec![chip]).collect();
        factory.create().embed(&faces).expect("embeds")
    }

    fn are_near(found: &Embedding, expected: [f32; 2]) {
        for (number, expected) in found.numbers().iter().zip(expected) {
            assert!((number - expected).abs() < 1e-6, "{number} {expected}");
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
        let chips = vec![chip.clone(), imageops::flip_horizontal(&chip)];
        let found = embed(Sides::Both, chips.clone());
        assert_eq!(found[0], found[1]);
        // (1, 2) + (3, 0) = (4, 2), of length 20.
        are_near(
            &found[0],
            [4.0, 2.0].map(|number| number / 20.0_f32.sqrt() * LENGTH),
        );
        let found = embed(Sides::One, chips);
        are_near(
            &found[0],
            [1.0, 2.0].map(|number| number / 5.0_f32.sqrt() * LENGTH),
        );
        are_near(&found[1], [LENGTH, 0.0]);
    }

    #[test]
    fn zero_embeddings_stay_zero() {
        let found = embed(Sides::Both, vec![RgbImage::new(64, 48)]);
        assert!(found[0].numbers().iter().all(|number| *number == 0.0));
    }
}
