//! The plan of an enrolment, made without calls of the service.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::EnrollError;
use crate::quota::Tier;
use crate::{LARGEST_PAGE, LONGEST_NAME, MOST_FACES};
use facepipe_core::artifacts::digest::md5_hex;
use facepipe_core::artifacts::given_split;
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::types::{Discarded, ItemKind, Reason};
use facepipe_imaging::image_io;

/// Assumed price of a thousand calls of a paid resource, in US dollars: about what Azure's list had
/// in 2025 for the first million calls a month. It differs by region, time and contract, and is an
/// estimate for an order of magnitude; [`PRICE_LIST`] has the actual price.
pub const USUAL_PRICE: f64 = 1.0;
/// Where Azure lists its prices.
pub const PRICE_LIST: &str =
    "https://azure.microsoft.com/pricing/details/cognitive-services/face-api/";
/// How often the state of a short training is queried.
const USUAL_POLLS: u64 = 3;

/// A folder as it would be enrolled.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Persons with photos, sorted by name.
    pub persons: Vec<PersonPlan>,
    /// Photos that are left out.
    pub discarded: Vec<Discarded>,
    /// All files that were found.
    pub found: u64,
}

/// A person with photos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonPlan {
    /// The folder's name.
    pub name: String,
    /// Photos, sorted by path.
    pub photos: Vec<Photo>,
}

/// A photo that may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// The path below the folder of persons.
    pub relative: String,
    /// The path to open.
    pub path: PathBuf,
    /// MD5 of the file.
    pub content: String,
}

impl Photo {
    /// The record of a photo that is left out.
    pub(super) fn discarded(&self, label: &str, reason: Reason, message: String) -> Discarded {
        discarded(&self.relative, label, reason, message)
    }
}

/// The calls, time and cost of an enrolment, at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Persons that are to be made.
    pub new_persons: u64,
    /// Photos that are to be sent.
    pub new_photos: u64,
    /// Calls, each of which is billed, without retries.
    pub transactions: u64,
    /// Assumed price of a thousand calls of a paid resource, in US dollars.
    pub dollars_a_thousand: f64,
    /// The cost of these calls at that price, in US dollars.
    pub dollars: f64,
    /// How long they take at the tier's quota, in seconds.
    pub seconds: u64,
}

/// Reads a folder that has one folder for each person.
///
/// # Errors
/// [`EnrollError`] where it can't be listed, or the user interrupts.
pub fn plan(folder: &Path, context: &Context) -> Result<Plan, EnrollError> {
    let (listed, _) = given_split::list(folder)?;
    let mut contents = vec![Err(String::new()); listed.files.len()];
    parallel::for_each(
        &listed.files,
        context.threads,
        || Ok(()),
        |(), file| image_io::read_bytes(&file.path).map(|bytes| md5_hex(&bytes)),
        |index, content| {
            context.interrupt.check()?;
            contents[index] = content.map_err(|error| error.to_string());
            Ok::<_, EnrollError>(())
        },
    )?;
    let mut plan = Plan {
        found: listed.found(),
        discarded: listed.discarded().collect(),
        ..Plan::default()
    };
    for name in &listed.labels {
        let mut seen = BTreeSet::new();
        let mut photos = Vec::new();
        for (file, content) in listed.files.iter().zip(&contents) {
            if file.label != *name {
                continue;
            }
            let mut leave_out = |reason, message: String| {
                let item = discarded(&file.relative, name, reason, message);
                plan.discarded.push(item);
            };
            match content {
                Err(problem) => leave_out(Reason::Unreadable, problem.clone()),
                Ok(_) if name.chars().count() > LONGEST_NAME => leave_out(
                    Reason::Refused,
                    format!("the folder's name has more than {LONGEST_NAME} characters"),
                ),
                Ok(content) if !seen.insert(content.clone()) => leave_out(
                    Reason::ExactDuplicate,
                    "the same file as another one of this person".to_owned(),
                ),
                Ok(_) if photos.len() >= MOST_FACES => leave_out(
                    Reason::OverLimit,
                    format!("a person has at most {MOST_FACES} faces"),
                ),
                Ok(content) => photos.push(Photo {
                    relative: file.relative.clone(),
                    path: file.path.clone(),
                    content: content.clone(),
                }),
            }
        }
        if !photos.is_empty() {
            let name = name.clone();
            plan.persons.push(PersonPlan { name, photos });
        }
    }
    Ok(plan)
}

/// The cost at a price, in US dollars for a thousand calls; `has_person` and `has_photo` say what a
/// journal already knows to exist.
#[must_use]
pub fn estimate(
    plan: &Plan,
    tier: Tier,
    price: f64,
    trains: bool,
    has_person: impl Fn(&str) -> bool,
    has_photo: impl Fn(&str, &Photo) -> bool,
) -> Estimate {
    let persons = plan.persons.iter();
    let new_persons = persons.filter(|person| !has_person(&person.name)).count() as u64;
    let photos = plan.persons.iter().flat_map(|person| {
        let photos = person.photos.iter();
        photos.filter(|photo| !has_photo(&person.name, photo))
    });
    let new_photos = photos.count() as u64;
    // The group is queried and made, its persons are listed.
    let before = 2 + (plan.persons.len().div_ceil(LARGEST_PAGE)) as u64;
    // The training's state, its start, and its state again.
    let training = if trains { 2 + USUAL_POLLS } else { 0 };
    let transactions = before + new_persons + new_photos + training;
    let (calls, window) = tier.quota();
    let windows = transactions.saturating_sub(1) / calls as u64;
    Estimate {
        new_persons,
        new_photos,
        transactions,
        dollars_a_thousand: price,
        dollars: transactions as f64 * price / 1000.0,
        seconds: Duration::as_secs(&(window * u32::try_from(windows).unwrap_or(u32::MAX))),
    }
}

fn discarded(relative: &str, label: &str, reason: Reason, message: String) -> Discarded {
    Discarded {
        item: relative.to_owned(),
        kind: ItemKind::Image,
        label: Some(label.to_owned()),
        reason,
        message,
        related: Vec::new(),
        distance: None,
        photo: None,
        face: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_counts_each_call() {
        let photo = |number: usize| Photo {
            relative: format!("{number}.jpg"),
            path: PathBuf::new(),
            content: number.to_string(),
        };
        let person = |name: &str, photos: std::ops::Range<usize>| PersonPlan {
            name: name.to_owned(),
            photos: photos.map(photo).collect(),
        };
        let plan = Plan {
            persons: vec![person("ada", 0..30), person("grace", 30..40)],
            ..Plan::default()
        };
        let all = estimate(&plan, Tier::F0, USUAL_PRICE, true, |_| false, |_, _| false);
        assert_eq!((all.new_persons, all.new_photos), (2, 40));
        assert_eq!(all.transactions, 3 + 2 + 40 + 5);
        assert_eq!(all.seconds, 120, "20 a minute, the first 20 at once");
        assert!((all.dollars - 0.05).abs() < 1e-9, "{}", all.dollars);
        let rest = estimate(
            &plan,
            Tier::S0,
            0.4,
            false,
            |name| name == "ada",
            |_, photo| photo.content.parse::<usize>().expect("a number") < 35,
        );
        assert_eq!((rest.new_persons, rest.new_photos), (1, 5));
        assert_eq!((rest.transactions, rest.seconds), (9, 0));
        assert!((rest.dollars - 0.0036).abs() < 1e-9, "{}", rest.dollars);
    }
}
