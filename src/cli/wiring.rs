//! The only place that names concrete adapters: names on the command line become implementations.

pub(super) mod sources;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use super::args::Globals;
use super::failure::Failure;
use facepipe_adapters::detectors::azure::AzureFactory;
#[cfg(feature = "torch")]
use facepipe_adapters::detectors::mmod::{self, MmodFactory};
#[cfg(feature = "torch")]
use facepipe_adapters::detectors::mtcnn::MtcnnFactory;
use facepipe_adapters::detectors::seeta::{self, SeetaFactory};
use facepipe_adapters::detectors::with_landmarks::WithLandmarks;
use facepipe_adapters::dlib_landmarks::DlibLandmarkModel;
#[cfg(feature = "torch")]
use facepipe_adapters::embedders::both_sides::BothSidesFactory;
#[cfg(feature = "torch")]
use facepipe_adapters::embedders::dlib_embedder::DlibEmbedderFactory;
#[cfg(feature = "torch")]
use facepipe_adapters::embedders::one_thread::OneThreadFactory;
use facepipe_azure::{ApiVersion, AzureError, Choice, Client, Credentials, SystemClock, Timeouts};
#[cfg(feature = "torch")]
use facepipe_core::artifacts::{digest, model_folder::BEST_FILE};
use facepipe_core::context::Context;
#[cfg(feature = "torch")]
use facepipe_core::ports::FaceEmbedderFactory;
use facepipe_core::ports::{FaceDetectorFactory, LandmarkModel};
#[cfg(feature = "torch")]
use facepipe_core::types::{ChipSpec, ModelCard};
use facepipe_faces::dlib_box::SquareFit;
use facepipe_faces::embed_images::ImageEmbedder;
use facepipe_faces::face_cutter::FaceTools;
#[cfg(feature = "torch")]
use facepipe_faces::face_finder::NoDetector;
use facepipe_models::files::Folders;
#[cfg(feature = "torch")]
use facepipe_nn::Classifier;
#[cfg(feature = "torch")]
use facepipe_serve::{Embedding, Opened};

/// Detectors by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DetectorName {
    /// The best that this build has: mtcnn-thorough; without libtorch, seeta
    Auto,
    /// MTCNN that takes less certain faces too and looks at each twice; needs libtorch
    MtcnnThorough,
    /// SeetaFace's frontal detector: small, needs no libtorch
    Seeta,
    /// MTCNN: finds more and smaller faces, with landmarks of its own; needs libtorch
    Mtcnn,
    /// dlib's CNN detector: faces from 80 pixels on, in more positions; slower; needs libtorch
    Mmod,
    /// Azure's Face service: photos leave this machine, each call is billed; needs endpoint and key in
    /// FACEPIPE_AZURE_ENDPOINT and FACEPIPE_AZURE_KEY, or in `v.env`
    Azure,
}

/// The factory for a detector's name. Its faces have landmarks.
///
/// What `auto` stands for depends on the build only, not on which files are there, so that the same
/// command always does the same; the factory has the name of the detector that was chosen.
pub(super) fn detector(
    name: DetectorName,
    globals: &Globals,
    context: &Context,
) -> Result<Box<dyn FaceDetectorFactory>, Failure> {
    let weights = weights_folder(globals);
    match name {
        DetectorName::Azure => Ok(Box::new(azure(context)?)),
        #[cfg(feature = "torch")]
        DetectorName::Auto | DetectorName::MtcnnThorough => {
            Ok(Box::new(MtcnnFactory::thorough(&weights)?))
        }
        #[cfg(not(feature = "torch"))]
        DetectorName::Auto => seeta(&weights),
        DetectorName::Seeta => seeta(&weights),
        #[cfg(feature = "torch")]
        DetectorName::Mtcnn => Ok(Box::new(MtcnnFactory::usual(&weights)?)),
        #[cfg(feature = "torch")]
        DetectorName::Mmod => {
            let device = facepipe_nn::parse_device(&globals.device)?;
            let detectors = Box::new(MmodFactory::new(&weights, device)?);
            with_landmarks(detectors, mmod::FIT, &weights)
        }
        #[cfg(not(feature = "torch"))]
        DetectorName::Mtcnn | DetectorName::MtcnnThorough | DetectorName::Mmod => {
            Err(needs_torch(name).into())
        }
    }
}

