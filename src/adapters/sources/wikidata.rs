//! Wikidata: the person that a name or an item's number means.
//!
//! The requests are those of the Wikibase API: `action=wbsearchentities` finds items by name, and
//! `action=wbgetentities` says which of them are humans (statement `instance of` (P31): Q5).

use serde_json::Value;
use url::Url;

use super::text::{field, json_object_of, one_line};
use facepipe_core::ports::{Lookup, SourceError, SourceRequest};

/// Items that are examined for one name: the API gives at most 50, and all data of each of these is
/// requested then.
const MOST_ITEMS: u32 = 20;
/// The item `human`.
const HUMAN: &str = "Q5";
/// The language of names and descriptions, where an item has one in it.
const LANGUAGE: &str = "en";

/// A person by their item on Wikidata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The item's number, such as `Q7259`.
    pub item: String,
    /// Their name, where the item has one in English.
    pub name: Option<String>,
    /// Their description, likewise.
    pub description: Option<String>,
}

impl std::fmt::Display for Person {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.item)?;
        if let Some(name) = &self.name {
            write!(formatter, " {name}")?;
        }
        if let Some(description) = &self.description {
            write!(formatter, " ({description})")?;
        }
        Ok(())
    }
}

/// The number of an item, such as `Q7259`, in its usual form; `None` for any other text, which then
/// is a name.
#[must_use]
pub fn item_number(text: &str) -> Option<String> {
    let digits = text.trim().strip_prefix(['Q', 'q'])?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    (is_number && !digits.is_empty()).then(|| format!("Q{digits}"))
}

/// Finds the one person that a name means.
#[derive(Debug)]
pub struct PersonLookup {
    endpoint: Url,
    text: String,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Items of that name are requested.
    Search,
    /// The classes of these items are requested. A match is the name by which an item was found; an
    /// item that the user gave by its number has none.
    Items(Vec<(String, Option<String>)>),
    Found(Person),
}

impl PersonLookup {
    /// The source's name in errors.
    pub const NAME: &str = "wikidata";
    /// The address of its API.
    pub const ENDPOINT: &str = "https://www.wikidata.org/w/api.php";

    /// A lookup of an item's number or a name.
    #[must_use]
    pub fn new(endpoint: Url, text: &str) -> Self {
        let state =
            item_number(text).map_or(State::Search, |item| State::Items(vec![(item, None)]));
        Self {
            endpoint,
            text: text.trim().to_owned(),
            state,
        }
    }

    /// The person, once all requests are answered.
    #[must_use]
    pub fn person(&self) -> Option<&Person> {
        match &self.state {
            State::Found(person) => Some(person),
            State::Search | State::Items(_) => None,
        }
    }

    fn url(&self, parameters: &[(&str, &str)]) -> Url {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut()
            .append_pair("format", "json")
            .extend_pairs(parameters);
        url
    }

    /// The items of a search's answer.
    fn items(&self, answer: &Value) -> Result<State, SourceError> {
        let found: Vec<(String, Option<String>)> = answer["search"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| {
                let name = field(&one["match"], "text").or_else(|| field(one, "label"));
                Some((item_number(field(one, "id")?)?, name.and_then(one_line)))
            })
            .collect();
        if found.is_empty() {
            return Err(self.unknown_person());
        }
        Ok(State::Items(found))
    }

