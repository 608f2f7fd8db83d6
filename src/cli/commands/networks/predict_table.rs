//! The answers of `predict` as a table for people: a row for each face, and what they add up to.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use facepipe_core::words::counted;
use facepipe_predict::{Answer, NamedFace, UNKNOWN};

/// Most columns for the photos' names: of longer ones the end is shown, which tells more.
const MOST_FOR_PHOTO: usize = 48;
/// Most columns for the faces' names.
const MOST_FOR_NAME: usize = 40;
/// Most names that the summary counts; the others are added up.
const MOST_COUNTED: usize = 20;
/// The headings.
const HEADINGS: [&str; 4] = ["PHOTO", "FACE", "NAME", "SURE"];
/// The heading of the next labels, with `ranks`.
const NEXT_HEADING: &str = "ELSE";
/// Columns between two others.
const GAP: &str = "  ";
/// Stands for what was cut off.
const CUT_OFF: &str = "…";

/// A table that is written row by row, as the photos are done.
pub(crate) struct PeoplesTable<To: Write> {
    to: To,
    /// How many of the most probable labels are shown, the face's own included.
    ranks: usize,
    photo_width: usize,
    name_width: usize,
    counts: Counts,
}

/// What the rows add up to.
#[derive(Debug, Default)]
struct Counts {
    photos: u64,
    failed: u64,
    faces: u64,
    unknown: u64,
    names: BTreeMap<String, u64>,
}

impl<To: Write> PeoplesTable<To> {
    /// Writes the headings. The widths follow from the photos' and the labels' names.
    pub(crate) fn begin<'a>(
        mut to: To,
        ranks: usize,
        photos: impl Iterator<Item = &'a str>,
        labels: impl Iterator<Item = &'a str>,
    ) -> io::Result<Self> {
        let widest = |names: &mut dyn Iterator<Item = usize>, heading: &str, most| {
            names.max().unwrap_or(0).clamp(heading.width(), most)
        };
        let mut of_photos = photos.map(|name| shown(name).width());
        let photo_width = widest(&mut of_photos, HEADINGS[0], MOST_FOR_PHOTO);
        let nearest = unknown_but_nearest("").width();
        let mut of_labels = labels.map(|name| shown(name).width() + nearest);
        let name_width = widest(&mut of_labels, HEADINGS[2], MOST_FOR_NAME);
        let [photo, face, name, sure] = HEADINGS;
        let next = if ranks > 1 { NEXT_HEADING } else { "" };
        let (photo, name) = (padded(photo, photo_width), padded(name, name_width));
        let line = [&photo, face, &name, &format!("{sure:>6}"), next].join(GAP);
        writeln!(to, "{}", line.trim_end())?;
        to.flush()?;
        Ok(Self {
            to,
            ranks,
            photo_width,
            name_width,
            counts: Counts::default(),
        })
    }

    /// Writes the rows of a photo: its name stands in the first.
    pub(crate) fn add(&mut self, answer: &Answer) -> io::Result<()> {
        self.counts.photos += 1;
        match answer {
            Answer::Failed { path, error } => {
                self.counts.failed += 1;
                self.row(path, "", &format!("error: {}", shown(error)))?;
            }
            Answer::Named { path, faces } if faces.is_empty() => self.row(path, "", "no face")?,
            Answer::Named { path, faces } => {
                for (number, face) in (1..).zip(faces) {
                    let photo = if number == 1 { path } else { "" };
                    self.counts.add(face);
                    let rest = self.of_face(face);
                    self.row(photo, &number.to_string(), &rest)?;
                }
            }
        }
        self.to.flush()
    }

    /// What the rows add up to, and `more` lines.
    pub(crate) fn end(mut self, more: &[String]) -> io::Result<()> {
        writeln!(self.to, "\n{}", self.counts.in_words())?;
        more.iter()
            .try_for_each(|line| writeln!(self.to, "{line}"))?;
        self.to.flush()
    }

    fn row(&mut self, photo: &str, number: &str, rest: &str) -> io::Result<()> {
        let photo = padded(&end_of(&shown(photo), self.photo_width), self.photo_width);
        let width = HEADINGS[1].width();
        let line = [photo, format!("{number:>width$}"), rest.to_owned()].join(GAP);
        writeln!(self.to, "{}", line.trim_end())
    }

    /// Name, certainty and the next labels.
    fn of_face(&self, face: &NamedFace) -> String {
        let (name, sure) = match &face.nearest {
            // How probable the nearest label is says little of a stranger.
            Some(nearest) => (unknown_but_nearest(&shown(nearest)), "–".to_owned()),
            None => (shown(&face.label).into_owned(), certainty(face.probability)),
        };
        let next = face.probabilities.0.iter().take(self.ranks).skip(1);
        let next: Vec<String> = next
            .map(|(label, share)| format!("{} {}", shown(label), certainty(*share)))
            .collect();
        let name = padded(&name, self.name_width);
        [name, format!("{sure:>6}"), next.join(", ")].join(GAP)
    }
}

impl Counts {
    fn add(&mut self, face: &NamedFace) {
        self.faces += 1;
        if face.is_unknown() {
            self.unknown += 1;
        } else {
            *self.names.entry(face.label.clone()).or_default() += 1;
        }
    }

