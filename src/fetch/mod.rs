//! The fetch stage: from queries, lists and folders to images by label, with provenance.
//!
//! Sources ([`crate::ports::ImageSource`]) offer candidates; the stage gets their bytes, lets the
//! content decide what is an image, stores it as `<label>/<md5>.<ext>` and writes down in an
//! append-only journal what became of each candidate. The manifest follows from the journal: it
//! does not depend on the order in which downloads ended, nor on how often the run was killed.

mod addresses;
mod ask;
mod download;
mod engine;
mod error;
mod examine;
mod hosts;
mod item;
pub mod licence;
mod memory;
mod plan;
mod report;
mod retry;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::runtime::Runtime;

pub use addresses::PrivateAddress;
pub use ask::look_up;
pub use error::FetchError;
pub use memory::{JOURNAL_FILE, Request};
pub use plan::{Planned, plan};
pub use report::{Activity, Report};
pub use retry::DownloadError;

use crate::artifacts::stage::{
    DISCARDED_FILE, MANIFEST_FILE, REPORT_FILE, STAMP_FILE, StageError, Stamp, made_by, read_stamp,
};
use crate::artifacts::{atomic, image_folder, jsonl};
use crate::context::Context;
use crate::ports::ImageSource;
use crate::types::{Discarded, ImageRecord};
use download::{Downloader, Timeouts};
use engine::Engine;
use licence::LicenceFilter;
use memory::Memory;

/// The stage's name in stamps and reports.
const STAGE: &str = "fetch";
/// How long the end waits for downloads that were given up.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// How often an interruption is asked for while nothing else happens.
const POLL: Duration = Duration::from_millis(100);

/// How to fetch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Most images that a request brings to one label; `None`: no limit.
    pub max: Option<u64>,
    /// Smallest shorter side of an image in pixels.
    pub min_size: u32,
    /// Largest answer or file in bytes.
    pub max_bytes: u64,
    /// Downloads at the same time.
    pub connections: usize,
    /// Downloads from one host at the same time.
    pub host_connections: usize,
    /// Requests to one host a second; `None`: no limit.
    pub host_rate: Option<f64>,
    /// How often a download is tried again after an error that may pass.
    pub retries: u32,
    /// Whether addresses in private networks may be asked.
    pub allow_private: bool,
    /// Whether to try again what failed for good in an earlier run.
    pub retry_failed: bool,
    /// Whom the asked servers' operators can write to: an e-mail or web address.
    pub contact: Option<String>,
    /// Which licences an image may have.
    pub licences: LicenceFilter,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max: None,
            min_size: 64,
            max_bytes: 64 << 20,
            connections: 16,
            host_connections: 4,
            host_rate: Some(10.0),
            retries: 3,
            allow_private: false,
            retry_failed: false,
            contact: None,
            licences: LicenceFilter::default(),
        }
    }
}

/// One request and the source that answers it.
pub struct Job {
    /// What is asked for.
    pub request: Request,
    /// Who answers.
    pub source: Box<dyn ImageSource>,
}

/// Fetches what all jobs offer into `out`, one job after the other.
///
/// A folder that an earlier fetch made is added to.
///
/// # Errors
/// [`FetchError`]. What was fetched before stays, and the next run continues after it.
pub fn run(
    jobs: Vec<Job>,
    settings: &Settings,
    out: &Path,
    context: &Context,
) -> Result<Report, FetchError> {
    let started = Instant::now();
    let what = in_words(&jobs);
    let mut memory = open(out)?;
    let mut numbered = Vec::with_capacity(jobs.len());
    for job in jobs {
        numbered.push((memory.number_of(&job.request)?, job));
    }
    write_stamp(out, &memory, BTreeMap::new(), false)?;
    let runtime = runtime(context)?;
    let result = runtime.block_on(async {
        let downloader = Downloader::new(settings, Timeouts::default())?;
        let mut engine = Engine::new(memory, downloader, settings, out, context);
        for (number, mut job) in numbered {
            let before = engine.offered();
            engine
                .run_job(number, &job.request, job.source.as_mut())
                .await?;
            if engine.offered() == before {
                let what = in_words(&[job]);
                context
                    .progress
                    .note(&format!("nothing was found for {what}"));
            }
        }
        Ok::<_, FetchError>(engine.finish())
    });
    runtime.shutdown_timeout(LAST_WAIT);
    let (memory, mut activity, failures) = result?;
    activity.seconds = started.elapsed().as_secs_f64();
    activity.images_per_second = activity.tried as f64 / activity.seconds.max(f64::EPSILON);
    let report = write_results(out, &memory, activity)?;
    if report.this_run.offered == 0 {
        return Err(FetchError::NothingFound { what });
    }
    if report.this_run.stored == 0 {
        return Err(FetchError::NothingKept {
            offered: report.this_run.offered,
            reasons: failures.reasons,
            example: failures.example,
            discarded: out.join(DISCARDED_FILE),
        });
    }
    Ok(report)
}

