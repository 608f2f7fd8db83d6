//! `facepipe embed` and `facepipe verify` on real photos.

use std::path::{Path, PathBuf};

use facepipe_adapters::detectors::seeta;
use facepipe_models::dlib::{LANDMARKS_FILE, MMOD_FILE, RESNET_FILE};
use facepipe_nn::FoldedSFace;
use serde_json::Value;

use crate::helpers::{failure, json, run, shared, stdout, weights, write, write_png};

const QUICK: &str = "--device cpu --no-progress";

/// Two photos each of two persons; nothing where photos or models are missing.
fn photos() -> Option<[PathBuf; 4]> {
    for file in [
        LANDMARKS_FILE,
        RESNET_FILE,
        FoldedSFace::FILE,
        seeta::MODEL_FILE,
    ] {
        weights(file)?;
    }
    let root = shared("data/identity/lfw_few_dev")?;
    let two_of = |person: &str| -> [PathBuf; 2] {
        let files = fs_err::read_dir(root.join(person)).expect("lists");
        let mut files: Vec<_> = files.map(|entry| entry.expect("lists").path()).collect();
        files.sort();
        std::array::from_fn(|index| files[index].clone())
    };
    let ([a, b], [c, d]) = (two_of("Al_Sharpton"), two_of("Angela_Bassett"));
    Some([a, b, c, d])
}

fn lines(output: &std::process::Output) -> Vec<Value> {
    let text = stdout(output);
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("JSON lines")
}

fn numbers(face: &Value) -> Vec<f64> {
    let numbers = face["embedding"].as_array().expect("a list").iter();
    numbers
        .map(|number| number.as_f64().expect("a number"))
        .collect()
}

#[test]
fn every_file_of_a_folder_gets_its_line_in_order_with_any_number_of_threads() {
    let Some(photos) = photos() else { return };
    let folder = tempfile::tempdir().expect("temporary folder");
    for (index, photo) in photos.iter().enumerate() {
        fs_err::copy(photo, folder.path().join(format!("{index}.jpg"))).expect("copies");
    }
    write(
        &folder.path().join("broken.jpg"),
        b"\xff\xd8\xff no picture",
    );
    write_png(
        &folder.path().join("wall.png"),
        &image::RgbImage::new(64, 48),
    );
    let embed = |threads: &str| {
        lines(&run(
            &format!("embed {QUICK} --threads {threads}"),
            &[folder.path()],
        ))
    };
    let found = embed("1");
    let names: Vec<_> = found
        .iter()
        .map(|line| Path::new(line["path"].as_str().expect("a path")))
        .map(|path| path.strip_prefix(folder.path()).expect("below the folder"))
        .collect();
    let expected = ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "broken.jpg", "wall.png"];
    assert_eq!(names, expected.map(Path::new));
    assert!(found[4]["error"].is_string() && found[4].get("faces").is_none());
    assert_eq!(found[5]["faces"], serde_json::json!([]));
    assert_eq!(found[5]["width"], 64);
    let parallel = embed("2");
    for (one, other) in found[..4].iter().zip(&parallel) {
        let faces = one["faces"].as_array().expect("faces");
        assert!(!faces.is_empty(), "{one}");
        for (face, same) in faces.iter().zip(other["faces"].as_array().expect("faces")) {
            assert_eq!(face["box"], same["box"]);
            assert_eq!(face["box"].as_array().map(Vec::len), Some(4));
            let (face, same) = (numbers(face), numbers(same));
            assert_eq!(face.len(), 128);
            let largest = face.iter().zip(&same).map(|(a, b)| (a - b).abs());
            assert!(largest.fold(0.0, f64::max) < 1e-5);
        }
    }
}

#[test]
fn one_person_is_verified_and_two_are_distinguished() {
    let Some([first, again, other, other_again]) = photos() else {
        return;
    };
    for (embedder, threshold) in [("sface", 1.128), ("dlib", 0.6), ("both", 0.86)] {
        for (a, b, same) in [
            (&first, &again, true),
            (&other, &other_again, true),
            (&first, &other, false),
        ] {
            let command = format!("verify {QUICK} --embedder {embedder}");
            let report = json(&run(&format!("{command} --json"), &[a, b]));
            // A stranger in the background counts as well, so only the nearest pair is compared.
            let distance = report["pairs"][0]["distance"].as_f64().expect("a number");
            assert_eq!(
                report["same"],
                same,
                "{embedder}: {} {} {distance}",
                a.display(),
                b.display()
            );
            assert_eq!(distance < threshold, same);
            let found = report["threshold"].as_f64().expect("a number");
            assert!((found - threshold).abs() < 1e-6, "{found}");
            let faces = |side: &str| report[side]["faces"].as_array().expect("faces").len();
            let pairs = report["pairs"].as_array().expect("pairs").len();
            assert_eq!(pairs, faces("a") * faces("b"));
            let text = stdout(&run(&command, &[a, b]));
            let verdict = if same {
                "same person"
            } else {
                "different persons"
            };
            assert!(text.starts_with(&format!("{verdict}, distance ")), "{text}");
        }
    }
}

