//! `facepipe azure enroll`

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::options::{GroupOptions, detection_models, recognition_models};
use super::session::Session;
use crate::cli::failure::Failure;
use crate::cli::output::result::{Outcome, reason_lines, to_value};
use facepipe_azure::enroll::{
    EnrollJournal, EnrollReport, EnrollSettings, Estimate, Known, PRICE_LIST, Plan, USUAL_PRICE,
    enroll, estimate, plan,
};
use facepipe_azure::{AzureError, Collection, DETECTION_MODEL, Group, RECOGNITION_MODEL, Tier};
use facepipe_core::context::Context;
use facepipe_core::types::{Discarded, Reason};
use facepipe_core::words::{counted, counted_as};

/// The folder of the groups' journals.
const JOURNALS: &str = "data/azure";

/// Arguments of `enroll`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe azure enroll photos --group friends --dry-run\n  \
    facepipe azure enroll photos --group friends --tier s0\n\n\
    The folder has one folder for each person, named like the person, with photos inside. The group, \
    persons and faces that are missing are made; nothing is made twice, also not by a run after one \
    that was killed or timed out: the same command continues. Photos without a face or with several \
    are listed in discarded.jsonl, beside the journal, with their reasons. The group keeps what \
    the folder no longer holds.\n\n\
    The cost that --dry-run shows is an estimate: prices differ by region, time and contract. The \
    price list is at https://azure.microsoft.com/pricing/details/cognitive-services/face-api/; give \
    your price with --price.")]
pub(super) struct EnrollArgs {
    /// The folder of persons
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    group: GroupOptions,
    /// Only report how many calls it takes, and about what they cost; makes none
    #[arg(long)]
    dry_run: bool,
    /// For --dry-run: price of a thousand calls of your resource, in US dollars [default: 1.00, an
    /// estimate]
    #[arg(long, value_name = "DOLLARS", value_parser = price, requires = "dry_run")]
    price: Option<f64>,
    /// Folder of the journal [default: data/azure/GROUP]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Of a photo with several faces take the largest, rather than leaving it out
    #[arg(long)]
    largest_only: bool,
    /// Don't train the group at the end
    #[arg(long)]
    no_train: bool,
    /// The detection model
    #[arg(long, value_name = "MODEL", default_value = DETECTION_MODEL,
          value_parser = detection_models())]
    detection_model: String,
    /// The recognition model; a group keeps the one that it was made with
    #[arg(long, value_name = "MODEL", default_value = RECOGNITION_MODEL,
          value_parser = recognition_models())]
    recognition_model: String,
}

impl EnrollArgs {
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    fn journal_folder(&self, group: &Group) -> PathBuf {
        let usual = || Path::new(JOURNALS).join(&group.id);
        self.out.clone().unwrap_or_else(usual)
    }
}

/// The object that `--dry-run` prints with `--json`.
#[derive(Debug, Serialize)]
struct DryRun<'a> {
    group: &'a str,
    persons: u64,
    photos: u64,
    discarded: u64,
    tier: &'static str,
    #[serde(flatten)]
    estimate: Estimate,
}

pub(super) fn dry_run(
    args: &EnrollArgs,
    tier: Option<Tier>,
    context: &Context,
) -> Result<Outcome, Failure> {
    let group = args.group.group();
    let plan = plan(&args.folder, context)?;
    let known = Known::read(&args.journal_folder(&group), &group)?;
    let environment = |name: &str| std::env::var(name).ok();
    let tier = Tier::find(environment, Path::new("."), tier).map_err(AzureError::from)?;
    let estimate = estimate(
        &plan,
        tier,
        args.price.unwrap_or(USUAL_PRICE),
        !args.no_train,
        |name| known.has_person(name),
        |name, photo| known.has_photo(name, &photo.content),
    );
    let report = DryRun {
        group: &group.id,
        persons: plan.persons.len() as u64,
        photos: plan.found,
        discarded: plan.discarded.len() as u64,
        tier: tier.as_str(),
        estimate,
    };
    Ok(Outcome {
        report: to_value(&report)?,
        lines: dry_run_lines(&plan, &report, args.price.is_some()),
        items_failed: 0,
    })
}

