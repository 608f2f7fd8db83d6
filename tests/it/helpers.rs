//! What the integration tests share: the program, drawn pictures, the folder of real photos.

use std::path::Path;
use std::process::{Command, Output};

use facepipe_imaging::image_io;
use image::{Rgb, RgbImage};
use serde_json::Value;

use facepipe_test_support::found::{WEIGHTS, weights_folder};
pub(crate) use facepipe_test_support::found::{portraits, shared, skip, weights};

/// The program with an environment in which nothing counts but its arguments and where model files are.
pub(crate) fn facepipe() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_facepipe"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FACEPIPE_") {
            command.env_remove(name);
        }
    }
    command.env(WEIGHTS, weights_folder());
    command
}

/// The program with arguments separated by spaces, and paths behind them.
pub(crate) fn run(arguments: &str, paths: &[&Path]) -> Output {
    let mut command = facepipe();
    command.args(arguments.split_whitespace()).args(paths);
    command.output().expect("the program starts")
}

/// Stdout of a run that must succeed.
pub(crate) fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// All JSON lines on stdout of a run that must succeed.
pub(crate) fn json_lines(output: &Output) -> Vec<Value> {
    let lines = stdout(output);
    let lines = lines.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("JSON lines")
}

/// The one JSON object on stdout of a run that must succeed.
pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).expect("one JSON object")
}

/// Stderr of a run that must fail with this exit code.
pub(crate) fn failure(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A picture that differs clearly from one with another number; never square.
pub(crate) fn picture(number: u32) -> RgbImage {
    let phase = f64::from(number) * 1.7;
    let (across, down) = (3.0 + f64::from(number % 5), 2.0 + f64::from(number % 7));
    RgbImage::from_fn(64, 48, |x, y| {
        let (u, v) = (f64::from(x) / 64.0, f64::from(y) / 48.0);
        let wave = (u * across * 3.0 + phase).sin() + (v * down * 3.0 - phase).cos();
        let value = (127.0 + 60.0 * wave) as u8;
        Rgb([value, value.wrapping_add((number * 37) as u8), 255 - value])
    })
}

/// Writes a picture as PNG, with its folders.
pub(crate) fn write_png(path: &Path, image: &RgbImage) {
    write(path, &image_io::encode_png(image).expect("encodes"));
}

/// Writes a file, with its folders.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    fs_err::create_dir_all(path.parent().expect("has a parent")).expect("makes folders");
    fs_err::write(path, bytes).expect("writes");
}

/// Records of a JSON lines file.
pub(crate) fn records(path: &Path) -> Vec<Value> {
    let text = fs_err::read_to_string(path).expect("reads");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// All files below a folder with their bytes, sorted, without those whose names are given.
pub(crate) fn snapshot(root: &Path, without: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.expect("lists");
        if entry.file_type().is_file() && !without.iter().any(|name| entry.file_name() == *name) {
            let name = entry.path().strip_prefix(root).expect("below the root");
            let bytes = fs_err::read(entry.path()).expect("reads");
            files.push((name.to_string_lossy().into_owned(), bytes));
        }
    }
    files
}

/// Runs a shell script that may mount file systems in `folder`, such as a small disk; `None` where
/// this machine does not let it, which is said loudly.
pub(crate) fn run_with_mounts(folder: &Path, script: &str) -> Option<Output> {
    let unshare = |command: &[&str]| {
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount"])
            .args(command)
            .current_dir(folder)
            .output()
    };
    if !unshare(&["true"]).is_ok_and(|output| output.status.success()) {
        skip("no small disk can be made here (`unshare` is not allowed)");
        return None;
    }
    Some(unshare(&["bash", "-c", script]).expect("unshare starts"))
}
