//! Embedders by name: which there are, and what `auto` stands for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Args, Command, ValueEnum};

/// The ending of files that are embedders.
const ONNX: &str = "onnx";

/// Embedders by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EmbedderName {
    /// The best: sface
    Auto,
    /// SFace: fewest errors, and nearly the same for people of all groups
    Sface,
    /// dlib's network, whose weights are in the public domain (CC0)
    Dlib,
    /// Both, one behind the other: takes the time of both
    Both,
}

/// An embedder: one that facepipe knows, or the user's own file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Embedder {
    /// One that has a name.
    Named(EmbedderName),
    /// An ONNX file, which a TOML file beside it describes.
    File(PathBuf),
}

/// What `auto` stands for, as measured over all groups of people (docs/embedders.md): whichever model files are there, so that the same command always does the same.
#[cfg(feature = "torch")]
const AUTO: EmbedderName = EmbedderName::Sface;

impl EmbedderName {
    /// The embedder that `auto` stands for, or this one.
    #[cfg(feature = "torch")]
    pub(crate) fn resolved(self) -> Self {
        match self {
            Self::Auto => AUTO,
            name => name,
        }
    }
}

/// Reads a name or the path of an ONNX file.
#[derive(Debug, Clone)]
struct EmbedderParser;

impl TypedValueParser for EmbedderParser {
    type Value = Embedder;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Embedder, clap::Error> {
        let ending = Path::new(value).extension();
        if ending.is_some_and(|ending| ending.eq_ignore_ascii_case(ONNX)) {
            return Ok(Embedder::File(value.into()));
        }
        let text = value.to_string_lossy();
        <EmbedderName as ValueEnum>::from_str(&text, false)
            .map(Embedder::Named)
            .map_err(|_| self.unknown(command, argument, &text))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = EmbedderName::value_variants().iter();
        let names = names.filter_map(ValueEnum::to_possible_value);
        let file = PossibleValue::new("FILE.onnx").help(
            "Your own: any network for faces, with a FILE.toml beside it (docs/embedders.md)",
        );
        Some(Box::new(names.chain([file])))
    }
}

impl EmbedderParser {
    /// The error for a value that is neither a name nor a file.
    fn unknown(&self, command: &Command, argument: Option<&Arg>, value: &str) -> clap::Error {
        let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
        let argument = argument.map_or_else(|| "--embedder".to_owned(), ToString::to_string);
        let names = self.possible_values().into_iter().flatten();
        let names = names.map(|value| value.get_name().to_owned()).collect();
        error.insert(ContextKind::InvalidArg, ContextValue::String(argument));
        error.insert(
            ContextKind::InvalidValue,
            ContextValue::String(value.to_owned()),
        );
        error.insert(ContextKind::ValidValue, ContextValue::Strings(names));
        error
    }
}

/// Which embedder compares faces.
#[derive(Debug, Clone, Args)]
pub(crate) struct EmbedderOptions {
    /// Which network makes the embeddings of faces
    #[arg(long, value_parser = EmbedderParser, default_value = "auto")]
    pub(crate) embedder: Embedder,
}
