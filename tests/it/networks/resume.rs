//! Trainings that are killed, damaged, starved or given broken data.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::helpers::{facepipe, failure, run, skip, snapshot, stdout};
use crate::networks::training::{LABELS, data_set, train};

/// Everything on: three batches of eight an epoch, of which two make a step.
const EVERYTHING: &str = "--epochs 4 --accumulate 2 --clip 1 --ema 0.9 --precision bf16 --seed 3 \
     --schedule cosine --patience 0 --mixup 0.3 --balance 1 --augmentation strong --head cosine";
const QUICK: &str = "train --device cpu --threads 1 --backbone resnet18 --weights none --input-size 32 \
     --batch 8";
const LAST: &str = "checkpoints/last.safetensors";
const PREVIOUS: &str = "checkpoints/previous.safetensors";

/// Starts a training that is kept after each batch.
fn start(data: &Path, model: &Path) -> std::process::Child {
    facepipe()
        .args(format!("{QUICK} {EVERYTHING} --keep-every 0.000001 -q --out").split_whitespace())
        .args([model, data])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Waits until `last` has been rewritten `times` times.
fn wait_for_checkpoints(model: &Path, times: usize) {
    let end = Instant::now() + Duration::from_secs(120);
    let path = model.join(LAST);
    let written = || {
        fs_err::metadata(&path)
            .and_then(|data| data.modified())
            .ok()
    };
    let mut before = written();
    let mut count = 0;
    while count < times {
        assert!(Instant::now() < end, "no checkpoint was written");
        std::thread::sleep(Duration::from_millis(2));
        let now = written();
        if now.is_some() && now != before {
            (before, count) = (now, count + 1);
        }
    }
}

fn assert_same(found: &Path, expected: &Path) {
    let [found, expected] = [found, expected].map(|folder| snapshot(folder, &["report.json"]));
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&found), names(&expected));
    for ((name, bytes), (_, expected)) in found.iter().zip(&expected) {
        assert!(bytes == expected, "`{name}` differs");
    }
}

#[test]
fn killed_within_epochs_with_everything_on_it_ends_bit_by_bit_the_same() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    // Undisturbed, and never kept within an epoch.
    let whole = root.path().join("whole/model");
    let output = train(EVERYTHING, &data, &whole);
    stdout(&output);
    let log = String::from_utf8_lossy(&output.stderr);
    let first = "training on cpu in bf16 (";
    assert!(log.contains(first), "{log}");
    assert!(
        log.contains("18 images for train, 6 for val, 2 steps an epoch"),
        "{log}"
    );
    let killed = root.path().join("killed/model");
    // One batch into the first epoch, in the middle of it, and where a checkpoint is being written.
    for (checkpoints, wait) in [(1, 0), (3, 1), (2, 9)] {
        let mut child = start(&data, &killed);
        wait_for_checkpoints(&killed, checkpoints);
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().expect("kills");
        child.wait().expect("ends");
    }
    let output = train(&format!("{EVERYTHING} --resume"), &data, &killed);
    stdout(&output);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("going on after epoch"), "{log}");
    assert_same(&killed, &whole);
}

#[test]
fn a_damaged_checkpoint_is_reported_and_the_one_before_is_used() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let (whole, killed) = (root.path().join("w/model"), root.path().join("k/model"));
    stdout(&train(EVERYTHING, &data, &whole));
    let mut child = start(&data, &killed);
    wait_for_checkpoints(&killed, 3);
    child.kill().expect("kills");
    child.wait().expect("ends");
    assert!(killed.join(PREVIOUS).exists());
    let last = fs_err::read(killed.join(LAST)).expect("reads");
    let mut flipped = last.clone();
    // One bit of one weight: the file's form is still right.
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs_err::write(killed.join(LAST), &flipped).expect("writes");
    let previous = fs_err::read(killed.join(PREVIOUS)).expect("reads");
    fs_err::write(killed.join(PREVIOUS), &previous[..previous.len() - 1]).expect("cuts");
    let error = failure(&train(EVERYTHING, &data, &killed), 1);
    assert!(
        error.contains("is damaged: its contents have changed"),
        "{error}"
    );
    assert!(error.contains("--force"), "{error}");
    fs_err::write(killed.join(PREVIOUS), &previous).expect("writes");
    let output = train(EVERYTHING, &data, &killed);
    stdout(&output);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("last.safetensors` is damaged"), "{log}");
    assert!(log.contains("the one before it is used"), "{log}");
    assert_same(&killed, &whole);
}

#[test]
fn a_loss_that_is_no_number_is_reported_with_its_images() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("model");
    let error = failure(&train("--epochs 2 --lr 1e30", &data, &model), 1);
    assert!(
        error.contains("became") && error.contains("in epoch 1, batch 2"),
        "{error}"
    );
    assert!(
        // Of the six images of the batch five are named.
        error.contains("`train/") && error.contains("and 1 more"),
        "{error}"
    );
    assert!(error.contains("lower `--lr`"), "{error}");
}

