//! What a fetch would request, without requesting any image.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use super::download::Downloader;
use super::requests::{hand_over, send};
use super::{FetchError, Job, LAST_WAIT, Settings, in_words};
use facepipe_core::context::Context;
use facepipe_core::licence::OtherLicence;
use facepipe_core::ports::SourceStep;
use facepipe_core::types::{Candidate, Discarded};

/// The outcome that an item of a source would have.
#[derive(Debug, PartialEq)]
pub enum Planned {
    /// It would be requested.
    Image(Box<Candidate>),
    /// It would be left out for its licence.
    OtherLicence(Box<Candidate>, OtherLicence),
    /// It is no usable address.
    Junk(Discarded),
}

/// Reports what a fetch into an empty folder would download first: searches are sent, images are not requested.
/// An address that comes twice under a label is reported once, and no more images of a label than
/// the settings allow: how many of them would be kept is not known before they are downloaded.
///
/// # Errors
/// [`FetchError`], also when `report` fails.
pub fn plan(
    jobs: Vec<Job>,
    settings: &Settings,
    context: &Context,
    report: &mut dyn FnMut(Planned) -> io::Result<()>,
) -> Result<(), FetchError> {
    let what = in_words(&jobs);
    let runtime = super::runtime(context)?;
    let result = runtime.block_on(async {
        let mut planner = Planner {
            downloader: Downloader::new(settings)?,
            settings,
            context,
            reported: 0,
        };
        for mut job in jobs {
            let before = planner.reported;
            planner.plan_job(&mut job, report).await?;
            if planner.reported == before {
                let what = in_words(&[job]);
                context
                    .progress
                    .note(&format!("nothing was found for {what}"));
            }
        }
        Ok::<_, FetchError>(planner.reported)
    });
    runtime.shutdown_timeout(LAST_WAIT);
    if result? == 0 {
        return Err(FetchError::NothingFound { what });
    }
    Ok(())
}

struct Planner<'a> {
    downloader: Downloader,
    settings: &'a Settings,
    context: &'a Context,
    reported: u64,
}

impl Planner<'_> {
    async fn plan_job(
        &mut self,
        job: &mut Job,
        report: &mut dyn FnMut(Planned) -> io::Result<()>,
    ) -> Result<(), FetchError> {
        let source = job.source.as_mut();
        let is_search = !source.is_list();
        let mut counts: HashMap<String, u64> = HashMap::new();
        let mut offered = HashSet::new();
        let mut report = |planned| {
            self.reported += 1;
            report(planned)
        };
        loop {
            self.context.interrupt.check()?;
            match source.step()? {
                SourceStep::End => return Ok(()),
                SourceStep::Note(line) => self.context.progress.note(&line),
                SourceStep::Junk(junk) => report(Planned::Junk(junk))?,
                SourceStep::Request(request) => {
                    let answer = send(&self.downloader, &request, self.context).await?;
                    hand_over(source, &job.request.source, &request, answer)?;
                }
                SourceStep::Candidate(candidate) => {
                    let mut hasher = DefaultHasher::new();
                    (&candidate.label, &candidate.provenance.image_url).hash(&mut hasher);
                    if !offered.insert(hasher.finish()) {
                        continue;
                    }
                    if let Err(error) = self.settings.licences.check(&candidate.provenance) {
                        report(Planned::OtherLicence(candidate, error))?;
                        continue;
                    }
                    let count = counts.entry(candidate.label.clone()).or_default();
                    if self.settings.max.is_none_or(|max| *count < max) {
                        *count += 1;
                        let is_last = Some(*count) == self.settings.max;
                        report(Planned::Image(candidate))?;
                        if is_search && is_last {
                            return Ok(());
                        }
                    }
                }
            }
        }
    }
}
