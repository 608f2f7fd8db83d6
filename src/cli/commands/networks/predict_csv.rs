//! The answers of `predict` as CSV: a row for each face.

use std::io::{self, Write};

use facepipe_predict::{Answer, NamedFace};

/// Columns before those of the most probable labels.
const COLUMNS: [&str; 11] = [
    "path",
    "face",
    "left",
    "top",
    "right",
    "bottom",
    "score",
    "label",
    "probability",
    "nearest",
    "error",
];
/// The last column, behind those of the most probable labels: programs that count columns find all others where
/// they were before there was this one.
const LAST_COLUMN: &str = "similarity";

/// A table that is written row by row.
pub(crate) struct CsvTable<To: Write> {
    writer: csv::Writer<To>,
    ranks: usize,
}

impl<To: Write> CsvTable<To> {
    /// Writes the header; `ranks` is for how many of the most probable labels there are columns.
    pub(crate) fn begin(to: To, ranks: usize) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(to);
        let of_rank = |rank: usize| [format!("label_{rank}"), format!("probability_{rank}")];
        let columns = COLUMNS.iter().map(ToString::to_string);
        let columns = columns.chain((1..=ranks).flat_map(of_rank));
        let columns = columns.chain([LAST_COLUMN.to_owned()]);
        writer.write_record(columns).map_err(io_error)?;
        writer.flush()?;
        Ok(Self { writer, ranks })
    }

    /// Writes the rows of an image.
    pub(crate) fn add(&mut self, answer: &Answer) -> io::Result<()> {
        match answer {
            Answer::Failed { path, error } => self.row(path, None, error)?,
            Answer::Named { path, faces } if faces.is_empty() => self.row(path, None, "")?,
            Answer::Named { path, faces } => {
                for face in (1..).zip(faces) {
                    self.row(path, Some(face), "")?;
                }
            }
        }
        self.writer.flush()
    }

    fn row(&mut self, path: &str, face: Option<(u32, &NamedFace)>, error: &str) -> io::Result<()> {
        let mut fields = vec![path.to_owned()];
        match face {
            None => fields.resize(COLUMNS.len() - 1, String::new()),
            Some((number, face)) => {
                let rect = face.rect;
                let sides = [rect.left, rect.top, rect.right, rect.bottom];
                fields.push(number.to_string());
                fields.extend(sides.map(|side| side.to_string()));
                fields.push(face.score.to_string());
                fields.push(face.label.clone());
                fields.push(face.probability.to_string());
                fields.push(face.nearest.clone().unwrap_or_default());
            }
        }
        fields.push(error.to_owned());
        let ranked = face.map_or(&[][..], |(_, face)| &face.probabilities.0);
        for (label, probability) in ranked.iter().take(self.ranks) {
            fields.extend([label.clone(), probability.to_string()]);
        }
        fields.resize(COLUMNS.len() + 2 * self.ranks, String::new());
        let similarity = face.and_then(|(_, face)| face.similarity);
        fields.push(
            similarity
                .map(|similarity| similarity.to_string())
                .unwrap_or_default(),
        );
        self.writer.write_record(&fields).map_err(io_error)
    }
}

/// The I/O error itself: a closed pipe is recognised by its kind, and is no failure.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_predict::Probabilities;

    fn table(answers: &[Answer], ranks: usize) -> String {
        let mut bytes = Vec::new();
        let mut table = CsvTable::begin(&mut bytes, ranks).expect("writes");
        for answer in answers {
            table.add(answer).expect("writes");
        }
        drop(table);
        String::from_utf8(bytes).expect("UTF-8")
    }

    fn answers() -> Vec<Answer> {
        let face = |label: &str, nearest: Option<&str>, probability| NamedFace {
            rect: [3, 5, 40, 48].into(),
            score: 0.5,
            label: label.to_owned(),
            nearest: nearest.map(str::to_owned),
            probability,
            similarity: nearest.is_none().then_some(0.5),
            probabilities: Probabilities(vec![
                ("ada, countess".to_owned(), probability),
                ("bea".to_owned(), 1.0 - probability),
            ]),
            main: false,
        };
        vec![
            Answer::Named {
                path: "a.jpg".to_owned(),
                faces: vec![
                    face("ada, countess", None, 0.75),
                    face("unknown", Some("ada, countess"), 0.625),
                ],
            },
            Answer::Named {
                path: "empty.jpg".to_owned(),
                faces: vec![],
            },
            Answer::Failed {
                path: "b.jpg".to_owned(),
                error: "the \"file\" is empty".to_owned(),
            },
        ]
    }

    #[test]
    fn a_row_for_each_face_and_for_each_image_without() {
        let expected = "\
path,face,left,top,right,bottom,score,label,probability,nearest,error,similarity
a.jpg,1,3,5,40,48,0.5,\"ada, countess\",0.75,,,0.5
a.jpg,2,3,5,40,48,0.5,unknown,0.625,\"ada, countess\",,
empty.jpg,,,,,,,,,,,
b.jpg,,,,,,,,,,\"the \"\"file\"\" is empty\",
";
        assert_eq!(table(&answers(), 0), expected);
    }

    #[test]
    fn columns_of_the_most_probable_labels_are_written_even_where_labels_are_fewer() {
        let text = table(&answers(), 3);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with(
            ",error,label_1,probability_1,label_2,probability_2,label_3,probability_3,similarity"
        ));
        assert!(
            lines[1].ends_with(",,\"ada, countess\",0.75,bea,0.25,,,0.5"),
            "{}",
            lines[1]
        );
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert!(
            reader
                .records()
                .all(|row| row.is_ok_and(|row| row.len() == 18))
        );
    }
}
