//! `facepipe predict`

use std::io::{self, IsTerminal as _, Stdout};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::commands::networks::predict_csv::CsvTable;
use crate::cli::commands::networks::predict_table::PeoplesTable;
use crate::cli::commands::networks::unknown_options::UnknownOptions;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::switch::RotationOptions;
use crate::cli::options::{inputs, model_path};
use crate::cli::output::result::{Outcome, write_json_line};
use crate::cli::wiring;
use facepipe_core::context::Context;
use facepipe_drawing::marked_copies::MarkedCopies;
use facepipe_nn::Classifier;
use facepipe_predict::{Answer, Naming, Photo, Settings, UNKNOWN};

/// Arguments of `predict`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe predict models/friends party.jpg\n  \
    facepipe predict project party.jpg\n  \
    facepipe predict models/friends 'photos/**/*.jpg' --draw named\n  \
    facepipe predict models/friends photos --format csv > faces.csv\n  \
    find photos -newer last -print0 | facepipe predict models/friends - | jq -c '[.path, .faces[].label]'\n\n\
    On a terminal: a table, a row a face, largest first, and at the end what the rows add up to. A face that is \
    nobody whom the model knows is `unknown`, beside the label that it is nearest to.\n\n\
    Piped, or with --json, one line an image: {\"path\", \"faces\": [{\"box\": [left, top, right, bottom], \"score\", \"label\", \
    \"probability\", \"similarity\", \"probabilities\": {label: p}}]}, or {\"path\", \"error\"}. Boxes are in \
    pixels of the upright image, right and bottom exclusive; probabilities begin with the largest. \
    \"similarity\" is how alike the face is to the label's training images, from -1 to 1: a probability only \
    says which of the labels it is, if it is one of them.\n\n\
    A face below the model's bound (`unknown` in its model_card.json, which `evaluate --impostors` writes), or \
    below --unknown-below or --unknown-below-similarity, has the label `unknown`, and \"nearest\" is the most \
    probable label. Only such faces have \"nearest\".\n\n\
    As CSV, one row a face, largest first: path, face (from 1), left, top, right, bottom, score, label, \
    probability, nearest, error, with --top N label_1, probability_1 and so on, and similarity. An image \
    without faces, or with an error, has one row.")]
pub(crate) struct PredictArgs {
    /// The model's folder, a project with one, or a TorchScript file that `export` made
    pub(crate) model: PathBuf,
    /// Photos, folders of them, patterns such as 'photos/**/*.jpg', or - for a list on stdin (a path a
    /// line, or ended by NULs)
    #[arg(required = true, value_name = "IMAGE|DIR|PATTERN|-")]
    pub(crate) inputs: Vec<PathBuf>,
    /// How results are printed [default: table on a terminal, jsonl elsewhere and with --json]
    #[arg(long, value_enum, env = "FACEPIPE_PREDICT_FORMAT", hide_env = true)]
    pub(crate) format: Option<ResultFormat>,
    /// Also write copies of the photos, with boxes and names drawn, to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) draw: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rotations: RotationOptions,
    #[command(flatten)]
    pub(crate) unknown: UnknownOptions,
    /// Report the N most probable labels only [default: all; as CSV or table, only the face's own]
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<std::num::NonZeroUsize>,
}

/// Forms of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResultFormat {
    /// For people: a row for each face, and a summary
    Table,
    /// JSON lines: an object for each image
    Jsonl,
    /// CSV with a header: a row for each face
    Csv,
}

pub(crate) fn run(
    args: &PredictArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let model = model_path::resolved(&args.model, context)?;
    let classifier = Classifier::open(&model, facepipe_nn::device(globals.device)?)?;
    let photos: Vec<Photo> = inputs::expand(&args.inputs)?
        .into_iter()
        .map(|file| Photo {
            path: file.path,
            name: file.name,
        })
        .collect();
    let rotations = args.rotations.are_on(|| photos.len());
    let tools = wiring::networks::face_tools_of(classifier.card(), rotations, globals, context)?;
    if photos.is_empty() {
        context.progress.note("there are no files to read");
    }
    let settings = Settings {
        naming: naming(args, &classifier, context)?,
        draw: args.draw.as_deref().map(MarkedCopies::new).transpose()?,
    };
    let mut items_failed = 0;
    let mut printer = Printer::begin(args, globals, &photos, &classifier.card().labels)?;
    facepipe_predict::run(
        &classifier,
        tools.as_ref(),
        &photos,
        &settings,
        context,
        |answer| {
            items_failed += u64::from(matches!(answer, Answer::Failed { .. }));
            let mut printed = Ok(());
            (context.progress).undisturbed(&mut || printed = printer.add(&answer));
            printed.map_err(Failure::of_output)
        },
    )?;
    let lines = match &args.draw {
        Some(folder) => vec![format!("copies with names in `{}`", folder.display())],
        None => Vec::new(),
    };
    match printer {
        Printer::Table(table) => table.end(&lines).map_err(Failure::of_output)?,
        Printer::Jsonl | Printer::Csv(_) => {
            lines.iter().for_each(|line| context.progress.note(line));
        }
    }
    Ok(Outcome::printed(items_failed))
}

/// Writes answers to stdout.
enum Printer {
    Table(PeoplesTable<Stdout>),
    Jsonl,
    Csv(Box<CsvTable<Stdout>>),
}

impl Printer {
    fn begin(
        args: &PredictArgs,
        globals: &Globals,
        photos: &[Photo],
        labels: &[String],
    ) -> Result<Self, Failure> {
        let format = args.format.unwrap_or_else(|| {
            if io::stdout().is_terminal() && !globals.json {
                ResultFormat::Table
            } else {
                ResultFormat::Jsonl
            }
        });
        let ranks = args.top.map_or(0, usize::from);
        Ok(match format {
            ResultFormat::Table => {
                let photos = photos.iter().map(|photo| photo.name.as_str());
                let labels = labels.iter().map(String::as_str);
                let table = PeoplesTable::begin(io::stdout(), ranks, photos, labels);
                Self::Table(table.map_err(Failure::of_output)?)
            }
            ResultFormat::Jsonl => Self::Jsonl,
            ResultFormat::Csv => {
                let table = CsvTable::begin(io::stdout(), ranks);
                Self::Csv(Box::new(table.map_err(Failure::of_output)?))
            }
        })
    }

    fn add(&mut self, answer: &Answer) -> io::Result<()> {
        match self {
            Self::Table(table) => table.add(answer),
            Self::Jsonl => write_json_line(&mut io::stdout().lock(), answer),
            Self::Csv(table) => table.add(answer),
        }
    }
}

/// How the model's answers become labels: as requested, else as the model's card says.
fn naming(
    args: &PredictArgs,
    classifier: &Classifier,
    context: &Context,
) -> Result<Naming, Failure> {
    let card = classifier.card();
    let naming = Naming {
        unknown: args.unknown.bounds(card)?,
        top: args.top.map(usize::from),
    };
    let naming = naming.for_model(card);
    let can_be_unknown = naming.unknown.is_some_and(|unknown| unknown.is_some());
    if can_be_unknown && card.labels.iter().any(|label| label == UNKNOWN) {
        context.progress.note(
            "the model has a label `unknown`; faces of no known person have `nearest` as well",
        );
    }
    Ok(naming)
}