/// The Azure resource of the environment, or of a file in the working folder.
pub(super) fn azure_client(choice: Choice, context: &Context) -> Result<Client, AzureError> {
    let environment = |name: &str| std::env::var(name).ok();
    let credentials = Credentials::find(environment, Path::new("."), choice)?;
    let clock = Box::new(SystemClock::new(context.interrupt.clone()));
    let client = Client::new(credentials, Timeouts::default(), clock)?;
    Ok(client.with_progress(context.progress.clone()))
}

fn azure(context: &Context) -> Result<AzureFactory, AzureError> {
    // The version that every resource has, and that all SDKs know.
    let client = azure_client(Choice::default(), context)?.with_version(Some(ApiVersion::V1_0));
    Ok(AzureFactory::new(client, context.progress.clone()))
}

fn seeta(weights: &Path) -> Result<Box<dyn FaceDetectorFactory>, Failure> {
    with_landmarks(Box::new(SeetaFactory::new(weights)?), seeta::FIT, weights)
}

/// A detector without landmarks of its own, and dlib's model that finds them.
fn with_landmarks(
    detectors: Box<dyn FaceDetectorFactory>,
    fit: SquareFit,
    weights: &Path,
) -> Result<Box<dyn FaceDetectorFactory>, Failure> {
    let model = Arc::new(DlibLandmarkModel::new(weights)?);
    Ok(Box::new(WithLandmarks::new(detectors, model, fit)))
}

#[cfg(not(feature = "torch"))]
fn needs_torch(name: DetectorName) -> facepipe_core::ports::DetectorError {
    let value = name.to_possible_value();
    facepipe_core::ports::DetectorError::NeedsTorch {
        detector: value.map_or_else(String::new, |value| value.get_name().to_owned()),
    }
}

/// What finds the faces of photos and cuts them out.
pub(super) fn face_tools(
    name: DetectorName,
    align: bool,
    globals: &Globals,
    context: &Context,
) -> Result<FaceTools, Failure> {
    let landmarks = align.then(|| DlibLandmarkModel::new(&weights_folder(globals)));
    Ok(FaceTools {
        detectors: detector(name, globals, context)?,
        landmarks: landmarks
            .transpose()?
            .map(|model| Box::new(model) as Box<dyn LandmarkModel>),
    })
}

/// What finds the faces of photos as those of a model's images were found; `None`: its images are faces
/// already.
#[cfg(feature = "torch")]
pub(super) fn face_tools_of(
    card: &ModelCard,
    globals: &Globals,
    context: &Context,
) -> Result<Option<FaceTools>, Failure> {
    let (detector, align) = match &card.chip {
        ChipSpec::Whole => return Ok(None),
        ChipSpec::Aligned { detector, .. } => (detector, true),
        ChipSpec::Box { detector, .. } => (detector, false),
    };
    let name = <DetectorName as ValueEnum>::from_str(detector, true).map_err(|_| NoDetector {
        detector: detector.clone(),
    })?;
    face_tools(name, align, globals, context).map(Some)
}

/// What makes embeddings of the faces of photos.
#[cfg(feature = "torch")]
pub(super) struct EmbeddingParts {
    /// Finds the faces.
    pub(super) detectors: Box<dyn FaceDetectorFactory>,
    /// Finds the points by which they are aligned.
    pub(super) landmarks: Box<dyn LandmarkModel>,
    /// Makes the embeddings.
    pub(super) embedders: Box<dyn FaceEmbedderFactory>,
}

/// What makes embeddings, with the detector of a name: of both sides of the faces or, if `plain`,
/// dlib's own.
#[cfg(feature = "torch")]
pub(super) fn embedding_parts(
    name: DetectorName,
    plain: bool,
    globals: &Globals,
    context: &Context,
) -> Result<EmbeddingParts, Failure> {
    let weights = weights_folder(globals);
    let device = facepipe_nn::parse_device(&globals.device)?;
    let detectors = detector(name, globals, context)?;
    let landmarks = Box::new(DlibLandmarkModel::new(&weights)?);
    let embedders = Box::new(DlibEmbedderFactory::new(&weights, device)?);
    Ok(EmbeddingParts {
        detectors,
        landmarks,
        embedders: if plain {
            embedders
        } else {
            Box::new(BothSidesFactory::new(embedders))
        },
    })
}

