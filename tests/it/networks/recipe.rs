//! The options that change a training: changes to images, mixing, balance, heads, and
//! the search for a learning rate.

use std::path::Path;

use crate::helpers::{failure, json, run, stdout};
use crate::networks::training::{LABELS, data_set, train};

fn text(path: &Path) -> String {
    fs_err::read_to_string(path).expect("reads")
}

#[test]
fn a_search_for_the_rate_draws_a_curve_and_leaves_no_model() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let out = root.path().join("models/kinds");
    let report = json(&train("--lr find --json", &data, &out));
    assert!(!out.exists(), "no model is begun");
    let folder = root.path().join("models/kinds_lr_find");
    let curve = text(&folder.join("lr_find.csv"));
    assert!(
        curve.starts_with("lr,loss,smoothed_loss\n0.000001"),
        "{curve}"
    );
    let steps = report["steps"].as_u64().expect("a number") as usize;
    assert_eq!(curve.lines().count(), 1 + steps);
    let rate = report["suggestion"].as_f64().expect("a number");
    assert!((1e-7..=0.1).contains(&rate), "{rate}");
    let plot = fs_err::read(folder.join("lr_find.png")).expect("reads");
    assert_eq!(&plot[1..4], b"PNG");
    let again = stdout(&train("--lr find", &data, &out));
    assert!(
        again.contains(&format!("suggested: --lr {rate}")),
        "{again}"
    );
    assert_eq!(text(&folder.join("lr_find.csv")), curve);
    // The suggested rate is one that a training takes.
    stdout(&train(&format!("--epochs 1 --lr {rate}"), &data, &out));
    let project = root.path().join("project");
    let whole = run(
        "run --lr find --from",
        &[&data, Path::new("--out"), &project],
    );
    assert!(failure(&whole, 2).contains("`--lr find`"));
}

#[test]
fn all_randomness_comes_from_the_seed() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    for kept in 1..6 {
        fs_err::remove_file(data.join(format!("train/ada/{kept}.png"))).expect("removes");
    }
    let options = "--epochs 2 --mixup 0.4 --balance 1 --augmentation strong --head cosine \
         --cosine-scale 16 --freeze-epochs 1 --frozen-views 4 --schedule plateau";
    let [one, two, other] = ["one", "two", "other"].map(|name| root.path().join(name));
    stdout(&train(options, &data, &one));
    stdout(&train(options, &data, &two));
    stdout(&train(&format!("{options} --seed 9"), &data, &other));
    let weights =
        |model: &Path| fs_err::read(model.join("checkpoints/best.safetensors")).expect("reads");
    assert!(weights(&one) != weights(&other));
    let pictures = |model: &Path| fs_err::read(model.join("augmentation.png")).expect("reads");
    assert!(pictures(&one) == pictures(&two));
    assert!(pictures(&one) != pictures(&other));
    assert!(weights(&one) == weights(&two));
    let config = text(&one.join("config.toml"));
    for line in [
        "mixup = 0.4\n",
        "balance = 1.0\n",
        "head = \"cosine\"\n",
        "frozen_views = 4\n",
        "cutout = 0.25\n",
    ] {
        assert!(config.contains(line), "{line}: {config}");
    }
}

#[test]
fn a_cosine_head_is_evaluated_as_it_was_trained() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("model");
    let options = "--epochs 12 --lr 0.003 --head cosine --cosine-scale 16 --json";
    let trained = json(&train(options, &data, &model));
    assert!(text(&model.join("model_card.json")).contains("\"head\": \"cosine\""));
    let side = json(&run(
        "evaluate --threads 1 --json --split val --data",
        &[&data, &model],
    ));
    // The training's loss is that of the logits as they are.
    let loss = &side["calibration"]["uncalibrated"]["loss"];
    let expected = &trained["best"]["val_loss"];
    let difference = loss.as_f64().expect("a number") - expected.as_f64().expect("a number");
    assert!(difference.abs() < 1e-4, "{loss} {expected}");
}

#[test]
fn settings_beyond_the_data_are_adapted_or_reported() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    fs_err::remove_dir_all(data.join("val/ada")).expect("removes");
    let model = root.path().join("model");
    let options = "train --device cpu --threads 1 --backbone resnet18 --weights none \
         --input-size 32 --epochs 2 --freeze-epochs 9 --batch 500 --out";
    let output = run(options, &[&model, &data]);
    stdout(&output);
    let note = String::from_utf8_lossy(&output.stderr);
    assert!(note.contains("label `ada` has no images for val"), "{note}");
    let config = text(&model.join("config.toml"));
    assert!(config.contains("freeze_epochs = 2\n"), "{config}");
    let phases = text(&model.join("metrics.csv"));
    assert_eq!(phases.matches(",frozen,").count(), 2, "{phases}");
    assert!(
        !model.join("augmentation.png").exists(),
        "nothing is changed"
    );
    for (options, message) in [
        ("--mixup 3", "from 0 to 2"),
        ("--balance=-1", "from 0 to 1"),
        ("--head round", "linear, cosine"),
        ("--augmentation much", "none, light, strong"),
        ("--lr fast", "nor `find`"),
        ("--frozen-views 0", "1.."),
    ] {
        let error = failure(&train(options, &data, &model), 2);
        assert!(error.contains(message), "{options}: {error}");
    }
}
