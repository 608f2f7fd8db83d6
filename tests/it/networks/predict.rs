//! `facepipe predict` through the program, with a small model of drawn pictures.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use facepipe_core::types::Size;
use facepipe_imaging::image_io;
use serde_json::{Value, json};

use crate::helpers::{
    facepipe, failure, json_lines, picture, run, shared, skip, snapshot, stdout, weights,
};
use crate::helpers::{write, write_png};
use crate::networks::training::made;

fn predict(options: &str, paths: &[&Path]) -> Output {
    let mut all: Vec<&Path> = vec![&made().model];
    all.extend(paths);
    run(&format!("predict --threads 1 {options}"), &all)
}

/// The program with a list on stdin.
fn predict_list(options: &str, list: &[u8]) -> Output {
    let mut child = facepipe()
        .args(["predict", "--threads", "1"])
        .args(options.split_whitespace())
        .arg(&made().model)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(list).expect("writes");
    drop(stdin);
    child.wait_with_output().expect("ends")
}

fn paths(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .filter_map(|line| line["path"].as_str())
        .collect()
}

/// The rows of a CSV after its header.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| row.expect("a row"));
    rows.map(|row| row.iter().map(str::to_owned).collect())
        .collect()
}

#[test]
fn folders_patterns_and_lists_give_the_same_lines() {
    let photos = &made().photos;
    let folder = json_lines(&predict("", &[photos]));
    assert_eq!(folder.len(), 9);
    let pattern = json_lines(&predict("", &[&photos.join("**/*.png")]));
    assert_eq!(pattern, folder);
    for end in ["\n", "\r\n", "\0"] {
        let list: String = paths(&folder)
            .iter()
            .map(|path| format!("{path}{end}"))
            .collect();
        assert_eq!(
            json_lines(&predict_list("", list.as_bytes())),
            folder,
            "{end:?}"
        );
    }
    assert_eq!(stdout(&predict_list("", b"")), "");
    for threads in ["--threads 1", "--threads 3"] {
        let arguments = format!("predict --device cpu {threads}");
        let lines = json_lines(&run(&arguments, &[&made().model, photos]));
        assert_eq!(paths(&lines), paths(&folder), "{threads}");
    }
}

#[test]
fn missing_files_and_other_files_have_a_line_of_their_own() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (broken, gone) = (root.path().join("notes.txt"), root.path().join("gone.png"));
    write(&broken, b"no picture");
    let good = made().photos.join("ada/10.png");
    let given = [&*good, &gone, &broken, &good];
    let output = predict("", &given);
    let lines = json_lines(&output);
    let expected: Vec<_> = given.iter().map(|path| path.to_string_lossy()).collect();
    assert_eq!(paths(&lines), expected);
    assert_eq!(lines[0], lines[3]);
    assert!(lines[0]["error"].is_null() && lines[0]["faces"].is_array());
    for (line, message) in [
        (&lines[1], "cannot read the file"),
        (&lines[2], "not an image"),
    ] {
        assert!(
            line["error"]
                .as_str()
                .is_some_and(|text| text.contains(message)),
            "{line}"
        );
        assert!(line["faces"].is_null());
    }
    assert_eq!(predict("--strict", &given).status.code(), Some(3));
    assert_eq!(predict("--strict", &[&good]).status.code(), Some(0));
    assert_eq!(
        predict("", &[&gone]).status.code(),
        Some(2),
        "no file exists at all"
    );
    let list = format!("{}\n", gone.display());
    assert!(json_lines(&predict_list("", list.as_bytes()))[0]["error"].is_string());
    let empty = root.path().join("empty");
    fs_err::create_dir_all(&empty).expect("makes");
    let output = predict("", &[&empty]);
    assert_eq!(stdout(&output), "");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("no files"),
        "{output:?}"
    );
}

