//! Errors of `fetch`.

use crate::cli::hints::Advice;
use facepipe_core::types::Reason;
use facepipe_fetch::{DownloadError, FetchError};

impl Advice for FetchError {
    fn next_step(&self) -> Option<String> {
        let text = match self {
            Self::Interrupted(_) => return None,
            Self::Io(source) => return source.next_step(),
            Self::Stage(source) => return source.next_step(),
            Self::Source(source) => return source.next_step(),
            Self::Client(_) => "check the certificates of this system".to_owned(),
            Self::Search {
                source: DownloadError::Private(_),
                ..
            } => "add `--allow-private` if that server is yours".to_owned(),
            Self::Search { .. } => {
                "check the network and run the same command again: it continues \
                                    where it stopped"
                    .to_owned()
            }
            Self::NothingFound { .. } => "try other words with `--query`".to_owned(),
            Self::NothingKept {
                reasons,
                example,
                discarded,
                ..
            } => {
                let allow = if reasons.contains_key(&Reason::BadAddress.to_string()) {
                    "; `--allow-private` allows addresses in private networks"
                } else {
                    ""
                };
                format!(
                    "`{}` has the reason for each, such as: {example}{allow}; run the same command again to \
                     retry what may have passed, add `--retry-failed` for the rest",
                    discarded.display()
                )
            }
        };
        Some(text)
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn private_networks_are_mentioned_only_where_addresses_were_refused() {
        let step = |reason: Reason| {
            let nothing = FetchError::NothingKept {
                offered: 1,
                reasons: BTreeMap::from([(reason.to_string(), 1)]),
                example: "the first message".to_owned(),
                discarded: PathBuf::from("discarded.jsonl"),
            };
            nothing.next_step().expect("has a next step")
        };
        let refused = step(Reason::BadAddress);
        assert!(
            refused.contains("the first message; `--allow-private`"),
            "{refused}"
        );
        let absent = step(Reason::HttpStatus);
        assert!(!absent.contains("--allow-private"), "{absent}");
    }
}
