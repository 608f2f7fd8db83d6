//! A list of addresses, one image a record: text, CSV, TSV, JSON, JSON lines, each also with gzip.
//!
//! The list is read as a stream: a list of a million addresses takes no more memory than a short
//! one.

mod bounded;
mod columns;
mod elements;
mod encoding;
mod json;
mod layout;
mod lines;
mod records;
mod table;

use std::io::{self, BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use url::Url;

use columns::Fields;
use encoding::decoded;
use facepipe_core::artifacts::labels::label_from_text;
use facepipe_core::artifacts::path_text::text_of_name;
use facepipe_core::ports::{ImageSource, SourceError, SourceStep};
use facepipe_core::types::{Address, Candidate, Discarded, Provenance};
use layout::Form;
use records::{Record, Records};

/// The name of standard input instead of a file.
pub const STANDARD_INPUT: &str = "-";
/// How much of an invalid entry its message shows, in characters.
const SHOWN: usize = 120;
/// The first bytes of a gzip file, by RFC 1952.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Offers the addresses of a list, in the list's order.
pub struct UrlListSource {
    records: Records,
    list: String,
    label: Option<String>,
    query: Option<String>,
    is_empty: bool,
    /// Whether the user knows that the list's encoding is a guess.
    guess_is_noted: bool,
    /// The step after a note.
    next: Option<SourceStep>,
}

impl std::fmt::Debug for UrlListSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("UrlListSource")
            .field("list", &self.list)
            .finish_non_exhaustive()
    }
}

impl UrlListSource {
    /// The source's name in provenance.
    pub const NAME: &str = "urls";

    /// Opens a list, or standard input for `-`. The extension decides its format (the one before
    /// `.gz`); without a known one, its first line does. Whether it is compressed is decided by its
    /// first bytes. `label` is for records without one.
    ///
    /// # Errors
    /// [`SourceError::Io`], [`SourceError::NoUrlColumn`].
    pub fn open(
        path: &Path,
        label: Option<String>,
        query: Option<String>,
    ) -> Result<Self, SourceError> {
        let (reader, list): (Box<dyn BufRead + Send>, String) = if path == Path::new(STANDARD_INPUT)
        {
            (
                Box::new(BufReader::new(io::stdin())),
                "standard input".to_owned(),
            )
        } else {
            let file = fs_err::File::open(path)?;
            if file.metadata()?.is_dir() {
                let text = format!("`{}` is a folder, not a list", path.display());
                return Err(io::Error::new(io::ErrorKind::IsADirectory, text).into());
            }
            (
                Box::new(BufReader::new(file)),
                text_of_name(path).into_owned(),
            )
        };
        let is_gzip = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let inner = path.file_stem().filter(|_| is_gzip).map(Path::new);
        let form = inner.unwrap_or(path).extension();
        let form = form.and_then(Form::of_extension);
        Self::read(reader, form, list, label, query)
    }

    /// Reads a list that is no file; `extension` is that of its format, or empty.
    ///
    /// # Errors
    /// As [`UrlListSource::open`].
    pub fn of_reader(
        reader: Box<dyn BufRead + Send>,
        extension: &str,
        list: String,
        label: Option<String>,
        query: Option<String>,
    ) -> Result<Self, SourceError> {
        let form = Form::of_extension(extension.as_ref());
        Self::read(reader, form, list, label, query)
    }

    fn read(
        reader: Box<dyn BufRead + Send>,
        form: Option<Form>,
        list: String,
        label: Option<String>,
        query: Option<String>,
    ) -> Result<Self, SourceError> {
        let broken = |error| broken(&list, error);
        let reader = unpacked(reader).and_then(decoded).map_err(broken)?;
        Ok(Self {
            records: Records::new(reader, form, &list)?,
            list,
            label,
            query,
            is_empty: true,
            guess_is_noted: false,
            next: None,
        })
    }

