//! `facepipe embed`

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::inputs::{self, InputFile};
use crate::cli::options::switch::RotationOptions;
use crate::cli::output::result::{Outcome, PhotoLine, write_json_line};
use crate::cli::wiring;
use crate::cli::wiring::detectors::DetectorName;
use crate::cli::wiring::embedders::EmbedderOptions;
use crate::cli::wiring::networks::EmbeddingParts;
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::ports::{FaceDetector, FaceEmbedder, LandmarkModel};
use facepipe_core::types::Size;
use facepipe_faces::embed::{EmbeddedFace, embed_faces};
use facepipe_imaging::image_io;
use facepipe_nn::use_threads;

/// Arguments of `embed`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe embed photos > faces.jsonl\n  \
    facepipe embed family.jpg | jq -c '.faces[].embedding'\n\n\
    One line an image: {\"path\", \"width\", \"height\", \"faces\": [{\"box\": [left, top, right, bottom], \
    \"score\", \"embedding\": [numbers], \"main\": true}]}, or {\"path\", \"error\"}. Boxes are in pixels of the \
    upright image, right and bottom exclusive. The face that the photo is about, a large one near the middle, has \
    \"main\": true; others don't have it.\n\n\
    sface: 128 numbers of length 1; faces nearer than 1.128 (Euclidean distance) are one person. dlib: 128 numbers \
    of length 1.42, of the face and its mirror image; 0.6. both: 256 numbers of length 1; 0.86. Only embeddings of \
    one embedder can be compared.")]
pub(crate) struct EmbedArgs {
    /// Photos, folders of them, patterns, or - for a list on stdin
    #[arg(required = true, value_name = "IMAGE|DIR|PATTERN|-")]
    inputs: Vec<PathBuf>,
    /// Which detector finds the faces
    #[arg(long, value_enum, default_value = "auto")]
    detector: DetectorName,
    #[command(flatten)]
    embedder: EmbedderOptions,
    #[command(flatten)]
    rotations: RotationOptions,
    /// Give the network's own output, for use with others of it; distances are less reliable
    #[arg(long)]
    plain: bool,
}

/// The line of one photo.
pub(crate) type Line = PhotoLine<EmbeddedFace>;

/// The tools of a worker thread.
struct Worker<'a> {
    detector: Box<dyn FaceDetector>,
    landmarks: &'a dyn LandmarkModel,
    embedder: Box<dyn FaceEmbedder>,
}

pub(crate) fn run(
    args: &EmbedArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let files = inputs::expand(&args.inputs)?;
    let parts = wiring::networks::embedding_parts(
        args.detector,
        &args.embedder.embedder,
        args.plain,
        args.rotations.are_on(|| files.len()),
        globals,
        context,
    )?;
    let bar = context.progress.start("embed", Some(files.len() as u64));
    let mut items_failed = 0;
    each_photo(&files, &parts, context, |line| {
        bar.advance(1);
        items_failed += u64::from(matches!(line, Line::Failed { .. }));
        write_json_line(&mut io::stdout().lock(), &line).map_err(Failure::of_output)
    })?;
    Ok(Outcome::printed(items_failed))
}

/// Embeds the faces of photos in parallel; `handle` gets the lines in the photos' order.
pub(crate) fn each_photo(
    files: &[InputFile],
    parts: &EmbeddingParts,
    context: &Context,
    mut handle: impl FnMut(Line) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let workers = context.threads.get().min(files.len()).max(1);
    // Each worker has its own share of the threads that libtorch may use.
    let share = NonZeroUsize::new(context.threads.get() / workers).unwrap_or(NonZeroUsize::MIN);
    use_threads(share);
    parallel::for_each_in_order(
        files,
        context.threads,
        || {
            use_threads(share);
            Ok(Worker {
                detector: parts.detectors.create()?,
                landmarks: parts.landmarks.as_ref(),
                embedder: parts.embedders.create(),
            })
        },
        |worker, _, file| worker.line(file),
        |line| {
            context.interrupt.check()?;
            handle(line?)
        },
    )
}

impl Worker<'_> {
    /// The photo's faces, or its error; an `Err` for a failure that would affect every other photo
    /// as well.
    fn line(&mut self, file: &InputFile) -> Result<Line, Failure> {
        let path = file.name.clone();
        let failed = |error: &dyn std::error::Error| Line::Failed {
            path: path.clone(),
            error: error.to_string(),
        };
        let decoded = image_io::read_bytes(&file.path).and_then(|bytes| image_io::decode(&bytes));
        let photo = match decoded {
            Ok(decoded) => decoded.rgb,
            Err(error) => return Ok(failed(&error)),
        };
        let faces = embed_faces(
            &photo,
            self.detector.as_mut(),
            self.landmarks,
            self.embedder.as_mut(),
        );
        match faces {
            Ok(faces) => Ok(Line::Found {
                path,
                size: Size::of(&photo),
                faces,
            }),
            Err(error) if error.concerns_all_photos() => Err(error.into()),
            Err(error) => Ok(failed(&error)),
        }
    }
}
