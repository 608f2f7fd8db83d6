//! Licences by code, whatever wording a source uses.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::types::Provenance;

/// A licence without its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Licence {
    /// Creative Commons Zero: all rights waived.
    Cc0,
    /// In the public domain, or marked as such.
    Pdm,
    /// Creative Commons Attribution.
    By,
    /// Attribution-ShareAlike.
    BySa,
    /// Attribution-NoDerivatives.
    ByNd,
    /// Attribution-NonCommercial.
    ByNc,
    /// Attribution-NonCommercial-ShareAlike.
    ByNcSa,
    /// Attribution-NonCommercial-NoDerivatives.
    ByNcNd,
    /// None of these, or not stated.
    Unknown,
}

impl Licence {
    /// All, from free to not known.
    pub const ALL: [Self; 9] = [
        Self::Cc0,
        Self::Pdm,
        Self::By,
        Self::BySa,
        Self::ByNd,
        Self::ByNc,
        Self::ByNcSa,
        Self::ByNcNd,
        Self::Unknown,
    ];

    /// The code, as settings take it and reports show it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cc0 => "cc0",
            Self::Pdm => "pdm",
            Self::By => "by",
            Self::BySa => "by-sa",
            Self::ByNd => "by-nd",
            Self::ByNc => "by-nc",
            Self::ByNcSa => "by-nc-sa",
            Self::ByNcNd => "by-nc-nd",
            Self::Unknown => "unknown",
        }
    }

    /// The licence that a source states, by its name and its address. Where the two contradict each
    /// other, it is unknown.
    #[must_use]
    pub fn of(provenance: &Provenance) -> Self {
        let by_name = provenance.license.as_deref().map(Self::of_name);
        let by_url = provenance.license_url.as_deref().map(Self::of_url);
        let known = |licence: Option<Self>| licence.filter(|licence| *licence != Self::Unknown);
        match (known(by_name), known(by_url)) {
            (Some(name), Some(url)) if name != url => Self::Unknown,
            (Some(licence), _) | (None, Some(licence)) => licence,
            (None, None) => Self::Unknown,
        }
    }

    /// Reads a name such as `CC BY-SA 4.0`, `CC-BY-4.0`, `by-nc`, `cc-by-sa-3.0-de`, `CC0`,
    /// `Attribution-ShareAlike 4.0 International` or `Public domain`.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let name = name.to_lowercase();
        let words: Vec<&str> = name
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let has = |word: &str| words.contains(&word);
        if has("cc0") || (has("cc") && has("zero")) {
            return Self::Cc0;
        }
        if matches!(words.first(), Some(&("pd" | "pdm"))) || name.contains("public domain") {
            return Self::Pdm;
        }
        let noncommercial = has("nc") || has("noncommercial") || name.contains("non-commercial");
        let no_derivatives = has("nd") || has("noderivatives") || has("noderivs");
        let share_alike = has("sa") || has("sharealike") || name.contains("share-alike");
        // `Attribution` alone is a licence of Commons that is not Creative Commons'.
        let is_creative_commons = has("cc") || (has("creative") && has("commons"));
        let is_version = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_digit());
        let has_version = words.iter().any(is_version);
        let is_code = words
            .iter()
            .all(|word| matches!(*word, "by" | "nc" | "nd" | "sa") || is_version(word));
        let attribution = (has("by") && (is_creative_commons || is_code))
            || (has("attribution")
                && (is_creative_commons || share_alike || noncommercial || has_version));
        if !attribution {
            return Self::Unknown;
        }
        Self::of_elements(noncommercial, no_derivatives, share_alike)
    }

    /// Reads an address such as `https://creativecommons.org/licenses/by-sa/4.0/`.
    #[must_use]
    pub fn of_url(text: &str) -> Self {
        let Ok(url) = Url::parse(text) else {
            return Self::Unknown;
        };
        let host = url.host_str().unwrap_or_default();
        if host.trim_start_matches("www.") != "creativecommons.org" {
            return Self::Unknown;
        }
        let mut parts = url.path_segments().into_iter().flatten();
        match (parts.next(), parts.next()) {
            (Some("publicdomain"), Some("zero")) => Self::Cc0,
            (Some("publicdomain"), Some("mark")) | (Some("licenses"), Some("publicdomain")) => {
                Self::Pdm
            }
            (Some("licenses"), Some(code)) => {
                let code = code.to_lowercase();
                let found = Self::ALL.into_iter().find(|licence| licence.code() == code);
                let is_licence = |licence: &Self| *licence >= Self::By;
                found.filter(is_licence).unwrap_or(Self::Unknown)
            }
            _ => Self::Unknown,
        }
    }

    const fn of_elements(noncommercial: bool, no_derivatives: bool, share_alike: bool) -> Self {
        match (noncommercial, no_derivatives, share_alike) {
            (false, false, false) => Self::By,
            (false, false, true) => Self::BySa,
            (false, true, false) => Self::ByNd,
            (true, false, false) => Self::ByNc,
            (true, false, true) => Self::ByNcSa,
            (true, true, false) => Self::ByNcNd,
            // No such licence exists.
            (_, true, true) => Self::Unknown,
        }
    }
}