    fn candidate(&self, line: u64, fields: Fields) -> Result<SourceStep, SourceError> {
        let address = match absolute(&fields.url) {
            Ok(address) => address,
            Err(problem) => {
                let shown: String = fields.url.chars().take(SHOWN).collect();
                return Ok(self.junk(line, &format!("`{shown}` {problem}")));
            }
        };
        let label = fields.label.as_deref().map(label_from_text);
        let Some(label) = label.or_else(|| self.label.clone()) else {
            if fields.has_label_field {
                return Ok(self.junk(line, "its label is empty"));
            }
            return Err(SourceError::NoLabel {
                list: self.list.clone(),
            });
        };
        Ok(SourceStep::Candidate(Box::new(Candidate {
            label,
            provenance: Provenance {
                source: Self::NAME.to_owned(),
                query: self.query.clone(),
                image_url: address.to_string(),
                page_url: fields.page_url,
                license: fields.license,
                license_url: fields.license_url,
                author: fields.author,
                attribution: fields.attribution,
                title: fields.title,
                ..Provenance::default()
            },
            address: Address::Url(address),
        })))
    }

    fn step_of(&self, record: Record) -> Result<SourceStep, SourceError> {
        let line = record.line;
        match record.fields {
            // An address of guessed letters is another address.
            Ok(fields) if record.guessed && !fields.url.is_ascii() => {
                Ok(self.junk(line, "its address is not UTF-8 text"))
            }
            Ok(fields) => self.candidate(line, fields),
            Err(problem) => Ok(self.junk(line, &problem)),
        }
    }

    /// What to say of the first record whose text is no UTF-8.
    fn note_of_guess(&mut self, record: &Record) -> Option<String> {
        let fields = record.fields.as_ref().ok()?;
        let is_read = record.guessed && fields.url.is_ascii();
        if !is_read || std::mem::replace(&mut self.guess_is_noted, true) {
            return None;
        }
        let label = fields.label.as_deref();
        Some(format!(
            "line {} of `{}` is not UTF-8 text and is read as Windows-1252{}; if that is wrong, save the \
             list as UTF-8",
            record.line,
            self.list,
            label.map_or_else(String::new, |label| format!(", its label as `{label}`"))
        ))
    }

    fn junk(&self, line: u64, problem: &str) -> SourceStep {
        SourceStep::Junk(Discarded::without_address(
            format!("{}:{line}", self.list),
            self.label.clone(),
            &format!("line {line}: {problem}"),
        ))
    }
}

impl ImageSource for UrlListSource {
    fn step(&mut self) -> Result<SourceStep, SourceError> {
        if let Some(next) = self.next.take() {
            return Ok(next);
        }
        let record = self.records.next_record();
        match record.map_err(|error| broken(&self.list, error))? {
            Some(record) => {
                self.is_empty = false;
                let note = self.note_of_guess(&record);
                let step = self.step_of(record)?;
                Ok(match note {
                    Some(note) => {
                        self.next = Some(step);
                        SourceStep::Note(note)
                    }
                    None => step,
                })
            }
            None if self.is_empty => Err(SourceError::Empty {
                list: self.list.clone(),
            }),
            None => Ok(SourceStep::End),
        }
    }

    fn answer(&mut self, _body: &[u8]) -> Result<(), SourceError> {
        Ok(())
    }

    fn is_list(&self) -> bool {
        true
    }
}

fn broken(list: &str, source: io::Error) -> SourceError {
    SourceError::Broken {
        list: list.to_owned(),
        source,
    }
}

/// The reader of a list's text, decompressed if necessary.
fn unpacked(mut reader: Box<dyn BufRead + Send>) -> io::Result<Box<dyn BufRead + Send>> {
    Ok(if reader.fill_buf()?.starts_with(&GZIP) {
        Box::new(BufReader::new(MultiGzDecoder::new(reader)))
    } else {
        reader
    })
}

/// An absolute http or https address without its fragment, or what is wrong with the text.
fn absolute(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => {
            "is not an absolute http or https address".to_owned()
        }
        error => format!("is not an address: {error}"),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("is not an http or https address".to_owned());
    }
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
#[path = "url_list_tests.rs"]
mod tests;
