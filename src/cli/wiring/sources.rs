//! Sources of images by name.

use std::path::Path;
use std::str::FromStr;

use clap::ValueEnum;
use url::{Host, Url};

use crate::cli::failure::Failure;
use facepipe_adapters::sources::bing::BingSource;
use facepipe_adapters::sources::commons::{CommonsSearch, CommonsSource};
use facepipe_adapters::sources::folder::FolderSource;
use facepipe_adapters::sources::merged::MergedSources;
use facepipe_adapters::sources::openverse::OpenverseSource;
use facepipe_adapters::sources::serpapi::SerpApiSource;
use facepipe_adapters::sources::url_list::UrlListSource;
use facepipe_adapters::sources::wikidata::PersonLookup;
use facepipe_core::licence::LicenceFilter;
use facepipe_core::ports::{ImageSource, SourceError};
use facepipe_core::secret::Secret;
use facepipe_net::credentials::Places;

pub(crate) use facepipe_adapters::sources::url_list::STANDARD_INPUT;
pub(crate) use facepipe_adapters::sources::wikidata::{PersonLookup as Lookup, item_number};

/// Image sources by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum SourceName {
    /// Wikimedia Commons: free pictures with licences and authors, by text or by the person they
    /// show (--wikidata)
    Commons,
    /// Openverse: openly licensed pictures of many collections; 20 requests a minute and 200 a day
    Openverse,
    /// The pages of Bing's image search: names no licences
    Bing,
    /// Google's image search by serpapi.com: needs a key in SERPAPI_KEY or in `v.env`; names no
    /// licences
    Serpapi,
    /// A list of addresses (--urls)
    Urls,
    /// A folder on this machine (--folder)
    Folder,
}

impl SourceName {
    /// Whether it takes queries.
    pub(crate) const fn is_search(self) -> bool {
        !matches!(self, Self::Urls | Self::Folder)
    }

    /// Whether it can say which licences its images have.
    pub(crate) const fn names_licences(self) -> bool {
        matches!(self, Self::Commons | Self::Openverse | Self::Urls)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Commons => CommonsSource::NAME,
            Self::Openverse => OpenverseSource::NAME,
            Self::Bing => BingSource::NAME,
            Self::Serpapi => SerpApiSource::NAME,
            Self::Urls => UrlListSource::NAME,
            Self::Folder => FolderSource::NAME,
        }
    }
}

impl std::fmt::Display for SourceName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Services whose address can be set, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Service {
    Commons,
    Wikidata,
    Openverse,
    Bing,
    Serpapi,
}

impl Service {
    const fn usual_address(self) -> &'static str {
        match self {
            Self::Commons => CommonsSource::ENDPOINT,
            Self::Wikidata => PersonLookup::ENDPOINT,
            Self::Openverse => OpenverseSource::ENDPOINT,
            Self::Bing => BingSource::ENDPOINT,
            Self::Serpapi => SerpApiSource::ENDPOINT,
        }
    }

    /// Whether a secret is sent there.
    const fn gets_secret(self) -> bool {
        matches!(self, Self::Openverse | Self::Serpapi)
    }
}

/// A value of `--endpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    service: Service,
    url: Url,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, url) = text.split_once('=').ok_or("not of the form NAME=URL")?;
        let service = <Service as ValueEnum>::from_str(name, false).map_err(|_| {
            format!(
                "`{name}` has no address; commons, wikidata, openverse, bing and serpapi have one"
            )
        })?;
        let url = Url::parse(url).map_err(|error| format!("`{url}`: {error}"))?;
        let is_own_machine = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if !service.gets_secret() || is_own_machine => {}
            "http" => return Err(format!("`{url}` would get a key without https")),
            _ => return Err(format!("`{url}` is not an http or https address")),
        }
        Ok(Self { service, url })
    }
}

/// One thing that is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The words to search for.
    pub(crate) query: Option<String>,
    /// The item on Wikidata of the person to search for; takes precedence over the words where a source knows
    /// who is on its pictures.
    pub(crate) item: Option<String>,
    /// The label of the images found.
    pub(crate) label: String,
}

impl Subject {
    /// The key of a request in the journal.
    pub(crate) fn name(&self) -> String {
        let item = self.item.as_ref().map(|item| format!("wikidata:{item}"));
        item.or_else(|| self.query.clone()).unwrap_or_default()
    }
}

/// Makes the sources of searches.
#[derive(Debug)]
pub(crate) struct Searches {
    names: Vec<SourceName>,
    endpoints: Vec<Endpoint>,
    licences: LicenceFilter,
    openverse_token: Option<Secret>,
    serpapi_key: Option<Secret>,
}

