//! Wiring of adapters that run in libtorch.

use std::path::Path;

use clap::ValueEnum;

use super::detectors::{
    DetectorName, detector as any_detector, face_tools, turned, with_landmarks,
};
use super::embedders::{Embedder, EmbedderName};
use super::weights_folder;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use facepipe_adapters::detectors::mmod::{self, MmodFactory};
use facepipe_adapters::detectors::mtcnn::MtcnnFactory;
use facepipe_adapters::detectors::yunet::{Variant, YunetFactory};
use facepipe_adapters::dlib_landmarks::DlibLandmarkModel;
use facepipe_adapters::embedders::comparable::{ComparableFactory, Sides};
use facepipe_adapters::embedders::joined::JoinedFactory;
use facepipe_adapters::embedders::one_thread::OneThreadFactory;
use facepipe_adapters::embedders::onnx::OnnxFactory;
use facepipe_adapters::embedders::{dlib_embedder, joined, sface_embedder};
use facepipe_core::artifacts::{digest, model_folder::BEST_FILE};
use facepipe_core::context::Context;
use facepipe_core::errors::with_causes;
use facepipe_core::ports::{FaceDetectorFactory, FaceEmbedderFactory, LandmarkModel};
use facepipe_core::types::{ChipSpec, ModelCard};
use facepipe_faces::embed_images::ImageEmbedder;
use facepipe_faces::face_cutter::FaceTools;
use facepipe_faces::face_finder::NoDetector;
use facepipe_nn::Classifier;
use facepipe_serve::{Embedding, Opened};

/// Whether this build has networks.
pub(crate) const PRESENT: bool = true;

/// The factory for a detector that is a network.
pub(super) fn detector(
    name: DetectorName,
    weights: &Path,
    globals: &Globals,
) -> Result<Box<dyn FaceDetectorFactory>, Failure> {
    // MTCNN, of small networks, runs on the processor; still a GPU that is asked for has to be there.
    let device = facepipe_nn::device(globals.device)?;
    match name {
        DetectorName::Mtcnn => Ok(Box::new(MtcnnFactory::usual(weights)?)),
        DetectorName::Mmod => {
            let detectors = Box::new(MmodFactory::new(weights, device)?);
            with_landmarks(detectors, mmod::FIT, weights)
        }
        DetectorName::Yunet => Ok(Box::new(YunetFactory::new(Variant::Small, weights)?)),
        DetectorName::YunetN => Ok(Box::new(YunetFactory::new(Variant::N, weights)?)),
        _ => Ok(Box::new(MtcnnFactory::thorough(weights)?)),
    }
}

/// The detector that found the faces of a model's images; `None`: its images are faces
/// already.
pub(crate) fn face_tools_of(
    card: &ModelCard,
    rotations: bool,
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
    face_tools(name, align, rotations, globals, context).map(Some)
}

/// The parts that make embeddings of the faces of photos.
pub(crate) struct EmbeddingParts {
    /// Finds the faces.
    pub(crate) detectors: Box<dyn FaceDetectorFactory>,
    /// Finds the points by which they are aligned.
    pub(crate) landmarks: Box<dyn LandmarkModel>,
    /// Makes the embeddings.
    pub(crate) embedders: Box<dyn FaceEmbedderFactory>,
}

/// The factory of an embedder; if `plain`, of the network's own output.
fn embedders(
    embedder: &Embedder,
    plain: bool,
    globals: &Globals,
) -> Result<Box<dyn FaceEmbedderFactory>, Failure> {
    let device = facepipe_nn::device(globals.device)?;
    let comparable = |plainly: Box<dyn FaceEmbedderFactory>, sides, length| {
        if plain {
            plainly
        } else {
            Box::new(ComparableFactory::new(plainly, sides, length))
        }
    };
    let name = match embedder {
        Embedder::Named(name) => name.resolved(),
        Embedder::File(path) => {
            let network = OnnxFactory::open(path)?;
            let normalises = network.normalises();
            let network: Box<dyn FaceEmbedderFactory> = Box::new(network);
            return Ok(if normalises {
                comparable(network, Sides::One, 1.0)
            } else {
                network
            });
        }
    };
    let weights = weights_folder(globals)?;
    let dlib = || -> Result<_, Failure> {
        let network = Box::new(dlib_embedder::factory(&weights, device)?);
        Ok(comparable(network, Sides::Both, dlib_embedder::LENGTH))
    };
    let sface = || -> Result<_, Failure> {
        let network = Box::new(sface_embedder::factory(&weights, device)?);
        Ok(comparable(network, Sides::One, sface_embedder::LENGTH))
    };
    match name {
        EmbedderName::Sface => sface(),
        EmbedderName::Both => {
            let parts = [dlib()?, sface()?];
            Ok(Box::new(JoinedFactory::new(
                "both",
                parts,
                joined::DISTANCES,
            )))
        }
        EmbedderName::Auto | EmbedderName::Dlib => dlib(),
    }
}