impl fmt::Display for Licence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl FromStr for Licence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_lowercase();
        let code = text.strip_prefix("cc-").unwrap_or(&text);
        let found = Self::ALL.into_iter().find(|licence| licence.code() == code);
        found.ok_or_else(|| {
            let codes = Self::ALL.map(Self::code).join(", ");
            format!("`{text}` is not one of {codes}")
        })
    }
}

/// Which licences an image may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceFilter {
    /// The requested licences; empty: images of any licence are accepted.
    pub wanted: BTreeSet<Licence>,
}

impl LicenceFilter {
    /// Whether images of any licence are accepted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Refuses an image whose licence was not requested.
    ///
    /// # Errors
    /// [`OtherLicence`].
    pub fn check(&self, provenance: &Provenance) -> Result<(), OtherLicence> {
        let licence = Licence::of(provenance);
        if self.is_open() || self.wanted.contains(&licence) {
            return Ok(());
        }
        let codes: Vec<&str> = self.wanted.iter().map(|licence| licence.code()).collect();
        let codes = codes.join(", ");
        let said = match (licence, &provenance.license, &provenance.license_url) {
            (Licence::Unknown, None, None) => "the source names no licence".to_owned(),
            (Licence::Unknown, Some(name), _) => format!("its licence `{name}` is not known here"),
            (Licence::Unknown, None, Some(url)) => format!("its licence `{url}` is not known here"),
            (licence, ..) => format!("its licence is {licence}"),
        };
        Err(OtherLicence(format!("{said}; requested: {codes}")))
    }

    /// The licences that a search can be limited to, as no other image would be kept; `None` where
    /// images of any or of unknown licences are accepted.
    #[must_use]
    pub fn limits_searches(&self) -> Option<&BTreeSet<Licence>> {
        let is_limit = !self.is_open() && !self.wanted.contains(&Licence::Unknown);
        is_limit.then_some(&self.wanted)
    }
}

impl FromIterator<Licence> for LicenceFilter {
    fn from_iter<T: IntoIterator<Item = Licence>>(licences: T) -> Self {
        Self {
            wanted: licences.into_iter().collect(),
        }
    }
}

