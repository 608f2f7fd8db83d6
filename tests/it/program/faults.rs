//! Bad input and bad folders: a clear message with the next step, and nothing lost.

use crate::helpers::{
    facepipe, failure, picture, run, run_with_mounts, shared, stdout, write, write_png,
};

#[test]
fn a_missing_folder_is_named_with_the_next_step() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (missing, out) = (folder.path().join("photos"), folder.path().join("out"));
    for verb in ["crop", "prepare"] {
        let error = failure(&run(&format!("{verb} --out"), &[&out, &missing]), 1);
        assert!(
            error.contains("there is no folder") && error.contains("photos"),
            "{error}"
        );
        assert!(error.contains("hint: "), "{error}");
        assert!(!out.exists());
    }
}

#[test]
fn photos_without_label_folders_say_how_to_sort_them() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    write_png(&input.join("holiday.png"), &picture(1));
    for verb in ["crop", "prepare"] {
        let error = failure(&run(&format!("{verb} --out"), &[&out, &input]), 1);
        assert!(error.contains("each label needs a folder"), "{error}");
        assert!(error.contains("hint: move"), "{error}");
    }
}

#[test]
fn no_face_anywhere_is_an_error_that_a_rerun_repeats() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    write_png(&input.join("ada/1.png"), &picture(1));
    fs_err::create_dir_all(input.join("empty")).expect("makes a folder");
    for _ in 0..2 {
        let error = failure(&run("crop --out", &[&out, &input]), 1);
        assert!(error.contains("no face was kept of 1 photo"), "{error}");
        assert!(
            error.contains("--keep-no-face") && error.contains("label `empty`"),
            "{error}"
        );
    }
    stdout(&run("crop --keep-no-face --force --out", &[&out, &input]));
}

#[test]
fn a_folder_with_other_files_is_not_written_to() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    write_png(&input.join("ada/1.png"), &picture(1));
    write(&out.join("thesis.doc"), b"years of work");
    let error = failure(&run("prepare --force --out", &[&out, &input]), 1);
    assert!(
        error.contains("was not made by the stage `prepare`"),
        "{error}"
    );
    assert_eq!(
        fs_err::read(out.join("thesis.doc")).expect("still there"),
        b"years of work"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    write_png(&input.join("ada/1.png"), &picture(1));
    let out = std::path::Path::new("/proc/facepipe");
    let error = failure(&run("prepare --out", &[out, &input]), 1);
    assert!(
        error.contains("/proc/facepipe") && error.contains("hint: "),
        "{error}"
    );
}

#[test]
fn a_full_disk_is_reported_and_the_rerun_continues() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = folder.path().join("in");
    for number in 0..30 {
        write_png(&input.join(format!("ada/{number}.png")), &picture(number));
    }
    let script = format!(
        "set -e; mkdir disk; mount -t tmpfs -o size=64k tmpfs disk; \
         '{}' prepare in --out disk/out || echo failed with $?; mount -o remount,size=9m disk; \
         '{}' prepare in --out disk/out; mount -o remount,ro disk; \
         '{}' prepare in --out disk/out --seed 1 --force || echo failed with $?",
        env!("CARGO_BIN_EXE_facepipe"),
        env!("CARGO_BIN_EXE_facepipe"),
        env!("CARGO_BIN_EXE_facepipe"),
    );
    let Some(output) = run_with_mounts(folder.path(), &script) else {
        return;
    };
    let lines = stdout(&output);
    let errors = String::from_utf8_lossy(&output.stderr);
    let full = errors
        .find("No space left on device")
        .expect("the disk is full");
    assert!(
        errors[full..].contains("hint: free some disk space"),
        "{errors}"
    );
    assert!(lines.contains("30 of 30 images kept"), "{lines}");
    assert!(errors.contains("Read-only file system"), "{errors}");
    assert_eq!(lines.matches("failed with 1").count(), 2, "{lines}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let Some(photos) = shared("data/identity/bbt8") else {
        return;
    };
    let script = format!(
        "{} detect '{}' | head -n 1",
        env!("CARGO_BIN_EXE_facepipe"),
        photos.display()
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &format!("set -o pipefail; {script}")])
        .output()
        .expect("bash starts");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn messages_that_nobody_reads_change_no_exit_code() {
    let mut program = facepipe()
        .args(["crop", "/no/such/folder", "--out", "/no/such/crops"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(program.stderr.take());
    let status = program.wait().expect("ends");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn wrong_arguments_are_exit_code_2() {
    let error = failure(&run("prepare x --out y --train 0.9", &[]), 2);
    assert!(error.contains("add up to"), "{error}");
    failure(&run("crop --margin wide x --out y", &[]), 2);
    failure(&run("detect /no/such/file.jpg", &[]), 2);
}

#[test]
fn a_wrong_value_that_was_not_typed_says_where_it_stands() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let config = folder.path().join("facepipe.toml");
    write(&config, b"seed = 1\n\n[crop]\nmin_face = \"big\"\n");
    let crop = |variable: Option<&str>, options: &[&str]| {
        let mut program = facepipe();
        program.args(["crop", "in", "--out", "out"]).args(options);
        program.envs(variable.map(|value| ("FACEPIPE_MIN_FACE", value)));
        failure(&program.output().expect("starts"), 2)
    };
    let file = config.display().to_string();
    let of_file = crop(None, &["--config", &file]);
    let place = format!("set by `min_face` in [crop] of `{file}`, line 4");
    assert!(of_file.contains(&place), "{of_file}");
    let of_variable = crop(Some("huge"), &["--config", &file]);
    assert!(
        of_variable.contains("'huge'")
            && of_variable.contains("environment variable FACEPIPE_MIN_FACE"),
        "{of_variable}"
    );
    let typed = crop(Some("huge"), &["--config", &file, "--min-face", "x"]);
    assert!(
        typed.contains("'x'") && !typed.contains("set by"),
        "{typed}"
    );
}
