//! Openverse: openly licensed pictures of many collections, by text, with licences and authors.
//!
//! The request and its answer are those of `GET /v1/images/` of its API.

use std::collections::VecDeque;

use serde_json::Value;
use url::Url;

use super::commons::PICTURE_WIDTH;
use super::text::{field, json_object_of, link, one_line, plain_text, web_address};
use facepipe_core::licence::{Licence, LicenceFilter};
use facepipe_core::ports::{ImageSource, SecretPart, SourceError, SourceRequest, SourceStep};
use facepipe_core::secret::Secret;
use facepipe_core::types::{Address, Candidate, Discarded, Provenance};

/// Results per page: the most that the API gives to anonymous clients.
const PAGE_SIZE: u64 = 20;
/// Results of one search: the deepest that the API pages for anonymous clients.
const MOST_RESULTS: u64 = 240;
/// The API's licences; it refuses a request with any other.
const KNOWN: [Licence; 8] = [
    Licence::Cc0,
    Licence::Pdm,
    Licence::By,
    Licence::BySa,
    Licence::ByNd,
    Licence::ByNc,
    Licence::ByNcSa,
    Licence::ByNcNd,
];

/// One search of Openverse.
#[derive(Debug)]
pub struct OpenverseSource {
    endpoint: Url,
    query: String,
    label: String,
    licences: Option<String>,
    token: Option<Secret>,
    /// The next page, from 1; `None` after the last one.
    page: Option<u64>,
    ready: VecDeque<SourceStep>,
}

impl OpenverseSource {
    /// The source's name in provenance.
    pub const NAME: &str = "openverse";
    /// The address of its API.
    pub const ENDPOINT: &str = "https://api.openverse.org/v1/images/";
    /// Names of an access token, which raises the limits of requests.
    pub const TOKEN_NAMES: [&str; 2] = ["FACEPIPE_OPENVERSE_TOKEN", "OPENVERSE_TOKEN"];

    /// A search for `query`, limited to the requested licences; its images get `label`.
    #[must_use]
    pub fn new(
        endpoint: Url,
        query: String,
        label: String,
        licences: &LicenceFilter,
        token: Option<Secret>,
    ) -> Self {
        let codes = licences.limits_searches().map(|wanted| {
            let known = KNOWN.iter().filter(|licence| wanted.contains(licence));
            known.map(|licence| licence.code()).collect::<Vec<_>>()
        });
        Self {
            endpoint,
            query,
            label,
            licences: codes.map(|codes| codes.join(",")),
            token,
            page: Some(1),
            ready: VecDeque::new(),
        }
    }

    fn request(&self, page: u64) -> SourceRequest {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut()
            .append_pair("q", &self.query)
            .append_pair("page", &page.to_string())
            .append_pair("page_size", &PAGE_SIZE.to_string());
        if let Some(licences) = &self.licences {
            url.query_pairs_mut().append_pair("license", licences);
        }
        SourceRequest {
            secret: self.token.clone().map(SecretPart::Bearer),
            ..SourceRequest::for_json(url)
        }
    }

    fn read_result(&self, result: &Value, number: u64) -> SourceStep {
        let Some(address) = field(result, "url").and_then(web_address) else {
            return self.junk(result, number);
        };
        let address = scaled_of_commons(&address, result["width"].as_u64()).unwrap_or(address);
        SourceStep::Candidate(Box::new(Candidate {
            label: self.label.clone(),
            provenance: Provenance {
                source: Self::NAME.to_owned(),
                query: Some(self.query.clone()),
                page_url: field(result, "foreign_landing_url").and_then(link),
                image_url: address.to_string(),
                license: licence_name(result),
                license_url: field(result, "license_url").and_then(link),
                author: field(result, "creator").and_then(plain_text),
                attribution: field(result, "attribution").and_then(plain_text),
                title: field(result, "title").and_then(plain_text),
                ..Provenance::default()
            },
            address: Address::Url(address),
        }))
    }

