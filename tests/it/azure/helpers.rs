//! `facepipe azure` against the server of [`crate::azure_server`].

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::helpers::{facepipe, json, write_png};
use facepipe_test_support::azure_server::{AzureServer, KEY, OnPhoto, TOKEN};

/// A resource, and a folder to work in.
pub(crate) struct Azure {
    pub(crate) server: AzureServer,
    pub(crate) folder: TempDir,
}

impl Azure {
    pub(crate) fn new(server: AzureServer) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        Self { server, folder }
    }

    /// The program with the resource's key, the paid tier's quota, and nothing else of Azure.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = without_azure();
        command
            .current_dir(self.folder.path())
            .env("FACEPIPE_AZURE_ENDPOINT", self.server.endpoint())
            .env("FACEPIPE_AZURE_KEY", KEY)
            .env("FACEPIPE_AZURE_TIER", "s0")
            .arg("azure")
            .args(arguments);
        command
    }

    /// A command's output; nothing of it may show the key or a token.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        finished(&mut self.command(arguments))
    }

    /// The answer of an operation that must succeed.
    pub(crate) fn answer(&self, arguments: &[&str]) -> Value {
        let report = json(&self.run(&[arguments, &["--json"]].concat()));
        assert!(report["operation"].is_string(), "{report}");
        assert!(
            report["transactions"]
                .as_u64()
                .is_some_and(|calls| calls > 0)
        );
        report["answer"].clone()
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a photo that the server can read.
    pub(crate) fn photo(&self, name: &str, on: OnPhoto) -> String {
        write_png(&self.path(name), &on.drawn());
        name.to_owned()
    }
}

/// The program without anything of Azure.
pub(crate) fn without_azure() -> Command {
    let mut command = facepipe();
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AZURE_") {
            command.env_remove(name);
        }
    }
    command
}

/// A command's output; nothing of it may show the key or a token.
pub(crate) fn finished(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    for stream in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(stream);
        assert!(!text.contains(KEY) && !text.contains(TOKEN), "{output:?}");
    }
    output
}

/// A folder of persons, each with this many photos.
pub(crate) fn persons(root: &Path, persons: u8, photos: u8) {
    for person in 1..=persons {
        for number in 1..=photos {
            let path = root.join(format!("person_{person}/{number}.png"));
            write_png(&path, &OnPhoto::of(person, number).drawn());
        }
    }
}

/// The text on stderr.
pub(crate) fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
