//! From options to jobs: which query goes to which source, for which label.

use std::path::{Path, PathBuf};

use crate::cli::commands::fetch::queries::{self, Wanted, is_something, tidy};
use crate::cli::commands::fetch::{FetchOptions, usage};
use crate::cli::failure::Failure;
use crate::cli::wiring::sources::{
    self, Lookup, STANDARD_INPUT, Searches, SourceName, Subject, item_number,
};
use facepipe_core::artifacts::apart::ensure_apart;
use facepipe_core::artifacts::labels::{label_from_query, label_from_text};
use facepipe_core::artifacts::path_text::text_of_name;
use facepipe_core::context::Context;
use facepipe_core::words::{counted, counted_as};
use facepipe_fetch::{Job, Request, Settings};

impl FetchOptions {
    /// The sources that were requested, or that the other options need.
    pub(crate) fn sources(&self) -> Vec<SourceName> {
        let mut sources: Vec<SourceName> = Vec::new();
        for source in &self.source {
            if !sources.contains(source) {
                sources.push(*source);
            }
        }
        if sources.is_empty() && !self.urls.is_empty() {
            sources.push(SourceName::Urls);
        }
        if self.source.is_empty() && !self.folder.is_empty() {
            sources.push(SourceName::Folder);
        }
        if sources.is_empty() {
            sources.push(SourceName::Commons);
        }
        sources
    }

    /// The queries to each source. Names of people are looked up here, so that one that is not
    /// clear is reported before anything is downloaded.
    pub(crate) fn jobs(
        &self,
        out: Option<&Path>,
        settings: &Settings,
        context: &Context,
    ) -> Result<Vec<Job>, Failure> {
        let all = self.sources();
        self.ensure_known(&all)?;
        let searched: Vec<_> = all.iter().copied().filter(|one| one.is_search()).collect();
        let mut jobs = Vec::new();
        if !searched.is_empty() {
            let wanted = self.wanted()?;
            let searches =
                Searches::new(searched, self.endpoint.clone(), settings.licences.clone())?;
            for subject in subjects(wanted, &searches, settings, context)? {
                jobs.push(Job {
                    source: searches.source(&subject)?,
                    request: Request {
                        source: searches.name(),
                        query: Some(subject.name()),
                        label: Some(subject.label),
                        list: None,
                    },
                });
            }
        }
        let only_lists = jobs.is_empty();
        for source in all.into_iter().filter(|one| !one.is_search()) {
            let paths = if source == SourceName::Urls {
                &self.urls
            } else {
                &self.folder
            };
            for path in paths {
                if let (SourceName::Folder, Some(out)) = (source, out) {
                    ensure_apart(path, out)?;
                }
                jobs.push(self.list(source, path, only_lists)?);
            }
        }
        Ok(jobs)
    }

    /// Refuses options that would do nothing.
    fn ensure_known(&self, sources: &[SourceName]) -> Result<(), Failure> {
        let lists: [(SourceName, &[PathBuf], &str); 2] = [
            (SourceName::Urls, &self.urls, "--urls FILE"),
            (SourceName::Folder, &self.folder, "--folder DIR"),
        ];
        for (source, paths, option) in lists {
            let is_asked = sources.contains(&source);
            if is_asked && paths.is_empty() {
                let message = format!("`--source {source}` needs `{option}`");
                return Err(usage(&message, &format!("add `{option}`")));
            }
            if !is_asked && !paths.is_empty() {
                let message = format!("`{option}` is given, and `--source {source}` is not");
                return Err(usage(&message, &format!("add `--source {source}`")));
            }
        }
        let searches = sources.iter().any(|source| source.is_search());
        if !searches && (!self.wikidata.is_empty() || self.queries.is_some()) {
            return Err(usage(
                "`--wikidata` and `--queries` are for searches, and nothing is searched",
                "add a `--source` to search, such as `--source commons`",
            ));
        }
        let silent = sources.iter().find(|source| !source.names_licences());
        let filter: facepipe_core::licence::LicenceFilter = self.license.iter().copied().collect();
        if let Some(source) = silent
            && filter.limits_searches().is_some()
        {
            return Err(usage(
                &format!("`--source {source}` never says which licence an image has"),
                "add `unknown` to `--license` to keep its images nevertheless, or leave it out",
            ));
        }
        Ok(())
    }

