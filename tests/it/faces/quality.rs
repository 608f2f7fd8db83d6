//! The quality of real faces: what makes a photo worse makes the numbers worse.

use facepipe_adapters::detectors::seeta::SeetaFactory;
use facepipe_core::ports::FaceDetectorFactory as _;
use facepipe_core::types::{DetectedFace, EyeCornersNose, FaceQuality};
use facepipe_faces::quality;
use facepipe_imaging::image_io;
use facepipe_models::dlib::{InclusiveRect, ShapePredictor};
use image::{RgbImage, imageops};

use crate::helpers::{shared, weights};

/// A photo with the largest face in it and that face's landmarks.
struct Portrait {
    photo: RgbImage,
    face: DetectedFace,
    landmarks: EyeCornersNose,
}

/// One photo of each person of a folder.
fn portraits() -> Option<Vec<Portrait>> {
    let people = shared("data/identity/dlib_johns5")?;
    let predictor = ShapePredictor::open(&weights("shape_predictor_5_face_landmarks.dat")?);
    let predictor = predictor.expect("reads the landmark model");
    let folder = weights("seeta_fd_frontal_v1.0.bin")?.with_file_name("");
    let detectors = SeetaFactory::new(&folder).expect("reads the detector");
    let mut detector = detectors.create().expect("makes a detector");
    let mut portraits = Vec::new();
    let files = facepipe_core::artifacts::image_folder::list(&people).expect("lists");
    for label in &files.labels {
        let file = files.files.iter().find(|file| file.label == *label);
        let bytes = image_io::read_bytes(&file.expect("has photos").path).expect("reads");
        let photo = image_io::decode(&bytes).expect("decodes").rgb;
        let faces = detector.detect(&photo).expect("detects");
        let face = faces.first().expect("a face in each portrait").clone();
        let [left, top, right, bottom] = <[u32; 4]>::from(face.rect).map(i64::from);
        let rect = InclusiveRect {
            left,
            top,
            right: right - 1,
            bottom: bottom - 1,
        };
        portraits.push(Portrait {
            landmarks: predictor.landmarks(&photo, rect),
            face,
            photo,
        });
    }
    Some(portraits)
}

impl Portrait {
    fn measured(&self, photo: &RgbImage) -> FaceQuality {
        quality::measure(photo, &self.face, Some(&self.landmarks))
    }

    /// The same face in a photo that ends `columns` pixels to the right of the box's left edge.
    fn cut_off(&self, columns: u32) -> FaceQuality {
        let width = self.face.rect.left + columns;
        let part = imageops::crop_imm(&self.photo, 0, 0, width, self.photo.height()).to_image();
        self.measured(&part)
    }
}

#[test]
fn blurred_dark_and_cut_off_versions_of_a_face_fall_in_order() {
    let Some(portraits) = portraits() else { return };
    assert_eq!(portraits.len(), 5);
    for portrait in &portraits {
        let as_it_is = portrait.measured(&portrait.photo);
        assert!(as_it_is.overall > 0.4, "{as_it_is:?}");
        let falls = |versions: Vec<FaceQuality>| {
            let mut better = as_it_is;
            for worse in versions {
                assert!(worse.overall < better.overall, "{worse:?}\n{better:?}");
                better = worse;
            }
            assert!(
                better.overall < as_it_is.overall * 0.6,
                "{better:?}\n{as_it_is:?}"
            );
        };
        let side = portrait.face.rect.size().shorter();
        let blurs = [0.02, 0.04, 0.08].map(|share| share * side as f32);
        falls(
            blurs
                .map(|sigma| portrait.measured(&imageops::blur(&portrait.photo, sigma)))
                .into(),
        );
        let darker = |share: f32| {
            let mut photo = portrait.photo.clone();
            photo
                .iter_mut()
                .for_each(|value| *value = (f32::from(*value) * share) as u8);
            portrait.measured(&photo)
        };
        falls([0.6, 0.3, 0.1].map(darker).into());
        falls(
            [0.8, 0.6, 0.4]
                .map(|share| portrait.cut_off((side as f32 * share) as u32))
                .into(),
        );
    }
}

#[test]
fn a_mirrored_face_looks_the_other_way_and_is_as_good() {
    let Some(portraits) = portraits() else { return };
    for portrait in &portraits {
        let width = portrait.photo.width();
        let [right_outer, right_inner, left_outer, left_inner, nose] =
            portrait.landmarks.0.map(|[x, y]| [width as i32 - 1 - x, y]);
        let mirrored = quality::measure(
            &imageops::flip_horizontal(&portrait.photo),
            &portrait.face,
            Some(&EyeCornersNose([
                left_outer,
                left_inner,
                right_outer,
                right_inner,
                nose,
            ])),
        );
        let quality = portrait.measured(&portrait.photo);
        let (here, there) = (
            quality.pose.expect("has landmarks"),
            mirrored.pose.expect("has landmarks"),
        );
        assert!((here.yaw + there.yaw).abs() < 0.11, "{here:?} {there:?}");
        assert!((here.roll + there.roll).abs() < 0.11, "{here:?} {there:?}");
        assert!((quality.overall - mirrored.overall).abs() < 0.05);
    }
}
