//! `facepipe fetch`: from queries, lists and folders to images by label.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use url::Url;

use super::args::Globals;
use super::failure::Failure;
use super::output::Outcome;
use super::wiring::{self, SourceName};
use crate::adapters::sources::url_list::STANDARD_INPUT;
use crate::artifacts::image_folder::{label_from_query, label_from_text};
use crate::artifacts::stage::MANIFEST_FILE;
use crate::context::Context;
use crate::fetch::licence::Licence;
use crate::fetch::{self, Job, Report, Request, Settings};

/// Arguments of `fetch`.
#[derive(Debug, Args)]
pub(super) struct FetchArgs {
    /// Where the images go: a folder for each label; what is there already is added to
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) options: FetchOptions,
}

/// Options of the stage, also of `run`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Fetch")]
pub(super) struct FetchOptions {
    /// What to search for; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub(super) query: Vec<String>,
    /// The label of what is found, once for each query [default: made from the query]
    #[arg(long, value_name = "NAME")]
    pub(super) label: Vec<String>,
    /// Where images come from
    #[arg(long, value_enum, default_value = "commons")]
    pub(super) source: SourceName,
    /// List of addresses for `--source urls`: txt, csv, tsv, json or jsonl; `-` reads it from
    /// standard input
    #[arg(long, value_name = "FILE")]
    pub(super) urls: Option<PathBuf>,
    /// Folder of images for `--source folder`: a folder for each label, or any with `--label`
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    /// Keep at most so many images for each query, or for each label of a list or folder
    /// [default: 100 for searches, all of a list or folder]
    #[arg(long, value_name = "N")]
    pub(super) max: Option<NonZeroU64>,
    /// Smallest shorter side of an image in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = Settings::default().min_size)]
    pub(super) min_size: u32,
    /// Largest image file in mebibytes
    #[arg(long, value_name = "MIB", default_value = "64")]
    pub(super) max_mib: NonZeroU32,
    /// Downloads at the same time
    #[arg(long, value_name = "N", default_value = "16")]
    pub(super) connections: NonZeroU32,
    /// Downloads from one host at the same time; limits that hosts publish go before it
    #[arg(long, value_name = "N", default_value = "4")]
    pub(super) host_connections: NonZeroU32,
    /// Requests to one host a second
    #[arg(long, value_name = "N|unlimited", default_value = "10")]
    pub(super) host_rate: HostRate,
    /// How often a download is tried again after an error that may pass
    #[arg(long, value_name = "N", default_value_t = Settings::default().retries)]
    pub(super) retries: u32,
    /// Try again what failed for good in an earlier run
    #[arg(long)]
    pub(super) retry_failed: bool,
    /// Allow addresses in private networks, this machine included
    #[arg(long)]
    pub(super) allow_private: bool,
    /// Keep only images of these licences, such as `cc0,by,by-sa,pdm`; `unknown` is for images
    /// whose source names none
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub(super) license: Vec<Licence>,
    /// Whom the asked servers' operators can write to: an e-mail or web address, sent with each
    /// request
    #[arg(long, value_name = "ADDRESS")]
    pub(super) contact: Option<String>,
    /// Another base address for a source, such as a mirror's
    #[arg(long, value_name = "NAME=URL")]
    pub(super) endpoint: Vec<Endpoint>,
}

/// Images for each query of a search where `--max` does not say.
const DEFAULT_MAX: u64 = 100;

/// A value of `--host-rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct HostRate(Option<f64>);

impl FromStr for HostRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        /// Slower than one request in a day, a duration between requests makes no sense.
        const SLOWEST: f64 = 1.0 / 86_400.0;
        if text == "unlimited" {
            return Ok(Self(None));
        }
        let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite());
        rate.filter(|rate| *rate >= SLOWEST)
            .map(|rate| Self(Some(rate)))
            .ok_or_else(|| "neither `unlimited` nor a positive number".to_owned())
    }
}

/// A value of `--endpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    source: SourceName,
    url: Url,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, url) = text.split_once('=').ok_or("not of the form NAME=URL")?;
        let source = <SourceName as clap::ValueEnum>::from_str(name, false)
            .ok()
            .filter(|source| *source == SourceName::Commons)
            .ok_or_else(|| format!("`{name}` is not a source with an address; `commons` is"))?;
        let url = Url::parse(url).map_err(|error| format!("`{url}`: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`{url}` is not an http or https address"));
        }
        Ok(Self { source, url })
    }
}

