//! The people and photos of a project.

use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::cli::hints::Advice;
use crate::cli::options::model_path::CROPS;
use crate::cli::options::nearest::nearest;
use crate::cli::options::project_file::{PROJECT_FILE, ProjectFile};
use facepipe_core::artifacts::image_folder::{ImageFolder, ImageFolderError};
use facepipe_core::artifacts::selection::{Selection, SelectionError};
use facepipe_core::artifacts::stage::MANIFEST_FILE;
use facepipe_core::artifacts::{given_split, jsonl};
use facepipe_core::types::CropRecord;

/// Why a project can't be read or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    #[error("`{}` is no project: it has no {PROJECT_FILE}", .0.display())]
    NoProject(PathBuf),
    #[error(transparent)]
    Folder(#[from] ImageFolderError),
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// There is nobody of this name.
    #[error("there is nobody called `{name}` in the project")]
    NoPerson { name: String, meant: Option<String> },
    #[error("`{0}` can't be merged with itself")]
    Itself(String),
    /// There is somebody of this name already.
    #[error("there is somebody called `{0}` already")]
    Taken(String),
    /// It can't be a folder's name.
    #[error("`{0}` can't be a name: crops and images lie in folders of that name")]
    NoName(String),
    #[error("there is no folder `{}`", .0.display())]
    NoFolder(PathBuf),
    #[error("`{}` holds no files", .0.display())]
    NoPhotos(PathBuf),
    #[error("`{}` is among the photos of `{label}` already", .folder.display())]
    Added { label: String, folder: PathBuf },
    #[error("no photo of the project is `{name}`")]
    NoPhoto { name: String, meant: Option<String> },
    #[error("`{0}` means several photos: {list}", list = .1.join(", "))]
    SeveralPhotos(String, Vec<String>),
    #[error("`{0}` is dropped already")]
    IsDropped(String),
    #[error("`{0}` is not dropped")]
    NotDropped(String),
    #[error("there is no change to take back")]
    NothingToUndo,
}

impl Advice for ProjectError {
    fn next_step(&self) -> Option<String> {
        let meant = |meant: &Option<String>, otherwise: &str| {
            let meant = meant
                .as_ref()
                .map(|meant| format!("did you mean `{meant}`?"));
            Some(meant.unwrap_or_else(|| otherwise.to_owned()))
        };
        match self {
            Self::NoProject(_) => Some(
                "name its folder with `--project DIR`; `facepipe run PHOTOS --out DIR` makes one"
                    .to_owned(),
            ),
            Self::Folder(error) => error.next_step(),
            Self::Selection(_) => Some(
                "bring the folder back, leave its person out with `facepipe project remove`, or take the last change back \
                 with `facepipe project undo`"
                    .to_owned(),
            ),
            Self::NoPerson { meant: name, .. } => {
                meant(name, "`facepipe project status` lists the people")
            }
            Self::Taken(name) => Some(format!(
                "choose another name, or make one person of both with `facepipe project merge OLD '{name}'`"
            )),
            Self::NoName(_) => {
                Some("choose a name without `/` that does not begin with a dot".to_owned())
            }
            Self::NoPhoto { meant: name, .. } => meant(
                name,
                "give a photo of your folder, LABEL/PHOTO, or the name of a face in a report",
            ),
            Self::SeveralPhotos(..) => Some("give LABEL/PHOTO".to_owned()),
            Self::Itself(_)
            | Self::NoFolder(_)
            | Self::NoPhotos(_)
            | Self::Added { .. }
            | Self::IsDropped(_)
            | Self::NotDropped(_)
            | Self::NothingToUndo => None,
        }
    }
}

/// A project as its file and its photos are now.
pub(super) struct Listing {
    pub(super) file: ProjectFile,
    pub(super) selection: Selection,
    /// The folder of photos.
    pub(super) photos: PathBuf,
    /// What is in it, after the changes.
    pub(super) folder: ImageFolder,
    /// Added folders that can't be read any more, in words.
    pub(super) gone: Vec<String>,
    /// The crops of the last run.
    crops: Vec<CropRecord>,
}

