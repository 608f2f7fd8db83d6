//! Errors of an evaluation.

use std::io;
use std::path::PathBuf;

use facepipe_core::artifacts::model_folder::CardError;
use facepipe_core::artifacts::stage::StageError;
use facepipe_core::context::Interrupted;
use facepipe_core::ports::DetectorError;
use facepipe_core::types::Split;
use facepipe_core::words::counted;
use facepipe_faces::face_finder::NoDetector;
use facepipe_imaging::data_set::DataSetError;
use facepipe_nn::{LoaderError, ModelError};

/// Why an evaluation failed.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The report can't be written, or the model not read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The report's folder can't be used.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The data set can't be used.
    #[error(transparent)]
    Data(#[from] DataSetError),
    /// The model can't be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model's card can't be read again.
    #[error(transparent)]
    Card(#[from] CardError),
    /// An image disappeared meanwhile.
    #[error(transparent)]
    Image(#[from] LoaderError),
    /// The side has no image that can be used.
    #[error("`{}` has no usable images for {split}", .data.display())]
    NoImages {
        /// The data set.
        data: PathBuf,
        /// The side.
        split: Split,
    },
    /// The data set has a label that the model can't give.
    #[error("the data set has images of `{label}`, which the model `{}` does not know", .model.display())]
    UnknownLabel {
        /// The label.
        label: String,
        /// The model's folder.
        model: PathBuf,
    },
    /// A table can't be written.
    #[error("cannot write a table")]
    Table(#[from] csv::Error),
    /// A picture can't be encoded.
    #[error("cannot encode a picture of the report")]
    Picture(#[from] image::ImageError),
    /// The model's detector can't be used, or fails on all photos.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// The model needs a detector, and none was given.
    #[error(transparent)]
    NoDetector(#[from] NoDetector),
    /// There is no folder of strangers.
    #[error("there is no folder `{}`", .0.display())]
    NoImpostorFolder(PathBuf),
    /// The folder of strangers holds nothing.
    #[error("`{}` holds no photos of strangers", .0.display())]
    NoImpostors(PathBuf),
    /// No photo of a stranger can be used.
    #[error("no face was found in {} of strangers in `{}`", counted(*photos, "photo"), .folder.display())]
    NoImpostorFaces {
        /// The folder.
        folder: PathBuf,
        /// How many photos it holds.
        photos: usize,
    },
    /// A stranger has the name of a label.
    #[error("`{}` has the name of a label of the model: `{label}` is no stranger", .folder.display())]
    KnownImpostor {
        /// The label.
        label: String,
        /// The folder of that name.
        folder: PathBuf,
    },
    /// The list of pairs can't be understood.
    #[error("cannot understand the list of pairs `{}`", .list.display())]
    Pairs {
        /// The list.
        list: PathBuf,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// A pair is neither one person nor two.
    #[error("`{value}` in line {line} of `{}` is neither 1 (one person) nor 0", .list.display())]
    PairValue {
        /// The list.
        list: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The value in the column `same`.
        value: String,
    },
    /// A photo of a pair does not exist.
    #[error("there is no photo `{}`, which line {line} of `{}` names", .path.display(), .list.display())]
    MissingPhoto {
        /// The photo.
        path: PathBuf,
        /// The list.
        list: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// The list of pairs is empty.
    #[error("`{}` lists no pairs", .0.display())]
    NoPairs(PathBuf),
    /// The list of groups can't be understood.
    #[error("cannot understand the list of groups `{}`", .list.display())]
    Groups {
        /// The list.
        list: PathBuf,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// A person has no group, or two.
    #[error("line {line} of `{}` (`{person}`): {problem}", .list.display())]
    GroupOfPerson {
        /// The list.
        list: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The person.
        person: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The list of groups is empty.
    #[error("`{}` puts nobody into a group", .0.display())]
    NoGroups(PathBuf),
    /// The images are of other people than the list.
    #[error("there is no image of any of the people in `{}`; images are of others, such as `{found}`", .list.display())]
    NobodyOfGroups {
        /// The list.
        list: PathBuf,
        /// A person who has images.
        found: String,
    },
    /// The pairs with faces are all one person, or all two.
    #[error("`{}` needs pairs of one person and pairs of two, with faces in their photos", .0.display())]
    OneSidedPairs(PathBuf),
}
