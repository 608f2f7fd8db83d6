//! Training without any option: SFace and its weights.

use std::path::Path;

use facepipe_nn::{Backbone, FoldedSFace, tensor_file};
use serde_json::Value;

use crate::helpers::{json, json_lines, run, stdout, weights};
use crate::networks::training::{LABELS, data_set};

#[test]
fn the_default_network_is_trained_exported_and_used() {
    let Some(weights) = weights(FoldedSFace::FILE) else {
        return;
    };
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("models/default");
    let folder = weights.parent().expect("has a parent");
    let options =
        "train --device cpu --threads 2 --epochs 1 --freeze-epochs 1 --batch 8 --weights-dir";
    stdout(&run(options, &[folder, &data, Path::new("--out"), &model]));
    let card = fs_err::read_to_string(model.join("model_card.json")).expect("reads");
    let card: Value = serde_json::from_str(&card).expect("JSON");
    assert_eq!(card["architecture"], Backbone::Sface.name());
    assert_eq!(card["weights"]["origin"], FoldedSFace::FILE);
    assert_eq!(card["weights"]["license"], "Apache-2.0");
    assert_eq!(card["input"]["width"], 112);
    assert_eq!(card["head"], "cosine");
    let before = facepipe_nn::read_tensors(&weights).expect("reads");
    let after = tensor_file::read(&model.join("checkpoints/best.safetensors"));
    for (name, tensor) in after.expect("reads").tensors {
        assert_eq!(
            before.get(&name) == Some(&tensor),
            !name.starts_with("fc."),
            "{name}"
        );
    }
    let report = json(&run(
        "export --json --format torchscript,safetensors",
        &[&model],
    ));
    for format in ["torchscript", "safetensors"] {
        let difference = report["files"][format]["max_difference"].as_f64();
        assert!(difference.is_some_and(|it| it < 1e-5), "{report}");
    }
    let script = model.join("export/model.pt");
    let [by_folder, by_script] = [&model, &script]
        .map(|model| json_lines(&run("predict --device cpu", &[model, &data.join("test")])));
    assert_eq!(by_folder.len(), 9);
    for (one, other) in by_folder.iter().zip(&by_script) {
        let probability = |line: &Value| line["faces"][0]["probability"].as_f64();
        let (one, other) = (probability(one), probability(other));
        assert!((one.expect("a face") - other.expect("a face")).abs() < 1e-5);
    }
}
