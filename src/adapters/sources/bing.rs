//! Bing: the pages of its image search, as a browser gets them while the user scrolls.
//!
//! There is no documented answer: each result is a link whose attribute `m` holds JSON with the
//! picture's address (`murl`), that of its page (`purl`) and its title (`t`).

use std::collections::{HashSet, VecDeque};

use scraper::{Html, Selector};
use serde_json::Value;
use url::Url;

use super::text::{field, link, plain_text, web_address};
use facepipe_core::licence::{Licence, LicenceFilter};
use facepipe_core::ports::{ImageSource, SourceError, SourceRequest, SourceStep};
use facepipe_core::types::{Address, Candidate, Discarded, Provenance};

/// Results per page: as many as a browser requests while scrolling.
const PAGE_SIZE: u64 = 35;
/// Results of one search; search engines show about a thousand and then repeat themselves.
const MOST_RESULTS: u64 = 1000;
/// CSS selector of the results.
const RESULTS: &str = "a.iusc[m], div.imgpt a[m]";
/// The filter for pictures of head and shoulders.
const PORTRAITS: &str = "filterui:face-portrait";
/// Words of a page with a challenge for humans.
const CHALLENGES: [&str; 3] = ["captcha", "/challenge/", "unusual traffic"];

/// One search of Bing's images.
#[derive(Debug)]
pub struct BingSource {
    endpoint: Url,
    query: String,
    label: String,
    filters: String,
    /// Number of the next page's first result, from 1; `None` after the last page.
    first: Option<u64>,
    ready: VecDeque<SourceStep>,
    /// Addresses that were offered so far.
    seen: HashSet<String>,
}

impl BingSource {
    /// The source's name in provenance.
    pub const NAME: &str = "bing";
    /// The address of its pages.
    pub const ENDPOINT: &str = "https://www.bing.com/images/async";

    /// A search for `query`; its images get `label`.
    #[must_use]
    pub fn new(endpoint: Url, query: String, label: String, licences: &LicenceFilter) -> Self {
        let mut filters = format!(" {PORTRAITS}");
        if let Some(filter) = licence_filter(licences) {
            filters.push_str(&format!(" {filter}"));
        }
        Self {
            endpoint,
            query,
            label,
            filters,
            first: Some(1),
            ready: VecDeque::new(),
            seen: HashSet::new(),
        }
    }

    fn request(&self, first: u64) -> SourceRequest {
        let mut url = self.endpoint.clone();
        // A space becomes the `+` before each filter.
        url.query_pairs_mut()
            .append_pair("q", &self.query)
            .append_pair("first", &first.to_string())
            .append_pair("count", &PAGE_SIZE.to_string())
            .append_pair("qft", &self.filters);
        SourceRequest {
            headers: vec![("accept".to_owned(), "text/html".to_owned())],
            ..SourceRequest::new(url)
        }
    }

    /// Takes one result; returns whether it is new.
    fn take(&mut self, text: &str, number: u64) -> bool {
        let result: Value = serde_json::from_str(text).unwrap_or_default();
        let Some(address) = field(&result, "murl").and_then(web_address) else {
            let junk = self.junk(&result, number);
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
                page_url: field(&result, "purl").and_then(link),
                image_url: address.to_string(),
                title: field(&result, "t").and_then(plain_text),
                ..Provenance::default()
            },
            address: Address::Url(address),
        }));
        self.ready.push_back(step);
        true
    }

    fn junk(&self, result: &Value, number: u64) -> Discarded {
        let place = field(result, "purl").and_then(link);
        Discarded::without_address(
            format!(
                "{}:{}",
                Self::NAME,
                place.unwrap_or_else(|| number.to_string())
            ),
            Some(self.label.clone()),
            "the page gives no address for it",
        )
    }
}

impl ImageSource for BingSource {
    fn step(&mut self) -> Result<SourceStep, SourceError> {
        if let Some(step) = self.ready.pop_front() {
            return Ok(step);
        }
        Ok(match self.first {
            Some(first) => SourceStep::Request(self.request(first)),
            None => SourceStep::End,
        })
    }

    fn answer(&mut self, body: &[u8]) -> Result<(), SourceError> {
        let page = String::from_utf8_lossy(body);
        let results = results_of(&page)?;
        if results.is_empty() {
            let lower = page.to_lowercase();
            if CHALLENGES.iter().any(|word| lower.contains(word)) {
                return Err(SourceError::Refused {
                    source_name: Self::NAME.to_owned(),
                    code: "captcha".to_owned(),
                    message: "it asks for a proof that a human is searching".to_owned(),
                });
            }
        }
        let first = self.first.unwrap_or(1);
        let mut new = 0;
        for (number, result) in (first..).zip(&results) {
            new += u64::from(self.take(result, number));
        }
        // The last page is empty, or is repeated.
        let next = first + results.len() as u64;
        self.first = (new > 0 && next <= MOST_RESULTS).then_some(next);
        Ok(())
    }

    fn is_list(&self) -> bool {
        false
    }
}

/// The JSON of a page's results, in the page's order.
fn results_of(page: &str) -> Result<Vec<String>, SourceError> {
    let selector = Selector::parse(RESULTS).map_err(|error| SourceError::BadAnswer {
        source_name: BingSource::NAME.to_owned(),
        message: error.to_string(),
    })?;
    let page = Html::parse_document(page);
    let links = page.select(&selector);
    let texts = links.filter_map(|link| link.attr("m").map(str::to_owned));
    Ok(texts.collect())
}

/// The narrowest filter of Bing that still includes all requested licences: its results never state
/// their licence.
fn licence_filter(licences: &LicenceFilter) -> Option<&'static str> {
    if licences.is_open() {
        return None;
    }
    let named = || {
        licences
            .wanted
            .iter()
            .filter(|one| **one != Licence::Unknown)
    };
    let is_free = |licence: &Licence| matches!(licence, Licence::Cc0 | Licence::Pdm);
    let is_commercial =
        |licence: &Licence| matches!(licence, Licence::By | Licence::BySa | Licence::ByNd);
    if named().next().is_none() {
        None
    } else if named().all(is_free) {
        Some("filterui:license-L1")
    } else if named().all(is_commercial) {
        Some("filterui:license-L2_L3_L4")
    } else if named().any(is_free) {
        Some("filterui:licenseType-Any")
    } else {
        Some("filterui:license-L2_L3_L4_L5_L6_L7")
    }
}

#[cfg(test)]
#[path = "bing_tests.rs"]
mod tests;
