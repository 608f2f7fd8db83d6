//! Detectors by name: which there are, and what `auto` stands for.

use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;

use super::{azure_client, networks, weights_folder};
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use facepipe_adapters::detectors::azure::AzureFactory;
use facepipe_adapters::detectors::seeta::{self, SeetaFactory};
use facepipe_adapters::detectors::turned::{
    CERTAIN_TO_MMOD, CERTAIN_TO_MTCNN, CERTAIN_TO_SEETA, CERTAIN_TO_YUNET, Turned,
};
use facepipe_adapters::detectors::with_landmarks::WithLandmarks;
use facepipe_adapters::dlib_landmarks::DlibLandmarkModel;
use facepipe_azure::{ApiVersion, AzureError, Choice};
use facepipe_core::context::Context;
use facepipe_core::ports::{FaceDetectorFactory, LandmarkModel};
use facepipe_faces::dlib_box::SquareFit;
use facepipe_faces::face_cutter::FaceTools;

/// Detectors by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DetectorName {
    /// The best of this build: yunet; without libtorch, seeta
    Auto,
    /// MTCNN that takes less certain faces too and runs each twice, once mirrored; needs libtorch
    MtcnnThorough,
    /// SeetaFace's frontal detector: small, needs no libtorch
    Seeta,
    /// MTCNN: finds more and smaller faces, with landmarks of its own; needs libtorch
    Mtcnn,
    /// YuNet at two sizes: finds twice the small and hidden faces, with landmarks of its own; needs libtorch
    Yunet,
    /// Its authors' larger network: finds some more, takes longer; needs libtorch
    YunetN,
    /// dlib's CNN detector: faces from 80 pixels on, in more positions; slower; needs libtorch
    Mmod,
    /// Azure's Face service: photos leave this machine, each call is billed; needs endpoint and key in
    /// FACEPIPE_AZURE_ENDPOINT and FACEPIPE_AZURE_KEY, or in `v.env`
    Azure,
}

/// What `auto` stands for.
///
/// As for embeddings, precision and device, that is the best that this build can do on this machine's
/// processor or GPU, whichever model files are there, so that the same command always does the same.
/// The report names it.
const AUTO: DetectorName = if networks::PRESENT {
    DetectorName::Yunet
} else {
    DetectorName::Seeta
};

/// The factory for a detector's name. Its faces have landmarks.
pub(crate) fn detector(
    name: DetectorName,
    globals: &Globals,
    context: &Context,
) -> Result<Box<dyn FaceDetectorFactory>, Failure> {
    match name {
        DetectorName::Auto => detector(AUTO, globals, context),
        DetectorName::Azure => Ok(Box::new(azure(context)?)),
        DetectorName::Seeta => seeta(&weights_folder(globals)?),
        DetectorName::Mtcnn
        | DetectorName::MtcnnThorough
        | DetectorName::Mmod
        | DetectorName::Yunet
        | DetectorName::YunetN => networks::detector(name, &weights_folder(globals)?, globals),
    }
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
pub(super) fn with_landmarks(
    detectors: Box<dyn FaceDetectorFactory>,
    fit: SquareFit,
    weights: &Path,
) -> Result<Box<dyn FaceDetectorFactory>, Failure> {
    let model = Arc::new(DlibLandmarkModel::new(weights)?);
    Ok(Box::new(WithLandmarks::new(detectors, model, fit)))
}

/// The same detector, which looks again at turned copies of photos without a certain face; Azure's as it is, for
/// each look would be billed.
pub(crate) fn turned(
    name: DetectorName,
    detectors: Box<dyn FaceDetectorFactory>,
    globals: &Globals,
) -> Result<Box<dyn FaceDetectorFactory>, Failure> {
    let certain = match name {
        DetectorName::Auto => return turned(AUTO, detectors, globals),
        DetectorName::Azure => return Ok(detectors),
        DetectorName::Seeta => CERTAIN_TO_SEETA,
        DetectorName::Mtcnn | DetectorName::MtcnnThorough => CERTAIN_TO_MTCNN,
        DetectorName::Yunet | DetectorName::YunetN => CERTAIN_TO_YUNET,
        DetectorName::Mmod => CERTAIN_TO_MMOD,
    };
    let model = DlibLandmarkModel::new(&weights_folder(globals)?)?;
    Ok(Box::new(Turned::new(detectors, Arc::new(model), certain)))
}

/// Finds the faces of photos and cuts them out; with `rotations` also those that are turned by 90 or 180
/// degrees, which only alignment turns upright.
pub(crate) fn face_tools(
    name: DetectorName,
    align: bool,
    rotations: bool,
    globals: &Globals,
    context: &Context,
) -> Result<FaceTools, Failure> {
    // The detector first: where files of both are missing, its is the error to show.
    let mut detectors = detector(name, globals, context)?;
    if align && rotations {
        detectors = turned(name, detectors, globals)?;
    }
    let landmarks = if align {
        let model = DlibLandmarkModel::new(&weights_folder(globals)?)?;
        Some(Box::new(model) as Box<dyn LandmarkModel>)
    } else {
        None
    };
    Ok(FaceTools {
        detectors,
        landmarks,
    })
}