    fn junk(&self, result: &Value, number: u64) -> SourceStep {
        let name = field(result, "id").map_or_else(|| number.to_string(), str::to_owned);
        SourceStep::Junk(Discarded::without_address(
            format!("{}:{name}", Self::NAME),
            Some(self.label.clone()),
            "the answer gives no address for it",
        ))
    }
}

impl ImageSource for OpenverseSource {
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
        let Some(results) = answer["results"].as_array() else {
            let message = match &answer["detail"] {
                Value::Null => "the answer has no `results`".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            return Err(SourceError::Refused {
                source_name: Self::NAME.to_owned(),
                code: "detail".to_owned(),
                message: one_line(&message).unwrap_or_default(),
            });
        };
        let page = self.page.unwrap_or(1);
        let before = (page - 1) * PAGE_SIZE;
        for (number, result) in (before + 1..).zip(results) {
            self.ready.push_back(self.read_result(result, number));
        }
        let pages = answer["page_count"].as_u64().unwrap_or(u64::MAX);
        let is_last = results.is_empty() || page >= pages || before + PAGE_SIZE >= MOST_RESULTS;
        self.page = (!is_last).then_some(page + 1);
        Ok(())
    }

    fn unanswered(&mut self, status: Option<u16>, problem: &str) -> Result<bool, SourceError> {
        // Deeper pages than the API gives are refused: the search is complete.
        if self.page > Some(1) && matches!(status, Some(400 | 401 | 404)) && self.token.is_none() {
            self.page = None;
            return Ok(true);
        }
        match status {
            Some(401 | 403) if self.token.is_some() => Err(SourceError::Key {
                source_name: Self::NAME.to_owned(),
                problem: format!("it refuses the token ({problem})"),
            }),
            Some(429) => Err(SourceError::NoAnswer {
                source_name: Self::NAME.to_owned(),
                problem: "too many requests: it allows 20 a minute and 200 a day to those who do \
                          not sign in"
                    .to_owned(),
            }),
            _ => Ok(false),
        }
    }

    fn is_list(&self) -> bool {
        false
    }
}

/// Such as `CC BY-SA 2.0`; the API gives `by-sa` and `2.0`.
fn licence_name(result: &Value) -> Option<String> {
    let code = field(result, "license")?.to_uppercase();
    let name = match code.as_str() {
        "CC0" => "CC0".to_owned(),
        "PDM" => "Public Domain Mark".to_owned(),
        _ if KNOWN
            .iter()
            .any(|licence| licence.code().eq_ignore_ascii_case(&code)) =>
        {
            format!("CC {code}")
        }
        _ => code,
    };
    Some(match field(result, "license_version") {
        Some(version) => format!("{name} {version}"),
        None => name,
    })
}

/// The address of the scaled picture, for a large original of Wikimedia Commons: the same that a
/// search of Commons itself gives, so that one picture has one address.
fn scaled_of_commons(url: &Url, width: Option<u64>) -> Option<Url> {
    const FOLDER: &str = "/wikipedia/commons/";
    if url.host_str() != Some("upload.wikimedia.org") || width? <= u64::from(PICTURE_WIDTH) {
        return None;
    }
    let rest = url.path().strip_prefix(FOLDER)?;
    let mut parts = rest.split('/');
    let (one, two, name) = (parts.next()?, parts.next()?, parts.next()?);
    let is_original = one.len() == 1 && two.len() == 2 && parts.next().is_none();
    let ending = name.rsplit('.').next()?.to_lowercase();
    // Other formats have other names when they are scaled.
    if !is_original || !matches!(ending.as_str(), "jpg" | "jpeg" | "png") {
        return None;
    }
    let mut scaled = url.clone();
    scaled.set_path(&format!("{FOLDER}thumb/{rest}/{PICTURE_WIDTH}px-{name}"));
    scaled.set_query(None);
    Some(scaled)
}

#[cfg(test)]
#[path = "openverse_tests.rs"]
mod tests;
