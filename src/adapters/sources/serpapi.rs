//! SerpAPI: the results of Google's image search, by a service that needs a key.
//!
//! The request and its answer are those of `engine=google_images`.

use std::collections::{HashSet, VecDeque};

use serde_json::Value;
use url::Url;

use super::text::{field, json_object_of, link, one_line, plain_text, web_address};
use facepipe_core::licence::LicenceFilter;
use facepipe_core::ports::{ImageSource, SecretPart, SourceError, SourceRequest, SourceStep};
use facepipe_core::secret::Secret;
use facepipe_core::types::{Address, Candidate, Discarded, Provenance};

/// Google's message when there are no more pages; SerpAPI returns it as an error.
const NO_RESULTS: &str = "hasn't returned any results";
/// Google's filter for pictures of faces.
const FACES: &str = "itp:face";
/// Google's filter for pictures under a Creative Commons licence. Results don't state which.
const CREATIVE_COMMONS: &str = "sur:cl";

/// One search of Google's images by SerpAPI.
#[derive(Debug)]
pub struct SerpApiSource {
    endpoint: Url,
    query: String,
    label: String,
    filters: String,
    key: Secret,
    /// The next page, from 0; `None` after the last one.
    page: Option<u32>,
    ready: VecDeque<SourceStep>,
    /// Addresses that were offered so far.
    seen: HashSet<String>,
}

impl SerpApiSource {
    /// The source's name in provenance.
    pub const NAME: &str = "serpapi";
    /// The address of its API.
    pub const ENDPOINT: &str = "https://serpapi.com/search.json";
    /// Names of the key: facepipe's own, and the two that its users have.
    pub const KEY_NAMES: [&str; 3] = ["FACEPIPE_SERPAPI_KEY", "SERPAPI_KEY", "SERPAPI_API_KEY"];

    /// A search for `query`; its images get `label`.
    #[must_use]
    pub fn new(
        endpoint: Url,
        query: String,
        label: String,
        licences: &LicenceFilter,
        key: Secret,
    ) -> Self {
        let filters = if licences.is_open() {
            FACES.to_owned()
        } else {
            format!("{FACES},{CREATIVE_COMMONS}")
        };
        Self {
            endpoint,
            query,
            label,
            filters,
            key,
            page: Some(0),
            ready: VecDeque::new(),
            seen: HashSet::new(),
        }
    }

    /// The error for a key that is missing.
    #[must_use]
    pub fn missing_key() -> SourceError {
        SourceError::Key {
            source_name: Self::NAME.to_owned(),
            problem: format!("{} is not set", Self::KEY_NAMES[1]),
        }
    }

    fn request(&self, page: u32) -> SourceRequest {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut()
            .append_pair("engine", "google_images")
            .append_pair("q", &self.query)
            .append_pair("ijn", &page.to_string())
            .append_pair("tbs", &self.filters);
        SourceRequest {
            secret: Some(SecretPart::Parameter("api_key", self.key.clone())),
            ..SourceRequest::for_json(url)
        }
    }

    /// Takes one result; returns whether it is new.
    fn take(&mut self, result: &Value) -> bool {
        let Some(address) = field(result, "original").and_then(web_address) else {
            let junk = self.junk(result);
            let is_new = self.seen.insert(junk.item.clone());
            if is_new {
                self.ready.push_back(SourceStep::Junk(junk));
            }
            return is_new;
        };
        if !self.seen.insert(address.to_string()) {
            return false;
        }
        let step = SourceStep::Candidate(Box::new(Candidate {
            label: self.label.clone(),
            provenance: Provenance {
                source: Self::NAME.to_owned(),
                query: Some(self.query.clone()),
                page_url: field(result, "link").and_then(link),
                image_url: address.to_string(),
                title: field(result, "title").and_then(plain_text),
                ..Provenance::default()
            },
            address: Address::Url(address),
        }));
        self.ready.push_back(step);
        true
    }

    fn junk(&self, result: &Value) -> Discarded {
        let place = field(result, "link").and_then(link);
        let place = place.or_else(|| field(result, "title").and_then(plain_text));
        Discarded::without_address(
            format!("{}:{}", Self::NAME, place.as_deref().unwrap_or("?")),
            Some(self.label.clone()),
            "the answer gives no address for it",
        )
    }
}

impl ImageSource for SerpApiSource {
    fn step(&mut self) -> Result<SourceStep, SourceError> {
        if let Some(step) = self.ready.pop_front() {
            return Ok(step);
        }
        Ok(match self.page {
            Some(page) => SourceStep::Request(self.request(page)),
            None => SourceStep::End,
        })
    }

    fn answer(&mut self, body: &[u8]) -> Result<(), SourceError> {
        let answer = json_object_of(Self::NAME, body)?;
        let results = answer["images_results"].as_array();
        if let (None, Some(error)) = (results, field(&answer, "error")) {
            if error.contains(NO_RESULTS) {
                self.page = None;
                return Ok(());
            }
            return Err(SourceError::Refused {
                source_name: Self::NAME.to_owned(),
                code: field(&answer["search_metadata"], "status")
                    .unwrap_or("error")
                    .to_owned(),
                message: one_line(&self.key.removed_from(error)).unwrap_or_default(),
            });
        }
        let mut new = 0;
        for result in results.into_iter().flatten() {
            new += u64::from(self.take(result));
        }
        // The last page is empty, or is repeated.
        self.page = self.page.filter(|_| new > 0).map(|page| page + 1);
        Ok(())
    }

    fn unanswered(&mut self, status: Option<u16>, problem: &str) -> Result<bool, SourceError> {
        match status {
            Some(401 | 403) => Err(SourceError::Key {
                source_name: Self::NAME.to_owned(),
                problem: format!("it refuses the one that was given ({problem})"),
            }),
            Some(429) => Err(SourceError::NoAnswer {
                source_name: Self::NAME.to_owned(),
                problem: "the searches of this key are used up, or come too fast".to_owned(),
            }),
            _ => Ok(false),
        }
    }

    fn is_list(&self) -> bool {
        false
    }
}

#[cfg(test)]
#[path = "serpapi_tests.rs"]
mod tests;
