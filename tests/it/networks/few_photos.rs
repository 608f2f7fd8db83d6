//! A model of people with three photos each, of which the network learns from one.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::helpers::{facepipe, json, json_lines, run, shared};
use crate::networks::sorted;

/// The face of each answer that was asked for.
fn first_faces(answers: &[Value]) -> Vec<&Value> {
    let faces = answers.iter().filter_map(|answer| answer["faces"].get(0));
    faces.collect()
}

#[test]
fn strangers_are_told_from_people_with_three_photos_each() {
    let (Some(many), Some(few)) = (
        shared("data/identity/lfw_many_dev"),
        shared("data/identity/lfw_few_dev"),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, project) = (folder.path().join("in"), folder.path().join("project"));
    let mut known = Vec::new();
    for person in sorted(&many).into_iter().take(8) {
        let to = input.join(person.file_name().expect("has a name"));
        fs_err::create_dir_all(&to).expect("makes");
        let photos = sorted(&person);
        for photo in &photos[..3] {
            fs_err::copy(photo, to.join(photo.file_name().expect("has a name"))).expect("copies");
        }
        known.extend(photos.into_iter().skip(3).take(8));
    }
    let run_project = || {
        let mut command = facepipe();
        command.args(["run", "--json", "--from"]).arg(&input);
        command.arg("--out").arg(&project);
        command.output().expect("starts")
    };
    let report = json(&run_project());
    let calibration = &report["stages"]["evaluate"]["calibration"];
    assert_eq!(
        (&calibration["too_few"], &calibration["fitted_on"]),
        (&true.into(), &8.into()),
        "{calibration}"
    );

    // One half chooses the bound, the other half tries it.
    let mut strangers: Vec<PathBuf> = sorted(&few)
        .into_iter()
        .take(240)
        .flat_map(|person| sorted(&person).into_iter().take(1))
        .collect();
    let others = strangers.split_off(strangers.len() / 2);
    let impostors = folder.path().join("strangers");
    fs_err::create_dir(&impostors).expect("makes");
    for photo in &strangers {
        let name = photo.file_name().expect("has a name");
        fs_err::copy(photo, impostors.join(name)).expect("copies");
    }
    let model = project.join("models/project");
    let predict = |photos: &[PathBuf]| {
        let photos = photos.iter().map(PathBuf::as_path);
        let paths: Vec<&Path> = std::iter::once(model.as_path()).chain(photos).collect();
        json_lines(&run("predict --top 1", &paths))
    };
    let answers = predict(&strangers);
    let certainties: Vec<f64> = first_faces(&answers)
        .iter()
        .map(|face| face["probability"].as_f64().expect("a number"))
        .collect();
    assert!(certainties.len() >= 110);
    // Most were above 0.9999 when the first head took the spread of single images for nothing.
    let mean = certainties.iter().sum::<f64>() / certainties.len() as f64;
    assert!(
        mean < 0.8 && certainties.iter().all(|one| *one < 0.9999),
        "{mean} {certainties:?}"
    );

    // At 1 % and 10 % of strangers. Of 64 photos of known people .906 and .953 were found by similarity, .703 and
    // .891 by probability, with 299 strangers; that is the measure for the bounds below.
    for (rate, least_known, most_strangers) in [("0.01", 0.85, 0.05), ("0.1", 0.92, 0.2)] {
        let data = project.join("data/final");
        let paths = [
            &*model,
            Path::new("--data"),
            &data,
            Path::new("--impostors"),
            &impostors,
        ];
        let report = json(&run(&format!("evaluate --json --far {rate}"), &paths));
        let open_set = &report["open_set"];
        assert_eq!(open_set["decided_by"], "similarity", "{open_set}");
        let named = |answers: &[Value]| -> Vec<(String, bool)> {
            let of_answer = |answer: &Value| {
                let path = Path::new(answer["path"].as_str().expect("a path")).to_owned();
                let person = path.parent().and_then(Path::file_name).expect("a folder");
                let face = answer["faces"].get(0);
                let label = face.map_or("", |face| face["label"].as_str().expect("a label"));
                (label.to_owned(), *person == *label)
            };
            answers.iter().map(of_answer).collect()
        };
        let of_known = named(&predict(&known));
        let right = of_known.iter().filter(|(_, is_right)| *is_right).count();
        let found = right as f64 / of_known.len() as f64;
        let of_others = named(&predict(&others));
        let accepted = of_others
            .iter()
            .filter(|(label, _)| !label.is_empty() && label != "unknown")
            .count();
        let accepted = accepted as f64 / of_others.len() as f64;
        println!(
            "at {rate}: known people found {found:.3}, other strangers accepted {accepted:.3}"
        );
        assert!(
            found >= least_known,
            "{rate}: {found} of {}",
            of_known.len()
        );
        assert!(accepted <= most_strangers, "{rate}: {accepted}");
    }

    // Run again, what was found out about strangers stays, and the exported file knows it.
    json(&run_project());
    let read = |file: &str| -> Value {
        serde_json::from_slice(&fs_err::read(model.join(file)).expect("reads")).expect("JSON")
    };
    assert_eq!(read("report/report.json")["open_set"]["impostors"], 120);
    let bound = &read("model_card.json")["unknown"];
    let exported = tempfile::tempdir().expect("temporary folder");
    let file = exported.path().join("model.pt");
    fs_err::copy(model.join("export/model.pt"), &file).expect("copies");
    for naming in [model.as_path(), &file] {
        let answers = json_lines(&run("predict --top 1", &[naming, &others[0], &known[0]]));
        let faces = first_faces(&answers);
        let below = bound["similarity"]["below"].as_f64().expect("a number");
        for face in faces {
            let similarity = face["similarity"].as_f64().expect("a number");
            assert_eq!(face["label"] == "unknown", similarity < below, "{face}");
        }
    }
}