impl Listing {
    /// Reads a project.
    pub(super) fn read(project: &Path) -> Result<Self, Failure> {
        let file = ProjectFile::read(project)?
            .ok_or_else(|| ProjectError::NoProject(project.to_owned()))?;
        let selection = file.selection()?;
        let photos = file.photos(project);
        if !photos.is_dir() {
            return Err(ProjectError::NoFolder(photos).into());
        }
        let (mut folder, _) = given_split::list(&photos).map_err(ProjectError::from)?;
        let mut gone = Vec::new();
        let keep = |error: SelectionError| {
            gone.push(error.to_string());
            Ok(())
        };
        selection
            .apply_with(&mut folder, keep)
            .map_err(ProjectError::from)?;
        let manifest = project.join(CROPS).join(MANIFEST_FILE);
        let crops = if manifest.is_file() {
            jsonl::read(&manifest)?
        } else {
            Vec::new()
        };
        Ok(Self {
            file,
            selection,
            photos,
            folder,
            gone,
            crops,
        })
    }

    /// Checks that there is a person.
    pub(super) fn ensure_person(&self, name: &str) -> Result<(), ProjectError> {
        if self.folder.labels.iter().any(|label| label == name) {
            return Ok(());
        }
        Err(ProjectError::NoPerson {
            name: name.to_owned(),
            meant: nearest(name, self.folder.labels.iter().cloned()),
        })
    }

    /// The photo that a person means: by its path on the disk, its path in manifests, or the name of one of its faces.
    pub(super) fn photo(&self, name: &str) -> Result<String, ProjectError> {
        let files = self
            .folder
            .files
            .iter()
            .map(|file| (&file.relative, &file.path));
        let passed_over = self
            .folder
            .passed_over
            .iter()
            .map(|one| (&one.relative, &one.path));
        let all: Vec<(&String, &PathBuf)> = files.chain(passed_over).collect();
        if let Some((relative, _)) = all.iter().find(|(relative, _)| *relative == name) {
            return Ok((*relative).clone());
        }
        if let Ok(on_disk) = fs_err::canonicalize(name) {
            let is_it = |path: &Path| path.canonicalize().is_ok_and(|path| path == on_disk);
            if let Some((relative, _)) = all.iter().find(|(_, path)| is_it(path)) {
                return Ok((*relative).clone());
            }
        }
        let mut found: Vec<&String> = self
            .crops
            .iter()
            .filter(|crop| is_face(crop, name))
            .map(|crop| &crop.source.file)
            .collect();
        found.extend(
            all.iter()
                .filter(|(relative, _)| is_end_of(relative, name))
                .map(|(relative, _)| *relative),
        );
        found.sort();
        found.dedup();
        match found.as_slice() {
            [only] => Ok((*only).clone()),
            [] => Err(ProjectError::NoPhoto {
                name: name.to_owned(),
                meant: nearest(name, all.iter().map(|(relative, _)| (*relative).clone())),
            }),
            several => Err(ProjectError::SeveralPhotos(
                name.to_owned(),
                several.iter().map(|photo| format!("`{photo}`")).collect(),
            )),
        }
    }
}

/// Whether a name from a report is that of a crop: alone, below its label, or below a side.
fn is_face(crop: &CropRecord, name: &str) -> bool {
    is_end_of(&crop.file, name) || is_end_of(name, &crop.file)
}

/// Whether the last parts of a path are these.
fn is_end_of(path: &str, end: &str) -> bool {
    !end.is_empty()
        && path
            .strip_suffix(end)
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_parts_of_a_path_are_its_end() {
        for (path, end, expected) in [
            ("ada/1.jpg", "1.jpg", true),
            ("ada/1.jpg", "ada/1.jpg", true),
            ("ada/11.jpg", "1.jpg", false),
            ("ada/1.jpg", "", false),
            ("1.jpg", "ada/1.jpg", false),
        ] {
            assert_eq!(is_end_of(path, end), expected, "{path} {end}");
        }
    }
}