/// An image has a licence that was not requested; holds which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OtherLicence(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_sources_have_their_code() {
        for (name, code) in [
            ("CC BY-SA 4.0", "by-sa"),
            ("CC BY 2.0 de", "by"),
            ("CC-BY-4.0", "by"),
            ("cc-by-sa-3.0-migrated", "by-sa"),
            ("CC BY-NC-ND 2.0", "by-nc-nd"),
            ("by-nc-sa", "by-nc-sa"),
            ("BY", "by"),
            ("BY 4.0", "by"),
            ("Attribution-ShareAlike 4.0 International", "by-sa"),
            ("Creative Commons Attribution-NonCommercial 2.0", "by-nc"),
            ("Attribution-NoDerivs 2.0 Generic", "by-nd"),
            ("CC0", "cc0"),
            ("CC0 1.0 Universal", "cc0"),
            ("cc-zero", "cc0"),
            ("Public domain", "pdm"),
            ("Public Domain Mark 1.0", "pdm"),
            ("PDM 1.0", "pdm"),
            ("PD-USGov", "pdm"),
            ("Attribution", "unknown"),
            ("Copyrighted free use", "unknown"),
            ("GFDL", "unknown"),
            ("All rights reserved", "unknown"),
            ("photo by Jane", "unknown"),
            ("By Jane, 2004", "unknown"),
            ("CC BY-ND-SA 4.0", "unknown"),
            ("", "unknown"),
            ("–", "unknown"),
        ] {
            assert_eq!(Licence::of_name(name).code(), code, "{name}");
        }
    }

    #[test]
    fn addresses_have_their_code() {
        for (url, code) in [
            ("https://creativecommons.org/licenses/by-sa/4.0", "by-sa"),
            (
                "http://www.creativecommons.org/licenses/by/2.0/de/deed.en",
                "by",
            ),
            ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0"),
            ("https://creativecommons.org/publicdomain/mark/1.0/", "pdm"),
            (
                "https://creativecommons.org/licenses/sampling+/1.0/",
                "unknown",
            ),
            (
                "https://creativecommons.org/licenses/unknown/1.0/",
                "unknown",
            ),
            (
                "https://creativecommons.org.evil.org/licenses/by/4.0/",
                "unknown",
            ),
            ("not an address", "unknown"),
        ] {
            assert_eq!(Licence::of_url(url).code(), code, "{url}");
        }
    }

    fn provenance(name: Option<&str>, url: Option<&str>) -> Provenance {
        Provenance {
            license: name.map(str::to_owned),
            license_url: url.map(str::to_owned),
            ..Provenance::default()
        }
    }

    #[test]
    fn name_and_address_that_contradict_each_other_are_unknown() {
        let by = Some("https://creativecommons.org/licenses/by/4.0/");
        let of = |name, url| Licence::of(&provenance(name, url));
        assert_eq!(of(Some("CC BY 4.0"), by), Licence::By);
        assert_eq!(of(None, by), Licence::By);
        assert_eq!(of(Some("free"), by), Licence::By);
        assert_eq!(of(Some("by-nc"), Some("https://a.org")), Licence::ByNc);
        assert_eq!(of(Some("by-nc"), by), Licence::Unknown);
        assert_eq!(of(None, None), Licence::Unknown);
    }

    #[test]
    fn the_filter_keeps_requested_licences_and_gives_reasons() {
        let filter: LicenceFilter = [Licence::Cc0, Licence::By].into_iter().collect();
        assert_eq!(filter.check(&provenance(Some("CC0"), None)), Ok(()));
        let message = |name| {
            let error = filter.check(&provenance(name, None));
            error.expect_err("left out").to_string()
        };
        assert_eq!(
            message(Some("CC BY-NC 2.0")),
            "its licence is by-nc; requested: cc0, by"
        );
        assert_eq!(
            message(None),
            "the source names no licence; requested: cc0, by"
        );
        assert!(message(Some("GFDL")).starts_with("its licence `GFDL` is not known"));
        let open = LicenceFilter::default();
        assert_eq!(open.check(&provenance(None, None)), Ok(()));
    }

    #[test]
    fn searches_are_limited_unless_unknown_licences_are_accepted() {
        let filter = |text: &str| -> LicenceFilter {
            let codes = text.split(',').filter(|code| !code.is_empty());
            codes.map(|code| code.parse().expect("is a code")).collect()
        };
        assert_eq!(filter("").limits_searches(), None);
        assert_eq!(filter("by,unknown").limits_searches(), None);
        let limits = filter("CC-BY-SA, cc0").limits_searches().map(BTreeSet::len);
        assert_eq!(limits, Some(2));
        let error = "free".parse::<Licence>().expect_err("is none");
        assert!(
            error.contains("`free` is not one of cc0, pdm, by,"),
            "{error}"
        );
    }
}
