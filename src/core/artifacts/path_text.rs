//! Paths as text, also where a name is no UTF-8.
//!
//! File systems of Unix take any bytes in a name. JSON, and names derived from others, take text. A name
//! that is UTF-8 is its own text. Of another one, the bytes that are no UTF-8 are written as in a URL,
//! `Jos%E9`, and so is its `%`, as `%25`. Where a file beside it has that very text as its name, all its bytes
//! are written so (`%4A%6F%73%E9`), or so in small letters: no two files have the same text.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode;

/// A path below `root`, with `/` between its parts.
#[must_use]
pub fn relative_path(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let mut parts = Vec::new();
    let mut at = root.to_owned();
    for part in below.components() {
        at.push(part);
        if let Component::Normal(_) = part {
            parts.push(text_of_name(&at).into_owned());
        }
    }
    parts.join("/")
}

/// A whole path, as it is written but for bytes that are no UTF-8.
#[must_use]
pub fn text_of_path(path: &Path) -> String {
    if let Some(text) = path.to_str() {
        return text.to_owned();
    }
    let mut text = String::new();
    let mut at = PathBuf::new();
    for part in path.components() {
        at.push(part);
        if !text.is_empty() && !text.ends_with('/') {
            text.push('/');
        }
        match part {
            Component::Normal(_) => text.push_str(&text_of_name(&at)),
            part => text.push_str(&part.as_os_str().to_string_lossy()),
        }
    }
    text
}

/// The text of a path's last part.
#[must_use]
pub fn text_of_name(path: &Path) -> Cow<'_, str> {
    let name = path.file_name().unwrap_or_default();
    if let Some(text) = name.to_str() {
        return Cow::Borrowed(text);
    }
    let bytes = name.as_encoded_bytes();
    let is_free = |text: &String| path.with_file_name(text).symlink_metadata().is_err();
    let mut texts = [
        escaped(bytes),
        bytes.iter().map(|byte| format!("%{byte:02X}")).collect(),
        bytes.iter().map(|byte| format!("%{byte:02x}")).collect(),
        bytes.iter().map(mixed).collect(),
    ]
    .into_iter();
    let first = texts.find(is_free);
    Cow::Owned(first.unwrap_or_else(|| escaped(bytes)))
}

/// A byte in the last form that is tried: the two digits in letters of two sizes.
fn mixed(byte: &u8) -> String {
    format!("%{:X}{:x}", byte >> 4, byte & 0xf)
}

fn escaped(name: &[u8]) -> String {
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The path below `root` that a text stands for: the one of that very name, if it is there, else the one of the
/// bytes that the text writes.
#[must_use]
pub fn path_of_text(root: &Path, text: &str) -> PathBuf {
    let mut path = root.join(if text.starts_with('/') { "/" } else { "" });
    for part in text.split('/').filter(|part| !part.is_empty()) {
        let literal = path.join(part);
        let bytes: Vec<u8> = percent_decode(part.as_bytes()).collect();
        if literal.symlink_metadata().is_ok() || str::from_utf8(&bytes).is_ok() {
            path = literal;
        } else {
            path.push(path_of_bytes(bytes));
        }
    }
    path
}

/// A path of these bytes, as far as the system's paths can have them.
#[cfg(unix)]
#[must_use]
pub fn path_of_bytes(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// A path of these bytes, as far as the system's paths can have them.
#[cfg(not(unix))]
#[must_use]
pub fn path_of_bytes(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

/// For serde's `with`: a path as its text, where the usual form refuses names that are no UTF-8.
pub mod as_text {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serializer};

    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::text_of_path(path))
    }

    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(super::path_of_text(Path::new(""), &text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_text_are_their_own_texts() {
        for name in [
            "a.jpg",
            "José Müller.jpg",
            "100%.jpg",
            "a%20b.jpg",
            "Jos%E9.jpg",
            "/漢字/%41",
        ] {
            assert_eq!(text_of_path(Path::new(name)), name);
        }
        let below = relative_path(Path::new("in"), Path::new("in/./ada/1.jpg"));
        assert_eq!(below, "ada/1.jpg");
    }

    #[cfg(unix)]
    #[test]
    fn other_names_have_texts_of_their_own_that_lead_back() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let names: [&[u8]; 10] = [
            b"\xff\xfe",
            b"%FF%FE",
            b"Jos\xe9.jpg",
            b"Jos\xe8.jpg",
            b"Jos%E9.jpg",
            b"Jos%25E9.jpg",
            b"%\xe9",
            b"%4\xe9%41",
            "Jos\u{fffd}.jpg".as_bytes(),
            b"M\xfcller/\xff",
        ];
        let paths = names.map(|name| folder.path().join(path_of_bytes(name.to_vec())));
        for path in &paths {
            fs_err::create_dir_all(path.parent().expect("has a parent")).expect("makes");
            fs_err::write(path, "x").expect("writes");
        }
        let mut texts = std::collections::BTreeSet::new();
        for path in &paths {
            let text = relative_path(folder.path(), path);
            assert_eq!(path_of_text(folder.path(), &text), *path, "{text}");
            let whole = text_of_path(path);
            assert!(whole.ends_with(&text));
            assert_eq!(path_of_text(Path::new(""), &whole), *path);
            assert!(texts.insert(text));
        }
        let expected = [
            "Jos%E8.jpg",
            "Jos%E9.jpg",
            "%4A%6F%73%E9%2E%6A%70%67",
            "%25%E9",
            "M%FCller/%FF",
        ];
        assert!(
            expected.iter().all(|text| texts.contains(*text)),
            "{texts:?}"
        );
    }
}