/// The network by whose embeddings `crop` measures the quality of faces: SFace's own output.
pub(crate) fn quality_judge(globals: &Globals) -> Result<Box<dyn FaceEmbedderFactory>, Failure> {
    let plain = embedders(&Embedder::Named(EmbedderName::Sface), true, globals)?;
    Ok(Box::new(OneThreadFactory::new(plain)))
}

/// An embedder of photos, with the detector of a name; if `plain`, it gives the network's own output.
pub(crate) fn embedding_parts(
    name: DetectorName,
    embedder: &Embedder,
    plain: bool,
    rotations: bool,
    globals: &Globals,
    context: &Context,
) -> Result<EmbeddingParts, Failure> {
    let weights = weights_folder(globals)?;
    let mut detectors = any_detector(name, globals, context)?;
    if rotations {
        detectors = turned(name, detectors, globals)?;
    }
    let landmarks = Box::new(DlibLandmarkModel::new(&weights)?);
    Ok(EmbeddingParts {
        detectors,
        landmarks,
        embedders: embedders(embedder, plain, globals)?,
    })
}

/// A model for the server, with detector and embedder; where files of those are missing,
/// with the reason. Faces of photos are found as the model's card says; for one that takes whole images, by
/// the detector that is best.
pub(crate) fn served_model(
    model: &Path,
    chips: bool,
    embedder: &Embedder,
    globals: &Globals,
    context: &Context,
) -> Result<Opened, Failure> {
    let device = facepipe_nn::device(globals.device)?;
    let classifier = Classifier::open(model, device)?;
    let weights = if model.is_file() {
        model.to_owned()
    } else {
        model.join(BEST_FILE)
    };
    let tools = match face_tools_of(classifier.card(), false, globals, context) {
        Ok(Some(tools)) => Ok(tools),
        Ok(None) => face_tools(DetectorName::Auto, true, false, globals, context)
            .map_err(|failure| in_one_line(&failure)),
        Err(failure) if chips => Err(in_one_line(&failure)),
        Err(failure) => return Err(failure),
    };
    let embedding = || -> Result<Embedding, Failure> {
        let weights = weights_folder(globals)?;
        let embedders = embedders(embedder, false, globals)?;
        Ok(Embedding {
            landmarks: Box::new(DlibLandmarkModel::new(&weights)?),
            embedders: Box::new(OneThreadFactory::new(embedders)),
        })
    };
    Ok(Opened {
        card: classifier.card().clone(),
        sha256: digest::sha256_of_file(&weights)?,
        device: facepipe_nn::device_name(device),
        tools,
        // A file that the user names is meant; without weights of the default there are other answers.
        embedding: match (embedding(), embedder) {
            (Err(failure), Embedder::File(_)) => return Err(failure),
            (made, _) => made.map_err(|failure| in_one_line(&failure)),
        },
        model: Box::new(classifier),
    })
}

/// The embedder that compares the faces of labels.
pub(crate) fn image_embedder(
    embedder: &Embedder,
    globals: &Globals,
    context: &Context,
) -> Result<ImageEmbedder, Failure> {
    let parts = embedding_parts(DetectorName::Auto, embedder, false, false, globals, context)?;
    Ok(ImageEmbedder {
        detectors: parts.detectors,
        landmarks: parts.landmarks,
        embedders: Box::new(OneThreadFactory::new(parts.embedders)),
    })
}

/// An error and what to do, for where there is only one line.
pub(crate) fn in_one_line(failure: &Failure) -> String {
    let (text, hint) = match failure {
        Failure::Stage(error) => (with_causes(error.as_ref()), error.next_step()),
        Failure::Usage { message, hint } => (message.clone(), Some(hint.clone())),
        Failure::OutputClosed => (String::new(), None),
    };
    hint.map_or(text.clone(), |hint| format!("{text}; {hint}"))
}
