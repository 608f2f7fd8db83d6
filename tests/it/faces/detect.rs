//! `facepipe detect`: its model files and its marked copies.

use std::path::PathBuf;

use facepipe_core::types::Size;
use facepipe_imaging::image_io;

use crate::helpers::{facepipe, failure, picture, skip, snapshot, stdout, write_png};

/// The model files that the project has fetched.
fn weights() -> PathBuf {
    facepipe_test_support::found::weights_folder()
}

#[test]
fn missing_weights_are_named_with_the_command_that_fetches_them() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut command = facepipe();
    command.args(["detect", "--detector", "mtcnn", "--weights-dir"]);
    let output = command.arg(folder.path()).arg(folder.path()).output();
    let text = failure(&output.expect("the program starts"), 1);
    if cfg!(feature = "torch") {
        assert!(text.contains("mtcnn_pnet.pt"), "{text}");
        assert!(
            text.contains("hint: run `facepipe models pull mtcnn`"),
            "{text}"
        );
    } else {
        assert!(text.contains("needs libtorch"), "{text}");
    }
}

#[test]
fn marked_copies_of_photos_of_the_same_name_do_not_replace_each_other() {
    let weights = weights();
    if !weights.join("seeta_fd_frontal_v1.0.bin").is_file() {
        skip("no SeetaFace weights; run `facepipe models pull` to run this test");
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let (photos, marked) = (folder.path().join("photos"), folder.path().join("a/marked"));
    for (number, label) in (0..).zip(["one", "two"]) {
        write_png(&photos.join(label).join("same.png"), &picture(number));
    }
    let mut command = facepipe();
    command.args(["detect", "--detector", "seeta", "--draw"]);
    command
        .arg(&marked)
        .arg("--weights-dir")
        .arg(weights)
        .arg(&photos);
    assert_eq!(
        stdout(&command.output().expect("the program starts"))
            .lines()
            .count(),
        2
    );
    let drawn = snapshot(&marked, &[]);
    assert_eq!(drawn.len(), 2);
    for (name, bytes) in drawn {
        assert!(
            name.starts_with("same_") && name.ends_with(".png"),
            "{name}"
        );
        let size = Size::of(&image_io::decode(&bytes).expect("a picture").rgb);
        assert_eq!(size, Size::new(64, 48));
    }
}
