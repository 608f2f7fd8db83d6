//! `facepipe run`: all stages, one after the other, each as its own command does it.

mod agreement;
mod summary;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::commands::crop::{self, ChipNetwork, CropArgs, CropOptions};
use crate::cli::commands::fetch::{self, FetchArgs, FetchOptions};
use crate::cli::commands::networks::evaluate::{self, EvaluateArgs, EvaluateOptions};
use crate::cli::commands::networks::export::{self, ExportArgs, ExportOptions};
use crate::cli::commands::networks::train::{self, LearningRate, TrainArgs, TrainOptions};
use crate::cli::commands::prepare::identities::IdentityOptions;
use crate::cli::commands::prepare::{self, PrepareArgs, PrepareOptions};
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::project_file::{self, DEFAULT_PROJECT, DOWNLOADED, ProjectFile};
use crate::cli::options::switch::{RotationOptions, Switch};
use crate::cli::output::result::{Outcome, to_value};
use crate::cli::wiring;
use crate::cli::wiring::sources::SourceName;
use facepipe_core::artifacts::apart::ensure_apart;
use facepipe_core::artifacts::given_split;
use facepipe_core::artifacts::path_text::{text_of_name, text_of_path};
use facepipe_core::artifacts::selection::Selection;
use facepipe_core::artifacts::stage::{self, REPORT_FILE};
use facepipe_core::artifacts::{atomic, jsonl};
use facepipe_core::context::Context;
use facepipe_core::ledger;
use facepipe_core::types::Split;
use facepipe_crop::CropError;

pub(super) use agreement::is_project;
use summary::{Ended, Summary};

/// Held while a run works in the project's folder.
pub(in crate::cli::commands::networks) const LOCK_FILE: &str = ".facepipe-run-lock";
/// The outcome of each photo, in the project's folder.
const FATES_FILE: &str = "photos.jsonl";

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    facepipe run photos\n  \
    facepipe run --from photos --out project\n  \
    facepipe run --query \"Ada Lovelace\" --query \"Grace Hopper\" --out project\n  \
    facepipe run --from photos --out project --backbone resnet50 --epochs 30 --seed 7\n\n\
    DIR gets data/raw, data/crops, data/final and models/NAME, photos.jsonl (the outcome of each \
    photo), report.json, and project.toml, which remembers the options: `facepipe run --out DIR` alone repeats them. \
    Of downloaded photos, faces that are not the person of their label are left out (--clean-identities=off keeps \
    them). Stopped at any moment, the same command continues where it was; what is complete is not done again. Photos \
    that are added, changed or removed bring the project up to date: only what is new is computed, and images stay \
    in train, val or test. Other options are refused with what would be made again, until --force agrees to them.")]
pub(crate) struct RunArgs {
    /// As --from, or a project to go on with
    #[arg(value_name = "PHOTOS|PROJECT", conflicts_with_all = ["from", "query", "wikidata", "queries", "urls", "folder"])]
    pub(crate) photos: Option<PathBuf>,
    /// Folder of photos of your own: a folder for each person
    #[arg(long, value_name = "DIR", conflicts_with_all = ["query", "wikidata", "queries", "urls", "folder"])]
    pub(crate) from: Option<PathBuf>,
    /// The project's folder [default: project]
    #[arg(id = "out", long = "out", value_name = "DIR")]
    given_out: Option<PathBuf>,
    /// That folder, or the default.
    #[arg(skip)]
    pub(crate) out: PathBuf,
    /// The model's name [default: the project folder's]
    #[arg(long, value_name = "NAME", value_parser = model_name)]
    pub(crate) name: Option<String>,
    /// Use every face of a photo, not only the main one (a large one near the middle)
    #[arg(long)]
    pub(crate) all_faces: bool,
    #[command(flatten)]
    pub(crate) fetch: FetchOptions,
    #[command(flatten)]
    pub(crate) crop: CropOptions,
    #[command(flatten)]
    pub(crate) prepare: PrepareOptions,
    #[command(flatten)]
    pub(crate) train: TrainOptions,
    #[command(flatten)]
    pub(crate) evaluate: EvaluateOptions,
    #[command(flatten)]
    pub(crate) export: ExportOptions,
    /// The options that are not the program's defaults, as the project remembers them.
    #[arg(skip)]
    pub(crate) given: toml::Table,
}

impl RunArgs {
    /// The same where the one argument is a project, or photos.
    ///
    /// The model's name is remembered: it stays when the project's folder gets another one.
    fn resolved(&self) -> Result<Self, Failure> {
        let mut args = self.clone();
        let out = args.given_out.take();
        args.out = out.unwrap_or_else(|| PathBuf::from(DEFAULT_PROJECT));
        match args.photos.take() {
            Some(project) if is_project(&project) => args.out = project,
            Some(photos) => args.from = Some(photos),
            None => {}
        }
        let name = name(&args)?;
        project_file::remember_name(&mut args.given, name);
        Ok(args)
    }
}

