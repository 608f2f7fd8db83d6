//! The images that a command line names: files as they are, folders with all that is below them,
//! patterns that the shell has not expanded, and a list on stdin.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, UTF_8};
use glob::MatchOptions;

use crate::cli::failure::Failure;
use facepipe_core::artifacts::path_text::{path_of_bytes, text_of_path};
use facepipe_core::artifacts::walk;

/// The argument for a list on stdin.
const STDIN: &str = "-";
/// As shells match; hidden files and folders are skipped.
const LIKE_A_SHELL: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// One image of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputFile {
    /// The path to open.
    pub(crate) path: PathBuf,
    /// Its name in results: the argument, or the folder argument and the path below it.
    pub(crate) name: String,
}

/// All files that the arguments name, in their order, folders in the order of names; hidden files
/// are skipped.
///
/// A path without a file, as of one that was removed since it was listed, is among them:
/// opening it reports the error. Arguments of which none leads to a file are a usage error.
pub(crate) fn expand(arguments: &[PathBuf]) -> Result<Vec<InputFile>, Failure> {
    let mut files = Files::default();
    for argument in arguments {
        if argument.as_os_str() == STDIN {
            let mut list = Vec::new();
            io::stdin().lock().read_to_end(&mut list)?;
            listed(&decoded(&list))
                .iter()
                .for_each(|path| files.add(path));
            // The list may be older than the files: missing files, or an empty list, are no usage error.
            files.found = true;
        } else {
            files.add_argument(argument)?;
        }
    }
    match (files.missing, files.found) {
        (Some(missing), false) => Err(Failure::Usage {
            message: format!("there is no file or folder `{}`", missing.display()),
            hint: "check the spelling; a name with spaces needs quotes".to_owned(),
        }),
        _ => Ok(files.all),
    }
}

/// The files found so far.
#[derive(Default)]
struct Files {
    all: Vec<InputFile>,
    /// Whether any argument led to something.
    found: bool,
    /// The first path without a file.
    missing: Option<PathBuf>,
}

impl Files {
    /// A path, or a pattern where nothing has the path's very name.
    fn add_argument(&mut self, argument: &Path) -> Result<(), Failure> {
        let pattern = argument
            .to_str()
            .filter(|text| text.contains(['*', '?', '[']));
        match pattern {
            Some(pattern) if !argument.exists() => self.add_pattern(pattern),
            _ => {
                self.add(argument);
                Ok(())
            }
        }
    }

    fn add_pattern(&mut self, pattern: &str) -> Result<(), Failure> {
        let paths = glob::glob_with(pattern, LIKE_A_SHELL).map_err(|error| Failure::Usage {
            message: format!("`{pattern}` is no pattern: {}", error.msg),
            hint: "`*`, `?`, `[a-z]` and `**` (any folders) are understood; a file of that very \
                   name does not exist"
                .to_owned(),
        })?;
        let mut matches = Self::default();
        for path in paths {
            matches.add(&path.unwrap_or_else(|error| error.path().to_owned()));
        }
        if matches.all.is_empty() {
            self.add(Path::new(pattern));
        }
        // `**` finds folders and the files in them.
        let mut seen = BTreeSet::new();
        let once = |file: &InputFile| seen.insert(file.path.clone());
        self.all.extend(matches.all.into_iter().filter(once));
        self.found |= matches.found;
        Ok(())
    }

    fn add(&mut self, path: &Path) {
        if path.is_dir() {
            self.found = true;
            self.add_folder(path);
        } else {
            if path.exists() {
                self.found = true;
            } else {
                self.missing.get_or_insert_with(|| path.to_owned());
            }
            self.all.push(file(path));
        }
    }

    /// A folder or link that can't be followed is listed in place of its content.
    fn add_folder(&mut self, folder: &Path) {
        match walk::walk(folder, folder) {
            Ok(walked) => {
                let rest = walked.passed_over.into_iter().map(|entry| entry.path);
                let mut paths: Vec<PathBuf> = walked.files.into_iter().chain(rest).collect();
                paths.sort();
                self.all.extend(paths.iter().map(|path| file(path)));
            }
            Err(_) => self.all.push(file(folder)),
        }
    }
}

/// A file as it is named.
pub(crate) fn file(path: &Path) -> InputFile {
    InputFile {
        path: path.to_owned(),
        name: text_of_path(path),
    }
}

/// The bytes of a list without a byte order mark: in UTF-8 where the mark says UTF-16, which Windows' shells write.
fn decoded(list: &[u8]) -> Cow<'_, [u8]> {
    match Encoding::for_bom(list) {
        None => Cow::Borrowed(list),
        Some((encoding, mark)) if encoding == UTF_8 => Cow::Borrowed(&list[mark..]),
        Some((encoding, mark)) => {
            let (text, _) = encoding.decode_without_bom_handling(&list[mark..]);
            Cow::Owned(text.into_owned().into_bytes())
        }
    }
}

