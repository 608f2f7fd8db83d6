//! `facepipe evaluate`: calibration, strangers, pairs and the report's page, on a tiny drawn data set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::helpers::{failure, json, records, run, snapshot, stdout, write, write_png};
use crate::networks::training::{LABELS, data_set, train};

/// A picture unlike those of the data set.
fn stranger(number: u32) -> RgbImage {
    RgbImage::from_fn(64, 48, |x, y| {
        let value = ((x * number + y * 3) % 200) as u8;
        Rgb([value, 200 - value, (number * 11) as u8])
    })
}

fn strangers(folder: &Path, count: u32) {
    for number in 0..count {
        let name = format!("person{}/{number}.png", number / 2);
        write_png(&folder.join(name), &stranger(number + 1));
    }
}

fn trained(root: &Path) -> (PathBuf, PathBuf) {
    let (data, model) = (data_set(root, &LABELS), root.join("model"));
    stdout(&train("--epochs 6 --lr 0.003", &data, &model));
    (data, model)
}

fn card(model: &Path) -> Value {
    let bytes = fs_err::read(model.join("model_card.json")).expect("reads");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn the_temperature_of_the_card_makes_the_figures_and_is_not_fitted_again() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (data, model) = trained(root.path());
    let mut with_temperature = card(&model);
    // Val has too few images to fit one.
    assert_eq!(number(&with_temperature["temperature"]), 1.0);
    assert_eq!(with_temperature["calibrated"], "too_few");
    let without = stdout(&run("evaluate --threads 1 --data", &[&data, &model]));
    assert!(without.contains("no temperature: val has"), "{without}");
    let temperature = 1.7;
    with_temperature["temperature"] = temperature.into();
    with_temperature["calibrated"] = "fitted".into();
    write(
        &model.join("model_card.json"),
        with_temperature.to_string().as_bytes(),
    );
    let report = json(&run("evaluate --threads 1 --json --data", &[&data, &model]));
    let calibration = &report["calibration"];
    assert_eq!(
        number(&calibration["calibrated"]["temperature"]),
        temperature
    );
    assert_eq!(number(&calibration["uncalibrated"]["temperature"]), 1.0);
    assert_eq!(report["loss"], calibration["calibrated"]["loss"]);
    assert_ne!(report["loss"], calibration["uncalibrated"]["loss"]);
    assert_eq!(number(&card(&model)["temperature"]), temperature);
    assert_eq!(
        card(&model)["metrics"]["test"]["ece"],
        calibration["calibrated"]["ece"]
    );
    // The answers of `predict` are those of the table, which has the most probable label of every image.
    let table = fs_err::read_to_string(model.join("report/predictions.csv")).expect("reads");
    let mut rows = table.lines();
    let header =
        "path,truth,predicted,right,probability,uncalibrated,margin,top5,similarity,photo,face";
    assert_eq!(rows.next(), Some(header));
    let row: Vec<&str> = rows.next().expect("an image").split(',').collect();
    // A folder of one's own has no other names.
    assert_eq!(row[9..], [row[0], ""]);
    let line: Value = serde_json::from_str(&stdout(&run(
        "predict --threads 1 --unknown-below 0",
        &[&model, &data.join(row[0])],
    )))
    .expect("JSON");
    let face = &line["faces"][0];
    assert!((number(&face["probability"]) - row[4].parse::<f64>().expect("a number")).abs() < 1e-5);
    assert_eq!(face["label"], row[2]);
}

#[test]
fn the_page_needs_no_other_file_and_a_rerun_changes_nothing() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (data, model) = trained(root.path());
    stdout(&run("evaluate --threads 1 --data", &[&data, &model]));
    let page = fs_err::read_to_string(model.join("report/report.html")).expect("reads");
    for forbidden in ["<script", "http://", "https://", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.matches("<svg").count() >= 6, "{}", page.len());
    assert!(page.contains("data:image/jpeg;base64,"));
    for name in [
        "confusion",
        "roc",
        "precision_recall",
        "reliability",
        "confidence",
        "training_loss",
    ] {
        let picture = image::open(model.join(format!("report/{name}.png"))).expect("a picture");
        assert!(picture.width() > 500 && picture.height() > 300, "{name}");
    }
    let before = snapshot(&model, &[]);
    stdout(&run("evaluate --threads 1 --data", &[&data, &model]));
    assert!(
        before == snapshot(&model, &[]),
        "a second run changed files"
    );
    // Made again, all but the time is the same.
    stdout(&run(
        "evaluate --threads 1 --force --data",
        &[&data, &model],
    ));
    let again = snapshot(&model, &["report.json"]);
    let before: Vec<_> = before
        .into_iter()
        .filter(|(name, _)| !name.ends_with("report.json"))
        .collect();
    assert!(before == again, "a forced run gives other files");
}

