//! What a person changed about the photos of a project: people who came, got another name or left, photos that are set
//! aside. The photos themselves are not touched: changes are applied to their list, one after the other.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest::sha256_hex;
use super::image_folder::{ImageFolder, LabelledFile};
use super::path_text::{relative_path, text_of_name};
use super::walk::{self, PassedOver, Why};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The photos of another folder are a label's, too.
    Add {
        /// The label.
        label: String,
        /// The folder.
        folder: String,
    },
    /// A label has another name; or its photos are those of a label that there is already.
    Rename {
        /// The label.
        from: String,
        /// Its name from now on.
        to: String,
    },
    /// A label's photos are left out.
    Remove {
        /// The label.
        label: String,
    },
    /// Photos are left out.
    Drop {
        /// Their paths, as manifests have them.
        photos: Vec<String>,
    },
    /// Photos are no longer left out.
    Restore {
        /// Their paths.
        photos: Vec<String>,
    },
}

/// All changes, the first first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection(Vec<Change>);

/// Why the changes can't be applied.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// The folder of an added person can't be read.
    #[error("cannot read `{}`, whose photos were added as `{label}`", .folder.display())]
    Folder {
        /// The label.
        label: String,
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Selection {
    /// Of some changes.
    #[must_use]
    pub const fn new(changes: Vec<Change>) -> Self {
        Self(changes)
    }

    /// The changes.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// Whether nothing is changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A digest of the changes; `None` without any.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        (!self.is_empty()).then(|| sha256_hex(text.as_bytes()))
    }

    /// Applies the changes to the photos of a folder.
    ///
    /// # Errors
    /// [`SelectionError`].
    pub fn apply(&self, folder: &mut ImageFolder) -> Result<(), SelectionError> {
        self.apply_with(folder, Err)
    }

    /// The same; `gone` is asked about each added folder that can't be read, and may do without its photos.
    ///
    /// # Errors
    /// Those that `gone` returns.
    pub fn apply_with(
        &self,
        folder: &mut ImageFolder,
        mut gone: impl FnMut(SelectionError) -> Result<(), SelectionError>,
    ) -> Result<(), SelectionError> {
        if self.is_empty() {
            return Ok(());
        }
        let mut labels = BTreeSet::new();
        let old_labels = std::mem::take(&mut folder.labels);
        labels.extend(old_labels.iter().filter_map(|label| self.label(label, 0)));
        let dropped = self.dropped();
        let files = std::mem::take(&mut folder.files);
        let mut taken: BTreeSet<String> = files.iter().filter_map(two_folders).collect();
        let mut sources = vec![(files, 0)];
        for (index, change) in self.0.iter().enumerate() {
            if let Change::Add {
                label,
                folder: from,
            } = change
            {
                let from = Path::new(from);
                let name = name_of_source(&mut taken, label, from);
                let label_now = self.label(label, index + 1);
                labels.extend(label_now.clone());
                let walked = match walk::walk(from, from) {
                    Ok(walked) => walked,
                    // Who was removed is not missed.
                    Err(_) if label_now.is_none() => continue,
                    Err(source) => {
                        gone(SelectionError::Folder {
                            label: label.clone(),
                            folder: from.to_owned(),
                            source,
                        })?;
                        continue;
                    }
                };
                let relative =
                    |path: &Path| format!("{label}/{name}/{}", relative_path(from, path));
                let files = walked.files.into_iter().map(|path| LabelledFile {
                    label: label.clone(),
                    relative: relative(&path),
                    path,
                });
                sources.push((files.collect(), index + 1));
                folder
                    .passed_over
                    .extend(walked.passed_over.into_iter().map(|entry| PassedOver {
                        relative: relative(&entry.path),
                        label: Some(label.clone()),
                        ..entry
                    }));
            }
        }
        for (files, since) in sources {
            for file in files {
                match self.label(&file.label, since) {
                    Some(label) if !dropped.contains(file.relative.as_str()) => {
                        folder.files.push(LabelledFile { label, ..file });
                    }
                    label => folder.passed_over.push(PassedOver {
                        relative: file.relative,
                        path: file.path,
                        why: match label {
                            Some(_) => Why::Dropped,
                            None => Why::LabelRemoved,
                        },
                        label: Some(label.unwrap_or(file.label)),
                    }),
                }
            }
        }
        folder.labels = labels.into_iter().collect();
        folder.files.sort_by(|a, b| a.relative.cmp(&b.relative));
        folder.passed_over.sort();
        Ok(())
    }

    /// What a label is called after the changes from one on; `None`: it was removed.
    fn label(&self, label: &str, since: usize) -> Option<String> {
        let mut now = label.to_owned();
        for change in &self.0[since..] {
            match change {
                Change::Rename { from, to } if *from == now => now.clone_from(to),
                Change::Remove { label } if *label == now => return None,
                _ => {}
            }
        }
        Some(now)
    }

    /// Photos that are left out.
    #[must_use]
    pub fn dropped(&self) -> BTreeSet<&str> {
        let mut dropped = BTreeSet::new();
        for change in &self.0 {
            match change {
                Change::Drop { photos } => dropped.extend(photos.iter().map(String::as_str)),
                Change::Restore { photos } => {
                    for photo in photos {
                        dropped.remove(photo.as_str());
                    }
                }
                _ => {}
            }
        }
        dropped
    }
}

