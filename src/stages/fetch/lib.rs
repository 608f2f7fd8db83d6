//! The fetch stage: from queries, lists and folders to images by label, with provenance.
//!
//! Sources ([`facepipe_core::ports::ImageSource`]) offer candidates; the stage gets their bytes, lets the
//! content decide what is an image, stores it as `<label>/<md5>.<ext>` and records in an
//! append-only journal what became of each candidate. The manifest follows from the journal: it
//! does not depend on the order in which downloads ended, nor on how often the run was killed.

mod addresses;
mod attribution;
mod contents;
mod download;
mod download_error;
mod engine;
mod error;
mod examine;
mod hosts;
mod index;
mod item;
mod job;
mod journal;
mod memory;
mod opt_out;
mod pace;
mod plan;
mod report;
mod requests;
mod results;
mod robots;
mod settings;
mod shrink;

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

pub use addresses::PrivateAddress;
pub use attribution::{ATTRIBUTION_FILE, LICENCES_FILE};
pub use download_error::DownloadError;
pub use error::FetchError;
pub use examine::Keep;
pub use journal::{JOURNAL_FILE, Request};
pub use plan::{Planned, plan};
pub use report::{Activity, HostReport, Report};
pub use requests::look_up;
pub use settings::{Settings, Timeouts};

use download::Downloader;
use engine::Engine;
use facepipe_core::artifacts::stage::DISCARDED_FILE;
use facepipe_core::context::Context;
use facepipe_core::ports::ImageSource;

/// How long the end waits for downloads that were given up.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// How often an interruption is checked for while nothing else happens.
const POLL: Duration = Duration::from_millis(100);

/// One request and the source that answers it.
pub struct Job {
    /// The request.
    pub request: Request,
    /// The source that answers.
    pub source: Box<dyn ImageSource>,
}

/// Fetches all items that the jobs offer into `out`, one job after the other.
///
/// Images are added to a folder that an earlier fetch made.
///
/// # Errors
/// [`FetchError`]. Images fetched before stay, and the next run continues after it.
pub fn run(
    jobs: Vec<Job>,
    settings: &Settings,
    out: &Path,
    context: &Context,
) -> Result<Report, FetchError> {
    let started = Instant::now();
    let what = in_words(&jobs);
    let (mut memory, _lock) = results::open(out)?;
    let mut numbered = Vec::with_capacity(jobs.len());
    for job in jobs {
        numbered.push((memory.number_of(&job.request)?, job));
    }
    let not_ours = results::begin(out, &memory)?;
    let runtime = runtime(context)?;
    let result = runtime.block_on(async {
        let downloader = Downloader::new(settings)?;
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
    let (memory, mut activity, example) = result?;
    activity.seconds = started.elapsed().as_secs_f64();
    activity.images_per_second = activity.tried as f64 / activity.seconds.max(f64::EPSILON);
    let report = results::write(out, &memory, &not_ours, activity)?;
    if report.this_run.offered == 0 {
        return Err(FetchError::NothingFound { what });
    }
    if report.this_run.stored == 0 {
        return Err(FetchError::NothingKept {
            offered: report.this_run.offered,
            reasons: report.this_run.reasons,
            example,
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

#[cfg(test)]
mod tests;
