//! Training, evaluation, export and prediction through the program, on a tiny drawn data set.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use facepipe_imaging::image_io;
use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::helpers::{
    facepipe, failure, json, json_lines, records, run, snapshot, stdout, write, write_png,
};

/// Options of a quick training: one thread, tiny inputs, random weights.
const QUICK: &str = "train --device cpu --threads 1 --backbone resnet18 --weights none --input-size 32 \
     --batch 8";
/// Files that may differ between two equal runs.
const WITH_TIMES: [&str; 1] = ["report.json"];

/// How bright the pictures of each number are: those of train (0 to 5) reach from the darkest to the
/// brightest, those of val (6, 7) and test (8 to 10) are between. The answer of a network to pictures that are
/// brighter than all that it has seen is chance.
const BRIGHTNESS: [u8; 11] = [0, 18, 36, 54, 72, 90, 27, 63, 9, 45, 81];

/// A picture of one of three kinds: which channel grows, and in which direction.
fn drawn(kind: usize, number: u32) -> RgbImage {
    RgbImage::from_fn(64, 48, |x, y| {
        let along = if kind == 1 { y * 5 } else { x * 4 };
        let mut pixel = [BRIGHTNESS[number as usize]; 3];
        pixel[kind] = along as u8;
        Rgb(pixel)
    })
}

/// A data set of the given labels: six images for train, two for val, three for test.
pub(crate) fn data_set(root: &Path, labels: &[&str]) -> PathBuf {
    let data = root.join("data");
    for (kind, label) in labels.iter().enumerate() {
        for number in 0..11 {
            let side = match number {
                0..6 => "train",
                6..8 => "val",
                _ => "test",
            };
            let path = data.join(side).join(label).join(format!("{number}.png"));
            write_png(&path, &drawn(kind, number));
        }
    }
    data
}

pub(crate) const LABELS: [&str; 3] = ["ada", "bea", "cem"];

pub(crate) fn train(options: &str, data: &Path, out: &Path) -> std::process::Output {
    run(&format!("{QUICK} {options} --out"), &[out, data])
}

/// A model, its data set and its exported TorchScript, made once for all tests that only read it.
pub(crate) struct Made {
    /// Keeps all of it as long as the tests run.
    _root: tempfile::TempDir,
    pub(crate) model: PathBuf,
    pub(crate) script: PathBuf,
    /// Faces of the test side, a folder for each label.
    pub(crate) photos: PathBuf,
}

impl Made {
    /// A PNG of half of each of two people: nothing that the model could be certain of.
    pub(crate) fn mixed(&self) -> Vec<u8> {
        let [mut mixed, other] = ["bea/9.png", "ada/9.png"].map(|name| {
            let bytes = image_io::read_bytes(&self.photos.join(name)).expect("reads");
            image_io::decode(&bytes).expect("decodes").rgb
        });
        for (pixel, other) in mixed.pixels_mut().zip(other.pixels()) {
            for (value, other) in pixel.0.iter_mut().zip(other.0) {
                *value = value.midpoint(other);
            }
        }
        image_io::encode_png(&mixed).expect("encodes")
    }
}

