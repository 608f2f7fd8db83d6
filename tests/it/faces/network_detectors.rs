//! `facepipe detect` with MTCNN and YuNet, on real photos.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use facepipe_test_support::found::weights_folder;
use serde_json::Value;

use crate::helpers::{facepipe, shared, stdout, weights};

struct Detector {
    name: &'static str,
    files: &'static [&'static str],
    /// Of all its faces.
    least_score: f64,
    /// In how many of 14 photos it finds as many faces as are counted.
    as_counted: u32,
    /// Most faces of a photo beyond those that are counted.
    most_beyond: u64,
}

const DETECTORS: [Detector; 2] = [
    Detector {
        name: "mtcnn",
        files: &["mtcnn_onet.pt"],
        least_score: 0.7,
        as_counted: 11,
        // facenet-pytorch's program finds one too many here and there: so does this one.
        most_beyond: 1,
    },
    Detector {
        name: "yunet",
        files: &["face_detection_yunet_2023mar_int8bq.onnx", "mtcnn_onet.pt"],
        least_score: 0.5,
        as_counted: 13,
        // A man who is seen from behind stands beside a poster with two faces, of 12 pixels.
        most_beyond: 2,
    },
];

/// The detectors whose files are there; missing ones are reported.
fn detectors() -> impl Iterator<Item = Detector> {
    let is_there = |detector: &Detector| detector.files.iter().all(|file| weights(file).is_some());
    DETECTORS.into_iter().filter(is_there)
}

fn detect(detector: &str, photos: &[PathBuf]) -> Vec<Value> {
    let mut command = facepipe();
    command.args(["detect", "--detector", detector, "--weights-dir"]);
    let output = command.arg(weights_folder()).args(photos).output();
    let text = stdout(&output.expect("the program starts"));
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// Photos of `known_counts.csv`: file, fewest and most faces.
fn known_counts(folder: &Path) -> Vec<(String, u64, u64)> {
    let text = fs_err::read_to_string(folder.join("known_counts.csv")).expect("reads");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let records = reader.records().map(|record| {
        let record = record.expect("a line");
        let number = |column: usize| record[column].parse().expect("a number");
        (record[0].to_owned(), number(1), number(2))
    });
    records.collect()
}

#[test]
fn the_known_faces_are_found_and_none_where_none_are() {
    let Some(folder) = shared("data/detection") else {
        return;
    };
    let counts = known_counts(&folder);
    detectors().for_each(|detector| assert_finds_known_faces(&detector, &folder, &counts));
}

fn assert_finds_known_faces(detector: &Detector, folder: &Path, counts: &[(String, u64, u64)]) {
    let photos: Vec<PathBuf> = counts.iter().map(|(file, ..)| folder.join(file)).collect();
    let lines = detect(detector.name, &photos);
    let found: BTreeMap<&str, &Vec<Value>> = counts
        .iter()
        .zip(&lines)
        .map(|((file, ..), line)| (file.as_str(), line["faces"].as_array().expect("faces")))
        .collect();
    let mut right = 0;
    for (file, fewest, most) in counts {
        let count = found[file.as_str()].len() as u64;
        if *most == 0 {
            assert_eq!(count, 0, "{file} shows no face");
        } else {
            assert!(count <= most + detector.most_beyond, "{file}: {count}");
            right += u32::from((*fewest..=*most).contains(&count));
        }
    }
    assert!(
        right >= detector.as_counted,
        "{}: only {right} of 14 photos have all their faces",
        detector.name
    );
    for (line, (file, ..)) in lines.iter().zip(counts) {
        for face in line["faces"].as_array().expect("faces") {
            let score = face["score"].as_f64().expect("a score");
            assert!(score >= detector.least_score, "{file}: {score}");
            check_landmarks(face, line, file);
        }
    }
}

/// Eyes, nose and mouth corners are where they belong, by and large.
fn check_landmarks(face: &Value, line: &Value, file: &str) {
    let numbers = |value: &Value| -> Vec<f64> {
        let list = value.as_array().expect("a list");
        list.iter()
            .map(|number| number.as_f64().expect("a number"))
            .collect()
    };
    let rect = numbers(&face["box"]);
    let points: Vec<Vec<f64>> = face["landmarks"]
        .as_array()
        .expect("five points")
        .iter()
        .map(numbers)
        .collect();
    assert_eq!(points.len(), 5, "{file}");
    assert_eq!(face["landmark_points"], "eyes_nose_mouth");
    let (width, height) = (rect[2] - rect[0], rect[3] - rect[1]);
    // The landmarks of a face that the photo's edge clips may be outside, where they would be.
    let photo = (line["width"].as_f64(), line["height"].as_f64());
    let cut =
        rect[0] == 0.0 || rect[1] == 0.0 || Some(rect[2]) == photo.0 || Some(rect[3]) == photo.1;
    for point in &points {
        let across = (point[0] - rect[0]) / width;
        let down = (point[1] - rect[1]) / height;
        let inside = (-0.1..1.1).contains(&across) && (-0.1..1.1).contains(&down);
        assert!(inside || cut, "{file}: {face}");
    }
    assert!(
        points[0][1] < points[3][1],
        "{file}: an eye above the mouth"
    );
    assert!(
        points[1][1] < points[4][1],
        "{file}: an eye above the mouth"
    );
    assert!(points[0][0] < points[1][0], "{file}: eyes in image order");
    assert!(points[3][0] < points[4][0], "{file}: mouth in image order");
}

#[test]
fn any_number_of_threads_gives_the_same_lines() {
    let Some(folder) = shared("data/detection/known_count") else {
        return;
    };
    let run = |detector: &str, threads: &str| {
        let mut command = facepipe();
        command.args(["detect", "--detector", detector, "--threads", threads]);
        command
            .arg("--weights-dir")
            .arg(weights_folder())
            .arg(&folder);
        stdout(&command.output().expect("the program starts"))
    };
    for Detector { name, .. } in detectors() {
        assert_eq!(run(name, "1"), run(name, "3"), "{name}");
    }
}