impl FetchOptions {
    /// The stage's settings.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let is_sendable = |text: &String| {
            !text.is_empty() && !text.contains(|c: char| c.is_control() || !c.is_ascii())
        };
        if self
            .contact
            .as_ref()
            .is_some_and(|contact| !is_sendable(contact))
        {
            return Err(usage(
                "`--contact` has letters that can't be sent",
                "give an e-mail or web address in ASCII",
            ));
        }
        let is_search = self.source == SourceName::Commons;
        Ok(Settings {
            max: self
                .max
                .map(NonZeroU64::get)
                .or(is_search.then_some(DEFAULT_MAX)),
            min_size: self.min_size,
            max_bytes: u64::from(self.max_mib.get()) << 20,
            connections: self.connections.get() as usize,
            host_connections: self.host_connections.get() as usize,
            host_rate: self.host_rate.0,
            retries: self.retries,
            allow_private: self.allow_private,
            retry_failed: self.retry_failed,
            contact: self.contact.clone(),
            licences: self.license.iter().copied().collect(),
        })
    }

    /// What is asked of which source.
    pub(super) fn jobs(&self, out: &Path) -> Result<Vec<Job>, Failure> {
        match self.source {
            SourceName::Commons => self.searches(),
            SourceName::Urls => self.list(self.urls.as_deref(), "--urls FILE"),
            SourceName::Folder => {
                if let Some(folder) = &self.folder {
                    fetch::ensure_apart(folder, out)?;
                }
                self.list(self.folder.as_deref(), "--folder DIR")
            }
        }
    }

    fn searches(&self) -> Result<Vec<Job>, Failure> {
        if self.query.iter().all(|query| query.trim().is_empty()) {
            return Err(usage(
                "a search needs `--query`",
                "add `--query \"First Last\"`",
            ));
        }
        if !self.label.is_empty() && self.label.len() != self.query.len() {
            let message = format!(
                "{} labels for {} queries",
                self.label.len(),
                self.query.len()
            );
            return Err(usage(&message, "give `--label` once for each `--query`"));
        }
        let queries = self.query.iter().enumerate();
        let jobs = queries.map(|(index, query)| {
            let label = self.label.get(index).map(|label| label_from_text(label));
            let label = label.unwrap_or_else(|| label_from_query(query));
            let endpoint = self.endpoint.iter().rfind(|one| one.source == self.source);
            Ok(Job {
                source: wiring::search(endpoint.map(|one| one.url.clone()), query, &label)?,
                request: Request {
                    source: self.source.to_string(),
                    query: Some(query.clone()),
                    label: Some(label),
                    list: None,
                },
            })
        });
        jobs.collect()
    }

    fn list(&self, path: Option<&Path>, option: &str) -> Result<Vec<Job>, Failure> {
        let source = self.source;
        let Some(path) = path else {
            let message = format!("`--source {source}` needs `{option}`");
            return Err(usage(&message, &format!("add `{option}`")));
        };
        if self.query.len() > 1 || self.label.len() > 1 {
            return Err(usage(
                &format!("`--source {source}` takes one `--query` and one `--label` at most"),
                "name the labels in the list, or run the command once for each",
            ));
        }
        let query = self.query.first().cloned();
        let label = self.label.first().map(|label| label_from_text(label));
        let label = label.or_else(|| query.as_deref().map(label_from_query));
        let name = if path == Path::new(STANDARD_INPUT) {
            STANDARD_INPUT.into()
        } else {
            // `.` and `..` have no name of their own; pipes have no other path.
            let real = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            real.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        Ok(vec![Job {
            source: wiring::list(source, path, label.clone(), query.clone())?,
            request: Request {
                source: source.to_string(),
                query,
                label,
                list: Some(name),
            },
        }])
    }
}

/// Runs the command.
pub(super) fn run(
    args: &FetchArgs,
    _globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let options = &args.options;
    let settings = options.settings()?;
    let jobs = options.jobs(&args.out)?;
    if options.source == SourceName::Commons && settings.contact.is_none() {
        context.progress.note(
            "Wikimedia asks for a contact in each request: set one with `--contact` or \
             FACEPIPE_CONTACT",
        );
    }
    let report = fetch::run(jobs, &settings, &args.out, context)?;
    Ok(outcome(&report, &args.out))
}

fn usage(message: &str, hint: &str) -> Failure {
    Failure::Usage {
        message: message.to_owned(),
        hint: hint.to_owned(),
    }
}

/// The report in lines.
pub(super) fn outcome(report: &Report, out: &Path) -> Outcome {
    let run = &report.this_run;
    let mut lines = vec![
        format!(
            "this run   {} offered, {} known, {} tried in {:.1} s ({:.1} images/s, {:.1} MB)",
            run.offered,
            run.known,
            run.tried,
            run.seconds,
            run.images_per_second,
            run.bytes as f64 / 1e6
        ),
        format!("kept       {} images", report.kept),
    ];
    let counts = |counts: &std::collections::BTreeMap<String, u64>| {
        let width = counts.keys().map(|name| name.chars().count()).max();
        let line = move |(name, count): (&String, &u64)| {
            let width = width.unwrap_or_default();
            format!("  {name:width$}  {count:>7}")
        };
        counts.iter().map(line).collect::<Vec<_>>()
    };
    lines.extend(counts(&report.labels));
    lines.push(format!("left out   {} items", report.discarded));
    lines.extend(counts(&report.reasons));
    lines.push(format!("manifest   {}", out.join(MANIFEST_FILE).display()));
    Outcome {
        report: serde_json::to_value(report).unwrap_or_default(),
        lines,
        items_failed: report.failed,
    }
}
