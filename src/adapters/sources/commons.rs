//! Wikimedia Commons: pictures by full-text search or by the person they show, with licences and
//! authors.
//!
//! The request and its answer are those of the MediaWiki API, `action=query` with
//! `generator=search` and `prop=imageinfo`. Pictures of a person are those whose structured data
//! has a statement `depicts` (P180) with the person's item on Wikidata.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Map, Value};
use url::Url;

use super::text::{json_object_of, link, plain_text, web_address};
use facepipe_core::licence::{Licence, LicenceFilter};
use facepipe_core::ports::{ImageSource, SourceError, SourceRequest, SourceStep};
use facepipe_core::types::{Address, Candidate, Discarded, Provenance};

/// Results a request: the API scales down at most 50 pictures for one answer.
const PAGE_SIZE: u32 = 50;
/// Width in pixels of the scaled pictures that are requested: one of Wikimedia's standard widths,
/// and enough for the faces of a group. Originals have up to 40 megapixels.
pub(super) const PICTURE_WIDTH: u32 = 1280;
/// The fields of a picture's metadata that are read: not its place, camera and categories.
const FIELDS: &str = "LicenseShortName|LicenseUrl|UsageTerms|Artist|Attribution";

/// The search term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommonsSearch {
    /// Words in titles, descriptions and categories; the search's own operators count, too.
    Text(String),
    /// Pictures that show an item of Wikidata, such as `Q7259`.
    Depicts(String),
}

impl CommonsSearch {
    /// The query in the provenance.
    fn query(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Depicts(item) => format!("wikidata:{item}"),
        }
    }

    fn terms(&self) -> String {
        match self {
            Self::Text(text) => format!("filetype:bitmap {text}"),
            Self::Depicts(item) => format!("filetype:bitmap haswbstatement:P180={item}"),
        }
    }
}

/// One search of Wikimedia Commons.
#[derive(Debug)]
pub struct CommonsSource {
    endpoint: Url,
    terms: String,
    query: String,
    label: String,
    /// Parameters that continue the search; `None` after its last page.
    continuation: Option<Map<String, Value>>,
    ready: VecDeque<SourceStep>,
    /// Results of the current batch by page number, to report those that never got their details.
    complete: BTreeSet<u64>,
}

impl CommonsSource {
    /// The source's name in provenance.
    pub const NAME: &str = "commons";
    /// The address of its API.
    pub const ENDPOINT: &str = "https://commons.wikimedia.org/w/api.php";

    /// A search whose images get `label`. Where only pictures without restrictions are requested,
    /// the search itself leaves out the others.
    #[must_use]
    pub fn new(
        endpoint: Url,
        search: &CommonsSearch,
        label: String,
        licences: &LicenceFilter,
    ) -> Self {
        let mut terms = search.terms();
        let is_free = |licence: &Licence| matches!(licence, Licence::Cc0 | Licence::Pdm);
        let limits = licences.limits_searches();
        if limits.is_some_and(|wanted| wanted.iter().all(is_free)) {
            terms.push_str(" haslicense:unrestricted");
        }
        Self {
            endpoint,
            terms,
            query: search.query(),
            label,
            continuation: Some(Map::new()),
            ready: VecDeque::new(),
            complete: BTreeSet::new(),
        }
    }

    fn request(&self, continuation: &Map<String, Value>) -> SourceRequest {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut()
            .append_pair("action", "query")
            .append_pair("format", "json")
            .append_pair("generator", "search")
            .append_pair("gsrnamespace", "6")
            .append_pair("gsrsearch", &self.terms)
            .append_pair("gsrlimit", &PAGE_SIZE.to_string())
            .append_pair("prop", "imageinfo")
            .append_pair("iiprop", "url|size|mime|sha1|extmetadata")
            .append_pair("iiextmetadatafilter", FIELDS)
            .append_pair("iiurlwidth", &PICTURE_WIDTH.to_string())
            .extend_pairs(continuation.iter().map(|(name, value)| {
                let text = value.as_str().map(str::to_owned);
                (name, text.unwrap_or_else(|| value.to_string()))
            }));
        SourceRequest::for_json(url)
    }

