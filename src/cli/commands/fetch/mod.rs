//! `facepipe fetch`: from queries, lists and folders to images by label.

pub(crate) mod jobs;
pub(crate) mod limits;
mod plan;
mod queries;

use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use self::limits::FetchLimits;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::output::result::Outcome;
use crate::cli::wiring::sources::{Endpoint, SourceName};
use facepipe_core::artifacts::stage::MANIFEST_FILE;
use facepipe_core::context::Context;
use facepipe_core::licence::Licence;
use facepipe_core::words::counted;
use facepipe_fetch::{Report, Settings};
use facepipe_net::client::proxy_variable;

/// Arguments of `fetch`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe fetch --query \"Ada Lovelace\" --query \"Grace Hopper\" --out data/raw\n  \
    facepipe fetch --wikidata Q7259 --source commons --source openverse --max 50 --out data/raw\n  \
    facepipe fetch --queries people.csv --license cc0,by,by-sa --out data/raw\n  \
    facepipe fetch --urls list.csv --out data/raw\n\n\
    DIR gets a folder for each label, manifest.jsonl (every image with its source, page, author and licence) and \
    discarded.jsonl. The same command continues where it was stopped.")]
pub(crate) struct FetchArgs {
    /// Where the images go: a folder for each label; images are added to those there
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    pub(crate) out: Option<PathBuf>,
    /// Print which images would be requested, with their licences, and download none
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) options: FetchOptions,
}

/// Options of the stage, also of `run`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Fetch")]
pub(crate) struct FetchOptions {
    /// What to search for; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Vec<String>,
    /// Whom to search for: the number of a person's item on Wikidata, or a name that only one person
    /// has; Commons is searched for pictures that show them, other sources for their name; may be
    /// given several times
    #[arg(long, value_name = "QID|NAME")]
    pub(crate) wikidata: Vec<String>,
    /// The label of the images found, once for each query, then for each person [default: made from
    /// the query or name]
    #[arg(long, value_name = "NAME")]
    pub(crate) label: Vec<String>,
    /// More queries: a CSV or TSV file with columns query, label and wikidata, a TOML file of
    /// [[queries]] with these keys, or a text file with a query a line
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: Option<PathBuf>,
    /// Where images come from; may be given several times: searches are merged, an image of each in
    /// turn [default: commons, or those that --urls and --folder need]
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) source: Vec<SourceName>,
    /// List of addresses for `--source urls`: txt, csv, tsv, json or jsonl, also with gzip; `-` reads
    /// it from standard input; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) urls: Vec<PathBuf>,
    /// Folder of images for `--source folder`: a folder for each label, or any with `--label`; may be
    /// given several times
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Vec<PathBuf>,
    /// Keep at most this many images for each query, all its sources together, or for each label of
    /// a list or folder [default: 100 with a search, else all]
    #[arg(long, value_name = "N")]
    pub(crate) max: Option<NonZeroU64>,
    #[command(flatten)]
    pub(crate) limits: FetchLimits,
    /// Largest image file in mebibytes
    #[arg(help_heading = "Fetch: images", long, value_name = "MIB", default_value = (Settings::default().max_bytes >> 20).to_string())]
    pub(crate) max_mib: NonZeroU32,
    /// Downloads at the same time
    #[arg(help_heading = "Fetch: network", long, value_name = "N", default_value = Settings::default().connections.to_string())]
    pub(crate) connections: NonZeroU32,
    /// Downloads from one host at the same time; limits that hosts publish take precedence
    #[arg(help_heading = "Fetch: network", long, value_name = "N", default_value = Settings::default().host_connections.to_string())]
    pub(crate) host_connections: NonZeroU32,
    /// Requests to one host a second
    #[arg(
        help_heading = "Fetch: network",
        long,
        value_name = "N|unlimited",
        default_value_t
    )]
    pub(crate) host_rate: HostRate,
    /// How often a download is tried again after an error that may pass
    #[arg(help_heading = "Fetch: network", long, value_name = "N", default_value_t = Settings::default().retries)]
    pub(crate) retries: u32,
    /// Try again items that failed for good in an earlier run
    #[arg(help_heading = "Fetch: network", long)]
    pub(crate) retry_failed: bool,
    /// Allow addresses in private networks, this machine included
    #[arg(help_heading = "Fetch: network", long)]
    pub(crate) allow_private: bool,
    /// Use the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names, but for hosts in NO_PROXY; which
    /// addresses are in a private network is then its to decide
    #[arg(help_heading = "Fetch: network", long)]
    pub(crate) proxy: bool,
    /// Keep only images of these licences, such as `cc0,by,by-sa,pdm`; `unknown` is for images
    /// whose source names none
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub(crate) license: Vec<Licence>,
    /// A contact for operators of servers: an e-mail or web address, sent with each
    /// request
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) contact: Option<String>,
    /// Another base address, such as a mirror's, for commons, wikidata, openverse, bing or serpapi
    #[arg(help_heading = "Fetch: network", long, value_name = "NAME=URL")]
    pub(crate) endpoint: Vec<Endpoint>,
}

