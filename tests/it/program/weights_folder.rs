//! Where the program looks for model files.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::helpers::{failure, json, run_with_mounts, stdout, write};

/// A file of the registry.
const FILE: &str = "seeta_fd_frontal_v1.0.bin";

/// The program in a folder, with nothing in the environment but `environment`.
fn facepipe(folder: &Path, environment: &[(&str, &Path)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_facepipe"));
    command.current_dir(folder).env_clear();
    command.envs(environment.iter().copied()).args(arguments);
    command.output().expect("the program starts")
}

/// The path that `models list` shows for an entry, present or not.
fn path_of(list: &Value, name: &str) -> PathBuf {
    let models = list["models"].as_array().expect("a list");
    let mut found = models.iter().filter(|model| model["name"] == name);
    PathBuf::from(
        found.next().expect("listed")["path"]
            .as_str()
            .expect("text"),
    )
}

#[test]
fn the_first_of_option_variable_working_folder_and_data_folder_counts() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (home, data) = (root.path().join("home"), root.path().join("data"));
    let (variable, here) = (root.path().join("variable"), root.path().join("here"));
    fs_err::create_dir(&here).expect("makes");
    let list = ["models", "list", "--json"];
    let seeta = |environment: &[(&str, &Path)], more: &[&str]| {
        let output = facepipe(&here, environment, &[&list, more].concat());
        path_of(&json(&output), "seeta")
    };
    let home = ("HOME", home.as_path());
    let below_home = if cfg!(target_os = "macos") {
        "Library/Application Support/facepipe/weights"
    } else {
        ".local/share/facepipe/weights"
    };
    assert_eq!(seeta(&[home], &[]), home.1.join(below_home).join(FILE));
    let data = ("XDG_DATA_HOME", data.as_path());
    if cfg!(target_os = "linux") {
        let expected = data.1.join("facepipe/weights").join(FILE);
        assert_eq!(seeta(&[home, data], &[]), expected);
    }
    fs_err::create_dir_all(here.join("models/weights")).expect("makes");
    let expected = Path::new("models/weights").join(FILE);
    assert_eq!(seeta(&[home, data], &[]), expected);
    assert_eq!(seeta(&[], &[]), expected, "needs no home");
    let variable = ("FACEPIPE_WEIGHTS_DIR", variable.as_path());
    assert_eq!(seeta(&[home, variable], &[]), variable.1.join(FILE));
    let option = ["--weights-dir", "option"];
    let expected = Path::new("option").join(FILE);
    assert_eq!(seeta(&[home, variable], &option), expected);
}

#[test]
fn data_sets_belong_below_the_working_folder() {
    let root = tempfile::tempdir().expect("temporary folder");
    let home = [("HOME", root.path())];
    let list = facepipe(root.path(), &home, &["models", "list", "--json"]);
    assert_eq!(path_of(&json(&list), "orl"), Path::new("data/orl"));
    let arguments = ["models", "list", "--json", "--data-dir", "sets"];
    let list = facepipe(root.path(), &home, &arguments);
    assert_eq!(path_of(&json(&list), "orl"), Path::new("sets/orl"));
}

#[test]
fn without_a_home_the_error_names_the_variable() {
    let root = tempfile::tempdir().expect("temporary folder");
    for environment in [&[][..], &[("HOME", Path::new(""))]] {
        for arguments in [&["models", "list"][..], &["detect", "."]] {
            let output = facepipe(root.path(), environment, arguments);
            let error = failure(&output, 1);
            assert!(error.contains("HOME is not set"), "{error}");
            assert!(error.contains("hint: set FACEPIPE_WEIGHTS_DIR"), "{error}");
        }
        let doctor = facepipe(root.path(), environment, &["doctor"]);
        let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
        let line = "MISSING  there is no folder for model files: HOME is not set → set FACEPIPE_W";
        assert!(text.lines().any(|it| it.starts_with(line)), "{text}");
        assert_eq!(doctor.status.code(), Some(1));
    }
}

#[test]
fn a_folder_that_can_only_be_read_serves_and_is_named_where_a_pull_would_write() {
    let Some(file) = crate::helpers::weights(FILE) else {
        return;
    };
    let root = tempfile::tempdir().expect("temporary folder");
    let bytes = fs_err::read(file).expect("reads");
    write(&root.path().join("weights").join(FILE), &bytes);
    let program = format!("'{}' --weights-dir weights", env!("CARGO_BIN_EXE_facepipe"));
    let script = format!(
        "set -e; mount --bind weights weights; mount -o remount,bind,ro weights; \
         {program} models pull seeta; {program} models pull resnet18 || echo failed with $?"
    );
    let Some(output) = run_with_mounts(root.path(), &script) else {
        return;
    };
    let lines = stdout(&output);
    assert!(
        lines.contains("already there: seeta at weights/"),
        "{lines}"
    );
    assert!(lines.contains("failed with 1"), "{lines}");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("another folder with `--weights-dir`"),
        "{error}"
    );
}
