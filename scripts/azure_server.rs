//! Answers on this machine as Azure's Face service does: the server of the tests, for trying
//! `facepipe azure` without an account (`scripts/check_azure.py` starts it).
//!
//! ```sh
//! cargo run --no-default-features --example azure_server -- DIR
//! ```
//!
//! Writes photos that it can read to DIR (`training/PERSON/N.png`, `test/*.png`: plain colours), prints
//! endpoint and key as one line of JSON, and ends when its stdin does.

#![expect(clippy::print_stdout, reason = "a program that prints where it is")]

use std::io::Read as _;
use std::path::{Path, PathBuf};

use facepipe_imaging::image_io;
use facepipe_test_support::azure_server::{AzureServer, KEY, OnPhoto, State};

/// The persons on the photos.
const PERSONS: [&str; 3] = ["ada", "alan", "grace"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    write_photos(&folder.ok_or("usage: azure_server DIR")?)?;
    let state = State {
        training_takes: 1,
        ..State::default()
    };
    let server = AzureServer::with(state, |_, _| None);
    let access = serde_json::json!({"endpoint": server.endpoint(), "key": KEY});
    println!("{access}");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn write_photos(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let write = |file: PathBuf, on: OnPhoto| {
        fs_err::create_dir_all(file.parent().unwrap_or(folder))?;
        fs_err::write(&file, image_io::encode_png(&on.drawn())?)?;
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    for (number, name) in (1..).zip(PERSONS) {
        for photo in 1..=4 {
            let file = folder.join(format!("training/{name}/{photo}.png"));
            write(file, OnPhoto::of(number, photo))?;
        }
        let file = folder.join(format!("test/{name}.png"));
        write(file, OnPhoto::of(number, 9))?;
    }
    let both = OnPhoto {
        person: 1,
        faces: 2,
        number: 9,
    };
    write(folder.join("test/two.png"), both)
}
