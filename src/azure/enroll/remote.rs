//! What exists on the service, and making what is missing: only here is anything created, and
//! always after a query.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::journal::{EnrollJournal, Record};
use super::{EnrollError, EnrollSettings};
use crate::operations;
use crate::{AzureError, Client, Person};

/// How long a request whose answer was not seen may still be in progress on the service. Adding a
/// face takes the service well below a second.
pub(super) const SETTLING: Duration = Duration::from_secs(3);
/// How often a creation that may have failed is tried, with a query before each further try.
pub(super) const TRIES: u32 = 4;
/// The prefix, in each face's data, of the MD5 of its photo.
const MARK: &str = "facepipe md5=";

/// The group as it is on the service.
pub(super) struct Remote<'a> {
    pub(super) client: &'a Client,
    pub(super) settings: &'a EnrollSettings,
    pub(super) journal: &'a EnrollJournal,
}

/// The data of a face.
pub(super) fn user_data(content: &str) -> String {
    format!("{MARK}{content}")
}

impl Remote<'_> {
    /// Waits until an earlier run's unanswered request has certainly been processed. The time at
    /// which it was recorded does not matter: it may have waited for the quota, a minute with the
    /// free tier, and have been sent just now.
    pub(super) fn settle(&self) -> Result<(), EnrollError> {
        if self.journal.known().has_unanswered {
            self.client.clock().wait(SETTLING)?;
        }
        Ok(())
    }

    /// Makes the group if it does not exist. Returns whether it was made.
    pub(super) fn make_group(&self) -> Result<bool, EnrollError> {
        let group = &self.settings.group;
        let wanted = &self.settings.recognition_model;
        for _ in 0..2 {
            match group.description(self.client) {
                Ok(found) => {
                    let found = found.recognition_model().to_owned();
                    if found == *wanted {
                        return Ok(false);
                    }
                    let (id, wanted) = (group.id.clone(), wanted.clone());
                    return Err(EnrollError::OtherModel { id, found, wanted });
                }
                Err(error) if is_missing_group(&error) => {}
                Err(error) => return Err(error.into()),
            }
            let request = operations::CREATE
                .on(group.collection, &[&group.id])
                .json(json!({"name": group.id, "recognitionModel": wanted}));
            match self.client.send(&request) {
                Ok(_) => return Ok(true),
                // Made just now, by a first try whose answer was lost.
                Err(error) if error.code().is_some_and(|code| code.ends_with("Exists")) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // It exists, though it was not found: its contents are queried.
        Ok(false)
    }

    /// All persons by name.
    pub(super) fn persons(&self) -> Result<BTreeMap<String, Vec<Person>>, EnrollError> {
        let mut by_name: BTreeMap<String, Vec<Person>> = BTreeMap::new();
        for person in self.settings.group.persons(self.client)? {
            by_name.entry(person.name.clone()).or_default().push(person);
        }
        Ok(by_name)
    }

    /// Makes a person. After a try with an unknown result, it queries first.
    pub(super) fn make_person(&self, name: &str) -> Result<Person, EnrollError> {
        let group = &self.settings.group;
        let request = operations::PERSON_CREATE
            .on(group.collection, &[&group.id])
            .json(json!({"name": name}));
        let mut tries = 1;
        loop {
            self.journal.asking(name, None)?;
            let made = self
                .client
                .send(&request)
                .and_then(|answer| answer.json::<Made>());
            let error = match made {
                Ok(made) => return self.made(name, made.person_id),
                Err(error) => error,
            };
            if !error.leaves_outcome_unknown() {
                self.journal.answered(name, None)?;
                return Err(error.into());
            }
            self.client.clock().wait(SETTLING)?;
            if let Some(person) = self.persons()?.remove(name).and_then(|mut all| all.pop()) {
                return self.made(name, person.person_id);
            }
            if tries >= TRIES {
                return Err(error.into());
            }
            tries += 1;
        }
    }

    /// Records that a person exists, for the next dry run.
    pub(super) fn know_person(&self, person: &Person) -> Result<(), EnrollError> {
        let (name, id) = (person.name.clone(), person.person_id.clone());
        if self.journal.known().persons.get(&name) == Some(&id) {
            return Ok(());
        }
        self.journal.write(&Record::Person { name, id })
    }

    fn made(&self, name: &str, person_id: String) -> Result<Person, EnrollError> {
        self.journal.answered(name, None)?;
        let person = Person {
            person_id,
            name: name.to_owned(),
            persisted_face_ids: None,
        };
        self.know_person(&person)?;
        Ok(person)
    }

    /// The photos whose faces a person has: face ids by content. Faces that the journal does not
    /// know are queried, one call each, once.
    pub(super) fn photos_of(
        &self,
        person: &Person,
        known: &mut BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, EnrollError> {
        let mut photos = BTreeMap::new();
        for face in person.persisted_face_ids.iter().flatten() {
            if !known.contains_key(face) {
                let found = self
                    .settings
                    .group
                    .face(self.client, &person.person_id, face)?;
                let data = found.user_data.unwrap_or_default();
                // A face that facepipe did not add: it counts, and belongs to no photo.
                let content = data.strip_prefix(MARK).unwrap_or_default().to_owned();
                self.journal.write(&Record::Face {
                    person: person.person_id.clone(),
                    face: face.clone(),
                    content: content.clone(),
                })?;
                known.insert(face.clone(), content);
            }
            if let Some(content) = known.get(face).filter(|content| !content.is_empty()) {
                photos.insert(content.clone(), face.clone());
            }
        }
        Ok(photos)
    }
}

/// The answer to the making of a person.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    person_id: String,
}

fn is_missing_group(error: &AzureError) -> bool {
    let codes = ["LargePersonGroupNotFound", "PersonGroupNotFound"];
    error.code().is_some_and(|code| codes.contains(&code))
}
