//! `facepipe detect` on the portraits that every clone has.

use std::path::Path;

use facepipe_imaging::image_io;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder as _, RgbImage, imageops};
use serde_json::Value;

use crate::helpers::{portraits, records, run, stdout, weights, write, write_png};

/// Where the eyes and the mouth are in the portraits, in pixels: the left and the right eye of the
/// picture, the middle of the mouth.
const PORTRAITS: [(&str, [[f64; 2]; 3]); 2] = [
    (
        "eileen_collins.jpg",
        [[204.0, 102.0], [249.0, 103.0], [225.0, 146.0]],
    ),
    (
        "grace_hopper.jpg",
        [[222.0, 190.0], [308.0, 188.0], [272.0, 272.0]],
    ),
];

/// Detectors of this build whose model files exist; missing ones are reported.
fn detectors() -> Vec<&'static str> {
    let mut detectors = Vec::new();
    if weights("seeta_fd_frontal_v1.0.bin").is_some() {
        detectors.push("seeta");
    }
    if cfg!(feature = "torch") && weights("mtcnn_onet.pt").is_some() {
        detectors.push("mtcnn");
        if weights("face_detection_yunet_2023mar_int8bq.onnx").is_some() {
            detectors.push("yunet");
        }
    }
    detectors
}

fn open(file: &str) -> RgbImage {
    let bytes = image_io::read_bytes(&portraits().join(file)).expect("reads");
    image_io::decode(&bytes).expect("decodes").rgb
}

/// The boxes of a photo's faces: left, top, right and bottom, in pixels of the upright photo.
fn boxes(detector: &str, photo: &Path) -> Vec<[f64; 4]> {
    let edges = |face: &Value| serde_json::from_value(face["box"].clone()).expect("four numbers");
    faces(detector, photo).iter().map(edges).collect()
}

fn faces(detector: &str, photo: &Path) -> Vec<Value> {
    let output = run(&format!("detect --detector {detector}"), &[photo]);
    let line: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    line["faces"].as_array().expect("faces").clone()
}

/// Checks that there is one box, and that it is around these points without being much larger than
/// their span: the eyes of a face are about half as far apart as the face is wide.
fn check(found: &[[f64; 4]], points: &[[f64; 2]], what: &str) {
    let [[left, top, right, bottom]] = *found else {
        panic!("{what}: one face, not {found:?}");
    };
    for [x, y] in points {
        let inside = (left..right).contains(x) && (top..bottom).contains(y);
        assert!(inside, "{what}: {found:?} is not around ({x}, {y})");
    }
    let eyes = (points[1][0] - points[0][0]).hypot(points[1][1] - points[0][1]);
    for side in [right - left, bottom - top] {
        assert!((1.5..4.5).contains(&(side / eyes)), "{what}: {found:?}");
    }
}

/// A JPEG with an EXIF orientation: 3 stands for half a turn, 6 for a quarter clockwise, by which the
/// stored picture is to be turned.
fn jpeg(stored: &RgbImage, orientation: u8) -> Vec<u8> {
    // TIFF, little-endian, one directory at 8 with one entry: orientation, a short, once.
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.set_exif_metadata(exif).expect("takes it");
    let (width, height) = stored.dimensions();
    encoder
        .write_image(stored.as_raw(), width, height, ExtendedColorType::Rgb8)
        .expect("encodes");
    bytes
}

#[test]
fn each_portrait_has_one_face_around_its_eyes_and_mouth() {
    for detector in detectors() {
        for (file, points) in PORTRAITS {
            let found = boxes(detector, &portraits().join(file));
            check(&found, &points, &format!("{detector}, {file}"));
        }
    }
}

#[test]
fn a_portrait_is_found_turned_mirrored_and_small() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = |name: &str| folder.path().join(name);
    for (file, points) in PORTRAITS {
        let upright = open(file);
        let (width, height) = upright.dimensions();
        write(&path("3.jpg"), &jpeg(&imageops::rotate180(&upright), 3));
        write(&path("6.jpg"), &jpeg(&imageops::rotate270(&upright), 6));
        write_png(&path("mirrored.png"), &imageops::flip_horizontal(&upright));
        let small = imageops::thumbnail(&upright, width / 2, height / 2);
        write_png(&path("small.png"), &small);
        let [left, right, mouth] = points;
        let mirror = |[x, y]: [f64; 2]| [f64::from(width) - x, y];
        let mirrored = [mirror(right), mirror(left), mirror(mouth)];
        let half = points.map(|[x, y]| [x / 2.0, y / 2.0]);
        for detector in detectors() {
            for (name, points) in [
                ("3.jpg", points),
                ("6.jpg", points),
                ("mirrored.png", mirrored),
                ("small.png", half),
            ] {
                let found = boxes(detector, &path(name));
                check(&found, &points, &format!("{detector}, {name} of {file}"));
            }
        }
    }
}

#[test]
fn two_people_on_one_photo_are_two_faces() {
    let [(first, left), (second, right)] = PORTRAITS;
    let (first, second) = (open(first), open(second));
    let height = first.height().max(second.height());
    let mut both = RgbImage::new(first.width() + second.width(), height);
    imageops::replace(&mut both, &first, 0, 0);
    imageops::replace(&mut both, &second, i64::from(first.width()), 0);
    let folder = tempfile::tempdir().expect("temporary folder");
    let photo = folder.path().join("both.png");
    write_png(&photo, &both);
    let right = right.map(|[x, y]| [x + f64::from(first.width()), y]);
    for detector in detectors() {
        let mut found = boxes(detector, &photo);
        assert_eq!(found.len(), 2, "{detector}: {found:?}");
        found.sort_by(|one, other| one[0].total_cmp(&other[0]));
        check(&found[..1], &left, detector);
        check(&found[1..], &right, detector);
        // The second face is larger, and as near to the middle.
        let marked: Vec<Value> = faces(detector, &photo);
        let marked: Vec<&Value> = marked.iter().filter(|face| face["main"] == true).collect();
        let [main] = marked.as_slice() else {
            panic!("{detector}: one main face, not {marked:?}");
        };
        assert_eq!(main["box"][0].as_f64(), Some(found[1][0]), "{detector}");
    }
}

/// As `prepare` does it: a copy in training is worth less than one that measures.
#[test]
fn of_a_photo_on_two_sides_crop_keeps_the_one_farther_from_training() {
    if weights("seeta_fd_frontal_v1.0.bin").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    for (side, label, name) in [
        ("train", "eileen", "eileen_collins.jpg"),
        ("test", "eileen", "eileen_collins.jpg"),
        ("train", "grace", "grace_hopper.jpg"),
        ("val", "grace", "grace_hopper.jpg"),
    ] {
        let photo = fs_err::read(portraits().join(name)).expect("reads");
        write(&input.join(side).join(label).join(name), &photo);
    }
    stdout(&run("crop --detector seeta --out", &[&out, &input]));
    let manifest = records(&out.join("manifest.jsonl"));
    let kept = manifest.iter().map(|crop| crop["source"]["file"].as_str());
    let kept: Vec<&str> = kept.map(|file| file.expect("a text")).collect();
    assert_eq!(
        kept,
        [
            "test/eileen/eileen_collins.jpg",
            "val/grace/grace_hopper.jpg"
        ]
    );
    let discarded = records(&out.join("discarded.jsonl"));
    assert_eq!(discarded.len(), 2);
    for (record, item) in discarded.iter().zip(["train/eileen/", "train/grace/"]) {
        assert_eq!(record["reason"], "split_leak", "{record}");
        assert!(
            record["item"]
                .as_str()
                .is_some_and(|name| name.starts_with(item))
        );
    }
}