#[test]
fn other_settings_are_refused_and_other_labels_are_an_update_that_is_not_resumed() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("model");
    stdout(&train("--epochs 1", &data, &model));
    let error = failure(
        &train("--epochs 1 --ema 0.9 --precision f32", &data, &model),
        1,
    );
    assert!(
        error.contains("ema: \"off\" → 0.9") || error.contains("ema: null → 0.9"),
        "{error}"
    );
    let other = data_set(&root.path().join("other"), &["ada", "bea", "dan"]);
    let error = failure(&train("--epochs 1 --resume", &other, &model), 1);
    assert!(
        error.contains("other labels: `cem` gone; `dan` new"),
        "{error}"
    );
    assert!(error.contains("leave out `--resume`"), "{error}");
    let output = train("--epochs 1", &other, &model);
    stdout(&output);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("model` is brought up to date: its input `data` has changed"),
        "{told}"
    );
    let labels = fs_err::read_to_string(model.join("labels.json")).expect("reads");
    assert!(
        labels.contains("dan") && !labels.contains("cem"),
        "{labels}"
    );
}

#[test]
fn fp16_on_a_processor_is_refused_and_not_replaced() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("model");
    let error = failure(&train("--precision fp16", &data, &model), 1);
    assert!(
        error.contains("are for GPUs") && error.contains("--precision auto"),
        "{error}"
    );
    assert!(!model.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn too_little_memory_is_reported_with_the_batch_that_fits() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let model = root.path().join("model");
    let limited = Command::new("prlimit")
        .arg(format!("--as={MEMORY_BYTES}"))
        .arg(env!("CARGO_BIN_EXE_facepipe"))
        .args(STARVED.split_whitespace())
        .args([&model, &data])
        .output();
    let Ok(output) = limited else {
        skip("`prlimit` is not there");
        return;
    };
    let error = failure(&output, 1);
    assert!(
        error.contains("not enough memory for 16 images of 512 x 512"),
        "{error}"
    );
    assert!(error.contains("fit: use `--batch"), "{error}");
    assert!(error.contains("--accumulate"), "{error}");
}

/// Address space; the program and libtorch without CUDA take less than half of it.
const MEMORY_BYTES: u64 = 1_500_000_000;
/// A training that needs more. Its images are so large that memory ends with one of their tensors: libtorch reports
/// that, but crashes where nothing is left for its small ones (of 384 pixels in one run of twenty).
const STARVED: &str = "train --device cpu --threads 1 --backbone resnet18 --weights none --input-size 512 \
     --batch 16 --precision f32 --epochs 1 --out";

#[test]
fn a_full_disk_while_saving_is_reported_and_the_training_continues_later() {
    let root = tempfile::tempdir().expect("temporary folder");
    let data = data_set(root.path(), &LABELS);
    let program = format!(
        "'{}' {QUICK} --epochs 3 --seed 3",
        env!("CARGO_BIN_EXE_facepipe")
    );
    // A checkpoint of ResNet-18 takes 134 MB, its best weights 45: the second epoch's do not fit.
    let script = format!(
        "set -e; cd '{}'; mkdir disk; mount -t tmpfs -o size=220m tmpfs disk; \
         {program} --out disk/model '{data}' || echo failed with $?; \
         mount -o remount,size=900m disk; {program} --out disk/model '{data}' --resume; \
         cp disk/model/checkpoints/best.safetensors disk/model/metrics.csv .",
        root.path().display(),
        data = data.display(),
    );
    let unshare = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount"])
            .args(arguments);
        command.output()
    };
    if !unshare(&["true"]).is_ok_and(|output| output.status.success()) {
        skip("no small disk can be made here (`unshare` is not allowed)");
        return;
    }
    let output = unshare(&["bash", "-c", &script]).expect("unshare starts");
    assert!(stdout(&output).contains("failed with 1"), "{output:?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("cannot keep the training in `disk/model/"),
        "{errors}"
    );
    assert!(
        errors.contains("the earlier checkpoint is complete"),
        "{errors}"
    );
    assert!(errors.contains("hint: free some disk space"), "{errors}");
    assert!(errors.contains("going on after epoch 1"), "{errors}");
    let whole = root.path().join("whole");
    stdout(&run(
        &format!("{QUICK} --epochs 3 --seed 3 --out"),
        &[&whole, &data],
    ));
    for (file, name) in [
        ("checkpoints/best.safetensors", "best.safetensors"),
        ("metrics.csv", "metrics.csv"),
    ] {
        let [one, other] = [whole.join(file), root.path().join(name)].map(fs_err::read);
        assert!(one.expect("reads") == other.expect("reads"), "{name}");
    }
}
