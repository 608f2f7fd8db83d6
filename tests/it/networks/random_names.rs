//! Photos of people under any names, from the folder to the answer: nothing is lost on the way.

use crate::helpers::{facepipe, json, json_lines, records, run, shared};
use crate::networks::sorted;
use crate::program::random_names::{Names, assert_all_listed, write_all};

/// Small enough for tests; the accuracy means nothing.
const SMALL: &str =
    "--weights none --epochs 1 --backbone resnet18 --input-size 32 --embeddings off";

#[test]
fn random_names_lose_nothing_from_the_folder_to_the_answer() {
    let people = ["Abdullah_Gul", "Andre_Agassi", "Ann_Veneman"];
    let Some(all) = shared("data/identity/lfw_many_dev") else {
        return;
    };
    let photos = people.map(|person| sorted(&all.join(person)));
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, project) = (folder.path().join("in"), folder.path().join("project"));
    let files = write_all(&input, &mut Names::new(7), 3, 8, |label, photo, path| {
        fs_err::copy(&photos[label as usize][photo as usize], path).expect("copies");
    });
    let mut command = facepipe();
    command
        .args(["run", "--json", "--folder"])
        .arg(&input)
        .arg("--out")
        .arg(&project);
    let report = json(&command.args(SMALL.split(' ')).output().expect("starts"));
    let fetched = records(&project.join("data/raw/manifest.jsonl"));
    let addresses = fetched
        .iter()
        .map(|photo| photo["provenance"]["image_url"].as_str().expect("a text"));
    assert_all_listed(addresses, files.len(), "fetch");
    let count = |name: &str| report["photos"][name].as_u64().expect("a count");
    assert_eq!(count("found"), files.len() as u64);
    assert_eq!(count("found"), count("kept") + count("discarded"));
    let fates = records(&project.join("photos.jsonl"));
    assert_all_listed(
        fates
            .iter()
            .map(|fate| fate["photo"].as_str().expect("a text")),
        files.len(),
        "run",
    );
    let answers = json_lines(&run("predict", &[&project.join("models/project"), &input]));
    assert!(
        answers.iter().all(|answer| answer["error"].is_null()),
        "{answers:?}"
    );
    assert_all_listed(
        answers
            .iter()
            .map(|answer| answer["path"].as_str().expect("a text")),
        files.len(),
        "predict",
    );
}
