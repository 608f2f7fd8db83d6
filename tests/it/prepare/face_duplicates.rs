//! `prepare` on one photo's face in other surroundings: with drawn faces, and a drawn network that takes
//! all of them for one person.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use facepipe_core::context::{Context, Interrupt, Remake};
use facepipe_core::ports::{
    DetectorError, EmbedderError, FaceDetector, FaceDetectorFactory, FaceEmbedder,
    FaceEmbedderFactory, LandmarkModel, SilentProgress,
};
use facepipe_core::types::{
    ChipForm, DetectedFace, EmbedderModel, Embedding, EyeCornersNose, FaceBox, PixelRect,
};
use facepipe_faces::embed_images::ImageEmbedder;
use facepipe_prepare::{PrepareReport, Settings};
use image::{Rgb, RgbImage, imageops};

use super::drawn_embedder::{DRAWN_FORM, DRAWN_LENGTH, drawn_model};
#[cfg(feature = "torch")]
use crate::helpers::write;
use crate::helpers::{failure, records, run, write_png};

/// Side of a drawn face in pixels.
const SIDE: u32 = 100;
/// The colour of the corner by which a drawn face is found.
const CORNER: Rgb<u8> = Rgb([255, 0, 255]);

/// Details all over, others for each number.
fn details(width: u32, height: u32, number: u32) -> RgbImage {
    let phase = f64::from(number) * 2.3;
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (f64::from(x) / 160.0, f64::from(y) / 160.0);
        let waves = (u * (23.0 + phase) + 4.0 * (v * 19.0 + phase).sin()).sin()
            + (v * (21.0 - phase) + 3.0 * (u * 17.0 + phase).cos()).sin()
            + (u * v * 40.0 + phase).cos();
        let value = (128.0 + 40.0 * waves) as u8;
        Rgb([value, value, value / 2])
    })
}

/// A photo of a face at a place of some surroundings.
fn photo(face: u32, surroundings: u32, [left, top]: [u32; 2]) -> RgbImage {
    let mut photo = details(280, 210, 100 + surroundings);
    let mut face = details(SIDE, SIDE, face);
    for (x, y) in [(0, 0), (1, 0), (0, 1)] {
        face.put_pixel(x, y, CORNER);
    }
    imageops::replace(&mut photo, &face, i64::from(left), i64::from(top));
    photo
}

/// Finds drawn faces, and embeds all of them alike.
struct Drawn;

impl FaceDetectorFactory for Drawn {
    fn name(&self) -> &str {
        "drawn"
    }

    fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
        Ok(Box::new(Self))
    }
}

impl FaceDetector for Drawn {
    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
        let corner = photo
            .enumerate_pixels()
            .find(|(_, _, pixel)| **pixel == CORNER);
        let face = corner.map(|(x, y, _)| DetectedFace {
            rect: PixelRect::from([x, y, x + SIDE, y + SIDE]),
            score: 1.0,
            landmarks: None,
        });
        Ok(face.into_iter().collect())
    }
}

impl LandmarkModel for Drawn {
    fn landmarks(&self, _: &RgbImage, face: FaceBox) -> EyeCornersNose {
        let points = [[74, 31], [60, 32], [25, 31], [39, 32], [49, 59]];
        EyeCornersNose(points.map(|[x, y]| [x + face.left as i32, y + face.top as i32]))
    }
}

impl FaceEmbedderFactory for Drawn {
    fn model(&self) -> &EmbedderModel {
        drawn_model()
    }

    fn create(&self) -> Box<dyn FaceEmbedder> {
        Box::new(Self)
    }
}

impl FaceEmbedder for Drawn {
    fn forms(&self) -> &[ChipForm] {
        &[DRAWN_FORM]
    }

    fn embed(&mut self, faces: &[Vec<RgbImage>]) -> Result<Vec<Embedding>, EmbedderError> {
        let embed = |chips: &Vec<RgbImage>| {
            let mut numbers = [0.1; DRAWN_LENGTH];
            numbers[3] = f32::from(chips[0].get_pixel(75, 75).0[0]) / 1e5;
            Embedding::new(numbers)
        };
        Ok(faces.iter().map(embed).collect())
    }
}

