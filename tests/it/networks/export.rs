//! Exports through the program: all formats, reruns and faults.

use std::path::Path;

use facepipe_nn::tensor_file;
use serde_json::Value;
use tch::Tensor;

use crate::helpers::{failure, json, run, run_with_mounts, snapshot, stdout};
use crate::networks::training::{LABELS, data_set, train};

const ALL: &str = "torchscript,torchscript-u8,onnx,onnx-u8,pth,safetensors";
const FILES: [(&str, &str); 6] = [
    ("torchscript", "model.pt"),
    ("torchscript-u8", "model_u8.pt"),
    ("onnx", "model.onnx"),
    ("onnx-u8", "model_u8.onnx"),
    ("pth", "model.pth"),
    ("safetensors", "model.safetensors"),
];

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(path).expect("reads")).expect("JSON")
}

#[test]
fn every_format_is_written_checked_and_listed_in_the_card() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("model");
    stdout(&train("--epochs 2", &data, &model));
    // Without `--format`, TorchScript and ONNX.
    let default = json(&run("export --threads 1 --json", &[&model]));
    let formats = default["files"].as_object().expect("files");
    assert_eq!(formats.keys().collect::<Vec<_>>(), ["onnx", "torchscript"]);

    let report = json(&run(
        &format!("export --threads 1 --json --format {ALL}"),
        &[&model],
    ));
    let card = read_json(&model.join("model_card.json"));
    assert_eq!(card["exports"], report["files"]);
    for (format, file) in FILES {
        let entry = &report["files"][format];
        let path = model.join("export").join(file);
        assert_eq!(entry["file"], file);
        assert_eq!(
            entry["bytes"],
            fs_err::metadata(&path).expect("is there").len()
        );
        let sha256 = facepipe_core::artifacts::digest::sha256_of_file(&path).expect("reads");
        assert_eq!(entry["sha256"], sha256);
        let difference = entry["max_difference"].as_f64();
        assert!(difference.is_some_and(|it| it < 1e-5), "{format}: {entry}");
    }
    // 9 images for test, 6 for val and 18 for train, all of them fewer than the 50 that are kept.
    let check = tensor_file::read(&model.join("export/check.safetensors"));
    let check = check.expect("reads").tensors;
    assert_eq!(check["images"].size(), [33, 3, 32, 32]);
    assert_eq!(check["chips"].size(), [33, 32, 32, 3]);
    assert_eq!(check["probabilities"].size(), [33, 3]);

    // A second time nothing is done; a card that says more goes into the files.
    let before = snapshot(&model, &[]);
    stdout(&run("export --threads 1", &[&model]));
    assert!(
        before == snapshot(&model, &[]),
        "a second run changed files"
    );
    stdout(&run("evaluate --threads 1 --data", &[&data, &model]));
    let after = json(&run("export --threads 1 --json", &[&model]));
    assert_eq!(after["files"].as_object().map(|files| files.len()), Some(6));
    assert_ne!(
        after["files"]["pth"]["sha256"],
        report["files"]["pth"]["sha256"]
    );
    let card = fs_err::read_to_string(model.join("model_card.json")).expect("reads");
    let inside = tensor_file::read(&model.join("export/model.safetensors")).expect("reads");
    let inside: Value = serde_json::from_str(&inside.text.expect("a card")).expect("JSON");
    let card: Value = serde_json::from_str(&card).expect("JSON");
    assert_eq!(inside["metrics"], card["metrics"]);

    let with_bytes = model.join("export/model_u8.pt");
    let error = failure(&run("predict --threads 1", &[&with_bytes, &data]), 1);
    assert!(error.contains("give `model.pt`"), "{error}");
}

