//! Every trait that an adapter implements, in one place.

mod source_error;

use std::io;
use std::path::PathBuf;

use image::RgbImage;
use url::Url;

use crate::errors::BoxedError;
use crate::secret::Secret;
use crate::types::{
    Candidate, ChipForm, DetectedFace, Discarded, EmbedderModel, Embedding, EyeCornersNose,
    FaceBox, Size,
};

pub use source_error::SourceError;

/// A source of images.
///
/// It never touches the network: it gives requests and reads the answers, so that it can be tested
/// on answers of the documented form. The fetch stage drives it: [`ImageSource::step`] until
/// [`SourceStep::End`], an [`ImageSource::answer`] after each [`SourceStep::Request`].
pub trait ImageSource: Send {
    /// The next image or request. The same answers always give the same steps.
    ///
    /// # Errors
    /// [`SourceError`] when it can't continue.
    fn step(&mut self) -> Result<SourceStep, SourceError>;

    /// Reads the body of a successful answer to the last [`SourceStep::Request`].
    ///
    /// # Errors
    /// [`SourceError`] when the answer is an error or has another form than documented.
    fn answer(&mut self, body: &[u8]) -> Result<(), SourceError>;

    /// Called when the last [`SourceStep::Request`] got no answer, for the reason `problem`; `status`
    /// is the HTTP status, where the server gave one. Returns whether it can continue without.
    ///
    /// # Errors
    /// [`SourceError`] when it knows the cause better than `problem` does.
    fn unanswered(&mut self, status: Option<u16>, problem: &str) -> Result<bool, SourceError> {
        let _ = (status, problem);
        Ok(false)
    }

    /// The name of the source that gave the last request, where several are merged into one.
    fn asking(&self) -> Option<&str> {
        None
    }

    /// How many candidates there will be, where that is known before the end.
    fn total(&self) -> Option<u64> {
        None
    }

    /// Whether its images come from the user's own list or folder: then each entry beyond the limit
    /// of images is recorded. The results of a search have no end; they are not.
    fn is_list(&self) -> bool;
}

/// The next step of a source.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceStep {
    /// An image to get.
    Candidate(Box<Candidate>),
    /// An entry that is no usable address.
    Junk(Discarded),
    /// A request that has to be answered before it can continue.
    Request(SourceRequest),
    /// A message for the user.
    Note(String),
    /// The end.
    End,
}

/// Something that has to be known before a search can begin, such as which person a name means.
///
/// Like a source it never touches the network: its caller sends the requests that it gives until
/// there are none.
pub trait Lookup: Send {
    /// The name of the service, for errors.
    fn name(&self) -> &str;

    /// The next request; `None` once all is known.
    fn next_request(&self) -> Option<SourceRequest>;

    /// Reads the body of a successful answer to the last request.
    ///
    /// # Errors
    /// [`SourceError`] when the answer is an error or does not settle the question.
    fn answer(&mut self, body: &[u8]) -> Result<(), SourceError>;
}

/// A GET request of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRequest {
    /// The address, with its parameters.
    pub url: Url,
    /// Additional headers.
    pub headers: Vec<(String, String)>,
    /// The secret that is sent with it and never shown.
    pub secret: Option<SecretPart>,
}

impl SourceRequest {
    /// A request without headers of its own and without a secret.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            headers: Vec::new(),
            secret: None,
        }
    }

    /// The same, for an answer in JSON.
    #[must_use]
    pub fn for_json(url: Url) -> Self {
        Self {
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            ..Self::new(url)
        }
    }
}

/// How a request carries its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPart {
    /// As a parameter of this name, put into the address only when it is sent.
    Parameter(&'static str, Secret),
    /// As a bearer token.
    Bearer(Secret),
}

/// Finds faces in one photo. One instance serves one worker thread.
pub trait FaceDetector {
    /// The faces of an EXIF-upright photo, largest first.
    ///
    /// Boxes are in pixels of `photo`, inside it; scores grow with certainty and compare only
    /// within one detector.
    ///
    /// # Errors
    /// [`DetectorError`] when the detector itself fails; a photo without a face is an empty list.
    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError>;
}

/// Makes one detector for each worker thread; the model file is read only once.
pub trait FaceDetectorFactory: Send + Sync {
    /// The detector's name, such as `seeta`.
    fn name(&self) -> &str;

    /// A fresh detector for the calling thread.
    ///
    /// # Errors
    /// [`DetectorError`] when its model can't be used.
    fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError>;
}

