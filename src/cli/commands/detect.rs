//! `facepipe detect`

use std::io;
use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::inputs::{self, InputFile};
use crate::cli::options::switch::RotationOptions;
use crate::cli::output::result::{Outcome, PhotoLine, write_json_line};
use crate::cli::wiring::detectors::{self, DetectorName};
use facepipe_core::context::Context;
use facepipe_core::parallel::{self, InOrder};
use facepipe_core::ports::FaceDetector;
use facepipe_core::types::Size;
use facepipe_drawing::face_picture::mark_faces;
use facepipe_drawing::marked_copies::MarkedCopies;
use facepipe_faces::face_choice::{MarkedFace, mark_main};
use facepipe_imaging::image_io;

/// Arguments of `detect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe detect family.jpg\n  \
    facepipe detect photos | jq -c '[.path, (.faces | length)]'\n  \
    facepipe detect photos --draw marked\n\n\
    One line an image: {\"path\", \"width\", \"height\", \"faces\": [{\"box\": [left, top, right, bottom], \
    \"score\", \"landmark_points\", \"landmarks\": [[x, y], ...], \"main\": true}]}, or {\"path\", \"error\"}. \
    Boxes are in pixels of the upright image, right and bottom exclusive. The face that the photo is about, a large \
    one near the middle, has \"main\": true; others don't have it.\n\n\
    landmark_points says which five points the landmarks are. eyes_nose_mouth (mtcnn, mtcnn-thorough, yunet): eyes, \
    nose, corners of the mouth, each pair from left to right in the image. eye_corners_nose (seeta, \
    mmod): outer and inner corner of the eye on the right, outer and inner corner of the eye on the \
    left, base of the nose.")]
pub(crate) struct DetectArgs {
    /// Photos, folders of them, patterns, or - for a list on stdin
    #[arg(required = true, value_name = "IMAGE|DIR|PATTERN|-")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Which detector finds the faces
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) detector: DetectorName,
    #[command(flatten)]
    pub(crate) rotations: RotationOptions,
    /// Also write copies of the photos, with boxes, scores and landmarks drawn, to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) draw: Option<PathBuf>,
}

type Line = PhotoLine<MarkedFace>;

pub(crate) fn run(
    args: &DetectArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let files = inputs::expand(&args.inputs)?;
    let mut detectors = detectors::detector(args.detector, globals, context)?;
    if args.rotations.are_on(|| files.len()) {
        detectors = detectors::turned(args.detector, detectors, globals)?;
    }
    let drawings = args.draw.as_deref().map(MarkedCopies::new).transpose()?;
    let bar = context.progress.start("detect", Some(files.len() as u64));
    let (mut order, mut items_failed) = (InOrder::default(), 0);
    parallel::for_each(
        &files,
        context.threads,
        || detectors.create().map_err(Failure::from),
        |detector, file| detect(file, detector.as_mut(), drawings.as_ref()),
        |index, line| {
            context.interrupt.check()?;
            let line = line?;
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

/// The line of a photo; an error where its marked copy can't be written, and for a failure that would affect
/// every other photo as well.
fn detect(
    file: &InputFile,
    detector: &mut dyn FaceDetector,
    drawings: Option<&MarkedCopies>,
) -> Result<Line, Failure> {
    let failed = |error: &dyn std::error::Error| Line::Failed {
        path: file.name.clone(),
        error: error.to_string(),
    };
    let photo = match image_io::read_bytes(&file.path).and_then(|bytes| image_io::decode(&bytes)) {
        Ok(decoded) => decoded.rgb,
        Err(error) => return Ok(failed(&error)),
    };
    let faces = match detector.detect(&photo) {
        Ok(faces) => faces,
        Err(error) if error.concerns_all_photos() => return Err(error.into()),
        Err(error) => return Ok(failed(&error)),
    };
    if let Some(drawings) = drawings {
        let mut marked = photo.clone();
        mark_faces(&mut marked, &faces);
        drawings.add(&file.name, &marked)?;
    }
    let size = Size::of(&photo);
    Ok(Line::Found {
        path: file.name.clone(),
        size,
        faces: mark_main(faces, size),
    })
}
