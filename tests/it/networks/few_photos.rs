//! A model of people with three photos each, of which the network learns from one.

use std::path::{Path, PathBuf};

use crate::helpers::{facepipe, json, json_lines, run, shared};
use crate::networks::sorted;

#[test]
fn strangers_are_not_certain_and_the_report_says_that_there_is_too_little_to_calibrate() {
    let (Some(many), Some(few)) = (
        shared("data/identity/lfw_many_dev"),
        shared("data/identity/lfw_few_dev"),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, project) = (folder.path().join("in"), folder.path().join("project"));
    for person in sorted(&many).into_iter().take(8) {
        let to = input.join(person.file_name().expect("has a name"));
        fs_err::create_dir_all(&to).expect("makes");
        for photo in sorted(&person).into_iter().take(3) {
            fs_err::copy(&photo, to.join(photo.file_name().expect("has a name"))).expect("copies");
        }
    }
    let mut command = facepipe();
    command
        .args(["run", "--json", "--from"])
        .arg(&input)
        .arg("--out")
        .arg(&project);
    let report = json(&command.output().expect("starts"));
    let calibration = &report["stages"]["evaluate"]["calibration"];
    assert_eq!(
        (&calibration["too_few"], &calibration["fitted_on"]),
        (&true.into(), &8.into()),
        "{calibration}"
    );
    let strangers: Vec<PathBuf> = sorted(&few)
        .into_iter()
        .take(40)
        .flat_map(|person| sorted(&person).into_iter().take(1))
        .collect();
    let model = project.join("models/project");
    let paths: Vec<&Path> = std::iter::once(model.as_path())
        .chain(strangers.iter().map(PathBuf::as_path))
        .collect();
    let answers = json_lines(&run("predict --top 1", &paths));
    let faces = answers.iter().filter_map(|answer| answer["faces"].get(0));
    let certainties: Vec<f64> = faces
        .map(|face| face["probability"].as_f64().expect("a number"))
        .collect();
    assert!(certainties.len() >= 30);
    // Most were above 0.9999 when the first head took the spread of single images for nothing.
    let mean = certainties.iter().sum::<f64>() / certainties.len() as f64;
    assert!(
        mean < 0.8 && certainties.iter().all(|one| *one < 0.9999),
        "{mean} {certainties:?}"
    );
}