pub(crate) fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let root = tempfile::tempdir().expect("temporary folder");
        let data = data_set(root.path(), &LABELS);
        let model = root.path().join("models/kinds");
        stdout(&train("--epochs 6 --lr 0.003", &data, &model));
        stdout(&run("export --threads 1 --format torchscript", &[&model]));
        Made {
            script: model.join("export/model.pt"),
            photos: data.join("test"),
            model,
            _root: root,
        }
    })
}
#[test]
fn a_model_from_training_to_prediction() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("models/kinds");
    let report = json(&train("--epochs 12 --lr 0.003 --json", &data, &model));
    assert_eq!(report["labels"], serde_json::json!(LABELS));
    assert_eq!(report["images"]["train"], 18);
    let metrics = fs_err::read_to_string(model.join("metrics.csv")).expect("reads");
    let lines: Vec<&str> = metrics.lines().collect();
    assert_eq!(
        lines[0],
        "epoch,phase,lr,train_loss,train_accuracy,val_loss,val_accuracy"
    );
    assert_eq!(
        lines.len() as u64,
        1 + report["epochs"].as_u64().expect("a number")
    );
    let config = fs_err::read_to_string(model.join("config.toml")).expect("reads");
    assert!(config.contains("backbone = \"resnet18\"\n"), "{config}");

    let evaluation = json(&run("evaluate --threads 1 --json --data", &[&data, &model]));
    assert_eq!(evaluation["images"], 9);
    // Kinds of pictures that differ like these are separated by any network that learns at all.
    assert!(
        evaluation["top1"].as_f64().expect("a number") > 0.7,
        "{evaluation}"
    );
    let rows = evaluation["confusion"].as_array().expect("rows");
    let sums: Vec<u64> = rows
        .iter()
        .map(|row| {
            row.as_array()
                .expect("a row")
                .iter()
                .filter_map(Value::as_u64)
                .sum()
        })
        .collect();
    assert_eq!(sums, [3, 3, 3]);
    let predictions = fs_err::read_to_string(model.join("report/predictions.csv")).expect("reads");
    assert_eq!(predictions.lines().count(), 10);
    let picture = image::open(model.join("report/confusion.png")).expect("a picture");
    assert!(picture.width() > 100 && picture.height() > 100);

    let export = json(&run(
        "export --threads 1 --json --format torchscript,safetensors",
        &[&model],
    ));
    for format in ["torchscript", "safetensors"] {
        let difference = export["files"][format]["max_difference"].as_f64();
        assert!(
            difference.is_some_and(|difference| difference < 1e-5),
            "{export}"
        );
    }
    let card: Value =
        serde_json::from_slice(&fs_err::read(model.join("model_card.json")).expect("reads"))
            .expect("JSON");
    assert_eq!(card["metrics"]["test"]["top1"], evaluation["top1"]);
    assert_eq!(
        card["exports"]["torchscript"],
        export["files"]["torchscript"]
    );
    assert_eq!(card["chip"], serde_json::json!({"kind": "whole"}));

    let broken = root.path().join("broken.jpg");
    write(&broken, b"no picture");
    let script = model.join("export/model.pt");
    let from_folder = run(
        "predict --threads 1",
        &[&model, &data.join("test"), &broken],
    );
    let from_folder = json_lines(&from_folder);
    let from_script = json_lines(&run(
        "predict --threads 1",
        &[&script, &data.join("test"), &broken],
    ));
    assert_eq!(from_folder.len(), 10);
    for (folder, script) in from_folder.iter().zip(&from_script) {
        assert_eq!(folder["path"], script["path"]);
        let probability = |line: &Value| line["faces"][0]["probability"].as_f64().unwrap_or(0.0);
        assert!((probability(folder) - probability(script)).abs() < 1e-5);
    }
    let first = data.join("test/ada/10.png");
    assert_eq!(from_folder[0]["path"], *first.to_string_lossy());
    let face = &from_folder[0]["faces"][0];
    assert_eq!(face["box"], serde_json::json!([0, 0, 64, 48]));
    assert_eq!(face["score"], 1.0);
    let sum: f64 = LABELS
        .iter()
        .filter_map(|label| face["probabilities"][label].as_f64())
        .sum();
    assert!((sum - 1.0).abs() < 1e-5);
    assert!(from_folder[9]["error"].is_string(), "{}", from_folder[9]);
    let strict = run("predict --strict", &[&model, &broken]);
    assert_eq!(strict.status.code(), Some(3));

    // A second time there is nothing to do, and nothing changes.
    let before = snapshot(&model, &[]);
    stdout(&train("--epochs 12 --lr 0.003", &data, &model));
    stdout(&run("evaluate --threads 1 --data", &[&data, &model]));
    stdout(&run(
        "export --threads 1 --format torchscript,safetensors",
        &[&model],
    ));
    assert!(
        before == snapshot(&model, &[]),
        "a second run changed files"
    );
}

#[test]
fn a_killed_training_continues_bit_by_bit() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let options = "--epochs 5 --freeze-epochs 2 --schedule plateau --seed 3";
    let whole = root.path().join("whole/model");
    stdout(&train(options, &data, &whole));
    let expected = snapshot(&whole, &WITH_TIMES);
    let killed = root.path().join("killed/model");
    for epochs in [1, 3] {
        let mut child = facepipe()
            .args(format!("{QUICK} {options} -q --out").split_whitespace())
            .args([&killed, &data])
            .spawn()
            .expect("the program starts");
        wait_for_epochs(&killed, epochs);
        // SIGKILL: the process can't do anything about it.
        child.kill().expect("kills");
        child.wait().expect("ends");
    }
    // As if it had been killed while it wrote.
    for left in [
        ".config.toml.1-1.tmp-facepipe",
        "checkpoints/.last.1-1.tmp-facepipe",
    ] {
        write(&killed.join(left), b"half");
    }
    let unfinished = fs_err::read_to_string(killed.join("stage.json")).expect("reads");
    assert!(unfinished.contains("\"complete\": false"), "{unfinished}");
    // It is no model yet.
    let error = failure(&run("predict", &[&killed, &data]), 1);
    assert!(error.contains("is not complete"), "{error}");
    stdout(&train(&format!("{options} --resume"), &data, &killed));
    let found = snapshot(&killed, &WITH_TIMES);
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&found), names(&expected));
    for ((name, bytes), (_, expected)) in found.iter().zip(&expected) {
        assert!(bytes == expected, "`{name}` differs");
    }
}