/// A model for the server, with what finds faces and makes embeddings; where files of those are missing,
/// with why. Faces of photos are found as the model's card says; for one that takes whole images, by
/// the detector that is best.
#[cfg(feature = "torch")]
pub(super) fn served_model(
    model: &Path,
    chips: bool,
    globals: &Globals,
    context: &Context,
) -> Result<Opened, Failure> {
    let device = facepipe_nn::parse_device(&globals.device)?;
    let classifier = Classifier::open(model, device)?;
    let weights = if model.is_file() {
        model.to_owned()
    } else {
        model.join(BEST_FILE)
    };
    let tools = match face_tools_of(classifier.card(), globals, context) {
        Ok(Some(tools)) => Ok(tools),
        Ok(None) => face_tools(DetectorName::Auto, true, globals, context)
            .map_err(|failure| failure.in_one_line()),
        Err(failure) if chips => Err(failure.in_one_line()),
        Err(failure) => return Err(failure),
    };
    let embedding = || -> Result<Embedding, Failure> {
        let weights = weights_folder(globals);
        let embedders = Box::new(DlibEmbedderFactory::new(&weights, device)?);
        Ok(Embedding {
            landmarks: Box::new(DlibLandmarkModel::new(&weights)?),
            embedders: Box::new(OneThreadFactory::new(Box::new(BothSidesFactory::new(
                embedders,
            )))),
        })
    };
    Ok(Opened {
        card: classifier.card().clone(),
        sha256: digest::sha256_of_file(&weights)?,
        device: facepipe_nn::device_name(device),
        tools,
        embedding: embedding().map_err(|failure| failure.in_one_line()),
        model: Box::new(classifier),
    })
}

/// What compares the faces of labels.
#[cfg(feature = "torch")]
pub(super) fn image_embedder(
    globals: &Globals,
    context: &Context,
) -> Result<ImageEmbedder, Failure> {
    let parts = embedding_parts(DetectorName::Auto, false, globals, context)?;
    Ok(ImageEmbedder {
        name: format!(
            "dlib-resnet29, both sides, found by {}",
            parts.detectors.name()
        ),
        detectors: parts.detectors,
        landmarks: parts.landmarks,
        embedders: Box::new(OneThreadFactory::new(parts.embedders)),
    })
}

/// Why faces can't be compared: a model file that is not there; `None` where they can.
#[cfg(feature = "torch")]
pub(super) fn missing_for_embeddings(globals: &Globals) -> Option<String> {
    let weights = weights_folder(globals);
    let needed = [
        facepipe_models::dlib::RESNET_FILE,
        facepipe_models::dlib::LANDMARKS_FILE,
        "mtcnn_pnet.pt",
        "mtcnn_rnet.pt",
        "mtcnn_onet.pt",
    ];
    let missing = needed.iter().find(|file| !weights.join(file).exists())?;
    Some(format!(
        "`{}` is missing (`facepipe models pull` gets it)",
        weights.join(missing).display()
    ))
}

/// Faces can't be compared without libtorch.
#[cfg(not(feature = "torch"))]
pub(super) fn missing_for_embeddings(_: &Globals) -> Option<String> {
    Some("this facepipe was built without libtorch".to_owned())
}

/// Faces can't be compared without libtorch.
#[cfg(not(feature = "torch"))]
pub(super) fn image_embedder(_: &Globals, _: &Context) -> Result<ImageEmbedder, Failure> {
    Err(Failure::Usage {
        message:
            "--clean-identities needs libtorch, as --embeddings on does, which this facepipe was \
                  built without"
                .to_owned(),
        hint: "build with `cargo build` and its default features, or leave the option out"
            .to_owned(),
    })
}

/// The folder of downloaded model files: `--weights-dir`, else `models/weights` below the working
/// directory or, where that is missing, beside the sources that the program was built from.
pub(super) fn weights_folder(globals: &Globals) -> PathBuf {
    globals
        .weights_dir
        .clone()
        .unwrap_or_else(|| project_folder("models/weights"))
}

/// The folders of everything that `facepipe models pull` fetches.
pub(super) fn model_folders(globals: &Globals, data: Option<&Path>) -> Folders {
    Folders {
        weights: weights_folder(globals),
        data: data.map_or_else(|| project_folder("data"), Path::to_owned),
    }
}

/// A folder below the working directory or, where that is missing, beside the sources.
fn project_folder(name: &str) -> PathBuf {
    let here = PathBuf::from(name);
    if here.is_dir() {
        here
    } else {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
    }
}
