//! `facepipe evaluate`

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::commands::networks::evaluate_lines::lines;
use crate::cli::commands::networks::export;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::model_path;
use crate::cli::options::named::named;
use crate::cli::output::result::{Outcome, to_value};
use crate::cli::wiring;
use facepipe_core::artifacts::model_folder::{self, REPORT_FOLDER};
use facepipe_core::context::Context;
use facepipe_core::types::Split;
use facepipe_evaluate::{PairList, Task};

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe evaluate models/friends --data data/final\n  \
    facepipe evaluate models/friends --data data/final --impostors strangers\n  \
    facepipe evaluate models/friends --data data/final --pairs pairs.csv --json | jq .verification\n  \
    facepipe evaluate models/friends --data data/final --impostors strangers --groups groups.csv\n\n\
    The report's folder gets report.html (everything on one page), the plots as PNG, report.json, \
    predictions.csv (each image) and discarded.jsonl.\n\n\
    Without strangers a model names every face. Give photos of people whom it does not know with \
    --impostors, 100 faces or more for a rate of 1 %, in folders a person if you can: the similarity \
    or probability, whichever finds more known people, below which a face is unknown is then written into the \
    model's card, for predict and export. Of each such photo the face counts that it is about (a large one near \
    the middle).\n\n\
    With --groups all pairs of faces of the side and of strangers are compared as well, at one bound for all, \
    and each group gets its error rates with intervals: FNMR and FMR of pairs, FNIR of known people and FPIR \
    of strangers.\n\n\
    Probabilities are calibrated: logits are divided by the temperature that train fitted on val. \
    Figures are given with and without it, and nothing is fitted on the side that is reported.")]
pub(crate) struct EvaluateArgs {
    /// The model's folder, or a project with one
    pub(crate) model: PathBuf,
    /// The data set [default: that of the model's project]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Which side of the data set
    #[arg(long, value_parser = named(&Split::ALL), default_value_t = Split::Test)]
    pub(crate) split: Split,
    /// The folder of the report [default: `report` in the model's folder, or `report_<split>`]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: EvaluateOptions,
}

/// Options of the stage, also of `run`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Evaluate")]
pub(crate) struct EvaluateOptions {
    /// Photos of strangers: finds the similarity or probability below which a face is unknown
    #[arg(long, value_name = "DIR")]
    pub(crate) impostors: Option<PathBuf>,
    /// Share of strangers that may be taken for a known person, for that bound; with --groups also of pairs of two
    /// people that may be taken for one
    #[arg(long, value_name = "SHARE", default_value_t = Task::FALSE_ACCEPT_RATE, value_parser = share)]
    pub(crate) far: f64,
    /// Pairs of photos, one person or two: a CSV file with the columns a, b, same (1 or 0) and, if you
    /// like, fold
    #[arg(long, value_name = "CSV")]
    pub(crate) pairs: Option<PathBuf>,
    /// Where the paths of the pairs start from [default: the folder of the list]
    #[arg(long, value_name = "DIR", requires = "pairs")]
    pub(crate) pairs_root: Option<PathBuf>,
    /// Groups of people whose error rates are compared: a CSV file with the columns person (a label, or a stranger's
    /// folder) and group
    #[arg(long, value_name = "CSV")]
    pub(crate) groups: Option<PathBuf>,
}

pub(crate) fn run(
    args: &EvaluateArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let model = model_path::resolved(&args.model, context)?;
    let data = match &args.data {
        Some(data) => data.clone(),
        None => model_path::data_of(&model)?,
    };
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| default_out(&model, args.split));
    let options = &args.options;
    let needs_faces = options.impostors.is_some() || options.pairs.is_some();
    let tools = if needs_faces {
        let card = model_folder::read_card(&model)?;
        wiring::networks::face_tools_of(&card, false, globals, context)?
    } else {
        None
    };
    let root = options.pairs_root.clone().or_else(|| {
        let folder = options.pairs.as_ref()?.parent()?;
        Some(folder.to_owned())
    });
    let task = Task {
        model: &model,
        data: &data,
        split: args.split,
        out: &out,
        device: facepipe_nn::device(globals.device)?,
        impostors: options.impostors.as_deref(),
        false_accept_rate: options.far,
        pairs: options
            .pairs
            .as_deref()
            .zip(root.as_deref())
            .map(|(list, root)| PairList { list, root }),
        groups: options.groups.as_deref(),
        keep_more: true,
        tools: tools.as_ref(),
    };
    let report = facepipe_evaluate::run(&task, context)?;
    // A bound that was found now is in the model's card: its files follow.
    let renewed = if report.open_set.is_some() {
        export::renew(&model, context)?
    } else {
        Vec::new()
    };
    Ok(Outcome {
        report: to_value(&report)?,
        lines: [lines(&report, &out), renewed].concat(),
        items_failed: report.unreadable,
    })
}

fn default_out(model: &Path, split: Split) -> PathBuf {
    match split {
        Split::Test => model.join(REPORT_FOLDER),
        other => model.join(format!("{REPORT_FOLDER}_{other}")),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("not a share between 0 and 1, such as 0.01".to_owned()),
    }
}
