//! The persons of faces: the operation `identify`, with names for ids.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::AzureError;
use super::operations;
use super::resources::Group;
use super::transport::Client;

/// The most faces that one call takes.
pub const MOST_FACES_A_CALL: usize = 10;

/// Which candidates are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct IdentifyOptions {
    /// At most this many a face, 1 to 100; the service's own default is 10.
    pub candidates: Option<u32>,
    /// Only from this confidence on, 0 to 1; the service has a bound of its own.
    pub min_confidence: Option<f64>,
}

/// A person whom a face may show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// The person's name; its id again where it has been deleted since.
    pub name: String,
    /// The person's id.
    pub person_id: String,
    /// From 0 to 1.
    pub confidence: f64,
}

/// Identifies faces in one group, and looks names up once each.
#[derive(Debug)]
pub struct Identifier<'a> {
    client: &'a Client,
    group: &'a Group,
    options: IdentifyOptions,
    names: BTreeMap<String, String>,
}

/// The service's answer for one face.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfFace {
    face_id: String,
    candidates: Vec<Found>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    person_id: String,
    confidence: f64,
}

impl<'a> Identifier<'a> {
    /// For the persons of a group, which must be trained.
    #[must_use]
    pub fn new(client: &'a Client, group: &'a Group, options: IdentifyOptions) -> Self {
        Self {
            client,
            group,
            options,
            names: BTreeMap::new(),
        }
    }

    /// The candidates for each face, most likely first; none where the list is empty. Ten faces
    /// take one call, and each person that comes up for the first time another one.
    ///
    /// # Errors
    /// [`AzureError`].
    pub fn identify(&mut self, face_ids: &[String]) -> Result<Vec<Vec<Candidate>>, AzureError> {
        let mut all = Vec::new();
        for some in face_ids.chunks(MOST_FACES_A_CALL) {
            let request = operations::IDENTIFY.request(&[]).json(json!({
                "faceIds": some,
                (self.group.collection.id_field()): self.group.id,
                "maxNumOfCandidatesReturned": self.options.candidates,
                "confidenceThreshold": self.options.min_confidence,
            }));
            let answer: Vec<OfFace> = self.client.send(&request)?.json()?;
            for id in some {
                let found = answer.iter().find(|face| face.face_id == *id);
                let found = found.map_or(&[][..], |face| &face.candidates);
                all.push(self.named(found)?);
            }
        }
        Ok(all)
    }

    fn named(&mut self, found: &[Found]) -> Result<Vec<Candidate>, AzureError> {
        let mut candidates = Vec::new();
        for person in found {
            candidates.push(Candidate {
                name: self.name(&person.person_id)?,
                person_id: person.person_id.clone(),
                confidence: person.confidence,
            });
        }
        candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        Ok(candidates)
    }

    fn name(&mut self, person: &str) -> Result<String, AzureError> {
        if let Some(name) = self.names.get(person) {
            return Ok(name.clone());
        }
        let name = match self.group.person(self.client, person) {
            Ok(person) => person.name,
            // Until the next training a deleted person is still returned.
            Err(error) if error.code() == Some("PersonNotFound") => person.to_owned(),
            Err(error) => return Err(error),
        };
        self.names.insert(person.to_owned(), name.clone());
        Ok(name)
    }
}
