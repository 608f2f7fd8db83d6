//! dlib's models against dlib's own results: `reference/dlib/` of the shared folder.

use std::path::{Path, PathBuf};

use facepipe_core::types::EyeCornersNose;
use facepipe_models::dlib::{InclusiveRect, LANDMARKS_FILE, ShapePredictor, face_chip};
use image::RgbImage;
use serde::Deserialize;

use crate::helpers::{shared, weights};

/// A face as dlib sees it.
#[derive(Debug, Deserialize)]
struct ReferenceFace {
    id: String,
    image: PathBuf,
    /// Left, top, right, bottom; all belong to the box.
    #[serde(rename = "box")]
    rect: [i64; 4],
    landmarks5: EyeCornersNose,
    chip: PathBuf,
    #[cfg(feature = "torch")]
    embedding: Vec<f32>,
}

impl ReferenceFace {
    fn rect(&self) -> InclusiveRect {
        let [left, top, right, bottom] = self.rect;
        InclusiveRect {
            left,
            top,
            right,
            bottom,
        }
    }

    fn chip(&self, root: &Path) -> RgbImage {
        picture(&root.join(&self.chip))
    }
}

fn picture(path: &Path) -> RgbImage {
    image::open(path).expect("a picture").into_rgb8()
}

/// All faces of the reference, and its folder.
fn reference() -> Option<(PathBuf, Vec<ReferenceFace>)> {
    #[derive(Deserialize)]
    struct Reference {
        faces: Vec<ReferenceFace>,
    }
    let root = shared("reference/dlib")?;
    let text = fs_err::read_to_string(root.join("reference.json")).expect("reads");
    let reference: Reference = serde_json::from_str(&text).expect("JSON");
    assert_eq!(reference.faces.len(), 36);
    Some((root, reference.faces))
}

#[test]
fn landmarks_and_chips_are_dlibs_to_the_last_byte() {
    let (Some((root, faces)), Some(model)) = (reference(), weights(LANDMARKS_FILE)) else {
        return;
    };
    let predictor = ShapePredictor::open(&model).expect("the model can be read");
    for face in &faces {
        let photo = picture(&root.join(&face.image));
        let landmarks = predictor.landmarks(&photo, face.rect());
        assert_eq!(landmarks, face.landmarks5, "{}", face.id);
        let chip = face_chip::cut(&photo, &landmarks);
        let expected = face.chip(&root);
        assert_eq!(chip.dimensions(), expected.dimensions(), "{}", face.id);
        let differing = chip.iter().zip(expected.iter()).filter(|(a, b)| a != b);
        assert_eq!(differing.count(), 0, "{}: bytes that differ", face.id);
    }
}

#[cfg(feature = "torch")]
#[test]
fn embeddings_are_dlibs() {
    use facepipe_adapters::embedders::dlib_embedder;
    use facepipe_core::ports::FaceEmbedderFactory;
    use facepipe_models::dlib::RESNET_FILE;

    let (Some((root, faces)), Some(model)) = (reference(), weights(RESNET_FILE)) else {
        return;
    };
    tch::set_num_threads(1);
    let folder = model.parent().expect("has a parent");
    let factory = dlib_embedder::factory(folder, tch::Device::Cpu).expect("the model can be read");
    let chips: Vec<Vec<RgbImage>> = faces.iter().map(|face| vec![face.chip(&root)]).collect();
    let embeddings = factory.create().embed(&chips).expect("embeds");
    assert_eq!(embeddings.len(), faces.len());
    for (face, embedding) in faces.iter().zip(&embeddings) {
        let pairs = embedding.numbers().iter().zip(&face.embedding);
        let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-5, "{}: {largest}", face.id);
    }
    let alone = factory.create().embed(&chips[..1]).expect("embeds");
    assert!(alone[0].distance(&embeddings[0]) < 1e-5);
    let wrong = factory.create().embed(&[vec![RgbImage::new(64, 48)]]);
    let error = wrong.expect_err("no chip").to_string();
    assert_eq!(error, "a face chip is 64x48 pixels, not 150x150");
    let none = factory.create().embed(&[Vec::new()]);
    let error = none.expect_err("no chip").to_string();
    assert_eq!(error, "a face has 0 chips, not 1");
}

#[cfg(feature = "torch")]
#[test]
fn the_cnn_detectors_boxes_are_dlibs() {
    use facepipe_models::dlib::MMOD_FILE;
    use facepipe_nn::Mmod;

    let (Some(root), Some(model)) = (shared("reference/dlib/images"), weights(MMOD_FILE)) else {
        return;
    };
    tch::set_num_threads(1);
    let detector = Mmod::open(&model, tch::Device::Cpu).expect("the model can be read");
    // Made by dlib 20.0.1: left, top, right, bottom (all inside) and score of each face.
    let text = include_str!("../../fixtures/mmod_boxes.json");
    type Face = (i64, i64, i64, i64, f32);
    let expected: Vec<Vec<Face>> = serde_json::from_str(text).expect("JSON");
    let files = fs_err::read_dir(&root).expect("lists");
    let mut files: Vec<_> = files.map(|file| file.expect("lists").path()).collect();
    files.sort();
    assert_eq!((files.len(), expected.len()), (36, 36));
    for (file, expected) in files.iter().zip(expected) {
        let name = file.display();
        let found = detector.faces(&picture(file));
        let rects =
            |(rect, _): &(InclusiveRect, f32)| (rect.left, rect.top, rect.right, rect.bottom);
        let found_rects: Vec<_> = found.iter().map(rects).collect();
        let expected_rects: Vec<_> = expected.iter().map(|it| (it.0, it.1, it.2, it.3)).collect();
        assert_eq!(found_rects, expected_rects, "{name}");
        for ((_, score), it) in found.iter().zip(&expected) {
            assert!((score - it.4).abs() < 1e-3, "{name}: {score} and {}", it.4);
        }
    }
}
