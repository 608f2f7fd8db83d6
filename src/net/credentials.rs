//! Keys and endpoints of services: read from the environment, then from a file in the working
//! folder.

use std::io;
use std::path::{Path, PathBuf};

/// Files that are read in the working folder, in this order.
pub const FILES: [&str; 2] = ["v.env", ".env"];

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the environment, under this name.
    Environment(&'static str),
    /// In a file, under this name.
    File(PathBuf, &'static str),
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment(name) => write!(formatter, "{name}"),
            Self::File(path, name) => write!(formatter, "{name} in `{}`", path.display()),
        }
    }
}

/// All places of values: the environment, then [`FILES`] in a folder.
pub struct Places<E> {
    environment: E,
    files: Vec<(PathBuf, String)>,
}

impl<E: Fn(&str) -> Option<String>> Places<E> {
    /// Reads the files of `folder`; `environment` gives the value of a variable.
    ///
    /// # Errors
    /// An [`io::Error`] for a file that exists and can't be read.
    pub fn read(environment: E, folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for name in FILES {
            let path = folder.join(name);
            match fs_err::read(&path) {
                Ok(bytes) => files.push((path, String::from_utf8_lossy(&bytes).into_owned())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { environment, files })
    }

    /// The first value that is not empty, and where it was found.
    pub fn find(&self, names: &[&'static str]) -> Option<(String, Source)> {
        let in_environment = names
            .iter()
            .filter_map(|name| Some(((self.environment)(name)?, Source::Environment(name))));
        let in_files = self.files.iter().flat_map(|(path, text)| {
            names
                .iter()
                .filter_map(|name| Some((value_of(text, name)?, Source::File(path.clone(), name))))
        });
        in_environment
            .chain(in_files)
            .map(|(value, source)| (value.trim().to_owned(), source))
            .find(|(value, _)| !value.is_empty())
    }

    /// Whether a variable of this name exists, with a value or without.
    pub fn have(&self, name: &str) -> bool {
        let in_file = |(_, text): &(PathBuf, String)| value_of(text, name).is_some();
        (self.environment)(name).is_some() || self.files.iter().any(in_file)
    }
}

/// The last value of a name in a file of lines `NAME=value`, read as shells and the dotenv
/// libraries do: with an optional `export` before it, quotes around it and a comment behind it.
/// Other lines are ignored. Parsed by hand: dotenvy takes `$` in a key for a variable, refuses keys
/// with a backslash, and its errors repeat the line, with the secret in it.
fn value_of(text: &str, name: &str) -> Option<String> {
    let value = |line: &str| {
        let line = line.trim_start_matches('\u{feff}').trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (left, right) = line.split_once('=')?;
        (left.trim() == name).then(|| plain(right.trim()).to_owned())
    };
    text.lines().filter_map(value).next_back()
}

/// A value without its quotes or its comment.
fn plain(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.split_once(quote))
        {
            return inner;
        }
    }
    if value.starts_with('#') {
        return "";
    }
    value
        .split_once(" #")
        .map_or(value, |(value, _)| value)
        .trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_shells_read_them() {
        for (line, expected) in [
            ("A=x", Some("x")),
            ("A = x y  # z", Some("x y")),
            ("A=x#y", Some("x#y")),
            ("A='x # y' # z", Some("x # y")),
            ("A=\"x", Some("\"x")),
            ("A=a$b\\c", Some("a$b\\c")),
            ("A=x\nA=y", Some("y")),
            ("A=# nothing", Some("")),
            ("# A=x", None),
            ("AA=x", None),
            ("A", None),
        ] {
            assert_eq!(value_of(line, "A").as_deref(), expected, "{line}");
        }
    }
}
