//! Calls of `train`, `evaluate`, `export` and `predict` that are refused.

use std::path::Path;

use crate::helpers::{failure, picture, run, write, write_png};
use crate::networks::training::{LABELS, data_set, train};

#[test]
fn wrong_calls_name_the_next_step() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let out = root.path().join("model");
    let empty = root.path().join("weights");
    fs_err::create_dir_all(&empty).expect("makes");
    let output = run(
        "train --device cpu --weights-dir",
        &[&empty, &data, Path::new("--out"), &out],
    );
    let error = failure(&output, 1);
    assert!(error.contains("facepipe models pull sface"), "{error}");
    for (options, code, message) in [
        ("--device gpu", 2, "not one of auto, cpu, cuda"),
        ("--device cuda:99", 1, "is not there"),
        ("--resume", 1, "leave `--resume` out"),
        ("--resume --force", 2, "cannot be used with"),
        ("--lr 0", 2, "not a number above 0"),
        ("--backbone vgg", 2, "resnet50"),
        ("--input-size 96", 2, "images of 112 pixels"),
        (
            "--backbone dlib-resnet29 --input-size 96",
            2,
            "at least 103",
        ),
    ] {
        let arguments = format!("train --weights none {options} --out");
        let error = failure(&run(&arguments, &[&out, &data]), code);
        assert!(error.contains(message), "{options}: {error}");
    }
    assert!(!out.exists());
    // Folders and files that are no models.
    for model in [
        &data,
        &data.join("test/ada/8.png"),
        &root.path().join("nowhere"),
    ] {
        for verb in ["predict", "export"] {
            let paths: &[&Path] = if verb == "predict" {
                &[model, &data]
            } else {
                &[model]
            };
            let error = failure(&run(verb, paths), 1);
            assert!(error.contains("\nhint: "), "{verb}: {error}");
            assert!(!error.contains("frame #"), "{error}");
        }
    }
    write(&out.join("thesis.txt"), b"mine");
    let error = failure(&train("--epochs 1", &data, &out), 1);
    assert!(
        error.contains("was not made by the stage `train`"),
        "{error}"
    );
}

#[test]
fn detectors_need_the_gpu_that_is_asked_for() {
    let root = tempfile::tempdir().expect("temporary folder");
    let photo = root.path().join("photo.png");
    write_png(&photo, &picture(1));
    for detector in ["auto", "mtcnn"] {
        let options = format!("detect --device cuda:99 --detector {detector}");
        let error = failure(&run(&options, &[&photo]), 1);
        assert!(error.contains("`cuda:99` is not there"), "{error}");
        assert!(error.contains("--device cpu"), "{error}");
    }
}
