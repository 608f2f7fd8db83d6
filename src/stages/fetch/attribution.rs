//! Who made the images, and under which licences they may be used: `ATTRIBUTION.md` for people,
//! `licences.csv` for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use facepipe_core::types::{ImageRecord, Provenance};

/// Credits of all images, to be passed on with them.
pub const ATTRIBUTION_FILE: &str = "ATTRIBUTION.md";
/// The licence of each image.
pub const LICENCES_FILE: &str = "licences.csv";

/// Stands for a licence that the source does not name.
const UNKNOWN: &str = "unknown";

const BEGINNING: &str = "# Attribution\n\n\
    Sources and licences of the images in this folder, as their sources name them. `licences.csv` \
    has the same as a table. An image without a licence may not be passed on without its owner's \
    permission.\n\n";

/// Writes both files, image by image.
pub(super) struct Credits<Text: Write, Table: Write> {
    text: Text,
    table: csv::Writer<Table>,
    licences: BTreeMap<String, u64>,
}

impl<Text: Write, Table: Write> Credits<Text, Table> {
    pub(super) fn begin(mut text: Text, table: Table) -> io::Result<Self> {
        text.write_all(BEGINNING.as_bytes())?;
        let mut table = csv::Writer::from_writer(table);
        table.write_record([
            "file",
            "label",
            "license",
            "license_url",
            "author",
            "title",
            "attribution",
            "source",
            "page_url",
            "image_url",
            "md5",
        ])?;
        Ok(Self {
            text,
            table,
            licences: BTreeMap::new(),
        })
    }

    pub(super) fn add(&mut self, record: &ImageRecord) -> io::Result<()> {
        let from = &record.provenance;
        let or_nothing = |text: &Option<String>| text.clone().unwrap_or_default();
        self.table.write_record([
            &record.file,
            &record.label,
            &or_nothing(&from.license),
            &or_nothing(&from.license_url),
            &or_nothing(&from.author),
            &or_nothing(&from.title),
            &or_nothing(&from.attribution),
            &from.source,
            &or_nothing(&from.page_url),
            &from.image_url,
            &record.md5,
        ])?;
        let licence = from.license.as_deref().unwrap_or(UNKNOWN);
        *self.licences.entry(licence.to_owned()).or_default() += 1;
        writeln!(self.text, "- `{}`: {}", record.file, credit(from))
    }

    /// Ends both files with how many images each licence has.
    pub(super) fn finish(mut self) -> io::Result<()> {
        writeln!(
            self.text,
            "\n## Licences\n\n| licence | images |\n|---|---|"
        )?;
        for (licence, count) in &self.licences {
            writeln!(self.text, "| {} | {count} |", plain(licence))?;
        }
        self.text.flush()?;
        self.table.flush()
    }
}

/// One line of credit: the source's wording, else title, author and licence; and where it is from.
fn credit(from: &Provenance) -> String {
    let mut parts = Vec::new();
    if let Some(attribution) = &from.attribution {
        parts.push(plain(attribution));
    } else {
        let title = from
            .title
            .as_deref()
            .map(|title| format!("“{}”", plain(title)));
        let author = from
            .author
            .as_deref()
            .map(|author| format!("by {}", plain(author)));
        let licence = plain(from.license.as_deref().unwrap_or("licence unknown"));
        let licence = match &from.license_url {
            Some(url) => format!("{licence} (<{}>)", link(url)),
            None => licence,
        };
        let made: Vec<String> = title.into_iter().chain(author).collect();
        parts.extend((!made.is_empty()).then(|| made.join(" ")));
        parts.push(licence);
    }
    let page = from.page_url.as_ref().unwrap_or(&from.image_url);
    parts.push(format!("from {} (<{}>)", plain(&from.source), link(page)));
    parts.join(", ")
}

/// An address between angle brackets.
fn link(url: &str) -> String {
    let escaped = |letter: char| match letter {
        '<' => "%3C".to_owned(),
        '>' => "%3E".to_owned(),
        letter if letter.is_control() || letter.is_whitespace() => "%20".to_owned(),
        letter => letter.to_string(),
    };
    url.chars().map(escaped).collect()
}

/// Text of others on one line, with Markdown's special characters escaped.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
    {
        match letter {
            '<' | '>' | '|' | '`' | '[' | ']' | '*' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(provenance: Provenance) -> ImageRecord {
        ImageRecord {
            file: "ann/0123456789abcdef.jpg".to_owned(),
            label: "ann".to_owned(),
            md5: "0123".to_owned(),
            sha256: "s".to_owned(),
            bytes: 3,
            width: 64,
            height: 48,
            format: "jpeg".to_owned(),
            phash: None,
            original: None,
            also_labels: Vec::new(),
            provenance,
        }
    }

    fn written(records: &[ImageRecord]) -> (String, String) {
        let (mut text, mut table) = (Vec::new(), Vec::new());
        let mut credits = Credits::begin(&mut text, &mut table).expect("begins");
        for record in records {
            credits.add(record).expect("adds");
        }
        credits.finish().expect("ends");
        let utf8 = |bytes| String::from_utf8(bytes).expect("is text");
        (utf8(text), utf8(table))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn each_image_has_its_credit_and_licences_are_counted() {
        let full = Provenance {
            source: "commons".to_owned(),
            image_url: "https://a.org/1.jpg".to_owned(),
            page_url: some("https://a.org/page"),
            license: some("CC BY 4.0"),
            license_url: some("https://creativecommons.org/licenses/by/4.0"),
            author: some("Jane | Doe\n<b>"),
            title: some("Ann, \"laughing\""),
            ..Provenance::default()
        };
        let worded = Provenance {
            attribution: some("\"Ann\" by J. is licensed under CC BY 4.0"),
            ..full.clone()
        };
        let bare = Provenance {
            source: "urls".to_owned(),
            image_url: "https://b.org/2.jpg".to_owned(),
            ..Provenance::default()
        };
        let (text, table) = written(&[record(full), record(worded), record(bare)]);
        for expected in [
            "- `ann/0123456789abcdef.jpg`: “Ann, \"laughing\"” by Jane \\| Doe \\<b\\>, CC BY 4.0 \
             (<https://creativecommons.org/licenses/by/4.0>), from commons (<https://a.org/page>)\n",
            ": \"Ann\" by J. is licensed under CC BY 4.0, from commons",
            ": licence unknown, from urls (<https://b.org/2.jpg>)\n",
            "| CC BY 4.0 | 2 |\n| unknown | 1 |\n",
        ] {
            assert!(text.contains(expected), "{expected}\nis not in\n{text}");
        }
        let rows = csv::Reader::from_reader(table.as_bytes())
            .records()
            .collect::<Result<Vec<_>, _>>()
            .expect("is a table");
        assert_eq!(rows.len(), 3);
        assert_eq!((&rows[0][2], &rows[0][4]), ("CC BY 4.0", "Jane | Doe\n<b>"));
        assert_eq!((&rows[2][2], &rows[2][9]), ("", "https://b.org/2.jpg"));
    }
}
