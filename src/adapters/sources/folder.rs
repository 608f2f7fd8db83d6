//! A folder of images on this machine, with a folder for each label.

use std::io;
use std::path::Path;

use facepipe_core::artifacts::given_split;
use facepipe_core::artifacts::image_folder::{ImageFolder, LabelledFile};
use facepipe_core::artifacts::path_text::relative_path;
use facepipe_core::artifacts::walk::{self, PassedOver};
use facepipe_core::ports::{ImageSource, SourceError, SourceStep};
use facepipe_core::types::{Address, Candidate, Provenance};

/// Offers every file of a folder, sorted by path.
#[derive(Debug)]
pub struct FolderSource {
    files: std::vec::IntoIter<LabelledFile>,
    passed_over: std::vec::IntoIter<PassedOver>,
    total: u64,
    query: Option<String>,
    note: Option<String>,
}

impl FolderSource {
    /// The source's name in provenance.
    pub const NAME: &str = "folder";

    /// Lists a folder: with `label`, every file below it gets that label; without, it has to hold a
    /// folder for each label, or be split already. Hidden files, and what systems leave in folders, are skipped; entries that
    /// can't be used are offered as junk.
    ///
    /// # Errors
    /// [`SourceError::Io`], [`SourceError::Folder`], [`SourceError::Empty`].
    pub fn new(
        root: &Path,
        label: Option<&str>,
        query: Option<String>,
    ) -> Result<Self, SourceError> {
        let (folder, sides) = match label {
            Some(label) => (list_flat(root, label)?, None),
            None => given_split::list(root)?,
        };
        if folder.files.is_empty() {
            return Err(SourceError::Empty {
                list: root.display().to_string(),
            });
        }
        Ok(Self {
            total: folder.found(),
            files: folder.files.into_iter(),
            passed_over: folder.passed_over.into_iter(),
            query,
            note: sides.map(|_| {
                format!(
                    "`{}` is split already: its photos are fetched without their sides",
                    root.display()
                )
            }),
        })
    }
}

fn list_flat(root: &Path, label: &str) -> Result<ImageFolder, SourceError> {
    // Checked first: walking a missing folder gives an error without the usual hint.
    if !fs_err::metadata(root)?.is_dir() {
        let text = format!("`{}` is not a folder", root.display());
        return Err(io::Error::new(io::ErrorKind::NotADirectory, text).into());
    }
    let walked = walk::walk(root, root)?;
    let files = walked.files.into_iter().map(|path| LabelledFile {
        label: label.to_owned(),
        relative: relative_path(root, &path),
        path,
    });
    let passed_over = walked.passed_over.into_iter().map(|entry| PassedOver {
        label: Some(label.to_owned()),
        ..entry
    });
    let mut folder = ImageFolder {
        labels: vec![label.to_owned()],
        files: files.collect(),
        passed_over: passed_over.collect(),
    };
    folder.files.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok(folder)
}

impl ImageSource for FolderSource {
    fn step(&mut self) -> Result<SourceStep, SourceError> {
        if let Some(note) = self.note.take() {
            return Ok(SourceStep::Note(note));
        }
        if let Some(file) = self.files.next() {
            return Ok(SourceStep::Candidate(Box::new(Candidate {
                address: Address::File(file.path),
                label: file.label,
                provenance: Provenance {
                    source: Self::NAME.to_owned(),
                    query: self.query.clone(),
                    image_url: file.relative,
                    ..Provenance::default()
                },
            })));
        }
        let junk = self.passed_over.next().map(|entry| entry.discarded());
        Ok(junk.map_or(SourceStep::End, SourceStep::Junk))
    }

    fn answer(&mut self, _body: &[u8]) -> Result<(), SourceError> {
        Ok(())
    }

    fn total(&self) -> Option<u64> {
        Some(self.total)
    }

    fn is_list(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use facepipe_core::artifacts::image_folder::ImageFolderError;

    use super::*;

    fn folder_of(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temporary folder");
        for file in files {
            let path = root.path().join(file);
            fs_err::create_dir_all(path.parent().expect("has a parent")).expect("makes");
            fs_err::write(path, file).expect("writes");
        }
        root
    }

    fn offered(mut source: FolderSource) -> Vec<(String, String)> {
        let mut all = Vec::new();
        while let SourceStep::Candidate(candidate) = source.step().expect("steps") {
            all.push((candidate.label, candidate.provenance.image_url));
        }
        all
    }

    #[test]
    fn a_folder_a_label_in_sorted_order() {
        let root = folder_of(&["b/2.jpg", "a/deep/1.jpg", "a/.hidden"]);
        let source = FolderSource::new(root.path(), None, None).expect("lists");
        assert_eq!(source.total(), Some(2));
        let pairs = [("a", "a/deep/1.jpg"), ("b", "b/2.jpg")];
        let pairs = pairs.map(|(label, path)| (label.to_owned(), path.to_owned()));
        assert_eq!(offered(source), pairs);
    }

    #[test]
    fn one_label_for_all_takes_files_at_the_top_too() {
        let root = folder_of(&["2.jpg", "a/1.jpg"]);
        assert!(matches!(
            FolderSource::new(&root.path().join("a"), None, None),
            Err(SourceError::Folder(ImageFolderError::NoLabels(_)))
        ));
        let source = FolderSource::new(root.path(), Some("ann"), None).expect("lists");
        let pairs = ["2.jpg", "a/1.jpg"].map(|path| ("ann".to_owned(), path.to_owned()));
        assert_eq!(offered(source), pairs);
    }

    #[test]
    fn missing_and_empty_folders_are_errors() {
        let root = tempfile::tempdir().expect("temporary folder");
        let missing = root.path().join("missing");
        for label in [None, Some("ann")] {
            let error = FolderSource::new(&missing, label, None).expect_err("is missing");
            assert!(error.to_string().contains("missing"), "{error}");
        }
        assert!(matches!(
            FolderSource::new(root.path(), Some("ann"), None),
            Err(SourceError::Empty { .. })
        ));
    }
}
