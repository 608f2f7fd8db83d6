//! `facepipe predict`

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::Globals;
use super::failure::Failure;
use super::inputs;
use super::output::{Outcome, write_json_line};
use super::wiring::{self, DetectorName};
use crate::context::Context;
use crate::nn::{Classifier, parse_device};
use crate::predict::{self, Answer, Photo, PredictError};

/// Arguments of `predict`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe predict models/friends party.jpg\n  \
    facepipe predict models/friends/export/model.pt photos | jq -c '[.path, .faces[].label]'\n\n\
    One line an image: {\"path\", \"faces\": [{\"box\": [left, top, right, bottom], \"score\", \"label\", \
    \"probability\", \"probabilities\": {label: p}}]}, or {\"path\", \"error\"}. Boxes are in pixels of the \
    upright image, right and bottom exclusive.")]
pub(super) struct PredictArgs {
    /// The model's folder, or a TorchScript file that `export` made
    pub(super) model: PathBuf,
    /// Photos, or folders of them
    #[arg(required = true, value_name = "IMAGE|DIR")]
    pub(super) inputs: Vec<PathBuf>,
}

pub(super) fn run(
    args: &PredictArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let classifier = Classifier::open(&args.model, parse_device(&globals.device)?)?;
    let tools = match predict::detector_of(&classifier) {
        None => None,
        Some(name) => {
            let known =
                DetectorName::from_str(name, true).map_err(|_| PredictError::NoDetector {
                    detector: name.to_owned(),
                })?;
            Some(wiring::face_tools(
                known,
                predict::aligns(&classifier),
                globals,
                context,
            )?)
        }
    };
    let photos: Vec<Photo> = inputs::expand(&args.inputs)?
        .into_iter()
        .map(|file| Photo {
            path: file.path,
            name: file.name,
        })
        .collect();
    let mut items_failed = 0;
    predict::run(&classifier, tools.as_ref(), &photos, context, |answer| {
        items_failed += u64::from(matches!(answer, Answer::Failed { .. }));
        write_json_line(&mut io::stdout().lock(), &answer).map_err(Failure::of_output)
    })?;
    Ok(Outcome::printed(items_failed))
}
