//! Images that a source offers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::Provenance;

/// An image that a source offers and that has not been fetched yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Where its bytes are.
    pub address: Address,
    /// The label it is for: a folder name.
    pub label: String,
    /// What the source states about it. `image_url` names it among the label's images.
    pub provenance: Provenance,
}

/// Where an image's bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// An absolute http or https address.
    Url(Url),
    /// A file on this machine.
    File(PathBuf),
}