fn dry_run_lines(plan: &Plan, report: &DryRun<'_>, is_price_given: bool) -> Vec<String> {
    let estimate = &report.estimate;
    let mut lines = vec![
        format!(
            "`{}`: {} ({} to be made), {} ({} to be sent)",
            report.group,
            counted(report.persons, "person"),
            estimate.new_persons,
            counted(report.photos, "photo"),
            estimate.new_photos
        ),
        format!(
            "{}, as far as the journal knows; one more for each that has to be tried again, \
             and two for each photo with several faces with --largest-only",
            counted(estimate.transactions, "transaction")
        ),
        cost_line(estimate, is_price_given),
        format!(
            "at least {} s at the quota of tier {}",
            estimate.seconds, report.tier
        ),
    ];
    let reasons = Discarded::count_reasons(&plan.discarded);
    lines.extend(reason_lines(&reasons));
    lines
}

fn cost_line(estimate: &Estimate, is_price_given: bool) -> String {
    let (cost, price) = (estimate.dollars, estimate.dollars_a_thousand);
    if is_price_given {
        return format!(
            "with a paid resource they cost {cost:.2} US dollars, at {price:.2} a thousand"
        );
    }
    format!(
        "with a paid resource they cost about {cost:.2} US dollars, if a thousand cost {price:.2}: an \
         estimate, the price list is at {PRICE_LIST}, and `--price` takes yours; a free resource has \
         a number of calls a month that cost nothing"
    )
}

/// A price for a thousand calls.
fn price(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    let number = number.filter(|price: &f64| price.is_finite() && *price >= 0.0);
    number.ok_or_else(|| "a number from 0 on, such as 0.80".to_owned())
}

pub(super) fn run(args: &EnrollArgs, session: &Session<'_>) -> Result<Outcome, Failure> {
    let group = args.group.group();
    let settings = EnrollSettings {
        group: group.clone(),
        recognition_model: args.recognition_model.clone(),
        detection_model: args.detection_model.clone(),
        largest_only: args.largest_only,
        train: !args.no_train,
    };
    let context = session.context;
    let plan = plan(&args.folder, context)?;
    let folder = args.journal_folder(&group);
    let host = session.client.credentials().endpoint.host();
    let journal = EnrollJournal::open(&folder, &host, &group)?;
    let (report, discarded) = enroll(&session.client, &settings, &plan, &journal, context)?;
    let failed = discarded.iter().filter(|item| item.reason.is_error());
    Ok(Outcome {
        report: to_value(&report)?,
        lines: lines(&report, &folder, &group),
        items_failed: failed.count() as u64,
    })
}

fn lines(report: &EnrollReport, folder: &Path, group: &Group) -> Vec<String> {
    let (persons, photos) = (&report.persons, &report.photos);
    let mut lines = vec![format!(
        "`{}`: {} ({} made), {}: {} added, {} already there, {} left out",
        report.group,
        counted(persons.found, "person"),
        persons.created,
        counted(photos.found, "photo"),
        photos.added,
        photos.already_there,
        photos.discarded
    )];
    lines.extend(reason_lines(&report.reasons));
    if report
        .reasons
        .contains_key(&Reason::SeveralFaces.to_string())
    {
        lines.push("  `--largest-only` takes the largest of several faces".to_owned());
    }
    if photos.discarded > 0 {
        let list = folder.join("discarded.jsonl");
        lines.push(format!("  why, photo by photo: {}", list.display()));
    }
    if report.other_faces > 0 {
        lines.push(format!(
            "  {} to no photo of the folder",
            counted_as(
                report.other_faces,
                "face of these persons belongs",
                "faces of these persons belong"
            )
        ));
    }
    if report.training.is_some() {
        let option = match group.collection {
            Collection::PersonGroup => "--person-group",
            _ => "--group",
        };
        lines.push(format!(
            "trained: `facepipe azure identify PHOTO {option} {}` finds them now",
            group.id
        ));
    }
    lines
}