impl Searches {
    /// For these sources; keys are looked up in the environment and in `v.env`.
    pub(crate) fn new(
        names: Vec<SourceName>,
        endpoints: Vec<Endpoint>,
        licences: LicenceFilter,
    ) -> Result<Self, Failure> {
        let mut searches = Self {
            names,
            endpoints,
            licences,
            openverse_token: None,
            serpapi_key: None,
        };
        let environment = |name: &str| std::env::var(name).ok();
        if searches.names.contains(&SourceName::Openverse) {
            let places = Places::read(environment, Path::new("."))?;
            let token = places.find(&OpenverseSource::TOKEN_NAMES);
            searches.openverse_token = token.map(|(token, _)| Secret::new(token));
        }
        if searches.names.contains(&SourceName::Serpapi) {
            let places = Places::read(environment, Path::new("."))?;
            let key = places.find(&SerpApiSource::KEY_NAMES);
            let (key, _) = key.ok_or_else(SerpApiSource::missing_key)?;
            searches.serpapi_key = Some(Secret::new(key));
        }
        Ok(searches)
    }

    /// The sources' names, whatever the order in which they were given.
    pub(crate) fn name(&self) -> String {
        let mut names = self.names.clone();
        names.sort_unstable();
        let names: Vec<&str> = names.iter().map(|name| name.name()).collect();
        names.join("+")
    }

    /// Whether a search of this subject needs words.
    pub(crate) fn needs_words(&self) -> bool {
        self.names.iter().any(|name| *name != SourceName::Commons)
    }

    /// Finds out which person a name or number means.
    pub(crate) fn lookup(&self, text: &str) -> Result<PersonLookup, SourceError> {
        Ok(PersonLookup::new(self.endpoint(Service::Wikidata)?, text))
    }

    /// One source for a subject; several are merged.
    pub(crate) fn source(&self, subject: &Subject) -> Result<Box<dyn ImageSource>, SourceError> {
        let mut sources = Vec::with_capacity(self.names.len());
        for name in &self.names {
            sources.push((name.name(), self.one(*name, subject)?));
        }
        if sources.len() == 1
            && let Some((_, source)) = sources.pop()
        {
            return Ok(source);
        }
        Ok(Box::new(MergedSources::new(sources)))
    }

    fn one(
        &self,
        name: SourceName,
        subject: &Subject,
    ) -> Result<Box<dyn ImageSource>, SourceError> {
        let (query, label) = (
            subject.query.clone().unwrap_or_default(),
            subject.label.clone(),
        );
        let licences = &self.licences;
        Ok(match name {
            SourceName::Openverse => {
                let endpoint = self.endpoint(Service::Openverse)?;
                let token = self.openverse_token.clone();
                Box::new(OpenverseSource::new(
                    endpoint, query, label, licences, token,
                ))
            }
            SourceName::Bing => {
                let endpoint = self.endpoint(Service::Bing)?;
                Box::new(BingSource::new(endpoint, query, label, licences))
            }
            SourceName::Serpapi => {
                let endpoint = self.endpoint(Service::Serpapi)?;
                let key = self.serpapi_key.clone();
                let key = key.ok_or_else(SerpApiSource::missing_key)?;
                Box::new(SerpApiSource::new(endpoint, query, label, licences, key))
            }
            // Lists and folders are no searches.
            SourceName::Commons | SourceName::Urls | SourceName::Folder => {
                let endpoint = self.endpoint(Service::Commons)?;
                let search = match &subject.item {
                    Some(item) => CommonsSearch::Depicts(item.clone()),
                    None => CommonsSearch::Text(query),
                };
                Box::new(CommonsSource::new(endpoint, &search, label, licences))
            }
        })
    }

    fn endpoint(&self, service: Service) -> Result<Url, SourceError> {
        match self
            .endpoints
            .iter()
            .rfind(|endpoint| endpoint.service == service)
        {
            Some(endpoint) => Ok(endpoint.url.clone()),
            None => Ok(Url::parse(service.usual_address()).map_err(std::io::Error::other)?),
        }
    }
}

/// The source for a list or folder.
pub(crate) fn list(
    name: SourceName,
    path: &Path,
    label: Option<String>,
    query: Option<String>,
) -> Result<Box<dyn ImageSource>, SourceError> {
    Ok(if name == SourceName::Folder {
        Box::new(FolderSource::new(path, label.as_deref(), query)?)
    } else {
        Box::new(UrlListSource::open(path, label, query)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_web_addresses_and_keys_go_by_https() {
        for good in [
            "commons=http://mirror.example.org/api.php",
            "wikidata=https://example.org/w/api.php",
            "serpapi=https://example.org/search.json",
            "serpapi=http://127.0.0.1:8000/search.json",
            "openverse=http://localhost/v1/images/",
        ] {
            assert!(good.parse::<Endpoint>().is_ok(), "{good}");
        }
        for (bad, message) in [
            ("commons", "not of the form NAME=URL"),
            ("folder=https://example.org", "`folder` has no address"),
            ("commons=ftp://example.org", "not an http or https address"),
            ("bing=images", "`images`"),
            ("serpapi=http://example.org", "without https"),
        ] {
            let error = bad.parse::<Endpoint>().expect_err(bad);
            assert!(error.contains(message), "{bad}: {error}");
        }
    }

    #[test]
    fn every_source_has_the_name_that_selects_it() {
        for source in SourceName::value_variants() {
            let value = source.to_possible_value().expect("is a value");
            assert_eq!(value.get_name(), source.to_string());
        }
    }
}
