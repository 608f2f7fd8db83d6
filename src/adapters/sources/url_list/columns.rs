//! The fields of a record, by the names that lists give them.

use crate::sources::text::plain_text;

/// The fields of a record.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) url: String,
    pub(super) label: Option<String>,
    /// Whether the record has a field for a label, empty or not.
    pub(super) has_label_field: bool,
    pub(super) page_url: Option<String>,
    pub(super) license: Option<String>,
    pub(super) license_url: Option<String>,
    pub(super) author: Option<String>,
    pub(super) attribution: Option<String>,
    pub(super) title: Option<String>,
}

impl Fields {
    pub(super) fn set(&mut self, column: Column, text: &str) {
        let text = text.trim();
        let value = (!text.is_empty()).then(|| text.to_owned());
        match column {
            Column::Url => self.url = text.to_owned(),
            Column::Label => {
                self.has_label_field = true;
                self.label = value;
            }
            Column::PageUrl => self.page_url = value,
            Column::License => self.license = value,
            Column::LicenseUrl => self.license_url = value,
            Column::Author => self.author = plain_text(text),
            Column::Attribution => self.attribution = plain_text(text),
            Column::Title => self.title = plain_text(text),
        }
    }
}

/// A known field of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Url,
    Label,
    PageUrl,
    License,
    LicenseUrl,
    Author,
    Attribution,
    Title,
}

/// A name in the form in which they are compared: `"Image URL"` is `image_url`.
fn plain(name: &str) -> String {
    let name = name.trim().trim_matches('"').to_lowercase();
    name.replace([' ', '-'], "_")
}

impl Column {
    /// All, in the order of the fields' importance.
    const ALL: [Self; 8] = [
        Self::Url,
        Self::Label,
        Self::PageUrl,
        Self::License,
        Self::LicenseUrl,
        Self::Author,
        Self::Attribution,
        Self::Title,
    ];

    /// The name that goes before all others.
    const fn exact_name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Label => "label",
            Self::PageUrl => "page_url",
            Self::License => "license",
            Self::LicenseUrl => "license_url",
            Self::Author => "author",
            Self::Attribution => "attribution",
            Self::Title => "title",
        }
    }

    /// Whether a name is the field's own, and no other name for it.
    pub(super) fn is_called(self, name: &str) -> bool {
        plain(name) == self.exact_name()
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        match plain(name).as_str() {
            "url" | "image_url" | "imageurl" | "image" | "link" | "uri" => Some(Self::Url),
            "label" | "class" | "person" | "name" | "identity" => Some(Self::Label),
            "page_url" | "page" | "foreign_landing_url" => Some(Self::PageUrl),
            "license" | "licence" => Some(Self::License),
            "license_url" | "licence_url" => Some(Self::LicenseUrl),
            "author" | "creator" | "artist" | "photographer" => Some(Self::Author),
            "attribution" | "credit" => Some(Self::Attribution),
            "title" => Some(Self::Title),
            _ => None,
        }
    }
}

/// Two names for one field, of which neither goes before the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TwoNames {
    /// The name that would decide.
    pub(super) exact: &'static str,
    /// The names.
    pub(super) names: [String; 2],
}

/// The field of each name. A field's own name (`url`, `label`) goes before other names for it; of two
/// others for an address or a label, neither is chosen.
///
/// # Errors
/// [`TwoNames`].
pub(super) fn of_names<S: AsRef<str>>(names: &[S]) -> Result<Vec<Option<Column>>, TwoNames> {
    let mut columns = vec![None; names.len()];
    for column in Column::ALL {
        let called = |exact: bool| {
            let names = names.iter().enumerate();
            let is_it = move |name: &str| {
                if exact {
                    column.is_called(name)
                } else {
                    Column::of_name(name) == Some(column)
                }
            };
            names
                .filter(move |(_, name)| is_it(name.as_ref()))
                .map(|(at, _)| at)
        };
        let is_exact = called(true).next().is_some();
        let mut found = called(is_exact);
        let Some(first) = found.next() else {
            continue;
        };
        if let (Column::Url | Column::Label, Some(second)) = (column, found.next()) {
            return Err(TwoNames {
                exact: column.exact_name(),
                names: [first, second].map(|at| names[at].as_ref().trim().to_owned()),
            });
        }
        columns[first] = Some(column);
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fields_own_name_goes_before_others() {
        let of = |names: &[&str]| of_names(names);
        let (url, label) = (Some(Column::Url), Some(Column::Label));
        assert_eq!(of(&["url", "label", "name"]), Ok(vec![url, label, None]));
        assert_eq!(
            of(&["class", "image", "URL", "Label"]),
            Ok(vec![None, None, url, label])
        );
        assert_eq!(of(&["Image URL", "person"]), Ok(vec![url, label]));
        let title = Some(Column::Title);
        assert_eq!(of(&["title", "Title", "x"]), Ok(vec![title, None, None]));
        for (names, exact) in [
            (["image", "link"], "url"),
            (["name", "class"], "label"),
            (["url", "url"], "url"),
        ] {
            let two = of(&names).expect_err("are two");
            assert_eq!((two.exact, two.names), (exact, names.map(str::to_owned)));
        }
    }
}
