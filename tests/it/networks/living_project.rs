//! `facepipe run` on a project whose photos and options change.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::run::{SMALL, start_until};
use crate::helpers::{facepipe, failure, json, records, shared, snapshot, stdout};

/// A copy of some people's photos, with their times.
fn copied(people: &[&str], to: &Path) -> Option<()> {
    let from = shared("data/identity/dlib_johns5")?;
    for person in people {
        let folder = to.join(person);
        fs_err::create_dir_all(&folder).expect("makes");
        for photo in super::sorted(&from.join(person)) {
            let name = photo.file_name().expect("a name");
            fs_err::copy(&photo, folder.join(name)).expect("copies");
        }
    }
    Some(())
}

fn people() -> Option<Vec<String>> {
    let from = shared("data/identity/dlib_johns5")?;
    let name = |path: &PathBuf| {
        path.file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    };
    Some(
        super::sorted(&from)
            .iter()
            .filter(|path| path.is_dir())
            .map(name)
            .collect(),
    )
}

fn project(out: &Path, options: &[&str]) -> Command {
    let mut command = facepipe();
    command.args(["run", "--out"]).arg(out).args(options);
    command
}

fn first_run(photos: &Path, out: &Path) -> Output {
    let mut command = project(out, &SMALL);
    command.arg("--from").arg(photos).arg("--json");
    command.output().expect("starts")
}

fn plain(out: &Path) -> Output {
    // Sums depend on the number of threads.
    let options = ["--json", "--threads", "1"];
    project(out, &options).output().expect("starts")
}

fn sides(out: &Path) -> Vec<(Value, Value)> {
    let records = records(&out.join("data/final/manifest.jsonl"));
    records
        .into_iter()
        .map(|record| (record["md5"].clone(), record["split"].clone()))
        .collect()
}

#[test]
fn a_person_who_comes_and_photos_that_go_update_the_project_without_force() {
    let Some(people) = people() else { return };
    let names: Vec<&str> = people.iter().map(String::as_str).collect();
    let (new, others) = names.split_last().expect("people");
    let folder = tempfile::tempdir().expect("temporary folder");
    let (photos, out) = (folder.path().join("photos"), folder.path().join("project"));
    copied(others, &photos);
    let first = json(&first_run(&photos, &out));
    assert_eq!(first["stages"]["crop"]["from_before"], 0);
    let before = sides(&out);

    // The same again: nothing is done.
    let stamp = fs_err::read(out.join("models/project/stage.json")).expect("reads");
    json(&plain(&out));
    let after = fs_err::read(out.join("models/project/stage.json")).expect("reads");
    assert_eq!(stamp, after);

    copied(&[new], &photos);
    let gone = super::sorted(&photos.join(others[0]))[0].clone();
    fs_err::remove_file(&gone).expect("removes");
    let output = plain(&out);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for stage in ["crops", "final"] {
        let line = format!("{stage}` is brought up to date");
        assert!(told.contains(&line), "{told}");
    }
    let second = json(&output);
    let found = |report: &Value| report["photos"]["found"].as_u64().expect("a count");
    assert_eq!(second["stages"]["crop"]["from_before"], found(&first) - 1);
    let card: Value = serde_json::from_slice(
        &fs_err::read(out.join("models/project/model_card.json")).expect("reads"),
    )
    .expect("JSON");
    assert_eq!(card["labels"].as_array().map(Vec::len), Some(names.len()));
    let name = gone
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let crops = records(&out.join("data/crops/manifest.jsonl"));
    let is_gone = |crop: &Value| {
        let source = crop["source"]["file"].as_str().expect("a path");
        source == format!("{}/{name}", others[0])
    };
    assert!(!crops.iter().any(is_gone));
    // Images stay on their sides.
    let now = sides(&out);
    let moved: Vec<_> = before
        .iter()
        .filter(|(md5, side)| now.iter().any(|(other, new)| other == md5 && new != side))
        .collect();
    assert!(moved.is_empty(), "{moved:?}");
    // The crops are those of a project that was made of these photos at once.
    let fresh = folder.path().join("fresh");
    json(&first_run(&photos, &fresh));
    let differing = ["report.json"];
    assert!(
        snapshot(&out.join("data/crops"), &differing)
            == snapshot(&fresh.join("data/crops"), &differing)
    );
}

