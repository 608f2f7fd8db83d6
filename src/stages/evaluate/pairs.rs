//! The list of pairs: a CSV file with the columns a, b, same and, maybe, fold.

use std::path::Path;

use serde::Deserialize;

use super::photo_faces::Photo;
use super::{EvaluateError, csv_list};

/// Two photos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// One photo.
    pub(super) a: Photo,
    /// The other.
    pub(super) b: Photo,
    /// Whether they show one person.
    pub(super) same: bool,
    /// The part of the list that it belongs to.
    pub(super) fold: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    a: String,
    b: String,
    same: String,
    #[serde(default)]
    fold: Option<String>,
}

/// Reads a list of pairs whose paths start from `root`.
///
/// # Errors
/// [`EvaluateError::Pairs`] for a list that can't be read, [`EvaluateError::MissingPhoto`] for a photo
/// that does not exist, with their lines; [`EvaluateError::NoPairs`].
pub(super) fn read(list: &Path, root: &Path) -> Result<Vec<Pair>, EvaluateError> {
    let unusable = |source| EvaluateError::Pairs {
        list: list.to_owned(),
        source,
    };
    let mut pairs = Vec::new();
    for (line, row) in csv_list::rows::<Row>(list, unusable)? {
        let same = match row.same.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" => true,
            "0" | "false" | "no" => false,
            _ => {
                return Err(EvaluateError::PairValue {
                    list: list.to_owned(),
                    line,
                    value: row.same,
                });
            }
        };
        let photo = |name: String| {
            let path = root.join(&name);
            if path.is_file() {
                Ok(Photo { name, path })
            } else {
                let list = list.to_owned();
                Err(EvaluateError::MissingPhoto { path, list, line })
            }
        };
        pairs.push(Pair {
            a: photo(row.a)?,
            b: photo(row.b)?,
            same,
            fold: row.fold.filter(|fold| !fold.is_empty()),
        });
    }
    if pairs.is_empty() {
        return Err(EvaluateError::NoPairs(list.to_owned()));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_names_its_line() {
        let root = tempfile::tempdir().expect("temporary folder");
        let (list, photo) = (root.path().join("pairs.csv"), root.path().join("a b.jpg"));
        fs_err::write(photo, "x").expect("writes");
        let read_text = |text: &str| {
            fs_err::write(&list, text).expect("writes");
            read(&list, root.path())
        };
        let found = read_text("same,a,b,fold\n1,a b.jpg,a b.jpg,7\nNo,a b.jpg, a b.jpg ,\n");
        let found = found.expect("reads");
        assert_eq!((found[0].same, found[0].fold.as_deref()), (true, Some("7")));
        assert_eq!((found[1].same, found[1].fold.as_deref()), (false, None));
        assert_eq!(found[1].b.name, "a b.jpg");
        assert!(read_text("a,b,same\na b.jpg,a b.jpg,1\n").is_ok());
        let error = |text: &str| read_text(text).expect_err("a fault").to_string();
        assert!(error("a,b,same\na b.jpg,c.jpg,1\n").contains("c.jpg"));
        assert!(error("a,b,same\na b.jpg,c.jpg,1\n").contains("line 2"));
        assert!(error("a,b,same\na b.jpg,a b.jpg,2\n").contains("line 2"));
        assert!(error("a,b\na b.jpg,a b.jpg\n").contains("pairs.csv"));
        assert!(error("a,b,same\n").contains("no pairs"));
    }
}