    /// The one human among items.
    fn choose(
        &self,
        items: &[(String, Option<String>)],
        answer: &Value,
    ) -> Result<State, SourceError> {
        let entities = &answer["entities"];
        let entity_of = |item: &str| {
            // An item that was merged into another is returned under the other's number.
            let is_it = |one: &&Value| one["redirects"]["from"] == item || one["id"] == item;
            let mut all = entities.as_object().into_iter().flatten();
            all.find_map(|(_, one)| Some(one).filter(is_it))
        };
        if let [(item, None)] = items {
            let entity = entity_of(item).filter(|entity| entity.get("missing").is_none());
            let entity = entity.ok_or_else(|| self.unknown_person())?;
            return Ok(State::Found(person_of(item, entity)));
        }
        let mut humans: Vec<(Person, bool)> = Vec::new();
        for (item, name) in items {
            let Some(entity) = entity_of(item).filter(|entity| is_human(entity)) else {
                continue;
            };
            let person = person_of(item, entity);
            let is_exact = name.as_deref().is_some_and(|name| same(name, &self.text));
            if humans.iter().all(|(known, _)| known.item != person.item) {
                humans.push((person, is_exact));
            }
        }
        let exact: Vec<&Person> = humans
            .iter()
            .filter_map(|(person, is_exact)| is_exact.then_some(person))
            .collect();
        match (exact.as_slice(), humans.as_slice()) {
            (_, []) => Err(self.unknown_person()),
            ([person], _) => Ok(State::Found((*person).clone())),
            (_, [(person, _)]) => Ok(State::Found(person.clone())),
            (exact, all) => {
                let choices = match exact {
                    [] => all.iter().map(|(person, _)| person.to_string()).collect(),
                    exact => exact.iter().map(ToString::to_string).collect(),
                };
                Err(SourceError::ManyPeople {
                    name: self.text.clone(),
                    choices,
                })
            }
        }
    }

    fn unknown_person(&self) -> SourceError {
        SourceError::NoPerson {
            source_name: "Wikidata".to_owned(),
            name: self.text.clone(),
        }
    }
}

impl Lookup for PersonLookup {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn next_request(&self) -> Option<SourceRequest> {
        let url = match &self.state {
            State::Search => self.url(&[
                ("action", "wbsearchentities"),
                ("search", &self.text),
                ("language", LANGUAGE),
                ("uselang", LANGUAGE),
                ("type", "item"),
                ("limit", &MOST_ITEMS.to_string()),
            ]),
            State::Items(items) => {
                let ids: Vec<&str> = items.iter().map(|(item, _)| item.as_str()).collect();
                self.url(&[
                    ("action", "wbgetentities"),
                    ("ids", &ids.join("|")),
                    ("props", "info|claims|labels|descriptions"),
                    ("languages", LANGUAGE),
                    ("languagefallback", "1"),
                ])
            }
            State::Found(_) => return None,
        };
        Some(SourceRequest::for_json(url))
    }

    fn answer(&mut self, body: &[u8]) -> Result<(), SourceError> {
        let answer = json_object_of(Self::NAME, body)?;
        if let Some(error) = answer.get("error") {
            if error["code"] == "no-such-entity" {
                return Err(self.unknown_person());
            }
            let text = |name: &str| field(error, name).unwrap_or("unknown").to_owned();
            return Err(SourceError::Refused {
                source_name: Self::NAME.to_owned(),
                code: text("code"),
                message: text("info"),
            });
        }
        let next = match &self.state {
            State::Search => self.items(&answer)?,
            State::Items(items) => self.choose(items, &answer)?,
            State::Found(_) => return Ok(()),
        };
        self.state = next;
        Ok(())
    }
}

fn person_of(item: &str, entity: &Value) -> Person {
    let text = |name: &str| field(&entity[name][LANGUAGE], "value").and_then(one_line);
    Person {
        item: field(entity, "id").unwrap_or(item).to_owned(),
        name: text("labels"),
        description: text("descriptions"),
    }
}

/// Whether one of an item's statements, except deprecated ones, has this value.
fn is_human(entity: &Value) -> bool {
    let statements = entity["claims"]["P31"].as_array().into_iter().flatten();
    let mut valid = statements.filter(|statement| statement["rank"] != "deprecated");
    valid.any(|statement| statement["mainsnak"]["datavalue"]["value"]["id"] == HUMAN)
}

/// Whether two names are the same but for case and spaces.
fn same(one: &str, other: &str) -> bool {
    let words = |text: &str| {
        let text = text.to_lowercase();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words
    };
    words(one) == words(other)
}

#[cfg(test)]
#[path = "wikidata_tests.rs"]
mod tests;