/// Resolves `--clean-identities auto`: labels are cleaned where photos come from the web.
fn clean_downloaded_labels(identities: &mut IdentityOptions, args: &RunArgs) {
    if identities.clean_identities == Switch::Auto {
        let mut sources = args.fetch.sources().into_iter();
        let downloads = sources.any(|source| source != SourceName::Folder);
        let cleans = args.from.is_none() && downloads && identities.embeddings != Switch::Off;
        identities.clean_identities = if cleans { Switch::On } else { Switch::Off };
    }
}

pub(crate) fn run(
    args: &RunArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let args = &args.resolved()?;
    ensure_photos(args)?;
    let data = args.out.join("data");
    let (raw, crops, final_data) = (
        args.out.join(DOWNLOADED),
        data.join("crops"),
        data.join("final"),
    );
    let model = args.out.join("models").join(name(args)?);
    let mut prepare_options = args.prepare.clone();
    clean_downloaded_labels(&mut prepare_options.identities, args);
    // Arguments that can't be used are reported before hours of work, not after.
    prepare_options.settings(globals.seed)?;
    prepare_options
        .identities
        .image_embedder(&crops, globals, context)?;
    if args.train.lr == Some(LearningRate::Find) {
        return Err(Failure::Usage {
            message: "`run` trains a model, and `--lr find` does not".to_owned(),
            hint: "use `facepipe train DATA --out models/NAME --lr find` once `data/final` is made"
                .to_owned(),
        });
    }
    let device = facepipe_nn::device(globals.device)?;
    args.train.settings(context.seed, device, None)?;
    let weights = &args.train.weights;
    weights.file(args.train.backbone, &wiring::weights_folder(globals)?)?;
    // As `crop` refuses it, which comes after the project's folder is made.
    if let Some(from) = args.from.as_deref() {
        ensure_folder_of_photos(from)?;
        ensure_apart(from, &crops)?;
    }
    let crop = CropArgs {
        input: args.from.clone().unwrap_or_else(|| raw.clone()),
        out: crops.clone(),
        largest_only: false,
        main_only: !args.all_faces,
        rotations: RotationOptions {
            rotations: args.prepare.rotations,
        },
        options: args.crop.clone(),
        chips: None,
        chips_for: ChipNetwork::default(),
        selection: match ProjectFile::read(&args.out)? {
            Some(file) => file.selection()?,
            None => Selection::default(),
        },
    };
    let prepare = PrepareArgs {
        input: crops.clone(),
        out: Some(final_data.clone()),
        explain: None,
        check: false,
        options: prepare_options,
    };
    let train = TrainArgs {
        data: final_data.clone(),
        out: model.clone(),
        resume: false,
        options: args.train.clone(),
    };
    fs_err::create_dir_all(&args.out)?;
    let _lock = stage::lock(&args.out, LOCK_FILE)?;
    let of_project = agreement::Stages {
        crop: &crop,
        prepare: &prepare,
        train: &train,
    };
    let context = &Context {
        remake: agreement::agree(args, &of_project, globals, context)?,
        ..context.clone()
    };
    let mut stages = Stages::new(context);
    if args.from.is_none() {
        let fetch = FetchArgs {
            out: Some(raw),
            dry_run: false,
            options: args.fetch.clone(),
        };
        stages.run_and_tell("fetch", || fetch::run(&fetch, globals, context))?;
    }
    stages.run_and_tell("crop", || crop::run(&crop, globals, context))?;
    stages.run_and_tell("prepare", || prepare::run(&prepare, globals, context))?;
    let fates = ledger::fates(&crops, &final_data)?;
    jsonl::write(&args.out.join(FATES_FILE), &fates)?;
    stages.run_and_tell("train", || train::run(&train, globals, context))?;
    let evaluate = EvaluateArgs {
        model: model.clone(),
        data: Some(final_data.clone()),
        split: stages.side(),
        out: None,
        options: args.evaluate.clone(),
    };
    let table = stages.run_and_return("evaluate", || evaluate::run(&evaluate, globals, context))?;
    let export = ExportArgs {
        model: model.clone(),
        out: None,
        options: args.export.clone(),
    };
    let files = stages.run_and_return("export", || export::run(&export, globals, context))?;
    let summary = Summary::of(&Ended {
        project: &args.out,
        photos: &crop.input,
        crops: &crops,
        data_set: &final_data,
        model: &model,
        is_its_main_model: model == args.out.join("models").join(project_name(args)?),
        side: evaluate.split,
        fates: &fates,
        reports: &stages.reports,
        globals,
    })?;
    let report = json!({
        "stage": "run",
        "out": text_of_path(&args.out),
        "photos": to_value(&ledger::count(&fates))?,
        "model": text_of_path(&model),
        "stages": stages.reports,
        "summary": to_value(&summary)?,
    });
    atomic::write_json(&args.out.join(REPORT_FILE), &report)?;
    Ok(Outcome {
        lines: [table, files, summary.lines()].concat(),
        items_failed: stages.items_failed,
        report,
    })
}