#[test]
fn a_table_has_the_same_answers_as_the_lines() {
    let photos = &made().photos;
    let broken = photos
        .parent()
        .expect("a folder")
        .join("broken, \"file\".jpg");
    write(&broken, b"no picture");
    let lines = json_lines(&predict("--unknown-below 0", &[photos, &broken]));
    let text = stdout(&predict(
        "--format csv --top 2 --unknown-below 0",
        &[photos, &broken],
    ));
    assert!(
        text.starts_with("path,face,left,top,right,bottom,score,label,probability,nearest,error,")
    );
    let rows = rows(&text);
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        assert_eq!(row[0], line["path"]);
        assert_eq!(row.len(), 16);
        if let Some(error) = line["error"].as_str() {
            assert_eq!((row[1].as_str(), row[10].as_str()), ("", error));
            continue;
        }
        let face = &line["faces"][0];
        assert_eq!(row[1..7].join(" "), "1 0 0 64 48 1");
        assert_eq!(row[7], face["label"]);
        assert_eq!((row[9].as_str(), row[10].as_str()), ("", ""));
        let number = |text: &str| text.parse::<f64>().expect("a number");
        for rank in [11, 13] {
            let expected = face["probabilities"][&row[rank]]
                .as_f64()
                .expect("a label's");
            assert!((number(&row[rank + 1]) - expected).abs() < 1e-6);
        }
        assert_eq!((&row[11], &row[12]), (&row[7], &row[8]));
        let similarity = face["similarity"].as_f64().expect("a number");
        assert!((number(&row[15]) - similarity).abs() < 1e-6 && similarity <= 1.0 + 1e-6);
        assert!(number(&row[12]) >= number(&row[14]));
    }
    assert_eq!(rows.iter().filter(|row| !row[10].is_empty()).count(), 1);
}

#[test]
fn people_read_a_table_that_adds_up() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (broken, drawn) = (root.path().join("broken.jpg"), root.path().join("drawn"));
    write(&broken, b"no picture");
    let photos = [&*made().photos, &broken];
    let lines = json_lines(&predict("--unknown-below 0", &photos));
    // Elsewhere than on a terminal there are JSON lines, and with --json everywhere.
    assert_eq!(
        json_lines(&predict("--json --unknown-below 0", &photos)),
        lines
    );
    let arguments = [Path::new("--draw"), &drawn, photos[0], photos[1]];
    let text = stdout(&predict("--format table --unknown-below 0", &arguments));
    let rows: Vec<&str> = text.lines().collect();
    assert!(rows[0].starts_with("PHOTO"), "{text}");
    let mut counts = std::collections::BTreeMap::<&str, u32>::new();
    for (row, line) in rows[1..].iter().zip(&lines) {
        let name = Path::new(line["path"].as_str().expect("a path"));
        let name = name.file_name().expect("a name").to_string_lossy();
        assert!(row.contains(&format!("{name}  ")), "{row}");
        match line["faces"][0]["label"].as_str() {
            Some(label) => {
                assert!(row.contains(&format!("   1  {label} ")) && row.ends_with(" %"));
                *counts.entry(label).or_default() += 1;
            }
            None => assert!(row.contains("  error: ") && row.contains("not an image")),
        }
    }
    let [empty, summary, copies] = &rows[1 + lines.len()..] else {
        panic!("{text}");
    };
    assert!(empty.is_empty() && summary.starts_with("10 photos, 9 faces: "));
    assert!(summary.ends_with("; 1 photo failed"), "{summary}");
    for (label, count) in counts {
        assert!(summary.contains(&format!("{label} {count}")), "{summary}");
    }
    let folder = drawn.display().to_string();
    assert!(copies.contains(&folder), "{copies}");
    let unknown = stdout(&predict("--format table --unknown-below 1", &photos));
    assert!(unknown.contains("unknown (nearest: "), "{unknown}");
    assert!(unknown.contains(" unknown; 1 photo failed"), "{unknown}");
}

#[test]
fn a_face_below_the_bound_is_unknown_and_the_nearest_is_reported() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let photo = folder.path().join("mixed.png");
    write(&photo, &made().mixed());
    let face = |options: &str| json_lines(&predict(options, &[&photo]))[0]["faces"][0].clone();
    let (sure, never, unknown) = (
        face(""),
        face("--unknown-below 0"),
        face("--unknown-below 1"),
    );
    assert_eq!(sure, never);
    assert!(sure["nearest"].is_null());
    assert_eq!(unknown["label"], "unknown");
    assert_eq!(unknown["nearest"], sure["label"]);
    for key in ["box", "score", "probability", "probabilities"] {
        assert_eq!(unknown[key], sure[key], "{key}");
    }
    let top = face("--top 1");
    let label = sure["label"].as_str().expect("a label");
    assert_eq!(top["probabilities"], json!({label: sure["probability"]}));
    // Whatever its probability, a face is unknown that is not alike enough to the label's images.
    let similarity = sure["similarity"].as_f64().expect("a number");
    for (bound, is_unknown) in [(similarity - 1e-3, false), (similarity + 1e-3, true)] {
        let option = format!("--unknown-below-similarity {bound}");
        let found = face(&option);
        assert_eq!(found["label"] == "unknown", is_unknown, "{option}: {found}");
        assert_eq!(found["probabilities"], sure["probabilities"]);
    }
    let table = stdout(&predict("--unknown-below 1 --format csv", &[&photo]));
    let row = &rows(&table)[0];
    assert_eq!((row[7].as_str(), row[9].as_str()), ("unknown", label));
    for wrong in [
        "--unknown-below 1.5",
        "--unknown-below x",
        "--unknown-below-similarity 1.5",
        "--top 0",
        "--format xml",
    ] {
        failure(&predict(wrong, &[&photo]), 2);
    }
}