#[test]
fn strangers_give_a_threshold_for_the_card() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (data, model) = trained(root.path());
    let folder = root.path().join("strangers");
    strangers(&folder, 20);
    write(&folder.join("person3/broken.png"), b"no picture");
    let command = "evaluate --threads 1 --json --far 0.1 --impostors";
    let paths = [&folder, Path::new("--data"), &data, &model];
    let report = json(&run(command, &paths));
    let open_set = &report["open_set"];
    assert_eq!(
        (
            open_set["impostors"].as_u64(),
            open_set["impostor_people"].as_u64()
        ),
        (Some(20), Some(10))
    );
    assert_eq!(open_set["impostors_discarded"], 1);
    let chosen = &open_set["chosen"];
    assert!(number(&chosen["false_accepts"]) <= 0.1);
    assert_eq!(chosen["too_few"], false);
    // 20 strangers are too few to measure one in a hundred.
    assert_eq!(open_set["rates"][0]["too_few"], true);
    let unknown = &card(&model)["unknown"];
    assert_eq!(unknown["below"], chosen["threshold"]);
    assert_eq!(
        (&unknown["false_accept_rate"], unknown["impostors"].as_u64()),
        (&chosen["false_accepts"], Some(20))
    );
    // The number that finds more known people decides.
    let similarity = &open_set["similarity"]["chosen"];
    let [of_similarity, of_probability] =
        [similarity, chosen].map(|chosen| number(&chosen["true_accept_rate"]));
    let (decides, decisive) = if of_similarity >= of_probability {
        ("similarity", similarity)
    } else {
        ("probability", chosen)
    };
    assert_eq!(open_set["decided_by"], decides);
    let bound = &unknown["similarity"]["below"];
    if decides == "similarity" {
        assert_eq!(bound, &similarity["threshold"]);
    } else {
        assert_eq!(bound, &Value::Null);
    }
    let discarded = records(&model.join("report/discarded.jsonl"));
    assert_eq!(discarded[0]["item"], "person3/broken.png");
    assert_eq!(discarded[0]["reason"], "unreadable");
    let mut table = csv::Reader::from_path(model.join("report/impostors.csv")).expect("opens");
    let rows = table.deserialize().map(|row| row.expect("a row"));
    let rows: Vec<BTreeMap<String, String>> = rows.collect();
    assert_eq!(rows.len(), 20);
    let accepted = rows.iter().filter(|row| row["accepted"] == "1").count();
    assert!((accepted as f64 / 20.0 - number(&decisive["false_accepts"])).abs() < 1e-12);
    let alike = rows.iter().map(|row| row["similarity"].parse::<f64>());
    assert!(
        alike
            .into_iter()
            .all(|alike| alike.is_ok_and(|alike| alike.abs() <= 1.0))
    );
    // The same again does nothing; another stranger makes the report again.
    let before = snapshot(&model, &[]);
    json(&run(command, &paths));
    assert!(before == snapshot(&model, &[]));
    write_png(&folder.join("person99/1.png"), &stranger(50));
    let again = json(&run(command, &paths));
    assert_eq!(again["open_set"]["impostors"], 21);
    // A plain evaluation keeps the figures; one that is forced has none of strangers. The card keeps its bound.
    let plain = json(&run("evaluate --threads 1 --json --data", &[&data, &model]));
    assert_eq!(plain["open_set"], again["open_set"]);
    let forced = "evaluate --threads 1 --force --json --data";
    let without = json(&run(forced, &[&data, &model]));
    assert_eq!(without["open_set"], Value::Null);
    assert_eq!(without["known_found"]["found_by"], "strangers");
    assert!(!model.join("report/impostors.csv").exists());
    assert_eq!(card(&model)["unknown"]["impostors"], 21);
}

#[test]
fn strangers_with_known_names_are_refused() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (data, model) = trained(root.path());
    let refused = |folder: &Path, message: &str| {
        let paths = [folder, Path::new("--data"), &data, &model];
        let error = failure(&run("evaluate --threads 1 --impostors", &paths), 1);
        assert!(
            error.contains(message) && error.contains("hint: "),
            "{error}"
        );
    };
    let folder = root.path().join("strangers");
    refused(&folder, "there is no folder");
    fs_err::create_dir_all(folder.join("empty")).expect("makes");
    refused(&folder, "holds no photos of strangers");
    write(&folder.join("x/notes.txt"), b"no picture");
    refused(&folder, "no face was found in 1 photo");
    write_png(&folder.join("bea/1.png"), &stranger(1));
    refused(&folder, "`bea` is no stranger");
    // The model's own data set: its people are below the sides.
    refused(&data, "is no stranger");
    let error = failure(&run("evaluate --far 1 x --data", &[&data]), 2);
    assert!(error.contains("a share between 0 and 1"), "{error}");
}

