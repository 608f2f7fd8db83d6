//! `fetch --dry-run`: what would be requested, line by line or as one JSON object. It is written while
//! the sources answer, so that a list of a million addresses needs no more memory than a short one.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::cli::failure::Failure;
use crate::cli::output::result::Outcome;
use facepipe_core::context::Context;
use facepipe_core::licence::Licence;
use facepipe_core::types::{Candidate, Provenance};
use facepipe_core::words::counted;
use facepipe_fetch::{Job, Planned, Settings};

/// Letters of the longest licence code.
const CODE_WIDTH: usize = 8;

#[derive(Debug, Default)]
struct Totals {
    images: u64,
    labels: BTreeMap<String, u64>,
    licences: BTreeMap<&'static str, u64>,
    left_out: BTreeMap<String, u64>,
}

/// Prints the plan and gives its totals as the outcome.
pub(crate) fn print(
    jobs: Vec<Job>,
    settings: &Settings,
    context: &Context,
    as_json: bool,
) -> Result<Outcome, Failure> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    let mut totals = Totals::default();
    let mut output_error = None;
    let mut count = 0;
    let mut write = |planned: &Planned| {
        if as_json {
            let start = match count {
                0 => "{\"stage\":\"fetch\",\"dry_run\":true,\"items\":[",
                _ => ",",
            };
            count += 1;
            output.write_all(start.as_bytes())?;
            serde_json::to_writer(&mut output, &item(planned)).map_err(io::Error::from)
        } else {
            writeln!(output, "{}", line(planned))
        }
    };
    let mut print_item = |planned: Planned| {
        totals.add(&planned);
        write(&planned).map_err(|error| {
            // The reader may have closed the pipe: that is not the fetch's failure.
            let kind = error.kind();
            output_error = Some(error);
            io::Error::from(kind)
        })
    };
    let result = facepipe_fetch::plan(jobs, settings, context, &mut print_item);
    if let Some(error) = output_error {
        return Err(Failure::of_output(error));
    }
    result?;
    let ended = if as_json {
        let rest = json!({
            "images": totals.images,
            "labels": totals.labels,
            "licences": totals.licences,
            "left_out": totals.left_out,
        });
        // The end of the object that was begun with the first item.
        let rest = rest.to_string();
        writeln!(output, "],{}", &rest[1..])
    } else {
        Ok(())
    };
    ended
        .and_then(|()| output.flush())
        .map_err(Failure::of_output)?;
    Ok(Outcome {
        lines: totals.lines(),
        ..Outcome::default()
    })
}

impl Totals {
    fn add(&mut self, planned: &Planned) {
        let reason = match planned {
            Planned::Image(candidate) => {
                self.images += 1;
                let label = self.labels.entry(candidate.label.clone());
                *label.or_default() += 1;
                let licence = Licence::of(&candidate.provenance).code();
                *self.licences.entry(licence).or_default() += 1;
                return;
            }
            Planned::OtherLicence(..) => facepipe_core::types::Reason::Licence,
            Planned::Junk(junk) => junk.reason,
        };
        *self.left_out.entry(reason.to_string()).or_default() += 1;
    }

    fn lines(&self) -> Vec<String> {
        let in_words = |counts: &BTreeMap<String, u64>| {
            let parts = counts.iter().map(|(name, count)| format!("{count} {name}"));
            parts.collect::<Vec<_>>().join(", ")
        };
        let licences = self.licences.iter();
        let licences = licences.map(|(code, count)| ((*code).to_owned(), *count));
        let mut lines = vec![
            format!(
                "dry run    {} would be requested",
                counted(self.images, "image")
            ),
            format!("labels     {}", in_words(&self.labels)),
            format!("licences   {}", in_words(&licences.collect())),
        ];
        if !self.left_out.is_empty() {
            lines.push(format!("left out   {}", in_words(&self.left_out)));
        }
        lines
    }
}

fn line(planned: &Planned) -> String {
    let image = |candidate: &Candidate| {
        let Provenance {
            image_url,
            author,
            license,
            ..
        } = &candidate.provenance;
        let code = Licence::of(&candidate.provenance).code();
        let mut line = format!("{}  {code:CODE_WIDTH$}  {image_url}", candidate.label);
        let said = [author, license];
        let said: Vec<&str> = said.into_iter().flatten().map(String::as_str).collect();
        if !said.is_empty() {
            line.push_str(&format!("  ({})", said.join(", ")));
        }
        line
    };
    match planned {
        Planned::Image(candidate) => image(candidate),
        Planned::OtherLicence(candidate, error) => {
            format!("left out: {}: {error}", candidate.provenance.image_url)
        }
        Planned::Junk(junk) => format!("left out: {}: {}", junk.item, junk.message),
    }
}

fn item(planned: &Planned) -> Value {
    let image = |candidate: &Candidate| {
        let provenance = serde_json::to_value(&candidate.provenance);
        let mut item = match provenance {
            Ok(Value::Object(item)) => item,
            _ => Map::new(),
        };
        let code = Licence::of(&candidate.provenance).code();
        item.insert("label".to_owned(), candidate.label.clone().into());
        item.insert("licence_code".to_owned(), code.into());
        item
    };
    match planned {
        Planned::Image(candidate) => Value::Object(image(candidate)),
        Planned::OtherLicence(candidate, error) => {
            let mut item = image(candidate);
            let reason = facepipe_core::types::Reason::Licence.to_string();
            item.insert("left_out".to_owned(), reason.into());
            item.insert("message".to_owned(), error.to_string().into());
            Value::Object(item)
        }
        Planned::Junk(junk) => json!({
            "item": junk.item,
            "label": junk.label,
            "left_out": junk.reason,
            "message": junk.message,
        }),
    }
}