/// A value of `--host-rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HostRate(Option<f64>);

impl Default for HostRate {
    fn default() -> Self {
        Self(Settings::default().host_rate)
    }
}

impl std::fmt::Display for HostRate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(rate) => write!(formatter, "{rate}"),
            None => formatter.write_str("unlimited"),
        }
    }
}

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

impl FetchOptions {
    /// The stage's settings.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
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
        let is_search = self.sources().iter().any(|source| source.is_search());
        Ok(Settings {
            max: self
                .max
                .map(NonZeroU64::get)
                .or(is_search.then_some(Settings::MAX_OF_A_SEARCH)),
            keep: self.limits.keep(),
            timeouts: self.limits.timeouts(),
            ignore_opt_out: self.limits.ignore_opt_out,
            max_bytes: u64::from(self.max_mib.get()) << 20,
            connections: self.connections.get() as usize,
            host_connections: self.host_connections.get() as usize,
            host_rate: self.host_rate.0,
            retries: self.retries,
            allow_private: self.allow_private,
            proxy: self.proxy,
            retry_failed: self.retry_failed,
            contact: self.contact.clone(),
            licences: self.license.iter().copied().collect(),
        })
    }
}

/// Runs the command.
pub(crate) fn run(
    args: &FetchArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let options = &args.options;
    let settings = options.settings()?;
    let out = args.out.as_deref();
    let asks_wikimedia =
        options.sources().contains(&SourceName::Commons) || !options.wikidata.is_empty();
    if asks_wikimedia && settings.contact.is_none() {
        context.progress.note(
            "Wikimedia asks for a contact in each request: set one with `--contact` or \
             FACEPIPE_CONTACT",
        );
    }
    let uses_network = options
        .sources()
        .iter()
        .any(|source| *source != SourceName::Folder);
    if let Some(variable) = proxy_variable().filter(|_| uses_network && !settings.proxy) {
        context.progress.note(&format!(
            "{variable} names a proxy, which is not used: through it, it can't be checked whether an address \
             is in a private network (`--proxy` uses it all the same)"
        ));
    }
    let jobs = options.jobs(out, &settings, context)?;
    let Some(out) = out.filter(|_| !args.dry_run) else {
        return plan::print(jobs, &settings, context, globals.json);
    };
    let report = facepipe_fetch::run(jobs, &settings, out, context)?;
    let mut outcome = outcome(&report, out);
    if globals.verbose > 0 {
        outcome.lines.extend(host_lines(&report));
    }
    Ok(outcome)
}

/// The contacted hosts, a line each.
fn host_lines(report: &Report) -> impl Iterator<Item = String> {
    let hosts = &report.this_run.hosts;
    let width = hosts.keys().map(|host| host.chars().count()).max();
    let width = width.unwrap_or_default();
    hosts
        .iter()
        .map(move |(host, of_host)| format!("  {host:width$}  {}", of_host.in_words()))
}

/// An error of arguments that clap can't check.
pub(crate) fn usage(message: &str, hint: &str) -> Failure {
    Failure::Usage {
        message: message.to_owned(),
        hint: hint.to_owned(),
    }
}

/// The report in lines.
pub(crate) fn outcome(report: &Report, out: &Path) -> Outcome {
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
        format!(
            "kept       {}, {:.1} MB",
            counted(report.kept, "image"),
            report.kept_bytes as f64 / 1e6
        ),
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
    lines.push(format!("left out   {}", counted(report.discarded, "item")));
    lines.extend(counts(&report.reasons));
    lines.push(format!("manifest   {}", out.join(MANIFEST_FILE).display()));
    Outcome {
        report: serde_json::to_value(report).unwrap_or_default(),
        lines,
        items_failed: report.failed,
    }
}