/// Ada twice in one photo's face, and two others of hers; one of these under Grace, too.
fn photos(root: &Path) -> PathBuf {
    let input = root.join("in");
    for (name, face, place) in [
        ("ada/1", 0, [20, 30]),
        ("ada/2", 0, [150, 90]),
        ("ada/3", 1, [60, 60]),
        ("ada/4", 2, [100, 20]),
        ("grace/1", 3, [60, 70]),
        ("grace/2", 1, [10, 100]),
    ] {
        let surroundings = name.bytes().map(u32::from).sum::<u32>() % 50;
        let photo = photo(face, surroundings, place);
        write_png(&input.join(format!("{name}.png")), &photo);
    }
    input
}

fn tools() -> (ImageEmbedder, Context) {
    let embedder = ImageEmbedder {
        detectors: Box::new(Drawn),
        landmarks: Box::new(Drawn),
        embedders: Box::new(Drawn),
    };
    let context = Context {
        progress: Arc::new(SilentProgress),
        interrupt: Interrupt::default(),
        threads: 2.try_into().expect("not zero"),
        seed: 0,
        remake: Remake::Everything,
    };
    (embedder, context)
}

fn prepare(input: &Path, out: &Path, embeddings: bool) -> PrepareReport {
    let (embedder, context) = tools();
    let settings = Settings {
        embeddings,
        ..Settings::default()
    };
    facepipe_prepare::run(input, out, &settings, Some(&embedder), &context).expect("prepares")
}

#[test]
fn one_face_in_other_surroundings_is_a_duplicate_and_a_conflict() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = photos(folder.path());
    let out = folder.path().join("out");
    let report = prepare(&input, &out, false);
    assert_eq!((report.images.kept, report.embeddings), (6, false));
    let report = prepare(&input, &out, true);
    assert_eq!((report.images.kept, report.embeddings), (3, true));
    let left_out: Vec<_> = records(&out.join("discarded.jsonl"))
        .iter()
        .map(|record| {
            (
                record["item"].clone(),
                record["reason"].clone(),
                record["distance"].clone(),
            )
        })
        .collect();
    assert_eq!(left_out.len(), 3, "{left_out:?}");
    let (item, reason, distance) = &left_out[0];
    assert_eq!(
        (item, reason, &distance["kind"]),
        (
            &"ada/2.png".into(),
            &"near_duplicate".into(),
            &"face".into()
        )
    );
    assert!(distance["embedding"].as_f64() < Some(0.01), "{distance}");
    assert!(distance["agreement"].as_f64() > Some(0.9), "{distance}");
    for (found, expected) in left_out[1..].iter().zip(["ada/3.png", "grace/2.png"]) {
        assert_eq!(found.0, expected);
        assert_eq!(found.1, "label_conflict");
    }
    assert!(out.join("cache/hashes.jsonl").exists() && out.join("cache/embeddings.bin").exists());
}

#[test]
fn explain_reports_the_distance_of_faces() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = photos(folder.path());
    let (embedder, context) = tools();
    let settings = Settings {
        embeddings: true,
        ..Settings::default()
    };
    let explain = |a: &str, b: &str| {
        let names = [Path::new(a), Path::new(b)];
        facepipe_prepare::explain(&input, None, names, &settings, Some(&embedder), &context)
            .expect("explains")
    };
    let same = explain("ada/1.png", "ada/2.png");
    assert!(same.duplicates && same.embedding_distance < Some(0.01));
    assert!(matches!(
        same.steps[0].why,
        facepipe_prepare::Why::Face { .. }
    ));
    // Near for the network, but another photo.
    let other = explain("ada/1.png", "ada/4.png");
    assert!(!other.duplicates && other.embedding_distance < Some(0.01));
    assert!(other.steps.is_empty());
}

#[test]
fn cleaning_without_embeddings_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = photos(folder.path());
    let out = folder.path().join("out");
    let options = "prepare --clean-identities --embeddings off --out";
    let error = failure(&run(options, &[&out, &input]), 2);
    assert!(error.contains("--embeddings off turns off"), "{error}");
}

/// The meaning of `auto` does not depend on the model files present: a missing one is an error. A build without
/// libtorch has no embeddings.
#[cfg(feature = "torch")]
#[test]
fn embeddings_of_a_missing_model_are_an_error() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = photos(folder.path());
    let out = folder.path().join("out");
    write(&input.join("manifest.jsonl"), br#"{"place": {}}"#);
    let nothing = folder.path().join("nothing");
    let options = "prepare --weights-dir";
    let arguments = [&nothing, &input, Path::new("--out"), &out];
    let error = failure(&run(options, &arguments), 1);
    assert!(error.contains("facepipe models pull"), "{error}");
    let options = "prepare --embeddings off --weights-dir";
    let output = run(options, &arguments);
    assert!(output.status.success(), "{output:?}");
}
