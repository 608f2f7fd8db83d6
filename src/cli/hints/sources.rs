//! Errors of sources of images.

use crate::cli::hints::Advice;
use facepipe_adapters::sources::openverse::OpenverseSource;
use facepipe_adapters::sources::serpapi::SerpApiSource;
use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_core::ports::SourceError;
use facepipe_net::credentials::FILES;

impl Advice for SourceError {
    fn next_step(&self) -> Option<String> {
        let text = match self {
            Self::Key { source_name, .. } => return key(source_name),
            Self::ManyPeople { choices, .. } => {
                let first = choices.first()?.split(' ').next().unwrap_or_default();
                return Some(format!(
                    "choose one by the number, such as `--wikidata {first}`; \
                     https://www.wikidata.org/wiki/{first} describes them"
                ));
            }
            Self::NoPerson { .. } => {
                "check the spelling, give the number of the person's item on wikidata.org \
                 (`--wikidata Q7259`), or search by text with `--query`"
            }
            Self::NoAnswer { .. } => {
                "check the network and run the same command again: it continues where it stopped"
            }
            Self::Io(source) => return source.next_step(),
            Self::Folder(ImageFolderError::NoLabels(_)) => {
                "put each label's photos into a folder of its own, or give all of them one label \
                 with `--label`"
            }
            Self::Folder(error) => return error.next_step(),
            Self::Broken { .. } => {
                "correct the list there and run the same command again: fetched images are kept"
            }
            Self::Empty { .. } => "write one address a line into it",
            Self::NoUrlColumn { .. } => "name the column in a first line: `url,label`",
            Self::TwoColumns { exact, .. } => {
                return Some(format!("name the right one `{exact}` in the first line"));
            }
            Self::NoLabel { .. } => "add `--label NAME`, or a `label` column",
            Self::BadAnswer { .. } | Self::Refused { .. } => {
                "run the same command again later: it continues where it stopped"
            }
        };
        Some(text.to_owned())
    }
}

/// Where to get the key of a source, and where to put it.
fn key(source_name: &str) -> Option<String> {
    match source_name {
        SerpApiSource::NAME => Some(format!(
            "copy the key from https://serpapi.com/manage-api-key into the environment or into \
             `{}` in this folder: {}=...; `--source commons` and `--source openverse` need none",
            FILES[0],
            SerpApiSource::KEY_NAMES[1]
        )),
        OpenverseSource::NAME => Some(format!(
            "get a new token (https://api.openverse.org/v1/#tag/auth), or remove {}: it works \
             without, with lower limits",
            OpenverseSource::TOKEN_NAMES[0]
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_with_a_key_says_where_it_belongs() {
        let step = SerpApiSource::missing_key().next_step();
        let step = step.expect("has a next step");
        for expected in ["SERPAPI_KEY=", "v.env", "--source commons"] {
            assert!(step.contains(expected), "{step}");
        }
        let refused = SourceError::Key {
            source_name: OpenverseSource::NAME.to_owned(),
            problem: "it refuses the token".to_owned(),
        };
        let step = refused.next_step();
        assert!(step.is_some_and(|step| step.contains("FACEPIPE_OPENVERSE_TOKEN")));
    }

    #[test]
    fn an_unknown_or_ambiguous_name_has_its_own_hint() {
        let unknown = SourceError::NoPerson {
            source_name: "Wikidata".to_owned(),
            name: "Nobody Atall".to_owned(),
        };
        let step = unknown.next_step();
        assert!(step.is_some_and(|step| step.contains("--query")));
        let several = SourceError::ManyPeople {
            name: "John Smith".to_owned(),
            choices: vec!["Q1 John Smith (English explorer)".to_owned()],
        };
        let step = several.next_step();
        assert!(step.is_some_and(|step| step.contains("--wikidata Q1`")));
    }
}
