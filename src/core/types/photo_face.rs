//! How people are told of a face: by their own file.

use std::collections::BTreeMap;
use std::fmt;

/// A face by the photo that it is in and, where that has several, by its number: `ada/12.jpg`, `ada/12.jpg (face 2)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhotoFaceName {
    photo: String,
    /// From 0, the largest first, as in the records of crops.
    face: Option<u32>,
    has_others: bool,
}

impl PhotoFaceName {
    /// A photo as a whole, or an image of which no more is known.
    #[must_use]
    pub fn of_file(file: impl Into<String>) -> Self {
        Self {
            photo: file.into(),
            face: None,
            has_others: false,
        }
    }

    /// One of the faces that were found in a photo.
    #[must_use]
    pub fn of_found(photo: &str, face: u32, found: usize) -> Self {
        Self {
            photo: photo.to_owned(),
            face: Some(face),
            has_others: found > 1,
        }
    }

    /// The names of some faces, in their order; each by its photo and the `face` of its record. Those are numbered
    /// that share their photo, or that are not the first of it.
    #[must_use]
    pub fn of_all(faces: &[(&str, Option<u32>)]) -> Vec<Self> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (photo, _) in faces {
            *counts.entry(photo).or_default() += 1;
        }
        let name = |(photo, face): &(&str, Option<u32>)| Self {
            photo: (*photo).to_owned(),
            face: *face,
            has_others: counts[photo] > 1 || *face > Some(0),
        };
        faces.iter().map(name).collect()
    }

    /// The photo.
    #[must_use]
    pub fn photo(&self) -> &str {
        &self.photo
    }

    /// Which face of the photo it is, as its record has it: from 0.
    #[must_use]
    pub fn face(&self) -> Option<u32> {
        self.face
    }

    /// The photo's path without the folder of its label, and the face's number where it is told: for lists of one label.
    #[must_use]
    pub fn below(&self, label: &str) -> String {
        let text = self.to_string();
        let below = text
            .strip_prefix(label)
            .and_then(|rest| rest.strip_prefix('/'));
        below.map_or(text.clone(), str::to_owned)
    }

    /// The number of the face as people count, from 1; `None` where it is not known.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.face.map(Self::number_of)
    }

    /// The same, where the photo has other faces too: only then people need it.
    #[must_use]
    pub fn told_number(&self) -> Option<u32> {
        self.number().filter(|_| self.has_others)
    }

    /// The number of a record's `face` as people count, from 1.
    #[must_use]
    pub const fn number_of(face: u32) -> u32 {
        face.saturating_add(1)
    }
}

impl fmt::Display for PhotoFaceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.photo)?;
        match self.told_number() {
            Some(number) => write!(formatter, " (face {number})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_is_numbered_where_its_photo_has_several() {
        let faces = [
            ("ada/1.jpg", Some(0)),
            ("ada/2.jpg", Some(0)),
            ("ada/2.jpg", Some(2)),
            ("ada/3.jpg", Some(1)),
            ("ada/4.jpg", None),
        ];
        let names = PhotoFaceName::of_all(&faces);
        let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "ada/1.jpg",
                "ada/2.jpg (face 1)",
                "ada/2.jpg (face 3)",
                "ada/3.jpg (face 2)",
                "ada/4.jpg"
            ]
        );
        assert_eq!(
            (names[2].photo(), names[2].number()),
            ("ada/2.jpg", Some(3))
        );
        let found = |count| PhotoFaceName::of_found("a.jpg", 0, count).to_string();
        assert_eq!(
            (found(1), found(3)),
            ("a.jpg".into(), "a.jpg (face 1)".into())
        );
        assert_eq!(names[2].below("ada"), "2.jpg (face 3)");
        assert_eq!(names[0].below("ad"), "ada/1.jpg");
        assert_eq!(PhotoFaceName::of_file("b.png").to_string(), "b.png");
    }
}
