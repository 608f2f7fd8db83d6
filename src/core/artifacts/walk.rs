//! The files below a folder of photos, and what was passed over among them.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::path_text::relative_path;
use crate::types::{Discarded, ItemKind, Reason};

/// Names that operating systems, network storage and tools give to what they leave in folders, in small
/// letters; those that begin with a dot are hidden anyway.
const LEFT_BY_SYSTEMS: [&str; 12] = [
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "@eadir",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "__macosx",
    "lost+found",
];

/// The files below a folder.
#[derive(Debug, Clone, Default)]
pub struct Walked {
    /// All that can be opened, sorted by their names, folder by folder.
    pub files: Vec<PathBuf>,
    /// The rest.
    pub passed_over: Vec<PassedOver>,
}

/// An entry of a folder that is not used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PassedOver {
    /// Its path below the root, as text.
    pub relative: String,
    /// The path itself.
    pub path: PathBuf,
    /// The label of its folder, where it is in one.
    pub label: Option<String>,
    /// Why.
    pub why: Why,
}

/// Why an entry of a folder is not used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// A symbolic link whose target does not exist.
    DeadLink,
    /// A symbolic link to a folder that it is in.
    LinkLoop,
    /// The system doesn't let it be read, with the system's reason.
    Closed(String),
    /// Neither a file nor a folder: a device, a pipe, a socket.
    NotAFile,
    /// A file beside the folders of labels.
    BesideLabels,
    /// A file or folder beside the folders of a split's sides.
    BesideSides,
    /// A photo that a person set aside.
    Dropped,
    /// A photo of a label that a person removed.
    LabelRemoved,
}

impl Why {
    /// The reason in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::DeadLink => "a symbolic link to nothing".to_owned(),
            Self::LinkLoop => "a symbolic link to a folder that it is in".to_owned(),
            Self::Closed(reason) => format!("cannot be read: {reason}"),
            Self::NotAFile => "neither a file nor a folder".to_owned(),
            Self::BesideLabels => "lies beside the folders of labels, in none of them".to_owned(),
            Self::BesideSides => "lies beside the folders of the split's sides".to_owned(),
            Self::Dropped => "you dropped it".to_owned(),
            Self::LabelRemoved => "you removed its label".to_owned(),
        }
    }

    /// Its code in `discarded.jsonl`.
    const fn reason(&self) -> Reason {
        match self {
            Self::DeadLink | Self::LinkLoop | Self::Closed(_) | Self::NotAFile => {
                Reason::Unreadable
            }
            Self::BesideLabels | Self::BesideSides => Reason::NoLabel,
            Self::Dropped | Self::LabelRemoved => Reason::SetAside,
        }
    }
}

impl PassedOver {
    pub(super) fn new(root: &Path, path: PathBuf, why: Why) -> Self {
        Self {
            relative: relative_path(root, &path),
            path,
            label: None,
            why,
        }
    }

    /// Its line of `discarded.jsonl`.
    #[must_use]
    pub fn discarded(&self) -> Discarded {
        Discarded {
            item: self.relative.clone(),
            kind: ItemKind::Image,
            label: self.label.clone(),
            reason: self.why.reason(),
            message: self.why.message(),
            related: Vec::new(),
            distance: None,
            photo: None,
            face: None,
        }
    }
}

/// What an error about an entry means.
#[must_use]
pub fn why_of(path: &Path, error: &io::Error) -> Why {
    let is_link = path.is_symlink();
    match error.kind() {
        io::ErrorKind::NotFound if is_link => Why::DeadLink,
        // `ELOOP`: links that lead to each other. `io::ErrorKind` has no stable name for it.
        _ if is_link && error.to_string().contains("symbolic links") => Why::LinkLoop,
        kind => Why::Closed(kind.to_string()),
    }
}

/// Lists the files below `folder`, following links, with their texts below `root`. Hidden entries and
/// [what systems leave](is_skipped) are skipped.
///
/// # Errors
/// The error of the folder itself; those of entries below it are among the passed over.
pub fn walk(root: &Path, folder: &Path) -> io::Result<Walked> {
    let used = |entry: &walkdir::DirEntry| entry.depth() == 0 || !is_skipped(entry.file_name());
    let mut walked = Walked::default();
    let homes = [root, folder].map(|folder| folder.canonicalize().unwrap_or_default());
    // All people would be once more in a link to a folder above the one that is walked through.
    let leads_above = |link: &Path| homes.iter().any(|home| leads_to(link, home));
    if folder != root && folder.is_symlink() && leads_to(folder, &homes[0]) {
        let path = folder.to_owned();
        walked
            .passed_over
            .push(PassedOver::new(root, path, Why::LinkLoop));
        return Ok(walked);
    }
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    let mut entries = entries.into_iter().filter_entry(used);
    while let Some(entry) = entries.next() {
        let (path, why) = match entry {
            Ok(entry) if entry.file_type().is_file() => match entry.metadata() {
                Ok(_) => {
                    walked.files.push(entry.into_path());
                    continue;
                }
                // Its folder may be listed and not entered.
                Err(error) => (
                    entry.path().to_owned(),
                    why_not_walked(entry.path(), &error),
                ),
            },
            Ok(entry)
                if entry.depth() > 0 && entry.path_is_symlink() && leads_above(entry.path()) =>
            {
                entries.skip_current_dir();
                (entry.into_path(), Why::LinkLoop)
            }
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => (entry.into_path(), Why::NotAFile),
            Err(error) if error.depth() == 0 => return Err(error.into()),
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                let why = why_not_walked(&path, &error);
                (path, why)
            }
        };
        if !path.file_name().is_some_and(is_skipped) {
            walked.passed_over.push(PassedOver::new(root, path, why));
        }
    }
    Ok(walked)
}