#[test]
fn photos_that_cannot_be_compared_are_named() {
    let Some([photo, ..]) = photos() else { return };
    let folder = tempfile::tempdir().expect("temporary folder");
    let wall = folder.path().join("wall.png");
    write_png(&wall, &image::RgbImage::new(64, 48));
    let error = failure(&run(&format!("verify {QUICK}"), &[&photo, &wall]), 1);
    assert!(
        error.contains("no face was found in") && error.contains("wall.png"),
        "{error}"
    );
    let nothing = folder.path().join("nothing.jpg");
    let error = failure(&run(&format!("verify {QUICK}"), &[&nothing, &photo]), 1);
    assert!(error.contains("nothing.jpg"), "{error}");
}

#[test]
fn a_missing_or_damaged_model_is_named_with_the_command_that_gets_it() {
    let (Some(detector), Some(landmarks)) = (weights(seeta::MODEL_FILE), weights(LANDMARKS_FILE))
    else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let copied = folder.path().join("weights");
    fs_err::create_dir(&copied).expect("makes");
    fs_err::copy(&detector, copied.join(seeta::MODEL_FILE)).expect("copies");
    let wall = folder.path().join("wall.png");
    write_png(&wall, &image::RgbImage::new(64, 48));
    let embed = |embedder: &str| {
        failure(
            &run(
                &format!("embed --device cpu --detector seeta --embedder {embedder} --weights-dir"),
                &[&copied, &wall],
            ),
            1,
        )
    };
    let error = embed("dlib");
    assert!(
        error.contains(LANDMARKS_FILE) && error.contains("is missing"),
        "{error}"
    );
    assert!(error.contains("facepipe models pull dlib`"), "{error}");
    let bytes = fs_err::read(&landmarks).expect("reads");
    write(&copied.join(LANDMARKS_FILE), &bytes[..bytes.len() / 2]);
    let error = embed("dlib");
    assert!(
        error.contains(LANDMARKS_FILE) && error.contains("at byte"),
        "{error}"
    );
    write(&copied.join(LANDMARKS_FILE), &bytes);
    write(&copied.join(RESNET_FILE), &bytes);
    let error = embed("dlib");
    assert!(
        error.contains(RESNET_FILE) && error.contains("at byte"),
        "{error}"
    );
    let error = embed("sface");
    assert!(
        error.contains(FoldedSFace::FILE) && error.contains("is missing"),
        "{error}"
    );
    assert!(error.contains("facepipe models pull sface`"), "{error}");
    write(&copied.join(FoldedSFace::FILE), &bytes);
    let error = embed("sface");
    assert!(error.contains(FoldedSFace::FILE), "{error}");
    assert!(error.contains("facepipe models verify`"), "{error}");
}

#[test]
fn the_cnn_detector_is_chosen_by_name() {
    let (Some(photos), Some(_)) = (photos(), weights(MMOD_FILE)) else {
        return;
    };
    let found = lines(&run(
        "detect --device cpu --threads 1 --detector mmod",
        &[&photos[0], &photos[2]],
    ));
    assert_eq!(found.len(), 2);
    for line in &found {
        // The person of an LFW photo is in its middle.
        let faces = line["faces"].as_array().expect("faces");
        let around_the_middle = faces.iter().any(|face| {
            let rect: [u32; 4] = serde_json::from_value(face["box"].clone()).expect("a box");
            rect[0] < 125 && rect[1] < 125 && rect[2] > 125 && rect[3] > 125
        });
        assert!(around_the_middle, "{line}");
        for face in faces {
            assert_eq!(face["landmark_points"], "eye_corners_nose");
            let points: [[i32; 2]; 5] =
                serde_json::from_value(face["landmarks"].clone()).expect("five points");
            // Outer corner of the right eye, inner corners, outer corner of the left eye.
            let across = [points[0][0], points[1][0], points[3][0], points[2][0]];
            assert!(across.is_sorted_by(|one, next| one > next), "{line}");
            assert!(points[4][1] > points[1][1], "the nose is below the eyes");
        }
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let options = "detect --device cpu --detector mmod --weights-dir";
    let error = failure(&run(options, &[folder.path(), &photos[0]]), 1);
    assert!(
        error.contains(MMOD_FILE) && error.contains("facepipe models pull dlib`"),
        "{error}"
    );
}
