//! The service's resources: groups, persons, faces, as its answers describe them.

use serde::Deserialize;
use serde_json::Value;

use super::collection::Collection;
use super::detect::RECOGNITION_MODELS;
use super::error::AzureError;
use super::operations::{self, Operation};
use super::transport::Client;

/// The most entries that one call lists.
pub const LARGEST_PAGE: usize = 1000;
/// The most faces that a person has.
pub const MOST_FACES: usize = 248;
/// Longest name of a collection or person, in characters.
pub const LONGEST_NAME: usize = 128;
/// Longest data of a collection or person, in bytes.
pub const LONGEST_USER_DATA: usize = 16 << 10;
/// Longest data of a face, in bytes.
pub const LONGEST_FACE_DATA: usize = 1 << 10;
/// Longest id of a collection, in characters.
pub const LONGEST_ID: usize = 64;

/// Longest name of a device in a liveness session, in characters.
pub const LONGEST_DEVICE: usize = 64;

/// A group of persons, by its kind and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// [`Collection::PersonGroup`] or [`Collection::LargePersonGroup`].
    pub collection: Collection,
    /// Its id.
    pub id: String,
}

/// The description of a group or list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its recognition model; missing where that was not requested.
    #[serde(default)]
    pub recognition_model: Option<String>,
}

/// A person of a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Its id.
    pub person_id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its faces.
    #[serde(default)]
    pub persisted_face_ids: Option<Vec<String>>,
}

/// A face that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersistedFace {
    /// Its id.
    pub persisted_face_id: String,
    /// The data that was stored with it.
    #[serde(default)]
    pub user_data: Option<String>,
}

impl Description {
    /// The recognition model of its faces. A group of the oldest version need not state it.
    #[must_use]
    pub fn recognition_model(&self) -> &str {
        let oldest = RECOGNITION_MODELS[0];
        self.recognition_model.as_deref().unwrap_or(oldest)
    }
}

impl Group {
    /// The group's description.
    ///
    /// # Errors
    /// [`AzureError`], with the code `LargePersonGroupNotFound` or `PersonGroupNotFound` where it is
    /// not there.
    pub fn description(&self, client: &Client) -> Result<Description, AzureError> {
        let request = operations::GET
            .on(self.collection, &[&self.id])
            .query("returnRecognitionModel", true);
        client.send(&request)?.json()
    }

    /// All persons of the group: one call for each thousand.
    ///
    /// # Errors
    /// [`AzureError`].
    pub fn persons(&self, client: &Client) -> Result<Vec<Person>, AzureError> {
        let listing = Listing {
            operation: &operations::PERSON_LIST,
            collection: self.collection,
            ids: &[&self.id],
            key: "personId",
        };
        listing.all(client)
    }

    /// One person.
    ///
    /// # Errors
    /// [`AzureError`].
    pub fn person(&self, client: &Client, id: &str) -> Result<Person, AzureError> {
        let request = operations::PERSON_GET.on(self.collection, &[&self.id, id]);
        client.send(&request)?.json()
    }

    /// A face of a person.
    ///
    /// # Errors
    /// [`AzureError`].
    pub fn face(
        &self,
        client: &Client,
        person: &str,
        face: &str,
    ) -> Result<PersistedFace, AzureError> {
        let request = operations::PERSON_FACE_GET.on(self.collection, &[&self.id, person, face]);
        client.send(&request)?.json()
    }
}

/// A list that comes in pages.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// The operation that lists it.
    pub operation: &'a Operation,
    /// The collection.
    pub collection: Collection,
    /// The ids in the path.
    pub ids: &'a [&'a str],
    /// The field of an entry at which the next page begins.
    pub key: &'a str,
}

impl Listing<'_> {
    /// All entries of all pages.
    ///
    /// # Errors
    /// [`AzureError`].
    pub fn all<T: serde::de::DeserializeOwned>(
        &self,
        client: &Client,
    ) -> Result<Vec<T>, AzureError> {
        let mut entries = Vec::new();
        let mut start = None;
        loop {
            let page = self.page(client, start.as_deref(), Some(LARGEST_PAGE))?;
            let last = page.last().and_then(|entry| entry[self.key].as_str());
            let next = last.map(str::to_owned);
            let is_last = page.len() < LARGEST_PAGE || next.is_none() || next == start;
            for entry in page {
                entries.push(client.understood(serde_json::from_value(entry))?);
            }
            if is_last {
                return Ok(entries);
            }
            start = next;
        }
    }

    /// One page: the entries after `start`, at most `top`. Lists without pages come whole.
    ///
    /// # Errors
    /// [`AzureError`].
    pub fn page(
        &self,
        client: &Client,
        start: Option<&str>,
        top: Option<usize>,
    ) -> Result<Vec<Value>, AzureError> {
        let mut request = self.operation.on(self.collection, self.ids);
        if self.collection.is_paged() {
            request = request.maybe_query("start", start).maybe_query("top", top);
        }
        if self.operation.query.contains(&"returnRecognitionModel") {
            request = request.query("returnRecognitionModel", true);
        }
        client.send(&request)?.json()
    }
}