/// A copy of the model, in `to`, with other values in its card.
fn model_with_card(to: &Path, changes: &[(&str, Value)]) {
    for (name, bytes) in snapshot(&made().model, &[]) {
        write(&to.join(name), &bytes);
    }
    let path = to.join("model_card.json");
    let mut card: Value =
        serde_json::from_slice(&fs_err::read(&path).expect("reads")).expect("JSON");
    for (name, value) in changes {
        card[name] = value.clone();
    }
    write(&path, card.to_string().as_bytes());
}

#[test]
fn a_project_stands_for_its_model() {
    let root = tempfile::tempdir().expect("temporary folder");
    let project = root.path().join("friends");
    let models = project.join("models");
    model_with_card(&models.join("other"), &[]);
    let photo = made().photos.join("ada/10.png");
    let expected = json_lines(&predict("", &[&photo]));
    let output = run("predict --threads 1", &[&project, &photo]);
    assert_eq!(json_lines(&output), expected);
    let note = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(note.contains("the project's model: `"), "{note}");
    assert!(note.contains("other"), "{note}");
    // Of several the one that has the project's name, or an error that lists them.
    model_with_card(&models.join("new"), &[]);
    for verb in ["predict", "export", "serve", "evaluate --data x"] {
        let photo: &[&Path] = if verb == "predict" { &[&photo] } else { &[] };
        let error = failure(&run(verb, &[&[&*project], photo].concat()), 2);
        assert!(error.contains("several models"), "{verb}: {error}");
        assert!(error.contains("`new`, `other`"), "{verb}: {error}");
        assert!(error.contains("hint: give one of them"), "{verb}: {error}");
    }
    model_with_card(&models.join("friends"), &[]);
    let output = run("predict --threads 1", &[&project, &photo]);
    assert_eq!(json_lines(&output), expected);
    let out = root.path().join("export");
    let export = run("export --threads 1 --format pth --out", &[&out, &project]);
    assert!(stdout(&export).contains("pth: `"), "{export:?}");
    let note = String::from_utf8_lossy(&export.stderr).into_owned();
    assert!(note.contains("models/friends`"), "{note}");
}

#[test]
fn cards_that_contradict_themselves_are_refused() {
    let root = tempfile::tempdir().expect("temporary folder");
    let bound = |below: f64, similarity: f64| {
        json!({"below": below, "false_accept_rate": 0.01, "impostors": 100,
               "similarity": {"below": similarity, "false_accept_rate": 0.01}})
    };
    for (number, (name, value, problem)) in [
        ("labels", json!(["ada", "bea", "ada"]), "`ada` twice"),
        ("unknown", bound(1.5, 0.5), "1.5"),
        ("unknown", bound(-0.1, 0.5), "-0.1"),
        ("unknown", bound(0.5, -7.0), "-7"),
    ]
    .into_iter()
    .enumerate()
    {
        let model = root.path().join(number.to_string());
        model_with_card(&model, &[(name, value)]);
        let error = failure(&run("predict --threads 1", &[&model, &made().photos]), 1);
        assert!(
            error.contains(problem) && error.contains("mend the card"),
            "{error}"
        );
    }
}

#[test]
fn the_bound_of_the_models_card_is_the_default() {
    let root = tempfile::tempdir().expect("temporary folder");
    let model = root.path().join("model");
    // Of some processors' rounding the network is as certain as it can be.
    let all = 1.0_f64.next_up();
    let unknown = json!({"below": all, "false_accept_rate": 0.01, "impostors": 100});
    let labels = json!(["ada", "bea", "unknown"]);
    model_with_card(&model, &[("unknown", unknown), ("labels", labels)]);
    let photo = made().photos.join("cem/9.png");
    let face = |options: &str| {
        let output = run(&format!("predict --threads 1 {options}"), &[&model, &photo]);
        let note = String::from_utf8_lossy(&output.stderr).into_owned();
        (json_lines(&output)[0]["faces"][0].clone(), note)
    };
    let (by_card, note) = face("");
    assert_eq!(by_card["label"], "unknown");
    assert!(by_card["nearest"].is_string());
    assert!(note.contains("has a label `unknown`"), "{note}");
    // The label of that name is a person like any other.
    let (asked, note) = face("--unknown-below 0");
    assert_eq!(asked["label"], by_card["nearest"]);
    assert!(
        asked["nearest"].is_null() && note.is_empty(),
        "{asked} {note}"
    );
}

