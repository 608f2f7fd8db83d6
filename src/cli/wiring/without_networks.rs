//! Wiring of a build without libtorch: networks are refused.

use std::path::Path;

use clap::ValueEnum;

use super::detectors::DetectorName;
use super::embedders::Embedder;
use crate::cli::failure::Failure;
use crate::cli::hints::Advice;
use crate::cli::options::globals::Globals;
use facepipe_core::context::Context;
use facepipe_core::ports::{FaceDetectorFactory, FaceEmbedderFactory};
use facepipe_faces::embed_images::ImageEmbedder;

/// Whether this build has networks.
pub(crate) const PRESENT: bool = false;

/// Detectors that are networks need libtorch.
pub(super) fn detector(
    name: DetectorName,
    _: &Path,
    _: &Globals,
) -> Result<Box<dyn FaceDetectorFactory>, Failure> {
    Err(NeedsTorch::new(name).into())
}

/// The detector runs on libtorch, and the program was built without it.
#[derive(Debug, thiserror::Error)]
#[error("detector `{detector}` needs libtorch, which this facepipe was built without")]
struct NeedsTorch {
    detector: String,
}

impl NeedsTorch {
    fn new(name: DetectorName) -> Self {
        let value = name.to_possible_value();
        Self {
            detector: value.map_or_else(String::new, |value| value.get_name().to_owned()),
        }
    }
}

impl Advice for NeedsTorch {
    fn next_step(&self) -> Option<String> {
        let text = "use `--detector seeta`, or build with `cargo build` and its default features";
        Some(text.to_owned())
    }
}

/// The quality of faces can't be measured by embeddings without libtorch.
pub(crate) fn quality_judge(_: &Globals) -> Result<Box<dyn FaceEmbedderFactory>, Failure> {
    Err(Failure::Usage {
        message: "--quality-by embedding needs libtorch, which this facepipe was built without"
            .to_owned(),
        hint: "leave the option out, or build with `cargo build` and its default features"
            .to_owned(),
    })
}

/// Faces can't be compared without libtorch.
pub(crate) fn image_embedder(
    _: &Embedder,
    _: &Globals,
    _: &Context,
) -> Result<ImageEmbedder, Failure> {
    Err(Failure::Usage {
        message:
            "--clean-identities needs libtorch, as --embeddings on does, which this facepipe was \
                  built without"
                .to_owned(),
        hint: "build with `cargo build` and its default features, or leave the option out"
            .to_owned(),
    })
}