    /// `3 photos, 5 faces: ada 2, bea 1, 2 unknown; 1 photo failed`
    fn in_words(&self) -> String {
        let mut names: Vec<(&String, &u64)> = self.names.iter().collect();
        names.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
        let rest = names.split_off(names.len().min(MOST_COUNTED));
        let count = |(name, count): (&String, &u64)| format!("{} {count}", shown(name));
        let mut parts: Vec<String> = names.into_iter().map(count).collect();
        if !rest.is_empty() {
            let faces = rest.iter().map(|(_, count)| **count).sum::<u64>();
            let others = counted(rest.len(), "other name");
            parts.push(format!("{others} {faces}"));
        }
        if self.unknown > 0 {
            parts.push(format!("{} {UNKNOWN}", self.unknown));
        }
        let mut text = format!(
            "{}, {}",
            counted(self.photos, "photo"),
            counted(self.faces, "face")
        );
        if !parts.is_empty() {
            text = format!("{text}: {}", parts.join(", "));
        }
        if self.failed > 0 {
            text = format!("{text}; {} failed", counted(self.failed, "photo"));
        }
        text
    }
}

/// A probability in whole percent: what is not certain is neither 100 nor 0.
fn certainty(probability: f32) -> String {
    match (probability * 100.0).round() {
        100.0.. if probability < 1.0 => "> 99 %".to_owned(),
        ..1.0 if probability > 0.0 => "< 1 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

fn unknown_but_nearest(nearest: &str) -> String {
    format!("{UNKNOWN} (nearest: {nearest})")
}

/// A name without the characters that would steer a terminal.
fn shown(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.replace(char::is_control, "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// The text, or its end in so many columns.
fn end_of(text: &str, most: usize) -> Cow<'_, str> {
    if text.width() <= most {
        return text.into();
    }
    let mut starts = text.char_indices().map(|(start, _)| &text[start..]);
    let end = starts.find(|end| end.width() + CUT_OFF.width() <= most);
    format!("{CUT_OFF}{}", end.unwrap_or_default()).into()
}

/// Fills up to so many columns: letters of some scripts take two.
fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_predict::Probabilities;

    fn face(label: &str, nearest: Option<&str>, probability: f32) -> NamedFace {
        NamedFace {
            rect: [3, 5, 40, 48].into(),
            score: 0.5,
            label: label.to_owned(),
            nearest: nearest.map(str::to_owned),
            probability,
            similarity: None,
            probabilities: Probabilities(vec![
                (nearest.unwrap_or(label).to_owned(), probability),
                ("cem".to_owned(), 1.0 - probability),
            ]),
            main: false,
        }
    }

    fn named(path: &str, faces: Vec<NamedFace>) -> Answer {
        Answer::Named {
            path: path.to_owned(),
            faces,
        }
    }

    fn answers() -> Vec<Answer> {
        vec![
            named(
                "a.jpg",
                vec![
                    face("ada", None, 0.75),
                    face(UNKNOWN, Some("bea"), 0.99),
                    face("北京", None, 0.999_9),
                ],
            ),
            named("empty.jpg", vec![]),
            Answer::Failed {
                path: "b.jpg".to_owned(),
                error: "the file is empty".to_owned(),
            },
            named("c.jpg", vec![face("ada", None, 0.625)]),
        ]
    }

    fn table(answers: &[Answer], ranks: usize, labels: &[&str]) -> String {
        let mut bytes = Vec::new();
        let photos = answers.iter().map(|answer| match answer {
            Answer::Named { path, .. } | Answer::Failed { path, .. } => path.as_str(),
        });
        let labels = labels.iter().copied();
        let mut table = PeoplesTable::begin(&mut bytes, ranks, photos, labels).expect("writes");
        for answer in answers {
            table.add(answer).expect("writes");
        }
        table.end(&[]).expect("writes");
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn a_row_for_each_face_and_a_line_that_adds_up() {
        let expected = "\
PHOTO      FACE  NAME                      SURE
a.jpg         1  ada                       75 %
              2  unknown (nearest: bea)       –
              3  北京                    > 99 %
empty.jpg        no face
b.jpg            error: the file is empty
c.jpg         1  ada                       63 %

4 photos, 4 faces: ada 2, 北京 1, 1 unknown; 1 photo failed
";
        assert_eq!(table(&answers(), 0, &["ada", "bea"]), expected);
    }

    #[test]
    fn nothing_is_shown_as_certain_that_is_not() {
        let shown = [0.0, 1e-9, 0.006, 0.42, 0.994, 0.999, 1.0].map(certainty);
        let expected = ["0 %", "< 1 %", "1 %", "42 %", "99 %", "> 99 %", "100 %"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_next_labels_are_shown_where_they_are_asked_for() {
        let text = table(&answers()[..1], 3, &["ada", "bea", "cem"]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("SURE  ELSE"), "{text}");
        assert!(lines[1].ends_with("75 %  cem 25 %"), "{text}");
    }

    #[test]
    fn names_can_be_long_or_steer_a_terminal() {
        let path = format!("{}/party\u{1b}[2J.jpg", "folder/".repeat(20));
        let label = "x".repeat(60);
        let text = table(&[named(&path, vec![face(&label, None, 0.5)])], 0, &[&label]);
        assert!(!text.contains('\u{1b}'), "{text}");
        let row = text.lines().nth(1).expect("a row");
        assert!(row.starts_with(CUT_OFF) && row.contains("/party\u{fffd}[2J.jpg  "));
        assert!(
            row.contains(&label),
            "no letter of a name is left out: {row}"
        );
    }

    #[test]
    fn many_names_are_added_up() {
        let faces = (0..30).map(|number| face(&format!("{number:02}"), None, 1.0));
        let text = table(&[named("a.jpg", faces.collect())], 0, &["00"]);
        let last = text.lines().last().expect("a line");
        assert!(
            last.starts_with("1 photo, 30 faces: 00 1, 01 1, "),
            "{last}"
        );
        assert!(last.ends_with("19 1, 10 other names 10"), "{last}");
    }
}