fn wait_for_epochs(model: &Path, epochs: usize) {
    let end = Instant::now() + Duration::from_secs(60);
    let last = model.join("checkpoints/last.safetensors");
    loop {
        let lines = fs_err::read_to_string(model.join("metrics.csv")).unwrap_or_default();
        if lines.lines().count() > epochs && last.exists() {
            return;
        }
        assert!(
            Instant::now() < end,
            "the training did not get to epoch {epochs}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_training_and_it_continues() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("model");
    let child = facepipe()
        .args(format!("{QUICK} --epochs 30 --patience 0 --out").split_whitespace())
        .args([&model, &data])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    wait_for_epochs(&model, 1);
    let interrupt = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.expect("kill starts").success());
    let output = child.wait_with_output().expect("ends");
    let error = failure(&output, 130);
    assert!(error.contains("run the same command again"), "{error}");
    // Another setting is another training: refused, and nothing is lost.
    let other = failure(&train("--epochs 3 --patience 0", &data, &model), 1);
    assert!(other.contains("epochs: 30 → 3"), "{other}");
    stdout(&train("--epochs 3 --patience 0 --force", &data, &model));
}

#[test]
fn a_frozen_trunk_stays_unchanged() {
    use facepipe_nn::tensor_file;
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let (first, second) = (root.path().join("first"), root.path().join("second"));
    stdout(&train("--epochs 1", &data, &first));
    let two = data_set(&root.path().join("two"), &LABELS[..2]);
    let weights = first.join("checkpoints/last.safetensors");
    let arguments = "train --device cpu --threads 1 --backbone resnet18 --input-size 32 --epochs 1 \
         --freeze-epochs 1 --out";
    let mut command = facepipe();
    command.args(arguments.split_whitespace());
    let output = command
        .args([&second, &two])
        .arg("--weights")
        .arg(&weights)
        .output()
        .expect("the program starts");
    stdout(&output);
    let note = String::from_utf8_lossy(&output.stderr);
    assert!(note.contains("for 3 labels and not 2"), "{note}");
    let before = tensor_file::read(&weights).expect("reads").tensors;
    let after = tensor_file::read(&second.join("checkpoints/best.safetensors"));
    for (name, tensor) in after.expect("reads").tensors {
        assert_eq!(tensor == before[&name], !name.starts_with("fc."), "{name}");
    }
    let card = fs_err::read_to_string(second.join("model_card.json")).expect("reads");
    assert!(card.contains("\"origin\": \"last.safetensors\""), "{card}");
    assert!(!card.contains(&*root.path().to_string_lossy()), "{card}");
}

#[test]
fn a_damaged_image_is_recorded_and_left_out() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let (model, clean) = (root.path().join("m/model"), root.path().join("c/model"));
    stdout(&train("--epochs 1", &data, &clean));
    write(
        &data.join("train/bea/broken.png"),
        b"\x89PNG\r\n\x1a\nbroken",
    );
    let output = train("--epochs 1 --strict", &data, &model);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let discarded = records(&model.join("discarded.jsonl"));
    assert_eq!(discarded.len(), 1);
    assert_eq!(discarded[0]["item"], "train/bea/broken.png");
    assert_eq!(discarded[0]["reason"], "unreadable");
    // Otherwise the model is the same.
    for file in [
        "metrics.csv",
        "checkpoints/best.safetensors",
        "model_card.json",
    ] {
        let [with, without] = [&model, &clean].map(|model| fs_err::read(model.join(file)));
        assert!(with.expect("reads") == without.expect("reads"), "{file}");
    }
}

#[test]
fn unusable_data_sets_are_refused() {
    let root = tempfile::tempdir().expect("temporary folder");
    let out = root.path().join("model");
    let refused = |data: &Path, message: &str, hint: &str| {
        let error = failure(&train("--epochs 1", data, &out), 1);
        assert!(error.contains(message) && error.contains(hint), "{error}");
        assert!(!out.exists(), "nothing was begun");
    };
    let missing = root.path().join("nowhere");
    refused(&missing, "there is no data set", "facepipe prepare");
    let one = data_set(&root.path().join("one"), &LABELS[..1]);
    refused(&one, "at least two labels", "another person");
    let data = data_set(root.path(), &LABELS);
    fs_err::remove_dir_all(data.join("val")).expect("removes");
    refused(&data, "0 usable images for val", "--val");
    fs_err::create_dir_all(data.join("val/ada")).expect("makes");
    refused(&data, "0 usable images for val", "--val");
    write_png(&data.join("val/ada/1.png"), &drawn(0, 1));
    fs_err::remove_dir_all(data.join("train")).expect("removes");
    refused(&data, "0 usable images for train", "--train");
    // Labels without their sides.
    refused(&data.join("test"), "is no data set", "facepipe prepare");
}

#[test]
fn another_data_set_is_evaluated_without_touching_the_card() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("model");
    stdout(&train("--epochs 1", &data, &model));
    let card = fs_err::read(model.join("model_card.json")).expect("reads");
    let other = data_set(&root.path().join("other"), &["bea", "cem"]);
    let report = root.path().join("report");
    let output = run(
        "evaluate --threads 1 --data",
        &[&other, &model, Path::new("--out"), &report],
    );
    assert!(stdout(&output).contains("accuracy"), "{output:?}");
    assert!(card == fs_err::read(model.join("model_card.json")).expect("reads"));
    write_png(&other.join("test/dan/1.png"), &drawn(1, 3));
    let error = failure(&run("evaluate --threads 1 --data", &[&other, &model]), 1);
    assert!(error.contains("images of `dan`"), "{error}");
    let error = failure(
        &run(
            "evaluate --split test --data",
            &[&data.join("train"), &model],
        ),
        1,
    );
    assert!(error.contains("is no data set"), "{error}");
}
