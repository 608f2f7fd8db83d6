//! Embedders by name: which there are, and what `auto` stands for.

use clap::{Args, ValueEnum};

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

/// Which embedder compares faces.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct EmbedderOptions {
    /// Which network makes the embeddings of faces
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) embedder: EmbedderName,
}
