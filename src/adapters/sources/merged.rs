//! Several sources of one query as one.

use std::collections::VecDeque;

use facepipe_core::ports::{ImageSource, SourceError, SourceStep};

/// Offers the images of several sources, one of each in turn, so that all of them contribute to a
/// limited number of images and several hosts are used at the same time.
///
/// A source that fails is left out with a note; the others continue.
pub struct MergedSources {
    /// Those that are not exhausted; it is the first one's turn, and its request may be unanswered.
    parts: VecDeque<Part>,
    notes: VecDeque<String>,
    asking: &'static str,
    has_offered: bool,
    failure: Option<SourceError>,
}

struct Part {
    name: &'static str,
    source: Box<dyn ImageSource>,
}

impl std::fmt::Debug for MergedSources {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.parts.iter().map(|part| part.name).collect();
        formatter
            .debug_tuple("MergedSources")
            .field(&names)
            .finish()
    }
}

impl MergedSources {
    /// Sources with their names, in the order in which they offer.
    #[must_use]
    pub fn new(sources: Vec<(&'static str, Box<dyn ImageSource>)>) -> Self {
        let part = |(name, source)| Part { name, source };
        Self {
            parts: sources.into_iter().map(part).collect(),
            notes: VecDeque::new(),
            asking: "",
            has_offered: false,
            failure: None,
        }
    }

    /// Continues without the source whose turn it is. Where none is left and no image was found,
    /// its failure is that of the whole search.
    fn leave_out(&mut self, error: SourceError) {
        let Some(part) = self.parts.pop_front() else {
            return;
        };
        if self.parts.is_empty() && !self.has_offered {
            self.failure = Some(error);
        } else {
            let name = part.name;
            self.notes
                .push_back(format!("{name} gives no more images: {error}"));
        }
    }
}

impl ImageSource for MergedSources {
    fn step(&mut self) -> Result<SourceStep, SourceError> {
        loop {
            if let Some(note) = self.notes.pop_front() {
                return Ok(SourceStep::Note(note));
            }
            if let Some(error) = self.failure.take() {
                return Err(error);
            }
            let Some(part) = self.parts.front_mut() else {
                return Ok(SourceStep::End);
            };
            match part.source.step() {
                Ok(SourceStep::End) => {
                    self.parts.pop_front();
                }
                Ok(step @ SourceStep::Candidate(_)) => {
                    self.has_offered = true;
                    self.parts.rotate_left(1);
                    return Ok(step);
                }
                Ok(step) => {
                    self.asking = part.name;
                    return Ok(step);
                }
                Err(error) => self.leave_out(error),
            }
        }
    }

    fn answer(&mut self, body: &[u8]) -> Result<(), SourceError> {
        if let Some(part) = self.parts.front_mut()
            && let Err(error) = part.source.answer(body)
        {
            self.leave_out(error);
        }
        Ok(())
    }

    fn unanswered(&mut self, status: Option<u16>, problem: &str) -> Result<bool, SourceError> {
        let Some(part) = self.parts.front_mut() else {
            return Ok(false);
        };
        let error = match part.source.unanswered(status, problem) {
            Ok(true) => return Ok(true),
            Ok(false) => SourceError::NoAnswer {
                source_name: part.name.to_owned(),
                problem: problem.to_owned(),
            },
            Err(error) => error,
        };
        self.leave_out(error);
        Ok(true)
    }

    fn asking(&self) -> Option<&str> {
        Some(self.asking)
    }

    fn is_list(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use facepipe_core::ports::SourceRequest;
    use facepipe_core::types::{Address, Candidate, Provenance};

    /// A source that requests pages, offers this many images of each answer, and fails on request.
    struct Pages {
        name: &'static str,
        pages: u32,
        ready: u32,
    }

    impl ImageSource for Pages {
        fn step(&mut self) -> Result<SourceStep, SourceError> {
            let url = Url::parse(&format!("https://{}.org/{}", self.name, self.pages));
            let address = url.expect("is an address");
            if self.ready > 0 {
                self.ready -= 1;
                return Ok(SourceStep::Candidate(Box::new(Candidate {
                    label: "ann".to_owned(),
                    provenance: Provenance {
                        source: self.name.to_owned(),
                        ..Provenance::default()
                    },
                    address: Address::Url(address),
                })));
            }
            if self.pages == 0 {
                return Ok(SourceStep::End);
            }
            Ok(SourceStep::Request(SourceRequest::new(address)))
        }

        fn answer(&mut self, body: &[u8]) -> Result<(), SourceError> {
            self.pages -= 1;
            self.ready = body.len() as u32;
            if body.is_empty() {
                return Err(SourceError::Empty {
                    list: self.name.to_owned(),
                });
            }
            Ok(())
        }

        fn is_list(&self) -> bool {
            false
        }
    }

    fn merged(names: &[&'static str]) -> MergedSources {
        let part = |name: &&'static str| {
            let source: Box<dyn ImageSource> = Box::new(Pages {
                name,
                pages: 2,
                ready: 0,
            });
            (*name, source)
        };
        MergedSources::new(names.iter().map(part).collect())
    }

    /// Drives a source; `answer` gives the body for a request, or none. Returns what happened in
    /// words.
    fn drive(source: &mut MergedSources, answer: impl Fn(&str) -> Option<&'static str>) -> String {
        let mut words = Vec::new();
        loop {
            match source.step() {
                Ok(SourceStep::End) => break,
                Ok(SourceStep::Request(request)) => match answer(request.url.as_str()) {
                    Some(body) => source.answer(body.as_bytes()).expect("continues"),
                    None => assert!(source.unanswered(Some(500), "500").expect("continues")),
                },
                Ok(SourceStep::Candidate(candidate)) => words.push(candidate.provenance.source),
                Ok(SourceStep::Note(note)) => words.push(format!("[{note}]")),
                Ok(SourceStep::Junk(junk)) => panic!("unexpected {junk:?}"),
                Err(error) => {
                    words.push(format!("error: {error}"));
                    break;
                }
            }
        }
        words.join(" ")
    }

    #[test]
    fn sources_offer_in_turn_and_the_longer_one_continues() {
        let mut source = merged(&["a", "b"]);
        let words = drive(&mut source, |url| {
            Some(if url.contains("a.org") { "xx" } else { "x" })
        });
        assert_eq!(words, "a b a b a a");
    }

    #[test]
    fn a_source_that_fails_is_left_out_with_a_note() {
        let words = drive(&mut merged(&["a", "b", "c"]), |url| {
            match (url.contains("a.org"), url.contains("b.org/1")) {
                (true, _) => None,
                (_, true) => Some(""),
                _ => Some("x"),
            }
        });
        assert_eq!(
            words,
            "[a gives no more images: the request to a failed: 500] b c [b gives no more images: `b` is empty] c"
        );
    }

    #[test]
    fn all_sources_that_fail_are_an_error() {
        let mut source = merged(&["a", "b"]);
        assert_eq!(
            drive(&mut source, |_| None),
            "[a gives no more images: the request to a failed: 500] error: the request to b failed: 500"
        );
        assert_eq!(source.asking(), Some("b"));
    }
}
