//! Pure data that stages exchange: geometry, records of files on disk, the model card.

mod alignment;
mod candidate;
mod data_set;
mod device;
mod discarded;
mod embedder;
mod embedding;
mod geometry;
mod model_card;
mod photo_face;
mod quality;
mod records;
mod stage;

pub use alignment::{Alignment, ChipForm};
pub use candidate::{Address, Candidate};
pub use data_set::DataSet;
pub use device::DeviceChoice;
pub use discarded::{Counts, Discarded, Distance, ItemKind, Reason};
pub use embedder::{Distances, EmbedderModel, ModelFile};
pub use embedding::Embedding;
pub use geometry::{
    ChipSquare, CropPlace, DetectedFace, EyeCornersNose, FaceBox, Landmarks, Landmarks5, PixelRect,
    Size,
};
pub use model_card::{
    BoundBasis, Calibrated, ChipSpec, DataCard, ExportCard, Head, InputSpec, ModelCard,
    ReferenceCard, SimilarityBound, TrainingCard, UnknownCard, WeightsCard,
};
pub use photo_face::PhotoFaceName;
pub use quality::{FacePose, FaceQuality};
pub use records::{
    CropRecord, DateSource, ImageRecord, OriginalImage, PhotoDate, Provenance, SourcePhoto, Split,
    SplitRecord,
};
pub use stage::Stage;