    /// The searches of the options and of the file of queries.
    fn wanted(&self) -> Result<Vec<Wanted>, Failure> {
        let people = self.wikidata.iter().map(|text| Wanted {
            wikidata: Some(text.clone()),
            ..Wanted::default()
        });
        let texts = self.query.iter().map(|text| Wanted {
            query: Some(text.clone()),
            ..Wanted::default()
        });
        let mut wanted: Vec<Wanted> = texts.chain(people).collect();
        if !self.label.is_empty() && self.label.len() != wanted.len() {
            let (labels, people) = (self.label.len(), self.wikidata.len());
            let queries = counted_as(self.query.len(), "query", "queries");
            let mut message = format!("{} for {queries}", counted(labels, "label"));
            if people > 0 {
                message.push_str(&format!(" and {}", counted_as(people, "person", "people")));
            }
            return Err(usage(
                &message,
                "give `--label` once for each `--query`, then for each `--wikidata`",
            ));
        }
        for (one, label) in wanted.iter_mut().zip(&self.label) {
            one.label = Some(label.clone());
        }
        if let Some(path) = &self.queries {
            wanted.extend(queries::read(path)?);
        }
        let mut wanted: Vec<Wanted> = wanted.into_iter().map(tidy).collect();
        wanted.retain(is_something);
        if wanted.is_empty() {
            return Err(usage(
                "a search needs `--query`, `--wikidata` or `--queries`",
                "add `--query \"First Last\"`",
            ));
        }
        Ok(wanted)
    }

    fn list(&self, source: SourceName, path: &Path, is_alone: bool) -> Result<Job, Failure> {
        let is_one = self.query.len() <= 1 && self.label.len() <= 1;
        if is_alone && !is_one {
            return Err(usage(
                &format!("`--source {source}` takes one `--query` and one `--label` at most"),
                "name the labels in the list, or run the command once for each",
            ));
        }
        // Of several queries none is the list's.
        let query = self.query.first().cloned().filter(|_| is_one);
        let label = self.label.first().filter(|_| is_one);
        let label = label.map(|label| label_from_text(label));
        let label = label.or_else(|| query.as_deref().map(label_from_query));
        let name = if path == Path::new(STANDARD_INPUT) {
            STANDARD_INPUT.into()
        } else {
            // `.` and `..` have no name of their own; pipes have no other path.
            let real = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            text_of_name(&real).into_owned()
        };
        Ok(Job {
            source: sources::list(source, path, label.clone(), query.clone())?,
            request: Request {
                source: source.to_string(),
                query,
                label,
                list: Some(name),
            },
        })
    }
}

/// The searches, with people looked up where their number or their name is missing.
fn subjects(
    wanted: Vec<Wanted>,
    searches: &Searches,
    settings: &Settings,
    context: &Context,
) -> Result<Vec<Subject>, Failure> {
    let mut lookups: Vec<Option<Lookup>> = Vec::with_capacity(wanted.len());
    for one in &wanted {
        let lookup = match &one.wikidata {
            Some(text) if needs_lookup(one, text, searches) => Some(searches.lookup(text)?),
            _ => None,
        };
        lookups.push(lookup);
    }
    let mut open: Vec<&mut dyn facepipe_core::ports::Lookup> = Vec::new();
    for lookup in lookups.iter_mut().flatten() {
        open.push(lookup);
    }
    if !open.is_empty() {
        facepipe_fetch::look_up(&mut open, settings, context)?;
    }
    let mut subjects: Vec<Subject> = Vec::with_capacity(wanted.len());
    for (one, lookup) in wanted.into_iter().zip(lookups) {
        let is_named = one.label.is_some();
        let subject = subject(one, lookup.as_ref(), searches, context)?;
        let other = subjects.iter().find(|other| {
            other.label == subject.label && other.item.is_some() && other.item != subject.item
        });
        // Two people of one name must not become one label unless that is intended.
        if let (false, Some(other), Some(item)) = (is_named, other, &subject.item) {
            let first = other.item.as_deref().unwrap_or_default();
            let label = &subject.label;
            return Err(usage(
                &format!("{first} and {item} would both get the label `{label}`"),
                "give each person a `--label`",
            ));
        }
        subjects.push(subject);
    }
    Ok(subjects)
}

fn needs_lookup(wanted: &Wanted, text: &str, searches: &Searches) -> bool {
    let has_words = wanted.query.is_some();
    let needs_words = searches.needs_words() && !has_words;
    let needs_label = wanted.label.is_none() && !has_words;
    item_number(text).is_none() || needs_words || needs_label
}

fn subject(
    wanted: Wanted,
    lookup: Option<&Lookup>,
    searches: &Searches,
    context: &Context,
) -> Result<Subject, Failure> {
    let person = lookup.and_then(Lookup::person);
    if let (Some(person), Some(text)) = (person, &wanted.wikidata) {
        context.progress.note(&format!("`{text}` is {person}"));
    }
    let item = person.map(|person| person.item.clone());
    let item = item.or_else(|| item_number(wanted.wikidata.as_deref()?));
    let query = wanted.query.or_else(|| person?.name.clone());
    if let (None, Some(item)) = (&query, &item)
        && searches.needs_words()
    {
        return Err(usage(
            &format!("{item} has no English name to search for"),
            "search by text with `--query`, or with `--source commons` only",
        ));
    }
    let label = match (&wanted.label, &query, &item) {
        (Some(label), ..) => label_from_text(label),
        (None, Some(query), _) => label_from_query(query),
        (None, None, item) => label_from_text(item.as_deref().unwrap_or_default()),
    };
    Ok(Subject { query, item, label })
}