#[test]
fn other_options_are_refused_for_all_stages_at_once_until_they_are_agreed_to() {
    let Some(people) = people() else { return };
    let names: Vec<&str> = people.iter().map(String::as_str).collect();
    let folder = tempfile::tempdir().expect("temporary folder");
    let (photos, out) = (folder.path().join("photos"), folder.path().join("project"));
    copied(&names, &photos);
    json(&first_run(&photos, &out));
    let text = || fs_err::read_to_string(out.join("project.toml")).expect("reads");
    let remembered = text();
    for part in [
        "[run]",
        "from = \"",
        "epochs = 2",
        "backbone = \"resnet18\"",
    ] {
        assert!(remembered.contains(part), "{remembered}");
    }
    let files = snapshot(&out, &[]);
    let output = project(&out, &["--margin", "0.3", "--epochs", "3"])
        .output()
        .expect("starts");
    let error = failure(&output, 1);
    for part in [
        "crop: margin: 0.2",
        "train: epochs: 2 → 3",
        "--margin 0.3 --epochs 3 --force` makes these again",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(snapshot(&out, &[]) == files, "a refusal changes nothing");

    // Agreed to, and killed before all stages are made again: the plain command goes on.
    let crops = fs_err::read(out.join("data/crops/stage.json")).expect("reads");
    let agreed = [
        "--json",
        "--epochs",
        "3",
        "--phash-distance",
        "8",
        "--force",
    ];
    let manifest = out.join("data/final/manifest.jsonl");
    let mut child = start_until(project(&out, &agreed), || !manifest.exists());
    child.kill().expect("kills");
    child.wait().expect("ends");
    assert!(text().contains("epochs = 3"), "{}", text());
    let report = json(&plain(&out));
    assert_eq!(report["stages"]["train"]["epochs"], 3);
    // Crops have the same settings as before, and are not made again.
    let same = fs_err::read(out.join("data/crops/stage.json")).expect("reads");
    assert_eq!(crops, same);

    // An option that makes nothing again is taken without more ado.
    let output = project(&out, &["--format", "safetensors"])
        .output()
        .expect("starts");
    stdout(&output);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("--format: default → "), "{told}");
    assert!(text().contains("safetensors"), "{}", text());
}

#[test]
fn another_folder_of_photos_is_not_taken_for_an_update() {
    let Some(people) = people() else { return };
    let names: Vec<&str> = people.iter().map(String::as_str).collect();
    let folder = tempfile::tempdir().expect("temporary folder");
    let (photos, other) = (folder.path().join("photos"), folder.path().join("other"));
    let out = folder.path().join("project");
    copied(&names[..2], &photos);
    copied(&names[2..4], &other);
    json(&first_run(&photos, &out));
    let mut command = project(&out, &[]);
    let error = failure(
        &command.arg("--from").arg(&other).output().expect("starts"),
        1,
    );
    assert!(
        error.contains("photos: --from: ") && error.contains("--force"),
        "{error}"
    );
    // Nor where the folder itself has other people now.
    fs_err::remove_dir_all(&photos).expect("removes");
    fs_err::rename(&other, &photos).expect("renames");
    let error = failure(&plain(&out), 1);
    assert!(
        error.contains("none of the") && error.contains("--force"),
        "{error}"
    );
    json(
        &project(&out, &["--json", "--force"])
            .output()
            .expect("starts"),
    );
}

fn change(out: &Path, words: &[&str]) -> Output {
    let mut command = facepipe();
    command
        .args(["project", "--json", "--project"])
        .arg(out)
        .args(words);
    command.output().expect("starts")
}

fn labels(out: &Path) -> Vec<String> {
    let labels = fs_err::read(out.join("models/project/labels.json")).expect("reads");
    serde_json::from_slice(&labels).expect("JSON")
}

fn states(out: &Path) -> Vec<(String, String)> {
    let status = json(&change(out, &["status"]));
    let folders = status["folders"].as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    folders
        .iter()
        .map(|one| (text(&one[0]), text(&one[1])))
        .collect()
}

