//! Fetches what is missing: from the first source that gives the right file.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::{FailedPull, FailedSource, PullError, SourceError};
use super::registry::{Ecosystem, Entry, Registry, Source};
use super::staging::Staging;
use super::verify::{State, check};
use super::{Folders, download, package, unpack};
use crate::artifacts::atomic;
use crate::context::Context;

/// Follows the name of a file or folder that was put aside because it is not the right one.
const REJECTED_SUFFIX: &str = ".rejected";

/// Which entries to pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Those that the pipeline can't do without.
    Required,
    /// All of them.
    All,
    /// Those named.
    Named(Vec<String>),
}

/// What a pull did.
#[derive(Debug, Clone, Serialize)]
pub struct PullReport {
    /// The selected entries, in the registry's order.
    pub pulled: Vec<PulledEntry>,
}

/// One entry that is now there.
#[derive(Debug, Clone, Serialize)]
pub struct PulledEntry {
    /// Its name.
    pub name: String,
    /// The file, or the folder of a data set.
    pub path: PathBuf,
    /// Where it came from just now; nothing where it was there before.
    pub source: Option<String>,
    /// Whom to name when using it.
    pub credit: String,
}

/// Pulls the selected entries that are not there yet.
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
    let mut failed = Vec::new();
    for entry in select(registry, selection)? {
        match pull_entry(entry, folders, context) {
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
            if let Some(unknown) = names.iter().find(|name| registry.find(name).is_none()) {
                let known: Vec<_> = entries.map(|entry| entry.name.as_str()).collect();
                return Err(PullError::UnknownName {
                    name: unknown.clone(),
                    known: known.join(", "),
                });
            }
            Ok(entries
                .filter(|entry| names.contains(&entry.name))
                .collect())
        }
    }
}