fn why_not_walked(path: &Path, error: &walkdir::Error) -> Why {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(_), _) | (None, None) => Why::LinkLoop,
        (None, Some(error)) => why_of(path, error),
    }
}

/// Whether a link leads to a folder or to one above it.
fn leads_to(link: &Path, folder: &Path) -> bool {
    let target = link.canonicalize();
    target.is_ok_and(|target| folder.starts_with(target))
}

/// Whether an entry is no photo and no person for its name alone: hidden, or left by a system.
#[must_use]
pub fn is_skipped(name: &OsStr) -> bool {
    let left = |name: &str| LEFT_BY_SYSTEMS.contains(&name.to_lowercase().as_str());
    is_hidden(name) || name.to_str().is_some_and(left)
}

/// Whether a file is one that operating systems keep beside the user's photos (`.DS_Store`,
/// `._photo.jpg`); a name that begins with two dots is the user's own.
#[must_use]
pub fn is_hidden(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && !name.starts_with(b"..")
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn lists_what_can_be_opened_and_says_why_the_rest_can_not() {
        let root = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| root.path().join(name);
        for name in [
            "b.jpg",
            "a/1.jpg",
            "a/@eaDir/1.jpg/thumb.jpg",
            "a/THUMBS.DB",
            ".hidden/2.jpg",
            "..named/3.jpg",
        ] {
            fs_err::create_dir_all(at(name).parent().expect("has a parent")).expect("makes");
            fs_err::write(at(name), name).expect("writes");
        }
        symlink("nowhere.jpg", at("a/gone.jpg")).expect("links");
        symlink("..", at("a/up")).expect("links");
        symlink("self.jpg", at("self.jpg")).expect("links");
        symlink("../b.jpg", at("a/other.jpg")).expect("links");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("binds");
        let walked = walk(root.path(), root.path()).expect("lists");
        let files = walked.files.iter();
        let files: Vec<_> = files.map(|path| relative_path(root.path(), path)).collect();
        assert_eq!(files, ["..named/3.jpg", "a/1.jpg", "a/other.jpg", "b.jpg"]);
        let rest = walked.passed_over.iter();
        let rest: Vec<_> = rest.map(|one| (&*one.relative, one.why.clone())).collect();
        let expected = [
            ("a/gone.jpg", Why::DeadLink),
            ("a/up", Why::LinkLoop),
            ("self.jpg", Why::LinkLoop),
            ("socket", Why::NotAFile),
        ];
        assert_eq!(rest, expected);
        assert!(walk(root.path(), &at("missing")).is_err());
    }

    #[test]
    fn links_to_folders_above_bring_nobody_in_a_second_time() {
        let root = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| root.path().join(name);
        for name in ["a/1.jpg", "b/2.jpg"] {
            fs_err::create_dir_all(at(name).parent().expect("has a parent")).expect("makes");
            fs_err::write(at(name), name).expect("writes");
        }
        symlink("..", at("a/up")).expect("links");
        symlink(root.path(), at("all")).expect("links");
        symlink("../b", at("a/others")).expect("links");
        let listed = super::super::image_folder::list(root.path()).expect("lists");
        let files: Vec<&str> = listed.files.iter().map(|file| &*file.relative).collect();
        assert_eq!(files, ["a/1.jpg", "a/others/2.jpg", "b/2.jpg"]);
        assert_eq!(listed.labels, ["a", "b"]);
        let rest = listed.passed_over.iter();
        let rest: Vec<_> = rest.map(|one| (&*one.relative, one.why.clone())).collect();
        assert_eq!(rest, [("a/up", Why::LinkLoop), ("all", Why::LinkLoop)]);
        // The folder itself may be given by a link.
        let elsewhere = tempfile::tempdir().expect("temporary folder");
        let link = elsewhere.path().join("link");
        symlink(root.path(), &link).expect("links");
        let walked = walk(&link, &link).expect("lists");
        assert_eq!((walked.files.len(), walked.passed_over.len()), (3, 2));
    }
}