/// The first two folders of a file's path, where it is in two.
fn two_folders(file: &LabelledFile) -> Option<String> {
    let (label, below) = file.relative.split_once('/')?;
    let (folder, _) = below.split_once('/')?;
    Some(format!("{label}/{folder}"))
}

/// The name of an added folder in its photos' paths, which nothing else below the label has.
fn name_of_source(taken: &mut BTreeSet<String>, label: &str, folder: &Path) -> String {
    let name = text_of_name(folder).into_owned();
    let mut names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name} ({n})")));
    let free = names.find(|name| taken.insert(format!("{label}/{name}")));
    free.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts::image_folder;

    fn write(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            fs_err::create_dir_all(path.parent().expect("a folder")).expect("makes");
            fs_err::write(path, file).expect("writes");
        }
    }

    fn listed(root: &Path, changes: Vec<Change>) -> ImageFolder {
        let mut folder = image_folder::list(&root.join("photos")).expect("lists");
        Selection::new(changes).apply(&mut folder).expect("applies");
        folder
    }

    fn photos(folder: &ImageFolder) -> Vec<(&str, &str)> {
        let files = folder.files.iter();
        files
            .map(|file| (file.label.as_str(), file.relative.as_str()))
            .collect()
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn people_come_get_other_names_and_leave() {
        let root = tempfile::tempdir().expect("temporary folder");
        write(
            root.path(),
            &[
                "photos/ada/1.jpg",
                "photos/ada/2.jpg",
                "photos/bea/1.jpg",
                "more/x.jpg",
            ],
        );
        let more = root.path().join("more").to_string_lossy().into_owned();
        let add = |label| Change::Add {
            label: text(label),
            folder: more.clone(),
        };
        let rename = |from, to| Change::Rename {
            from: text(from),
            to: text(to),
        };
        let remove = |label| Change::Remove { label: text(label) };

        let folder = listed(
            root.path(),
            vec![add("ada"), add("ada"), rename("ada", "Ada L.")],
        );
        assert_eq!(folder.labels, ["Ada L.", "bea"]);
        assert_eq!(
            photos(&folder),
            [
                ("Ada L.", "ada/1.jpg"),
                ("Ada L.", "ada/2.jpg"),
                ("Ada L.", "ada/more (2)/x.jpg"),
                ("Ada L.", "ada/more/x.jpg"),
                ("bea", "bea/1.jpg"),
            ]
        );
        // Who comes after a removal stays; what was removed is listed.
        let folder = listed(
            root.path(),
            vec![remove("ada"), add("ada"), rename("bea", "ada")],
        );
        assert_eq!(folder.labels, ["ada"]);
        assert_eq!(
            photos(&folder),
            [("ada", "ada/more/x.jpg"), ("ada", "bea/1.jpg")]
        );
        let out: Vec<_> = folder
            .passed_over
            .iter()
            .map(|one| (&*one.relative, &one.why))
            .collect();
        assert_eq!(
            out,
            [
                ("ada/1.jpg", &Why::LabelRemoved),
                ("ada/2.jpg", &Why::LabelRemoved)
            ]
        );
        assert_eq!(folder.found(), 4);
        // A name that is free again can be given again.
        let folder = listed(
            root.path(),
            vec![rename("ada", "cem"), rename("bea", "ada")],
        );
        assert_eq!(folder.labels, ["ada", "cem"]);
    }

    #[test]
    fn dropped_photos_are_listed_until_they_are_restored() {
        let root = tempfile::tempdir().expect("temporary folder");
        write(root.path(), &["photos/ada/1.jpg", "photos/ada/2.jpg"]);
        let drop = Change::Drop {
            photos: vec![text("ada/1.jpg"), text("ada/2.jpg")],
        };
        let folder = listed(root.path(), vec![drop.clone()]);
        assert_eq!((folder.files.len(), folder.found()), (0, 2));
        assert_eq!(folder.labels, ["ada"]);
        assert!(folder.passed_over.iter().all(|one| one.why == Why::Dropped));
        let restore = Change::Restore {
            photos: vec![text("ada/2.jpg")],
        };
        let folder = listed(root.path(), vec![drop, restore]);
        assert_eq!(photos(&folder), [("ada", "ada/2.jpg")]);
    }

    #[test]
    fn an_added_folder_that_is_gone_is_named() {
        let root = tempfile::tempdir().expect("temporary folder");
        write(root.path(), &["photos/ada/1.jpg"]);
        let mut folder = image_folder::list(&root.path().join("photos")).expect("lists");
        let add = Change::Add {
            label: text("bea"),
            folder: text("/nowhere/bea"),
        };
        let error = Selection::new(vec![add])
            .apply(&mut folder)
            .expect_err("is gone");
        assert!(error.to_string().contains("/nowhere/bea"), "{error}");
    }
}