#[test]
fn a_failed_check_leaves_the_earlier_export_unchanged() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("model");
    stdout(&train("--epochs 1", &data, &model));
    stdout(&run(
        &format!("export --threads 1 --format {ALL}"),
        &[&model],
    ));
    let out = model.join("export");
    let files = || -> Vec<Vec<u8>> {
        let read = |(_, file): (&str, &str)| fs_err::read(out.join(file)).expect("reads");
        FILES.map(read).into()
    };
    let (before, card) = (files(), read_json(&model.join("model_card.json")));
    // A network that gives no numbers differs from everything.
    let best = model.join("checkpoints/best.safetensors");
    let mut tensors = tensor_file::read(&best).expect("reads").tensors;
    tensors.insert("fc.bias".to_owned(), Tensor::from_slice(&[f32::NAN; 3]));
    tensor_file::write(&best, &tensors, None).expect("writes");
    // Other weights are a reason to export again.
    let error = failure(&run("export --threads 1", &[&model]), 1);
    assert!(error.contains("the torchscript file differs"), "{error}");
    assert!(error.contains("in a batch of 1"), "{error}");
    assert!(
        error.contains("hint: files of an earlier export are as they were"),
        "{error}"
    );
    assert!(before == files(), "files of the earlier export changed");
    assert_eq!(card, read_json(&model.join("model_card.json")));
    assert!(!out.join("unchecked.tmp-facepipe").exists());
}

#[test]
fn wrong_formats_and_places_are_reported() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("model");
    stdout(&train("--epochs 1", &data, &model));
    let error = failure(&run("export --format torchscript,tflite", &[&model]), 2);
    assert!(error.contains("invalid value 'tflite'"), "{error}");
    assert!(error.contains("onnx-u8, pth"), "{error}");
    let nowhere = Path::new("/proc/facepipe");
    let error = failure(&run("export --threads 1 --out", &[nowhere, &model]), 1);
    assert!(
        error.contains("/proc/facepipe") && error.contains("hint: "),
        "{error}"
    );
    let samples = model.join("checkpoints/samples.safetensors");
    fs_err::write(&samples, b"no tensors").expect("writes");
    let error = failure(&run("export --threads 1", &[&model]), 1);
    assert!(error.contains("samples.safetensors"), "{error}");
}

#[test]
fn a_full_disk_is_reported_and_room_is_made() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    stdout(&train("--epochs 1", &data, &root.path().join("model")));
    let export = format!(
        "'{}' export model --threads 1 --out disk/out",
        env!("CARGO_BIN_EXE_facepipe")
    );
    // A ResNet-18 has 45 MB: the first of two files fits, then none does, then both.
    let script = format!(
        "set -e; mkdir disk; mount -t tmpfs -o size=60m tmpfs disk; \
         {export} --format pth || echo failed with $?; {export} || echo failed with $?; \
         ls -a disk/out; mount -o remount,size=200m disk; {export}; ls -a disk/out"
    );
    let Some(output) = run_with_mounts(root.path(), &script) else {
        return;
    };
    let (lines, errors) = (stdout(&output), String::from_utf8_lossy(&output.stderr));
    assert_eq!(lines.matches("failed with 1").count(), 1, "{lines}{errors}");
    assert!(errors.contains("No space left on device"), "{errors}");
    assert!(errors.contains("hint: free some disk space"), "{errors}");
    // The first export's file is there before and after, and nothing half made.
    assert_eq!(lines.matches("\nmodel.pth\n").count(), 2, "{lines}");
    assert_eq!(lines.matches("\nmodel.onnx\n").count(), 1, "{lines}");
    assert!(!lines.contains("tmp-facepipe"), "{lines}");
}

#[test]
fn a_model_that_cannot_be_written_to_is_exported_elsewhere() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    stdout(&train("--epochs 1", &data, &root.path().join("model")));
    // A file system that is mounted read-only: not even root writes there.
    let script = format!(
        "set -e; mount --bind model model; mount -o remount,bind,ro model; \
         '{}' export model --threads 1 --format torchscript --out out; ls out",
        env!("CARGO_BIN_EXE_facepipe")
    );
    let Some(output) = run_with_mounts(root.path(), &script) else {
        return;
    };
    let (lines, errors) = (stdout(&output), String::from_utf8_lossy(&output.stderr));
    assert!(lines.contains("\nmodel.pt\n"), "{lines}{errors}");
    assert!(
        errors.contains("the model's card does not name the exported files"),
        "{errors}"
    );
}