#[test]
fn people_come_and_go_by_name_and_every_change_can_be_taken_back() {
    let Some(people) = people() else { return };
    let names: Vec<&str> = people.iter().map(String::as_str).collect();
    let [first, second, third, fourth, new] = names[..] else {
        panic!("{names:?}");
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (photos, out) = (folder.path().join("photos"), folder.path().join("project"));
    copied(&names, &photos);
    let away = folder.path().join("away");
    fs_err::rename(photos.join(new), &away).expect("moves");
    json(&first_run(&photos, &out));
    let all = |state: &str| -> Vec<(String, String)> {
        let folders = ["crops", "data set", "model", "report", "exports"];
        folders
            .iter()
            .map(|name| ((*name).to_owned(), state.to_owned()))
            .collect()
    };
    assert_eq!(states(&out), all("up_to_date"));
    let card = fs_err::read(out.join("models/project/model_card.json")).expect("reads");
    let remembered = fs_err::read_to_string(out.join("project.toml")).expect("reads");

    // By the path on the disk, the path in lists, and the name of a face.
    let of_first = super::sorted(&photos.join(first));
    let on_disk = of_first[0].to_string_lossy().into_owned();
    let name = |path: &Path| {
        path.file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    };
    let in_lists = format!("{first}/{}", name(&of_first[1]));
    let crops = records(&out.join("data/crops/manifest.jsonl"));
    let crop = crops
        .iter()
        .find(|crop| crop["label"] == second)
        .expect("a crop");
    let face = crop["file"].as_str().expect("a path").to_owned();
    json(&change(
        &out,
        &["drop", &on_disk, &in_lists, &format!("train/{face}")],
    ));
    assert_eq!(states(&out), all("stale"));
    let again = failure(&change(&out, &["drop", &in_lists]), 1);
    assert!(again.contains("is dropped already"), "{again}");
    json(&change(&out, &["restore", &in_lists]));
    json(&change(&out, &["add", new, &away.to_string_lossy()]));
    json(&change(&out, &["rename", first, "Ada Lovelace"]));
    json(&change(&out, &["merge", second, third]));
    json(&change(&out, &["remove", fourth]));

    let report = json(&plain(&out));
    let mut expected = vec!["Ada Lovelace".to_owned(), third.to_owned(), new.to_owned()];
    expected.sort();
    assert_eq!(labels(&out), expected);
    assert_eq!(states(&out), all("up_to_date"));
    // Nothing is lost: what was set aside has its reason.
    assert_eq!(report["photos"]["found"], 55);
    let fates = records(&out.join("photos.jsonl"));
    let set_aside = |fate: &&Value| fate["left_out"][0]["reason"] == "set_aside";
    let removed = super::sorted(&photos.join(fourth)).len();
    assert_eq!(fates.iter().filter(set_aside).count(), 2 + removed);
    assert_eq!(
        super::sorted(&photos.join(first)),
        of_first,
        "photos are untouched"
    );

    // All taken back, one after the other, the project is as it was.
    for _ in 0..6 {
        json(&change(&out, &["undo"]));
    }
    let error = failure(&change(&out, &["undo"]), 1);
    assert!(error.contains("no change to take back"), "{error}");
    json(&plain(&out));
    let now = fs_err::read_to_string(out.join("project.toml")).expect("reads");
    assert_eq!(now, remembered);
    let same = fs_err::read(out.join("models/project/model_card.json")).expect("reads");
    assert!(same == card, "another model of the same photos");
}

#[test]
fn wrong_changes_are_refused_with_the_name_that_is_meant() {
    let Some(people) = people() else { return };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (photos, out) = (folder.path().join("photos"), folder.path().join("project"));
    let error = failure(&change(&out, &["status"]), 1);
    assert!(
        error.contains("is no project") && error.contains("--project DIR"),
        "{error}"
    );
    copied(&[&people[0], &people[1]], &photos);
    fs_err::create_dir(&out).expect("makes");
    let file = format!("[run]\nfrom = {:?}\n", photos.to_string_lossy());
    fs_err::write(out.join("project.toml"), file).expect("writes");
    let (one, other) = (people[0].as_str(), people[1].as_str());
    let misspelt = format!("{one}x");
    let photo = super::sorted(&photos.join(one))[0].clone();
    let photo_name = photo
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let (of_one, no_photo) = (photos.join(one), format!("{one}/{photo_name}x"));
    for (words, parts) in [
        (vec!["rename", &misspelt, "b"], vec!["nobody called", one]),
        (vec!["rename", one, other], vec!["already", "project merge"]),
        (vec!["rename", one, "a/b"], vec!["can't be a name"]),
        (vec!["rename", one, ""], vec!["can't be a name"]),
        (vec!["merge", one, one], vec!["with itself"]),
        (vec!["remove", "nobody"], vec!["nobody called `nobody`"]),
        (vec!["drop", &no_photo], vec!["no photo", "did you mean"]),
        (vec!["restore", &photo_name], vec!["is not dropped"]),
        (vec!["add", "new", "/nowhere"], vec!["no folder"]),
        (
            vec!["add", one, of_one.to_str().expect("UTF-8")],
            vec!["already"],
        ),
    ] {
        let error = failure(&change(&out, &words), 1);
        for part in parts {
            assert!(error.contains(part), "{words:?}: {error}");
        }
    }
    let lines = stdout(
        &facepipe()
            .args(["project", "status", "--project"])
            .arg(&out)
            .output()
            .expect("starts"),
    );
    assert!(
        lines.contains("not made yet") && lines.contains("next: facepipe run "),
        "{lines}"
    );
}

#[test]
fn folders_that_vanish_or_are_swapped_lose_nothing_and_lock_nothing() {
    let Some(people) = people() else { return };
    let names: Vec<&str> = people.iter().map(String::as_str).collect();
    let folder = tempfile::tempdir().expect("temporary folder");
    let (photos, out) = (folder.path().join("photos"), folder.path().join("project"));
    let (away, gone) = (folder.path().join("away"), folder.path().join("gone"));
    copied(&names[..3], &photos);
    fs_err::rename(photos.join(names[2]), &away).expect("moves");

    // A run that fails for its folder leaves nothing to be agreed to.
    let error = failure(&first_run(&photos.join("typo"), &out), 1);
    assert!(error.contains("there is no folder"), "{error}");
    assert!(!out.exists());
    json(&first_run(&photos, &out));

    // The added folder vanishes: a run says so, and the change can be taken back, or the person left out.
    json(&change(&out, &["add", names[2], &away.to_string_lossy()]));
    json(&plain(&out));
    fs_err::rename(&away, &gone).expect("moves");
    let error = failure(&plain(&out), 1);
    assert!(
        error.contains(names[2]) && error.contains("project remove"),
        "{error}"
    );
    let status = json(&change(&out, &["status"]));
    assert_eq!(status["gone"].as_array().map(Vec::len), Some(1), "{status}");
    json(&change(&out, &["remove", names[2]]));
    json(&plain(&out));
    assert_eq!(labels(&out).len(), 2);
    json(&change(&out, &["undo"]));
    json(&change(&out, &["undo"]));
    fs_err::rename(&gone, &away).expect("moves");
    json(&change(&out, &["add", names[2], &away.to_string_lossy()]));
    json(&plain(&out));

    // The photos of everybody else are swapped: the added ones do not make it an update.
    let before = fs_err::read(out.join("models/project/model_card.json")).expect("reads");
    let own = folder.path().join("own");
    fs_err::rename(&photos, &own).expect("moves");
    copied(&names[3..], &photos);
    let error = failure(&plain(&out), 1);
    assert!(error.contains("none of the"), "{error}");
    fs_err::remove_dir_all(&photos).expect("removes");
    fs_err::rename(&own, &photos).expect("moves");

    // The project is moved: its model keeps its name, and nothing is made again.
    let moved = folder.path().join("moved");
    fs_err::rename(&out, &moved).expect("moves");
    let report = json(&plain(&moved));
    assert!(
        report["stages"]["crop"]["out"]
            .as_str()
            .is_some_and(|out| out.contains("moved"))
    );
    let same = fs_err::read(moved.join("models/project/model_card.json")).expect("reads");
    assert!(same == before && !moved.join("models/moved").exists());
}
