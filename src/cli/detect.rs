//! `facepipe detect`

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::args::Globals;
use super::failure::Failure;
use super::inputs::{self, InputFile};
use super::output::{Outcome, write_json_line};
use super::wiring::{self, DetectorName};
use crate::context::Context;
use crate::image_io;
use crate::parallel::{self, InOrder};
use crate::ports::FaceDetector;
use crate::types::{DetectedFace, Size};

/// Arguments of `detect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe detect family.jpg\n  \
    facepipe detect photos | jq -c '[.path, (.faces | length)]'\n\n\
    One line an image: {\"path\", \"width\", \"height\", \"faces\": [{\"box\": [left, top, right, bottom], \
    \"score\"}]}, or {\"path\", \"error\"}. Boxes are in pixels of the upright image, right and bottom \
    exclusive.")]
pub(super) struct DetectArgs {
    /// Photos, or folders of them
    #[arg(required = true, value_name = "IMAGE|DIR")]
    pub(super) inputs: Vec<PathBuf>,
    /// Which detector finds the faces
    #[arg(long, value_enum, default_value = "seeta")]
    pub(super) detector: DetectorName,
}

/// A line of the output.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Line {
    Found {
        path: String,
        #[serde(flatten)]
        size: Size,
        faces: Vec<DetectedFace>,
    },
    Failed {
        path: String,
        error: String,
    },
}

pub(super) fn run(
    args: &DetectArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let files = inputs::expand(&args.inputs)?;
    let detectors = wiring::detector(args.detector, globals)?;
    let bar = context.progress.start("detect", Some(files.len() as u64));
    let (mut order, mut items_failed) = (InOrder::default(), 0);
    parallel::for_each(
        &files,
        context.threads,
        || detectors.create().map_err(Failure::from),
        |detector, file| detect(file, detector.as_mut()),
        |index, line| {
            context.interrupt.check()?;
            bar.advance(1);
            for line in order.push(index, line) {
                items_failed += u64::from(matches!(line, Line::Failed { .. }));
                write_json_line(&mut io::stdout().lock(), &line).map_err(Failure::of_output)?;
            }
            Ok(())
        },
    )?;
    Ok(Outcome::printed(items_failed))
}

fn detect(file: &InputFile, detector: &mut dyn FaceDetector) -> Line {
    let path = file.name.clone();
    let photo = match image_io::read_bytes(&file.path).and_then(|bytes| image_io::decode(&bytes)) {
        Ok(decoded) => decoded.rgb,
        Err(error) => {
            return Line::Failed {
                path,
                error: error.to_string(),
            };
        }
    };
    match detector.detect(&photo) {
        Ok(faces) => Line::Found {
            path,
            size: Size::of(&photo),
            faces,
        },
        Err(error) => Line::Failed {
            path,
            error: error.to_string(),
        },
    }
}
