//! Wikimedia Commons: full-text search for pictures, with licences and authors.
//!
//! The request and its answer are those of the MediaWiki API, `action=query` with
//! `generator=search` and `prop=imageinfo`.

use std::collections::{BTreeSet, VecDeque};

use scraper::Html;
use serde_json::{Map, Value};
use url::Url;

use crate::ports::{ImageSource, SourceError, SourceRequest, SourceStep};
use crate::types::{Address, Candidate, Discarded, ItemKind, Provenance, Reason};

/// Results a request: the API scales down at most 50 pictures for one answer.
const PAGE_SIZE: u32 = 50;
/// Width in pixels of the scaled pictures that are asked for: one of Wikimedia's standard widths,
/// and enough for the faces of a group. Originals have up to 40 megapixels.
const PICTURE_WIDTH: u32 = 1280;

/// One full-text search of Wikimedia Commons.
#[derive(Debug)]
pub struct CommonsSource {
    endpoint: Url,
    query: String,
    label: String,
    /// Parameters that continue the search; `None` after its last page.
    continuation: Option<Map<String, Value>>,
    ready: VecDeque<SourceStep>,
    /// Results of the batch at hand by page number, to tell those that never got their details.
    complete: BTreeSet<u64>,
}

impl CommonsSource {
    /// The source's name in provenance.
    pub const NAME: &str = "commons";
    /// The address of its API.
    pub const ENDPOINT: &str = "https://commons.wikimedia.org/w/api.php";

    /// A search for `query`; what it finds gets `label`.
    #[must_use]
    pub fn new(endpoint: Url, query: String, label: String) -> Self {
        Self {
            endpoint,
            query,
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
            .append_pair("gsrsearch", &format!("filetype:bitmap {}", self.query))
            .append_pair("gsrlimit", &PAGE_SIZE.to_string())
            .append_pair("prop", "imageinfo")
            .append_pair("iiprop", "url|size|mime|sha1|extmetadata")
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
            .find_map(|text| Url::parse(&absolute(text)).ok());
        let Some(address) = address else {
            return self.junk(page, "the answer gives no address for it");
        };
        let extra = |name: &str| plain_text(info["extmetadata"][name]["value"].as_str()?);
        let link = |text: &str| Some(absolute(text)).filter(|text| Url::parse(text).is_ok());
        SourceStep::Candidate(Box::new(Candidate {
            label: self.label.clone(),
            provenance: Provenance {
                source: Self::NAME.to_owned(),
                query: Some(self.query.clone()),
                page_url: info["descriptionurl"].as_str().and_then(link),
                image_url: address.to_string(),
                license: extra("LicenseShortName"),
                license_url: extra("LicenseUrl").as_deref().and_then(link),
                author: extra("Artist"),
                title: title_of(page),
                ..Provenance::default()
            },
            address: Address::Url(address),
        }))
    }

    fn junk(&self, page: &Value, message: &str) -> SourceStep {
        SourceStep::Junk(Discarded {
            item: title_of(page).unwrap_or_else(|| page["pageid"].to_string()),
            kind: ItemKind::Image,
            label: Some(self.label.clone()),
            reason: Reason::BadAddress,
            message: message.to_owned(),
            related: Vec::new(),
        })
    }
}

impl ImageSource for CommonsSource {
    fn step(&mut self) -> Result<SourceStep, SourceError> {
        if let Some(step) = self.ready.pop_front() {
            return Ok(step);
        }
        Ok(match &self.continuation {
            Some(continuation) => SourceStep::Ask(self.request(continuation)),
            None => SourceStep::End,
        })
    }

    fn answer(&mut self, body: &[u8]) -> Result<(), SourceError> {
        let bad_answer = |message: String| SourceError::BadAnswer {
            source_name: Self::NAME.to_owned(),
            message,
        };
        let answer: Value =
            serde_json::from_slice(body).map_err(|error| bad_answer(error.to_string()))?;
        if let Some(error) = answer.get("error") {
            let text = |name: &str| error[name].as_str().unwrap_or("unknown").to_owned();
            return Err(SourceError::Refused {
                source_name: Self::NAME.to_owned(),
                code: text("code"),
                message: text("info"),
            });
        }
        if !answer.is_object() {
            return Err(bad_answer("not a JSON object".to_owned()));
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
            return Err(bad_answer("the same page again and again".to_owned()));
        }
        self.continuation = next;
        Ok(())
    }

    fn is_list(&self) -> bool {
        false
    }
}

/// The pages of an answer in the order of the search; they come as an object or as a list.
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

/// An address that may lack its protocol, as Wikimedia writes some.
fn absolute(text: &str) -> String {
    if text.starts_with("//") {
        format!("https:{text}")
    } else {
        text.to_owned()
    }
}

/// The text of a field that may hold HTML, with single spaces; `None` where nothing is left.
fn plain_text(html: &str) -> Option<String> {
    let fragment = Html::parse_fragment(html);
    let text: String = fragment.root_element().text().collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
#[path = "commons_tests.rs"]
mod tests;