fn pull_entry(
    entry: &Entry,
    folders: &Folders,
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
        match pull_from(source, entry, &path, folders.of(entry), context) {
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

/// Fetches into a staging folder, checks, and only then puts the result in its place.
fn pull_from(
    source: &Source,
    entry: &Entry,
    path: &Path,
    folder: &Path,
    context: &Context,
) -> Result<(), SourceError> {
    let staging = Staging::new(folder, &entry.file)?;
    let fetched = fetch(source, entry, staging.path(), context)?;
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

/// Brings the file, or a data set's folder, into `staging` and says where it lies.
fn fetch(
    source: &Source,
    entry: &Entry,
    staging: &Path,
    context: &Context,
) -> Result<PathBuf, SourceError> {
    let fetched = staging.join("fetched");
    let limit = entry.bytes.unwrap_or(download::MAX_BYTES);
    match source {
        Source::Https { url } => {
            // A file that is too long is refused by its checksum, and kept for a look at it.
            download::to_file(url, download::MAX_BYTES, &fetched, &entry.name, context)?;
            Ok(fetched)
        }
        Source::Package {
            ecosystem,
            name,
            version,
            path,
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
                    let sha256 = archive_sha256.as_deref().unwrap_or_default();
                    let wheel = package::wheel(name, version, sha256, staging, interrupt)?;
                    match &entry.unpack {
                        Some(files) => {
                            let extension = &files.extension;
                            unpack::folder(&wheel, path, extension, limit, &fetched, interrupt)?;
                        }
                        None => unpack::file(&wheel, path, limit, &fetched)?,
                    }
                }
            }
            Ok(fetched)
        }
    }
}

/// Moves `from` to a free name beside `place` that starts with its name and `.rejected`: it may be
/// somebody's own file, so that it replaces nothing.
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
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;

    use super::*;
    use crate::context::Interrupt;
    use crate::errors::Hint;
    use crate::model_files::tests::entry_for;
    use crate::ports::SilentProgress;

    /// A web server that gives the answers one after the other, one a connection.
    fn serve(answers: Vec<(&'static str, &'static [u8])>) -> Source {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let url = format!("http://{}/a.bin", listener.local_addr().expect("bound"));
        std::thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().expect("a client comes");
                let _ = stream.read(&mut [0; 4096]).expect("asks");
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).expect("answers");
                stream.write_all(body).expect("answers");
            }
        });
        Source::Https {
            url: url.parse().expect("a URL"),
        }
    }

    fn context() -> Context {
        Context {
            progress: Arc::new(SilentProgress),
            interrupt: Interrupt::default(),
            threads: std::num::NonZeroUsize::MIN,
            seed: 0,
            force: false,
        }
    }

    fn pull_a(root: &Path, sources: Vec<Source>) -> Result<PullReport, PullError> {
        let mut entry = entry_for("a.bin", b"right");
        entry.sources = sources;
        let registry = Registry {
            entries: vec![entry],
        };
        let folders = Folders {
            weights: root.join("weights"),
            data: root.join("data"),
        };
        pull(&registry, &Selection::All, &folders, &context())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(folder).expect("lists");
        let mut names: Vec<_> = entries
            .map(|entry| {
                entry
                    .expect("lists")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_right_file_comes_after_a_busy_server_and_is_not_fetched_twice() {
        let root = tempfile::tempdir().expect("temporary folder");
        let server = serve(vec![("503 Busy", b""), ("200 OK", b"right")]);
        let report = pull_a(root.path(), vec![server.clone()]).expect("pulls");
        assert_eq!(report.pulled[0].source, Some(server.to_string()));
        let weights = root.path().join("weights");
        assert_eq!(names(&weights), ["a.bin"]);
        assert_eq!(
            fs_err::read(weights.join("a.bin")).expect("reads"),
            b"right"
        );
        let report = pull_a(root.path(), vec![]).expect("nothing to do");
        assert_eq!(report.pulled[0].source, None);
    }

    #[test]
    fn a_wrong_file_is_refused_kept_aside_and_the_next_source_asked() {
        let root = tempfile::tempdir().expect("temporary folder");
        let weights = root.path().join("weights");
        let sources = vec![
            serve(vec![("404 Not Found", b"")]),
            serve(vec![("200 OK", b"wrong")]),
        ];
        let error = pull_a(root.path(), sources).expect_err("no source has it");
        let text = error.to_string();
        assert!(text.contains("404 Not Found"), "{text}");
        assert!(text.contains("refused: its SHA-256 is"), "{text}");
        assert!(
            error
                .hint()
                .expect("a hint")
                .contains("run the same command again")
        );
        assert_eq!(names(&weights), ["a.bin.rejected"]);
        assert_eq!(
            fs_err::read(weights.join("a.bin.rejected")).expect("reads"),
            b"wrong"
        );
        let sources = vec![
            serve(vec![("200 OK", b"too long")]),
            serve(vec![("200 OK", b"right")]),
        ];
        pull_a(root.path(), sources).expect("the second source has it");
        assert_eq!(
            names(&weights),
            ["a.bin", "a.bin.rejected", "a.bin.rejected-2"]
        );
    }

    #[test]
    fn a_damaged_file_is_put_aside_and_replaced() {
        let root = tempfile::tempdir().expect("temporary folder");
        let weights = root.path().join("weights");
        fs_err::create_dir_all(&weights).expect("makes");
        fs_err::write(weights.join("a.bin"), "damaged").expect("writes");
        pull_a(root.path(), vec![serve(vec![("200 OK", b"right")])]).expect("pulls");
        assert_eq!(names(&weights), ["a.bin", "a.bin.rejected"]);
        assert_eq!(
            fs_err::read(weights.join("a.bin")).expect("reads"),
            b"right"
        );
    }

    #[test]
    fn what_is_put_aside_replaces_nothing() {
        let root = tempfile::tempdir().expect("temporary folder");
        let place = root.path().join("orl");
        for expected in ["orl.rejected", "orl.rejected-2", "orl.rejected-3"] {
            fs_err::create_dir(&place).expect("makes");
            let aside = put_aside(&place, &place).expect("moves");
            assert_eq!(aside, root.path().join(expected));
        }
        fs_err::write(&place, "a file").expect("writes");
        let aside = put_aside(&place, &place).expect("moves");
        assert_eq!(aside, root.path().join("orl.rejected-4"));
    }

    #[test]
    fn an_unknown_name_and_an_interruption_stop_at_once() {
        let root = tempfile::tempdir().expect("temporary folder");
        let registry = Registry::embedded().expect("valid");
        let folders = Folders {
            weights: root.path().join("weights"),
            data: root.path().join("data"),
        };
        let named = Selection::Named(vec!["seta".to_owned()]);
        let error = pull(&registry, &named, &folders, &context()).expect_err("no such name");
        assert!(
            error.to_string().contains("`seta`; there are: seeta, "),
            "{error}"
        );
        let context = context();
        context.interrupt.raise();
        let error = pull(&registry, &Selection::All, &folders, &context).expect_err("interrupted");
        assert!(error.is_interruption());
        assert_eq!(names(root.path()), [] as [&str; 0]);
    }
}
