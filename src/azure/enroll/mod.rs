//! A folder with one folder for each person, made into a group on the service: persons, faces,
//! training.
//!
//! Nothing is made twice, whatever interrupts it: before anything is made, the service is queried
//! for what exists. Persons are identified by name, faces by the MD5 of their photo, which is
//! stored with each face. A request with an unknown result is never repeated without a query. The
//! journal saves calls and remembers which photos were refused.

mod error;
mod journal;
mod person;
mod plan;
mod remote;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

pub use error::EnrollError;
pub use journal::{EnrollJournal, Known};
pub use plan::{Estimate, PRICE_LIST, PersonPlan, Photo, Plan, USUAL_PRICE, estimate, plan};

use self::journal::Record;
use self::remote::Remote;
use super::resources::Group;
use super::training::{self, TrainingStatus};
use super::transport::Client;
use facepipe_core::artifacts::{atomic, jsonl};
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::types::Discarded;

/// Persons that are processed at once: the service adds the faces of one person one after the
/// other, at about two a second, and the paid tier allows ten calls a second.
const PERSONS_AT_ONCE: usize = 6;
/// Names of the lists that are written beside the journal.
const DISCARDED_FILE: &str = "discarded.jsonl";
const REPORT_FILE: &str = "report.json";

/// How persons are enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollSettings {
    /// The group.
    pub group: Group,
    /// The recognition model; a group keeps the one that it was made with.
    pub recognition_model: String,
    /// The detection model.
    pub detection_model: String,
    /// Whether the largest face of a photo with several is taken, or the photo is left out.
    pub largest_only: bool,
    /// Whether the group is trained at the end, where anything was added.
    pub train: bool,
}

/// The result of an enrolment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnrollReport {
    /// The group's id.
    pub group: String,
    /// Persons with photos.
    pub persons: PersonCounts,
    /// Photos by outcome; those found are those added, existing and left out.
    pub photos: PhotoCounts,
    /// How many photos were left out for each reason.
    pub reasons: BTreeMap<String, u64>,
    /// Faces of these persons that match no photo of the folder, or a photo that has another face
    /// already.
    pub other_faces: u64,
    /// How the training ended; missing where none was requested.
    pub training: Option<TrainingStatus>,
    /// Calls: an upper bound of what is billed.
    pub transactions: u64,
}

/// Persons by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PersonCounts {
    /// Those with photos.
    pub found: u64,
    /// Those that were made.
    pub created: u64,
}

/// Photos by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PhotoCounts {
    /// All files.
    pub found: u64,
    /// Those whose faces were added now.
    pub added: u64,
    /// Those whose faces existed.
    pub already_there: u64,
    /// Those that were left out; each is in `discarded.jsonl` with its reason.
    pub discarded: u64,
}

/// Brings the group to the planned state, and trains it.
///
/// # Errors
/// [`EnrollError`]; what was sent before stays, and another run continues.
pub fn enroll(
    client: &Client,
    settings: &EnrollSettings,
    plan: &Plan,
    journal: &EnrollJournal,
    context: &Context,
) -> Result<(EnrollReport, Vec<Discarded>), EnrollError> {
    let remote = Remote {
        client,
        settings,
        journal,
    };
    remote.settle()?;
    let is_new = remote.make_group()?;
    let there = if is_new {
        BTreeMap::new()
    } else {
        remote.persons()?
    };
    let photos: usize = plan.persons.iter().map(|person| person.photos.len()).sum();
    let bar = context.progress.start("enroll", Some(photos as u64));
    let stop = AtomicBool::new(false);
    let mut persons = PersonCounts {
        found: plan.persons.len() as u64,
        created: 0,
    };
    let mut counts = PhotoCounts {
        found: plan.found,
        ..PhotoCounts::default()
    };
    let (mut discarded, mut other_faces) = (plan.discarded.clone(), 0);
    parallel::for_each(
        &plan.persons,
        NonZeroUsize::new(PERSONS_AT_ONCE).unwrap_or(NonZeroUsize::MIN),
        || Ok(()),
        |(), person| {
            // After another person's error nothing more is started.
            if stop.load(Ordering::Relaxed) {
                return Ok(person::Enrolled::default());
            }
            let found = there.get(&person.name);
            let goes_on = || {
                context.interrupt.check()?;
                Ok(!stop.load(Ordering::Relaxed))
            };
            let enrolled = person::enroll(&remote, person, found, &goes_on);
            if enrolled.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            enrolled
        },
        |index, enrolled| {
            let enrolled = enrolled?;
            bar.advance(plan.persons[index].photos.len() as u64);
            persons.created += u64::from(enrolled.is_new);
            counts.added += enrolled.added;
            counts.already_there += enrolled.already_there;
            other_faces += enrolled.others;
            discarded.extend(enrolled.discarded);
            Ok::<_, EnrollError>(())
        },
    )?;
    drop(bar);
    let training = if settings.train {
        Some(train(&remote)?)
    } else {
        None
    };
    discarded.sort_by(|a, b| a.item.cmp(&b.item));
    counts.discarded = discarded.len() as u64;
    let report = EnrollReport {
        group: settings.group.id.clone(),
        persons,
        photos: counts,
        reasons: Discarded::count_reasons(&discarded),
        other_faces,
        training,
        transactions: client.calls(),
    };
    jsonl::write(&journal.folder().join(DISCARDED_FILE), &discarded)?;
    atomic::write_json(&journal.folder().join(REPORT_FILE), &report)?;
    Ok((report, discarded))
}

/// Trains the group if something was added since the last training, and waits.
fn train(remote: &Remote<'_>) -> Result<TrainingStatus, EnrollError> {
    let group = &remote.settings.group;
    let (client, collection, id) = (remote.client, group.collection, group.id.as_str());
    let before = training::status(client, collection, id)?.map(|training| training.status);
    let ended = match before {
        Some(TrainingStatus::Succeeded) if !remote.journal.is_untrained() => {
            return Ok(TrainingStatus::Succeeded);
        }
        _ => {
            training::begin(client, collection, id)?;
            training::wait(client, collection, id)?
        }
    };
    if let Some(message) = ended.failure() {
        let id = id.to_owned();
        return Err(EnrollError::Training { id, message });
    }
    remote.journal.write(&Record::Trained)?;
    Ok(ended.status)
}