/// The reports of the stages so far.
struct Stages<'context> {
    context: &'context Context,
    reports: Map<String, Value>,
    items_failed: u64,
    /// What the summary says at the end, in the stages' own words, for a run that does not get there.
    withheld: Vec<String>,
}

impl<'context> Stages<'context> {
    fn new(context: &'context Context) -> Self {
        Self {
            context,
            reports: Map::new(),
            items_failed: 0,
            withheld: Vec::new(),
        }
    }

    /// Runs a stage and prints its result when it is done.
    fn run_and_tell(
        &mut self,
        stage: &str,
        work: impl FnOnce() -> Result<Outcome, Failure>,
    ) -> Result<(), Failure> {
        for line in self.run_and_return(stage, work)? {
            self.context.progress.note(&line);
        }
        Ok(())
    }

    /// Runs a stage; returns the lines of its result that the summary does not say.
    fn run_and_return(
        &mut self,
        stage: &str,
        work: impl FnOnce() -> Result<Outcome, Failure>,
    ) -> Result<Vec<String>, Failure> {
        let lines = self.run(stage, work)?;
        let said = summary::said_at_the_end(stage, &self.reports)?;
        let (withheld, lines) = lines.into_iter().partition(|line| said.contains(line));
        self.withheld.extend::<Vec<String>>(withheld);
        Ok(lines)
    }

    /// The side that figures come from: test, or val where `prepare` gave test no images.
    fn side(&self) -> Split {
        let images = |side: Split| {
            let labels = self
                .reports
                .get("prepare")?
                .get("splits")?
                .get(side.folder())?;
            Some(
                labels
                    .as_object()?
                    .values()
                    .filter_map(Value::as_u64)
                    .sum::<u64>(),
            )
        };
        if images(Split::Test) == Some(0) {
            Split::Val
        } else {
            Split::Test
        }
    }

    /// Runs a stage; returns the lines of its result.
    fn run(
        &mut self,
        stage: &str,
        work: impl FnOnce() -> Result<Outcome, Failure>,
    ) -> Result<Vec<String>, Failure> {
        self.context.progress.note(&format!("── {stage}"));
        let outcome = work().inspect_err(|_| {
            let withheld = self.withheld.iter();
            withheld.for_each(|line| self.context.progress.note(line));
        })?;
        self.items_failed += outcome.items_failed;
        self.reports.insert(stage.to_owned(), outcome.report);
        Ok(outcome.lines)
    }
}

fn ensure_photos(args: &RunArgs) -> Result<(), Failure> {
    let fetch = &args.fetch;
    if args.from.is_none()
        && fetch.query.is_empty()
        && fetch.wikidata.is_empty()
        && fetch.queries.is_none()
        && fetch.urls.is_empty()
        && fetch.folder.is_empty()
    {
        return Err(Failure::Usage {
            message: "no photos to work on".to_owned(),
            hint: "give a folder of your own with `--from DIR`, or names with `--query` or \
                   `--wikidata`"
                .to_owned(),
        });
    }
    Ok(())
}

/// Checks that a folder of photos can be worked on, as `crop` does: nothing is written where it can't.
fn ensure_folder_of_photos(folder: &Path) -> Result<(), Failure> {
    if !folder.is_dir() {
        return Err(CropError::NoInput(folder.to_owned()).into());
    }
    given_split::list(folder).map_err(CropError::Folder)?;
    Ok(())
}

fn name(args: &RunArgs) -> Result<String, Failure> {
    args.name.clone().map_or_else(|| project_name(args), Ok)
}

/// The name of the model that commands mean by the project's folder.
fn project_name(args: &RunArgs) -> Result<String, Failure> {
    let folder = std::path::absolute(&args.out)?;
    Ok(match text_of_name(&folder).into_owned() {
        name if name.is_empty() => "model".to_owned(),
        name => name,
    })
}

fn model_name(text: &str) -> Result<String, String> {
    let is_plain = !text.is_empty() && !text.starts_with('.') && !text.contains(['/', '\\']);
    is_plain
        .then(|| text.to_owned())
        .ok_or_else(|| "not the name of a folder".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches as _;

    #[test]
    fn auto_cleans_downloaded_labels() {
        for (given, expected) in [
            ("--query ada", true),
            ("--from photos", false),
            ("--folder photos --label ada", false),
            ("--query ada --embeddings off", false),
            ("--from photos --clean-identities=on", true),
            ("--query ada --clean-identities=off", false),
        ] {
            let command = RunArgs::augment_args(clap::Command::new("run"));
            let words = format!("run --out project {given}");
            let matches = command.get_matches_from(words.split(' '));
            let args = RunArgs::from_arg_matches(&matches).expect("arguments");
            let mut identities = args.prepare.identities.clone();
            clean_downloaded_labels(&mut identities, &args);
            assert_eq!(identities.is_on(), expected, "{given}");
        }
    }
}