/// The paths of a list: one a line or, where there is a NUL, ended by NULs as `find -print0` does it.
fn listed(list: &[u8]) -> Vec<PathBuf> {
    let end = if list.contains(&0) { 0 } else { b'\n' };
    let entries = list.split(|byte| *byte == end);
    entries
        .map(|entry| match entry {
            [path @ .., b'\r'] if end == b'\n' => path,
            path => path,
        })
        .filter(|entry| !entry.is_empty())
        .map(|entry| path_of_bytes(entry.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with `a.jpg`, `b c.JPG`, `below/d.jpg`, `below/e[1].png` and hidden files.
    fn photos() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temporary folder");
        for name in [
            "a.jpg",
            "b c.JPG",
            "below/d.jpg",
            "below/e[1].png",
            ".hidden.jpg",
            ".cache/f.jpg",
        ] {
            let path = root.path().join(name);
            fs_err::create_dir_all(path.parent().expect("a folder")).expect("makes");
            fs_err::write(path, b"x").expect("writes");
        }
        root
    }

    /// The names below `root` that arguments below it lead to.
    fn names(root: &Path, arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<PathBuf> = arguments.iter().map(|name| root.join(name)).collect();
        let Ok(files) = expand(&arguments) else {
            panic!("{arguments:?} is refused");
        };
        let below = |file: InputFile| {
            assert_eq!(file.path.to_string_lossy(), file.name);
            let path = file.path.strip_prefix(root).expect("below the root");
            path.to_string_lossy().into_owned()
        };
        files.into_iter().map(below).collect()
    }

    #[test]
    fn folders_and_patterns_are_expanded_in_order() {
        let root = photos();
        let all = ["a.jpg", "b c.JPG", "below/d.jpg", "below/e[1].png"];
        for (arguments, expected) in [
            (vec![""], all.to_vec()),
            (vec!["below/d.jpg", "a.jpg"], vec!["below/d.jpg", "a.jpg"]),
            (vec!["a.jpg", "a.jpg"], vec!["a.jpg", "a.jpg"]),
            (vec!["*.jpg"], vec!["a.jpg"]),
            (vec!["**/*.jpg"], vec!["a.jpg", "below/d.jpg"]),
            (
                vec!["?.jpg", "b*"],
                vec!["a.jpg", "b c.JPG", "below/d.jpg", "below/e[1].png"],
            ),
            (vec!["**/*"], all.to_vec()),
            (vec!["below/e[1].png"], vec!["below/e[1].png"]),
            (vec!["below/[d]*"], vec!["below/d.jpg"]),
        ] {
            assert_eq!(names(root.path(), &arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn a_missing_path_is_reported_beside_existing_ones() {
        let root = photos();
        let found = names(root.path(), &["gone.jpg", "a.jpg", "*.gif"]);
        assert_eq!(found, ["gone.jpg", "a.jpg", "*.gif"]);
        for arguments in [vec!["gone.jpg"], vec!["*.gif", "gone.jpg"], vec!["[.jpg"]] {
            let paths: Vec<PathBuf> = arguments
                .iter()
                .map(|name| root.path().join(name))
                .collect();
            let refused = matches!(expand(&paths), Err(Failure::Usage { .. }));
            assert!(refused, "{arguments:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_does_not_hide_the_rest_of_its_folder() {
        let root = photos();
        std::os::unix::fs::symlink("nowhere", root.path().join("below/c.jpg")).expect("links");
        let expected = ["below/c.jpg", "below/d.jpg", "below/e[1].png"];
        assert_eq!(names(root.path(), &["below"]), expected);
    }

    #[test]
    fn lists_have_a_path_a_line_or_nul() {
        let paths_of = |list: &[u8]| {
            let paths = listed(&decoded(list)).into_iter();
            let texts = paths.map(|path| path.to_string_lossy().into_owned());
            texts.collect::<Vec<_>>()
        };
        let paths = |list: &str| paths_of(list.as_bytes());
        assert_eq!(paths(""), Vec::<String>::new());
        assert_eq!(paths("a.jpg\nb c.jpg"), ["a.jpg", "b c.jpg"]);
        assert_eq!(paths("a.jpg\r\n\n b.jpg\n"), ["a.jpg", " b.jpg"]);
        assert_eq!(paths("a\nb.jpg\0c.jpg\r\0"), ["a\nb.jpg", "c.jpg\r"]);
        assert_eq!(paths("\u{feff}a.jpg\n"), ["a.jpg"]);
        let text: Vec<u16> = "\u{feff}/ä.jpg\r\n/b.jpg\r\n".encode_utf16().collect();
        let little: Vec<u8> = text.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = text.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert_eq!(paths_of(&little), ["/ä.jpg", "/b.jpg"]);
        assert_eq!(paths_of(&big), ["/ä.jpg", "/b.jpg"]);
    }
}
