//! `facepipe run`: from photos to an exported model, stopped at any moment and run again.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::helpers::{facepipe, failure, json, records, run, shared, snapshot};

/// Small enough for tests; the accuracy means nothing.
pub(super) const SMALL: [&str; 10] = [
    "--weights",
    "none",
    "--epochs",
    "2",
    "--backbone",
    "resnet18",
    "--input-size",
    "32",
    "--threads",
    "1",
];

/// Files that hold times.
const DIFFERING: [&str; 2] = ["report.json", "hashes.jsonl"];

fn command(photos: &Path, out: &Path) -> Command {
    let mut command = facepipe();
    command.args(["run", "--json", "--from"]).arg(photos);
    command.arg("--out").arg(out).args(SMALL);
    command
}

/// Runs until something is so, however fast the machine is.
pub(super) fn start_until(mut command: Command, is_so: impl Fn() -> bool) -> Child {
    let mut child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let begun = Instant::now();
    while !is_so() && child.try_wait().expect("asks").is_none() {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "it takes too long"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn stopped_in_any_stage_and_run_again_all_files_are_the_same() {
    let Some(photos) = shared("data/identity/dlib_johns5") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let project = |name: &str| folder.path().join(name).join("project");
    let undisturbed = project("undisturbed");
    let report = json(&command(&photos, &undisturbed).output().expect("starts"));
    let expected = snapshot(&undisturbed, &DIFFERING);
    assert_eq!(report["photos"]["found"], 55);
    let fates = records(&undisturbed.join("photos.jsonl"));
    let kept = fates.iter().filter(|fate| fate["kept"] == true).count();
    assert_eq!(fates.len(), 55);
    assert_eq!(report["photos"]["kept"], kept);
    let unexplained = |fate: &&serde_json::Value| {
        fate["kept"] == false && fate["left_out"].as_array().is_none_or(Vec::is_empty)
    };
    assert_eq!(fates.iter().find(unexplained), None);
    let model = "models/project";
    for file in [
        "data/crops/outcomes.jsonl",
        "data/crops/stage.json",
        "data/crops/report",
        "data/final/train",
        "data/final/stage.json",
        &format!("{model}/checkpoints/last.safetensors"),
        &format!("{model}/report/stage.json"),
        &format!("{model}/export/stage.json"),
    ] {
        let out = project(&file.replace('/', "-"));
        let mut child = start_until(command(&photos, &out), || out.join(file).exists());
        child.kill().expect("kills");
        child.wait().expect("ends");
        json(&command(&photos, &out).output().expect("starts"));
        let files = snapshot(&out, &DIFFERING);
        let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
            files.iter().map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(names(&files), names(&expected), "killed at {file}");
        assert!(files == expected, "killed at {file}");
    }
}

#[test]
fn ctrl_c_says_how_to_continue() {
    let Some(photos) = shared("data/identity/celeb5_raw") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = folder.path().join("project");
    for file in ["data/crops/outcomes.jsonl", "models/project/stage.json"] {
        let child = start_until(command(&photos, &out), || out.join(file).exists());
        let interrupt = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(interrupt.expect("kill starts").success());
        let error = failure(&child.wait_with_output().expect("ends"), 130);
        assert!(
            error.contains("interrupted") && error.contains("hint: run the same"),
            "{error}"
        );
    }
}

#[test]
fn without_photos_the_error_names_the_options() {
    let error = failure(&run("run --out /tmp/never-made", &[]), 2);
    assert!(
        error.contains("--from DIR") && error.contains("--query"),
        "{error}"
    );
}

#[test]
fn a_folder_that_nobody_named_is_not_written_to_where_it_holds_something_else() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let photos = folder.path().join("photos/ada");
    fs_err::create_dir_all(&photos).expect("makes");
    fs_err::write(photos.join("1.jpg"), "no picture").expect("writes");
    fs_err::create_dir(folder.path().join("project")).expect("makes");
    let thesis = folder.path().join("project/thesis.doc");
    fs_err::write(&thesis, "x").expect("writes");
    let mut command = facepipe();
    command.current_dir(folder.path()).args(["run", "photos"]);
    let error = failure(&command.args(SMALL).output().expect("starts"), 2);
    assert!(
        error.contains("holds `thesis.doc`") && error.contains("--out DIR"),
        "{error}"
    );
    let left: Vec<_> = super::sorted(&folder.path().join("project"));
    assert_eq!(left, [thesis]);
}