    /// The step for one page of the answer.
    fn read_page(&self, page: &Value, info: &Value) -> SourceStep {
        let address = ["thumburl", "url"]
            .iter()
            .filter_map(|name| info[name].as_str())
            .find_map(web_address);
        let Some(address) = address else {
            return self.junk(page, "the answer gives no address for it");
        };
        let extra = |name: &str| plain_text(info["extmetadata"][name]["value"].as_str()?);
        SourceStep::Candidate(Box::new(Candidate {
            label: self.label.clone(),
            provenance: Provenance {
                source: Self::NAME.to_owned(),
                query: Some(self.query.clone()),
                page_url: info["descriptionurl"].as_str().and_then(link),
                image_url: address.to_string(),
                license: extra("LicenseShortName").or_else(|| extra("UsageTerms")),
                license_url: extra("LicenseUrl").as_deref().and_then(link),
                author: extra("Artist"),
                attribution: extra("Attribution"),
                title: title_of(page),
                ..Provenance::default()
            },
            address: Address::Url(address),
        }))
    }

    fn junk(&self, page: &Value, message: &str) -> SourceStep {
        SourceStep::Junk(Discarded::without_address(
            title_of(page).unwrap_or_else(|| page["pageid"].to_string()),
            Some(self.label.clone()),
            message,
        ))
    }
}

impl ImageSource for CommonsSource {
    fn step(&mut self) -> Result<SourceStep, SourceError> {
        if let Some(step) = self.ready.pop_front() {
            return Ok(step);
        }
        Ok(match &self.continuation {
            Some(continuation) => SourceStep::Request(self.request(continuation)),
            None => SourceStep::End,
        })
    }

    fn answer(&mut self, body: &[u8]) -> Result<(), SourceError> {
        let answer = json_object_of(Self::NAME, body)?;
        if let Some(error) = answer.get("error") {
            let text = |name: &str| error[name].as_str().unwrap_or("unknown").to_owned();
            return Err(SourceError::Refused {
                source_name: Self::NAME.to_owned(),
                code: text("code"),
                message: text("info"),
            });
        }
        // A large batch comes in several answers; only the last says that it is complete.
        let batch_complete = answer.get("batchcomplete").is_some();
        for page in pages_of(&answer) {
            let number = page["pageid"].as_u64().unwrap_or_default();
            match page["imageinfo"].get(0) {
                Some(info) if self.complete.insert(number) => {
                    self.ready.push_back(self.read_page(page, info));
                }
                None if batch_complete && !self.complete.contains(&number) => {
                    self.ready
                        .push_back(self.junk(page, "the answer gives no details of it"));
                }
                _ => {}
            }
        }
        if batch_complete {
            self.complete.clear();
        }
        let next = answer["continue"].as_object().cloned();
        if next.is_some() && next == self.continuation {
            return Err(SourceError::BadAnswer {
                source_name: Self::NAME.to_owned(),
                message: "it repeats the same page".to_owned(),
            });
        }
        self.continuation = next;
        Ok(())
    }

    fn is_list(&self) -> bool {
        false
    }
}

/// The pages of an answer in the order of the search; the API gives an object or a list.
fn pages_of(answer: &Value) -> Vec<&Value> {
    let mut pages: Vec<&Value> = match &answer["query"]["pages"] {
        Value::Object(pages) => pages.values().collect(),
        Value::Array(pages) => pages.iter().collect(),
        _ => Vec::new(),
    };
    pages.sort_by_key(|page| {
        let number = |name: &str| page[name].as_u64().unwrap_or(u64::MAX);
        (number("index"), number("pageid"))
    });
    pages
}

fn title_of(page: &Value) -> Option<String> {
    let title = page["title"].as_str()?;
    Some(title.strip_prefix("File:").unwrap_or(title).to_owned())
}

#[cfg(test)]
#[path = "commons_tests.rs"]
mod tests;