#[test]
fn an_exported_file_without_its_folder_names_the_same() {
    let root = tempfile::tempdir().expect("temporary folder");
    let lone_file = root.path().join("somewhere.pt");
    fs_err::copy(&made().script, &lone_file).expect("copies");
    let of_folder = json_lines(&predict("", &[&made().photos]));
    let of_file = json_lines(&run("predict --threads 1", &[&lone_file, &made().photos]));
    assert_eq!(of_folder.len(), of_file.len());
    for (folder, file) in of_folder.iter().zip(&of_file) {
        let (folder, file) = (&folder["faces"][0], &file["faces"][0]);
        assert_eq!(
            (&folder["label"], &folder["box"]),
            (&file["label"], &file["box"])
        );
        let probability = |face: &Value| face["probability"].as_f64().expect("a number");
        assert!((probability(folder) - probability(file)).abs() < 1e-5);
    }
}

#[test]
fn copies_of_the_photos_have_names_drawn() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (photos, named) = (root.path().join("photos"), root.path().join("out/named"));
    for (number, folder) in (0..).zip(["one", "two"]) {
        write_png(&photos.join(folder).join("same.png"), &picture(number));
    }
    write(&photos.join("broken.png"), b"no picture");
    let options = |draw: &Path| [Path::new("--draw"), draw, &*photos].map(Path::to_owned);
    let draw = |more: &str, to: &Path| {
        let arguments = options(to);
        let arguments: Vec<&Path> = arguments.iter().map(PathBuf::as_path).collect();
        assert_eq!(json_lines(&predict(more, &arguments)).len(), 3);
        snapshot(to, &[])
    };
    let known = draw("", &named);
    assert_eq!(known.len(), 2, "the broken one has no copy");
    let unknown = draw("--unknown-below 1", &root.path().join("unknown"));
    for ((name, bytes), (other_name, other)) in known.iter().zip(&unknown) {
        assert!(
            name.starts_with("same_") && name.ends_with(".png"),
            "{name}"
        );
        assert_eq!(name, other_name);
        assert!(bytes != other, "unknown faces look different");
        let size = Size::of(&image_io::decode(bytes).expect("a picture").rgb);
        assert_eq!(size, Size::new(512, 384));
    }
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    for format in ["jsonl", "csv", "table"] {
        let mut child = facepipe()
            .args(["predict", "--threads", "1", "--format", format])
            .args([&made().model, &made().photos])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(0), "{format}: {output:?}");
        assert!(output.stderr.is_empty(), "{format}: {output:?}");
    }
}

/// A model whose faces are found first, as `run` makes it of whole photos.
#[test]
fn faces_of_whole_photos_are_found_and_named() {
    let Some(photos) = shared("data/detection/known_count") else {
        return;
    };
    if weights("mtcnn_onet.pt").is_none()
        || weights("shape_predictor_5_face_landmarks.dat").is_none()
    {
        return;
    }
    let root = tempfile::tempdir().expect("temporary folder");
    let model = root.path().join("model");
    let chip =
        json!({"kind": "aligned", "detector": "mtcnn", "landmarks": "dlib5", "padding": 0.25});
    model_with_card(&model, &[("chip", chip)]);
    let named = root.path().join("named");
    let lines = |threads: &str, draw: &Path| {
        let arguments = format!("predict {threads} --draw");
        stdout(&run(&arguments, &[draw, &model, &photos]))
    };
    let one = lines("--threads 1", &named);
    assert_eq!(one, lines("--threads 3", &root.path().join("again")));
    let found = stdout(&run("detect --detector mtcnn", &[&photos]));
    let mut faces = 0;
    for (named, found) in one.lines().zip(found.lines()) {
        let [named, found]: [Value; 2] =
            [named, found].map(|line| serde_json::from_str(line).expect("JSON"));
        assert_eq!(named["path"], found["path"]);
        let boxes = |line: &Value| -> Vec<Value> {
            let faces = line["faces"].as_array().cloned().unwrap_or_default();
            faces.into_iter().map(|face| face["box"].clone()).collect()
        };
        assert_eq!(boxes(&named), boxes(&found));
        faces += boxes(&named).len();
    }
    if faces == 0 {
        skip("no photo of the folder shows a face");
    }
    assert_eq!(
        snapshot(&named, &[]).len(),
        one.matches("\"faces\"").count()
    );
    assert_eq!(
        snapshot(&named, &[]),
        snapshot(&root.path().join("again"), &[])
    );
}