fn runtime(context: &Context) -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(context.threads.get())
        .enable_all()
        .build()
}

/// Refuses an output folder that lies in the folder that is read: the run would read its own
/// output.
///
/// # Errors
/// [`FetchError::OutInInput`], [`FetchError::Io`] where `input` is missing.
pub fn ensure_apart(input: &Path, out: &Path) -> Result<(), FetchError> {
    let real_input = fs_err::canonicalize(input)?;
    // The output may not be there yet: then its nearest folder that is there counts.
    let absolute = std::path::absolute(out)?;
    let nearest = absolute
        .ancestors()
        .find_map(|path| fs_err::canonicalize(path).ok());
    if nearest.is_some_and(|nearest| nearest.starts_with(&real_input)) {
        return Err(FetchError::OutInInput {
            out: out.to_owned(),
            input: input.to_owned(),
        });
    }
    Ok(())
}

fn in_words(jobs: &[Job]) -> String {
    let name = |job: &Job| {
        let Request {
            source,
            query,
            list,
            ..
        } = &job.request;
        let name = query.as_ref().or(list.as_ref()).unwrap_or(source);
        format!("`{name}`")
    };
    jobs.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Opens an output folder: a new or empty one, or one that a fetch made.
fn open(out: &Path) -> Result<Memory, FetchError> {
    let foreign = || StageError::Foreign {
        root: out.to_owned(),
        stage: STAGE.to_owned(),
    };
    match read_stamp(out)? {
        Some(stamp) if stamp.stage != STAGE => return Err(foreign().into()),
        Some(_) => {}
        None => {
            fs_err::create_dir_all(out)?;
            // A run that was killed before its stamp leaves no more than unfinished files.
            let is_ours =
                |name: &str| name == JOURNAL_FILE || name.ends_with(atomic::TEMPORARY_SUFFIX);
            for entry in fs_err::read_dir(out)? {
                if !is_ours(&entry?.file_name().to_string_lossy()) {
                    return Err(foreign().into());
                }
            }
        }
    }
    Ok(Memory::open(out)?)
}

fn write_stamp(
    out: &Path,
    memory: &Memory,
    counts: BTreeMap<String, u64>,
    complete: bool,
) -> Result<(), FetchError> {
    let stamp = Stamp {
        stage: STAGE.to_owned(),
        made_by: made_by(),
        settings: json!({ "requests": memory.requests() }),
        inputs: json!({}),
        counts,
        complete,
    };
    Ok(atomic::write_json(&out.join(STAMP_FILE), &stamp)?)
}

fn write_results(out: &Path, memory: &Memory, activity: Activity) -> Result<Report, FetchError> {
    let (kept, discarded) = memory.settle();
    let files = kept.iter().map(|record| record.file.clone()).collect();
    image_folder::sweep(out, &files)?;
    jsonl::write(&out.join(MANIFEST_FILE), &kept)?;
    jsonl::write(&out.join(DISCARDED_FILE), &discarded)?;
    let report = report(&kept, &discarded, activity);
    atomic::write_json(&out.join(REPORT_FILE), &report)?;
    let counts = [("kept", report.kept), ("discarded", report.discarded)];
    let counts = counts.map(|(name, count)| (name.to_owned(), count));
    write_stamp(out, memory, counts.into_iter().collect(), true)?;
    Ok(report)
}

fn report(kept: &[ImageRecord], discarded: &[Discarded], activity: Activity) -> Report {
    let mut report = Report {
        stage: STAGE.to_owned(),
        kept: kept.len() as u64,
        discarded: discarded.len() as u64,
        this_run: activity,
        ..Report::default()
    };
    for record in kept {
        *report.labels.entry(record.label.clone()).or_default() += 1;
    }
    for record in discarded {
        *report.reasons.entry(record.reason.to_string()).or_default() += 1;
        report.failed += u64::from(record.reason.is_error());
    }
    report
}

#[cfg(test)]
use crate::http_server;
#[cfg(test)]
mod tests;