/// A detector that can't be made or that failed on a photo.
#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    /// Its model file is missing.
    #[error("the model file `{path}` of detector `{detector}` is missing")]
    ModelMissing {
        /// The detector's name.
        detector: String,
        /// Where the file was expected.
        path: PathBuf,
    },
    /// Its model file can't be read.
    #[error("cannot read the model of detector `{detector}`")]
    ModelUnreadable {
        /// The detector's name.
        detector: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The detector's resources can't be used, whatever the photo is.
    #[error(transparent)]
    Unusable(BoxedError),
    /// The detector's resources failed on this photo; another photo may succeed.
    #[error(transparent)]
    FailedOnPhoto(BoxedError),
    /// The detector panicked on this photo (a defect of its code; the photo is set aside).
    #[error("detector `{detector}` crashed on this image: {message}")]
    Crashed {
        /// The detector's name.
        detector: String,
        /// The panic's message.
        message: String,
    },
}

impl DetectorError {
    /// Whether every other photo would fail now as well: then the work has to stop, so that no
    /// photo is left out through no fault of its own.
    #[must_use]
    pub fn concerns_all_photos(&self) -> bool {
        match self {
            Self::Crashed { .. } | Self::FailedOnPhoto(_) => false,
            Self::ModelMissing { .. } | Self::ModelUnreadable { .. } | Self::Unusable(_) => true,
        }
    }
}

/// Finds the points by which a face is aligned. One instance serves all threads.
pub trait LandmarkModel: Send + Sync {
    /// The points of the face in a box of an EXIF-upright photo.
    ///
    /// The box is in pixels of `photo`, right and bottom exclusive, rounded to whole pixels; it may
    /// reach over the photo's edge.
    fn landmarks(&self, photo: &RgbImage, face: FaceBox) -> EyeCornersNose;
}

/// Makes embeddings of aligned faces. One instance serves one worker thread.
pub trait FaceEmbedder {
    /// The chips that it takes of each face.
    fn forms(&self) -> &[ChipForm];

    /// The embeddings of faces, in their order.
    ///
    /// # Shapes
    /// Each face is its chips, in the order and with the sizes of [`FaceEmbedder::forms`].
    ///
    /// # Errors
    /// [`EmbedderError`] when a chip is missing or has another size, or the network fails.
    fn embed(&mut self, faces: &[Vec<RgbImage>]) -> Result<Vec<Embedding>, EmbedderError>;
}

/// Makes one embedder for each worker thread; all share the weights.
pub trait FaceEmbedderFactory: Send + Sync {
    /// Which network makes the embeddings, and what their distances mean.
    fn model(&self) -> &EmbedderModel;

    /// An embedder for the calling thread.
    fn create(&self) -> Box<dyn FaceEmbedder>;
}

/// Why an embedder gives no embeddings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedderError {
    /// A chip has the wrong size.
    #[error("a face chip is {found} pixels, not {expected}")]
    ChipSize {
        /// The chip's size.
        found: Size,
        /// The size that the network takes.
        expected: Size,
    },
    /// A face has too few chips, or too many.
    #[error("a face has {found} chips, not {expected}")]
    Chips {
        /// How many the face has.
        found: usize,
        /// How many the embedder takes.
        expected: usize,
    },
    /// The network failed.
    #[error("the embedding network failed: {0}")]
    Network(String),
}

/// How a stage reports its progress. Rooms other than the command line draw nothing themselves.
pub trait Progress: Send + Sync {
    /// Starts one task of `total` items (`None`: not known yet).
    fn start(&self, task: &str, total: Option<u64>) -> Box<dyn TaskProgress>;

    /// A line beside the running tasks for a part of one, such as one host; `None` where that much
    /// detail is not shown.
    fn detail(&self, _part: &str) -> Option<Box<dyn TaskProgress>> {
        None
    }

    /// One line for the user (a warning, a decision that was made).
    fn note(&self, line: &str);

    /// Does work that prints, while nothing of the display is on the terminal.
    fn undisturbed(&self, work: &mut dyn FnMut()) {
        work();
    }
}

/// One running task; dropping it ends its display.
pub trait TaskProgress: Send + Sync {
    /// `items` more are done.
    fn advance(&self, items: u64);

    /// A short text beside the bar, such as the current loss.
    fn message(&self, text: &str);

    /// Sets the number of items once it is known.
    fn set_total(&self, total: u64);
}

/// Reports nothing: for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct SilentProgress;

impl Progress for SilentProgress {
    fn start(&self, _task: &str, _total: Option<u64>) -> Box<dyn TaskProgress> {
        Box::new(Self)
    }

    fn note(&self, _line: &str) {}
}

impl TaskProgress for SilentProgress {
    fn advance(&self, _items: u64) {}

    fn message(&self, _text: &str) {}

    fn set_total(&self, _total: u64) {}
}
