//! Images that the user restores: they are kept whatever their faces are.
//!
//! The list is a text file in the output folder, one image a line. A person may edit it; it survives
//! when the data set is made again, and counts as one of its inputs.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::digest::sha256_hex;

/// The list's name in the output folder.
pub const RESTORED_FILE: &str = "restored.txt";

/// The comment at the top of a new list.
const HEAD: &str = "\
# Images that stay in the data set although their faces are not taken for the person of their label.
# One a line, as `item` in discarded.jsonl has it: LABEL/FILE. Lines with # say nothing.
# Run the same command again after a change.
";

/// Restored images, by their paths below the input folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    items: BTreeSet<String>,
}

impl Restored {
    /// Reads the list of an output folder; empty where there is none.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn read(out: &Path) -> io::Result<Self> {
        let text = match fs_err::read_to_string(out.join(RESTORED_FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let lines = text.lines().map(str::trim);
        let items = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self {
            items: items.map(|item| item.replace('\\', "/")).collect(),
        })
    }

    /// Adds images to the list of an output folder; those that are there already are skipped.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn add(out: &Path, items: &[String]) -> io::Result<()> {
        let known = Self::read(out)?;
        let mut text = match fs_err::read_to_string(out.join(RESTORED_FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HEAD.to_owned(),
            Err(error) => return Err(error),
        };
        let new: BTreeSet<&String> = (items.iter())
            .filter(|item| !known.contains(item))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        for item in new {
            text.push_str(item);
            text.push('\n');
        }
        atomic::write(&out.join(RESTORED_FILE), text.as_bytes())
    }

    /// Whether an image is restored.
    #[must_use]
    pub fn contains(&self, item: &str) -> bool {
        self.items.contains(item)
    }

    /// The images, sorted.
    pub fn items(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(String::as_str)
    }

    /// A digest of this list; `None` for an empty one.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        let items: Vec<&str> = self.items().collect();
        (!items.is_empty()).then(|| sha256_hex(items.join("\n").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_once_and_may_be_edited() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let out = folder.path();
        assert_eq!(Restored::read(out).expect("reads"), Restored::default());
        assert_eq!(Restored::default().digest(), None);
        let items = ["ada/2.png", "ada/1.png", "ada/2.png"].map(str::to_owned);
        Restored::add(out, &items).expect("adds");
        let first = Restored::read(out).expect("reads");
        assert_eq!(
            first.items().collect::<Vec<_>>(),
            ["ada/1.png", "ada/2.png"]
        );
        Restored::add(out, &items[..1]).expect("adds");
        assert_eq!(Restored::read(out).expect("reads"), first);
        let path = out.join(RESTORED_FILE);
        let text = fs_err::read_to_string(&path).expect("reads");
        let edited = text.replace("ada/2.png", "  # not her: ada/2.png\r\ngrace\\3.png  ");
        fs_err::write(&path, edited.trim_end()).expect("writes");
        Restored::add(out, &["ada/4.png".to_owned()]).expect("adds");
        let second = Restored::read(out).expect("reads");
        let expected = ["ada/1.png", "ada/4.png", "grace/3.png"];
        assert_eq!(second.items().collect::<Vec<_>>(), expected);
        assert_ne!(first.digest(), second.digest());
    }
}
