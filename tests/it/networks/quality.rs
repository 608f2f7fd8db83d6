//! `crop --quality-by embedding`: faces are measured by how well a network recognises them.

use std::path::Path;

use facepipe_imaging::image_io;
use facepipe_nn::FoldedSFace;
use image::imageops;
use serde_json::Value;

use crate::helpers::{failure, json, records, run, stdout, weights, write_png};

const QUICK: &str = "--device cpu --no-progress";

#[test]
fn the_length_of_the_embedding_is_the_quality() {
    if weights(FoldedSFace::FILE).is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let photos = folder.path().join("photos");
    for (name, file) in [
        ("grace", "grace_hopper.jpg"),
        ("eileen", "eileen_collins.jpg"),
    ] {
        let bytes = image_io::read_bytes(&Path::new("tests/photos").join(file)).expect("reads");
        let photo = image_io::decode(&bytes).expect("decodes").rgb;
        write_png(&photos.join(name).join("clear.png"), &photo);
        write_png(
            &photos.join(name).join("blurred.png"),
            &imageops::blur(&photo, 9.0),
        );
    }
    let crop = |out: &str, options: &str| {
        let command = format!("crop {QUICK} --json {options} --quality-by embedding --out");
        run(&command, &[&folder.path().join(out), &photos])
    };
    let report = json(&crop("all", "--main-only --min-quality 0"));
    assert!(
        report["quality"]["norm"]["median"].as_f64() > Some(1.0),
        "{report}"
    );
    let faces = records(&folder.path().join("all/manifest.jsonl"));
    assert_eq!(faces.len(), 4);
    let measure = |face: &Value, name: &str| face["quality"][name].as_f64().expect("a number");
    for face in &faces {
        let photo = photos.join(face["source"]["file"].as_str().expect("a photo"));
        let line = stdout(&run(
            &format!("embed {QUICK} --embedder sface --plain"),
            &[&photo],
        ));
        let line: Value = serde_json::from_str(&line).expect("a line");
        let main = line["faces"]
            .as_array()
            .expect("faces")
            .iter()
            .find(|face| face["main"] == true);
        let embedding = main.expect("a main face")["embedding"]
            .as_array()
            .expect("numbers");
        let squares = embedding
            .iter()
            .map(|number| number.as_f64().expect("a number").powi(2));
        let length = squares.sum::<f64>().sqrt();
        assert!(
            (measure(face, "norm") - length).abs() < 0.01,
            "{face} {length}"
        );
    }
    let of = |ending: &str| -> Vec<f64> {
        let chosen = faces.iter().filter(|face| {
            let file = face["source"]["file"].as_str();
            file.is_some_and(|file| file.ends_with(ending))
        });
        chosen.map(|face| measure(face, "overall")).collect()
    };
    let (clear, blurred) = (of("clear.png"), of("blurred.png"));
    let best_blurred = blurred.iter().copied().fold(0.0, f64::max);
    assert!(
        clear.iter().all(|clear| *clear > best_blurred),
        "{clear:?} {blurred:?}"
    );
    let limit = format!("--main-only --min-quality {}", best_blurred + 1e-3);
    let strict = json(&crop("strict", &limit));
    assert_eq!(strict["crops"], 2);
    assert_eq!(strict["reasons"]["low_quality"], 2);
    // Another measure makes other crops: the folder is not continued without being told.
    let command = format!("crop {QUICK} --main-only --min-quality 0 --out");
    let error = failure(&run(&command, &[&folder.path().join("all"), &photos]), 1);
    assert!(error.contains("quality_by"), "{error}");
    let unaligned = failure(&crop("boxes", "--no-align"), 2);
    assert!(unaligned.contains("aligned faces"), "{unaligned}");
}
