//! Embeddings of the faces of a photo: detect, find landmarks, align, embed.

use image::RgbImage;
use serde::Serialize;

use crate::alignment::place_of;
use crate::face_chip::chips;
use crate::face_choice::{MarkedFace, mark_main};
use facepipe_core::ports::{
    DetectorError, EmbedderError, FaceDetector, FaceEmbedder, LandmarkModel,
};
use facepipe_core::types::{DetectedFace, Embedding, PixelRect, Size};

/// A face and its embedding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmbeddedFace {
    /// Where it is in the upright photo.
    #[serde(rename = "box")]
    pub rect: PixelRect,
    /// The detector's certainty.
    pub score: f32,
    /// The embedding: near ones are one person.
    pub embedding: Embedding,
    /// Whether the photo is about it; left out where it is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub main: bool,
}

/// Why a photo's faces have no embeddings.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The detector failed.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// The embedder failed.
    #[error(transparent)]
    Embedder(#[from] EmbedderError),
}

impl EmbedError {
    /// Whether every other photo would fail now as well.
    #[must_use]
    pub fn concerns_all_photos(&self) -> bool {
        matches!(self, Self::Detector(error) if error.concerns_all_photos())
    }
}

/// The faces of an EXIF-upright photo with their embeddings, largest first.
///
/// # Errors
/// [`EmbedError`]; a photo without a face is an empty list.
pub fn embed_faces(
    photo: &RgbImage,
    detector: &mut dyn FaceDetector,
    landmarks: &dyn LandmarkModel,
    embedder: &mut dyn FaceEmbedder,
) -> Result<Vec<EmbeddedFace>, EmbedError> {
    let faces = detector.detect(photo)?;
    Ok(embed_detected(photo, faces, landmarks, embedder)?)
}

/// The embeddings of faces that were detected before.
///
/// # Errors
/// [`EmbedderError`].
pub fn embed_detected(
    photo: &RgbImage,
    faces: Vec<DetectedFace>,
    landmarks: &dyn LandmarkModel,
    embedder: &mut dyn FaceEmbedder,
) -> Result<Vec<EmbeddedFace>, EmbedderError> {
    let chips: Vec<Vec<RgbImage>> = faces
        .iter()
        .map(|face| chips(photo, &place_of(landmarks, photo, face), embedder.forms()))
        .collect();
    let embeddings = embedder.embed(&chips)?;
    let faces = mark_main(faces, Size::of(photo))
        .into_iter()
        .zip(embeddings);
    Ok(faces
        .map(|(MarkedFace { face, main }, embedding)| EmbeddedFace {
            rect: face.rect,
            score: face.score,
            embedding,
            main,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::{Alignment, ChipForm, EyeCornersNose, FaceBox};

    struct TwoFaces;

    impl FaceDetector for TwoFaces {
        fn detect(&mut self, _: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
            let face = |left, score| DetectedFace {
                rect: PixelRect::from([left, 8, left + 20, 40]),
                score,
                landmarks: None,
            };
            Ok(vec![face(5, 2.5), face(40, 7.0)])
        }
    }

    impl LandmarkModel for TwoFaces {
        fn landmarks(&self, _: &RgbImage, face: FaceBox) -> EyeCornersNose {
            let at = |x: i32, y: i32| [face.left as i32 + x, face.top as i32 + y];
            EyeCornersNose([at(17, 10), at(13, 10), at(3, 10), at(7, 10), at(10, 20)])
        }
    }

    impl FaceEmbedder for TwoFaces {
        fn forms(&self) -> &[ChipForm] {
            const FORM: ChipForm = ChipForm {
                alignment: Alignment::Dlib,
                size: Size::new(150, 150),
            };
            &[FORM]
        }

        fn embed(&mut self, faces: &[Vec<RgbImage>]) -> Result<Vec<Embedding>, EmbedderError> {
            let middle = |chips: &Vec<RgbImage>| f32::from(chips[0].get_pixel(75, 75).0[0]);
            Ok(faces
                .iter()
                .map(|chips| Embedding::new([middle(chips)]))
                .collect())
        }
    }

    #[test]
    fn each_face_gets_the_embedding_of_its_own_chip() {
        let photo = RgbImage::from_fn(64, 48, |x, _| image::Rgb([x as u8 * 4, 0, 0]));
        let faces = embed_faces(&photo, &mut TwoFaces, &TwoFaces, &mut TwoFaces).expect("embeds");
        assert_eq!(faces.len(), 2);
        assert_eq!((faces[0].score, faces[1].score), (2.5, 7.0));
        assert!(faces[0].main != faces[1].main);
        let middles = faces.iter().map(|face| face.embedding.numbers()[0]);
        for (middle, column) in middles.zip([15.0, 50.0]) {
            assert!((middle / 4.0 - column).abs() < 2.0, "{middle}");
        }
    }
}