#[test]
fn pairs_are_compared_by_features() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (data, model) = trained(root.path());
    let mut list = "a,b,same,fold\n".to_owned();
    for (index, label) in LABELS.iter().enumerate() {
        let other = LABELS[(index + 1) % LABELS.len()];
        for (fold, number) in [(1, 8), (2, 9)] {
            list.push_str(&format!("{label}/{number}.png,{label}/10.png,1,{fold}\n"));
            list.push_str(&format!("{label}/{number}.png,{other}/10.png,0,{fold}\n"));
        }
    }
    let pairs = root.path().join("pairs.csv");
    write(&pairs, list.as_bytes());
    let folder = data.join("test");
    let command = "evaluate --threads 1 --json --pairs";
    let paths = [
        &pairs,
        Path::new("--pairs-root"),
        &folder,
        Path::new("--data"),
        &data,
        &model,
    ];
    let report = json(&run(command, &paths));
    let verification = &report["verification"];
    assert_eq!(
        (
            verification["pairs"].as_u64(),
            verification["same"].as_u64()
        ),
        (Some(12), Some(6))
    );
    assert_eq!(verification["accuracy"]["cross_checked"], true);
    assert_eq!(
        verification["accuracy"]["thresholds"]
            .as_object()
            .map(|folds| folds.len()),
        Some(2)
    );
    assert!(number(&verification["roc_auc"]) > 0.5, "{verification}");
    assert!(model.join("report/verification.png").exists());
    // Without their folder the photos are not found; the first is named with its line.
    let paths = [&pairs, Path::new("--data"), &data, &model];
    let error = failure(&run(command, &paths), 1);
    assert!(
        error.contains("ada/8.png") && error.contains("line 2"),
        "{error}"
    );
    assert!(error.contains("--pairs-root"), "{error}");
    write(&pairs, b"one,two\nx,y\n");
    let error = failure(&run(command, &paths), 1);
    assert!(error.contains("hint: the list is a CSV file"), "{error}");
}

#[test]
fn groups_of_people_have_error_rates_with_intervals() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (data, model) = trained(root.path());
    let foreign = root.path().join("strangers");
    strangers(&foreign, 12);
    let list = root.path().join("groups.csv");
    let [ada, bea, cem] = LABELS;
    let text = format!(
        "person,group\n{ada},one\n{bea},two\nperson0,one\nperson1,one\nperson2,two\nabsent,two\n"
    );
    write(&list, text.as_bytes());
    let evaluate = |options: &str, further: &[&Path]| {
        let paths: Vec<&Path> = [&list, Path::new("--data"), &data, &model]
            .into_iter()
            .chain(further.iter().copied())
            .collect();
        run(&format!("evaluate {options} --threads 1 --groups"), &paths)
    };
    let strange = [Path::new("--impostors"), foreign.as_path()];
    let report = json(&evaluate("--json --far 0.1", &strange));
    let groups = &report["groups"];
    let images = report["images"].as_u64().expect("images") + 12;
    let of = |name: &str| {
        let all = groups["groups"].as_array().expect("groups");
        let found = all.iter().find(|group| group["group"] == name);
        found.unwrap_or_else(|| panic!("no group {name}: {groups}"))
    };
    assert_eq!(groups["everyone"]["images"].as_u64(), Some(images));
    assert_eq!(groups["everyone"]["people"].as_u64(), Some(9));
    assert_eq!(
        (of("one")["people"].as_u64(), of("two")["people"].as_u64()),
        (Some(3), Some(2))
    );
    assert_eq!(groups["without_images"], serde_json::json!(["absent"]));
    let without = groups["without_group"].as_array().expect("a list");
    assert_eq!(without.len(), 4, "{without:?}");
    assert!(without.iter().any(|person| person == cem));
    let pairs = |kind: &str| groups["comparison"][kind].as_u64().expect("pairs");
    assert_eq!(
        pairs("pairs_of_one") + pairs("pairs_of_two"),
        images * (images - 1) / 2
    );
    // Two strangers of two images each and a known person: pairs of two people are counted, of the same group only.
    let ada_images = number(&of("one")["fnir"]["trials"]);
    assert_eq!(number(&of("one")["fmr"]["trials"]), 4.0 + 4.0 * ada_images);
    assert_eq!(number(&of("two")["fpir"]["trials"]), 2.0);
    for group in [of("one"), of("two"), &groups["everyone"]] {
        for rate in ["fnmr", "fmr", "fnir", "fpir"] {
            let rate = &group[rate];
            let (share, ends) = (number(&rate["share"]), &rate["interval"]);
            assert_eq!(share, number(&rate["errors"]) / number(&rate["trials"]));
            assert!(
                number(&ends[0]) <= share && share <= number(&ends[1]),
                "{rate}"
            );
        }
    }
    let accepted = &groups["everyone"]["fmr"];
    assert!(number(&accepted["share"]) <= 0.1, "{accepted}");
    let named = report["open_set"]["decided_by"].as_str().expect("a score");
    assert_eq!(groups["recognition"]["score"], named);
    let page = fs_err::read_to_string(model.join("report/report.html")).expect("reads");
    assert!(page.contains("Groups of people") && page.contains("FNMR"));
    // Without strangers and far: the same list, another report; then the list is at fault.
    let text = stdout(&evaluate("", &[]));
    assert!(text.contains("FNMR") && text.contains("everyone"), "{text}");
    write(&list, b"person,group\nnobody,one\n");
    let error = failure(&evaluate("", &[]), 1);
    assert!(
        error.contains("groups.csv") && error.contains("letter by letter"),
        "{error}"
    );
    write(&list, b"name,group\nada,one\n");
    let error = failure(&evaluate("", &[]), 1);
    assert!(error.contains("`person,group`"), "{error}");
}
