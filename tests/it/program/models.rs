//! `facepipe models` and `facepipe doctor`, through the program itself.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The program in an empty folder, with no environment that could select other folders.
fn facepipe(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_facepipe"))
        .current_dir(folder)
        .args(["--weights-dir", "weights", "--threads", "1"])
        .args(arguments)
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .expect("the program starts")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object on stdout")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn model<'a>(report: &'a Value, name: &str) -> &'a Value {
    let models = report["models"].as_array().expect("a list");
    let mut found = models.iter().filter(|model| model["name"] == name);
    found.next().expect("the model is listed")
}

#[test]
fn list_says_what_is_missing_and_verify_fails_because_of_it() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let arguments = ["models", "--data-dir", "data"];
    let list = facepipe(
        folder.path(),
        &[&arguments[..], &["list", "--json"]].concat(),
    );
    assert_eq!(list.status.code(), Some(0), "{}", stderr(&list));
    let report = json(&list);
    assert_eq!(report["ok"], false);
    for (name, kind, required) in [
        ("seeta", "detector", true),
        ("mtcnn-onet", "detector", true),
        ("dlib-landmarks5", "landmarks", true),
        ("dlib-mmod", "detector", false),
        ("resnet18", "backbone", false),
        ("orl", "dataset", false),
    ] {
        let model = model(&report, name);
        assert_eq!(model["state"], "missing", "{name}");
        assert_eq!(model["kind"], kind, "{name}");
        assert_eq!(model["required"], required, "{name}");
    }
    let verify = facepipe(
        folder.path(),
        &[&arguments[..], &["verify", "--json"]].concat(),
    );
    assert_eq!(verify.status.code(), Some(1));
    assert_eq!(json(&verify), report);
    assert!(stderr(&verify).contains("hint: run `facepipe models pull seeta mtcnn-pnet "));
    let left = fs_err::read_dir(folder.path()).expect("lists").count();
    assert_eq!(left, 0, "looking changes nothing");
}

#[test]
fn verify_reports_a_damaged_file_and_its_path() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let weights = folder.path().join("weights");
    fs_err::create_dir(&weights).expect("makes");
    let file = weights.join("seeta_fd_frontal_v1.0.bin");
    fs_err::write(&file, "not a model").expect("writes");
    let verify = facepipe(folder.path(), &["models", "verify", "--json"]);
    assert_eq!(verify.status.code(), Some(1));
    let report = json(&verify);
    let seeta = model(&report, "seeta");
    assert_eq!(seeta["state"], "damaged");
    assert_eq!(seeta["problem"], "it has 11 bytes instead of 1209904");
    assert_eq!(seeta["path"], "weights/seeta_fd_frontal_v1.0.bin");
    assert_eq!(fs_err::read(&file).expect("still there"), b"not a model");
}

#[test]
fn pulling_an_unknown_name_lists_the_known_ones() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let pull = facepipe(folder.path(), &["models", "pull", "seta"]);
    assert_eq!(pull.status.code(), Some(1));
    let text = stderr(&pull);
    assert!(
        text.contains("no model file or data set named `seta`"),
        "{text}"
    );
    assert!(text.contains("seeta, mtcnn-pnet"), "{text}");
    let both = facepipe(folder.path(), &["models", "pull", "seeta", "--all"]);
    assert_eq!(
        both.status.code(),
        Some(2),
        "names and --all contradict each other"
    );
}

#[test]
fn doctor_names_what_is_missing_and_the_command_that_gets_it() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let doctor = facepipe(folder.path(), &["doctor"]);
    assert_eq!(doctor.status.code(), Some(1));
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    // What the usual options need; the rest is for those that name it.
    let (needed, other) = if cfg!(feature = "torch") {
        (
            "mtcnn-onet",
            "note     detector seeta is missing; only `--detector seeta` needs it → run `facepipe models pull seeta`",
        )
    } else {
        (
            "seeta",
            "note     detector yunet is missing; only a build with libtorch needs it → run `facepipe models pull yunet`",
        )
    };
    let line =
        format!("MISSING  detector {needed} is missing → run `facepipe models pull {needed}`");
    assert!(text.lines().any(|it| it == line), "{text}");
    assert!(text.lines().any(|it| it == other), "{text}");
    let hint = format!("hint: run `facepipe models pull {needed}`");
    assert!(stderr(&doctor).contains(&hint));
    let optional = "note     dataset orl is missing; only the demo needs it";
    assert!(text.contains(optional), "{text}");
    let doctor = facepipe(folder.path(), &["doctor", "--json"]);
    assert_eq!(doctor.status.code(), Some(1));
    let report = json(&doctor);
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["torch"], cfg!(feature = "torch"));
    assert_eq!(report["ok"], false);
    let checks = report["checks"].as_array().expect("a list");
    let level = |name: &str| {
        let mut found = checks.iter().filter(|check| check["name"] == name);
        found.next().map(|check| check["level"].clone())
    };
    assert_eq!(level("writable"), Some("ok".into()));
    assert_eq!(
        level("libtorch"),
        cfg!(feature = "torch").then(|| "ok".into())
    );
    let left = fs_err::read_dir(folder.path()).expect("lists").count();
    assert_eq!(left, 0, "the look leaves nothing behind");
}

#[test]
fn doctor_warns_of_keys_that_git_would_commit_and_never_shows_them() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let init = Command::new("git")
        .arg("init")
        .arg("-q")
        .current_dir(folder.path())
        .status();
    if !init.is_ok_and(|status| status.success()) {
        return; // Without git there is nothing to warn of.
    }
    fs_err::write(folder.path().join("v.env"), "KEY=tell-nobody").expect("writes");
    let exposed = "note     `v.env` is not ignored by git";
    let doctor = facepipe(folder.path(), &["doctor"]);
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(text.contains(exposed), "{text}");
    assert!(!(text + &stderr(&doctor)).contains("tell-nobody"));
    fs_err::write(folder.path().join(".gitignore"), "v.env\n").expect("writes");
    let doctor = facepipe(folder.path(), &["doctor"]);
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!text.contains(exposed), "{text}");
}

#[test]
fn completions_know_the_commands() {
    let folder = tempfile::tempdir().expect("temporary folder");
    for shell in ["bash", "zsh", "fish"] {
        let output = facepipe(folder.path(), &["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        for command in ["crop", "models", "doctor"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}
