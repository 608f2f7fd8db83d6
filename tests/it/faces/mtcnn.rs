//! `facepipe detect` with MTCNN, on real photos.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use facepipe_test_support::found::weights_folder;
use serde_json::Value;

use crate::helpers::{facepipe, shared, stdout, weights};

fn detect(photos: &[PathBuf]) -> Vec<Value> {
    let mut command = facepipe();
    command.args(["detect", "--detector", "mtcnn", "--weights-dir"]);
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
fn mtcnn_finds_the_known_faces_and_none_where_none_are() {
    let Some(folder) = shared("data/detection") else {
        return;
    };
    if weights("mtcnn_onet.pt").is_none() {
        return;
    }
    let counts = known_counts(&folder);
    let photos: Vec<PathBuf> = counts.iter().map(|(file, ..)| folder.join(file)).collect();
    let lines = detect(&photos);
    let found: BTreeMap<&str, &Vec<Value>> = counts
        .iter()
        .zip(&lines)
        .map(|((file, ..), line)| (file.as_str(), line["faces"].as_array().expect("faces")))
        .collect();
    let mut right = 0;
    for (file, fewest, most) in &counts {
        let count = found[file.as_str()].len() as u64;
        if *most == 0 {
            assert_eq!(count, 0, "{file} shows no face");
        } else {
            // facenet-pytorch's program finds one too many here and there: so does this one.
            assert!(count <= most + 1, "{file}: {count}");
            right += u32::from((*fewest..=*most).contains(&count));
        }
    }
    assert!(
        right >= 11,
        "only {right} of 14 photos have all their faces"
    );
    for (line, (file, ..)) in lines.iter().zip(&counts) {
        for face in line["faces"].as_array().expect("faces") {
            assert!(face["score"].as_f64().expect("a score") > 0.7, "{file}");
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
    if weights("mtcnn_onet.pt").is_none() {
        return;
    }
    let run = |threads: &str| {
        let mut command = facepipe();
        command.args(["detect", "--detector", "mtcnn", "--threads", threads]);
        command
            .arg("--weights-dir")
            .arg(weights_folder())
            .arg(&folder);
        stdout(&command.output().expect("the program starts"))
    };
    assert_eq!(run("1"), run("3"));
}
