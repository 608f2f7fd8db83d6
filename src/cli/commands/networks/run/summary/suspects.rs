//! Faces that look like somebody else's and were not left out.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::cli::options::shell::quoted_path;
use facepipe_core::words::counted_as;
use facepipe_prepare::{IdentityRecord, PAGE_FILE};

/// Faces of a label that are named; the others are counted.
const NAMED_FACES: usize = 5;
/// Labels that have a line; the others are counted.
const NAMED_LABELS: usize = 8;

/// The suspects of a label.
#[derive(Debug, Serialize)]
pub(super) struct SuspectsOfLabel {
    label: String,
    /// The names of their photos, the clearest first.
    faces: Vec<String>,
}

/// The suspects by label, the label with most of them first.
pub(super) fn by_label(records: &[IdentityRecord]) -> Vec<SuspectsOfLabel> {
    let mut labels: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for record in records {
        let faces = labels.entry(&record.label).or_default();
        faces.push(record.shown_name().to_owned());
    }
    let of_label = |(label, faces): (&str, Vec<String>)| SuspectsOfLabel {
        label: label.to_owned(),
        faces,
    };
    let mut labels: Vec<SuspectsOfLabel> = labels.into_iter().map(of_label).collect();
    labels.sort_by_key(|suspects| std::cmp::Reverse(suspects.faces.len()));
    labels
}

/// A line a label.
pub(super) fn lines(labels: &[SuspectsOfLabel]) -> Vec<String> {
    let line = |SuspectsOfLabel { label, faces }: &SuspectsOfLabel| {
        let mut named = faces[..faces.len().min(NAMED_FACES)].join(", ");
        if faces.len() > NAMED_FACES {
            named.push_str(&format!(" and {} more", faces.len() - NAMED_FACES));
        }
        let (count, looks) = match faces.len() {
            1 => ("1 face".to_owned(), "looks"),
            many => (format!("{many} faces"), "look"),
        };
        format!("{count} under `{label}` {looks} like somebody else's: {named}")
    };
    let mut lines: Vec<String> = labels.iter().take(NAMED_LABELS).map(line).collect();
    if labels.len() > NAMED_LABELS {
        let more = labels.len() - NAMED_LABELS;
        let more = counted_as(more, "more label has", "more labels have");
        lines.push(format!("{more} such faces"));
    }
    lines
}

/// Where they are shown, and how they are set aside; `weights` is the option for where model files are, or nothing.
pub(super) fn what_to_do(project: &Path, data_set: &Path, weights: &str) -> String {
    format!(
        "look at `{}`; `facepipe run --out {}{weights} --clean-identities --force` sets such aside",
        data_set.join(PAGE_FILE).display(),
        quoted_path(project)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(label: &str, number: u32) -> IdentityRecord {
        let record = serde_json::json!({
            "item": format!("{label}/{number:016x}.png"), "name": format!("{label}/{number}.jpg"),
            "label": label, "decision": "stranger", "distance": 1.2, "limit": 1.0, "other_label": null,
            "other_distance": null, "message": "",
        });
        serde_json::from_value(record).expect("a record")
    }

    #[test]
    fn suspects_are_named_by_their_photos_a_line_a_label() {
        let ada = (0..7).map(|number| record("ada", number));
        let records: Vec<IdentityRecord> = [record("bea", 1)].into_iter().chain(ada).collect();
        let lines = lines(&by_label(&records));
        assert_eq!(
            lines,
            [
                "7 faces under `ada` look like somebody else's: ada/0.jpg, ada/1.jpg, ada/2.jpg, ada/3.jpg, \
                 ada/4.jpg and 2 more",
                "1 face under `bea` looks like somebody else's: bea/1.jpg",
            ]
        );
        let many: Vec<_> = (0..10)
            .map(|number| record(&format!("l{number}"), 1))
            .collect();
        let lines = super::lines(&by_label(&many));
        assert_eq!(
            lines.last().map(String::as_str),
            Some("2 more labels have such faces")
        );
        assert!(by_label(&[]).is_empty());
    }
}
