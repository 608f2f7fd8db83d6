//! Duplicates, identities, splits and their proof.

mod cache;
pub(crate) mod data_sets;
mod drawn_embedder;
pub(crate) mod duplicates;
mod face_duplicates;
pub(crate) mod faults;
mod given_splits;
mod growing_splits;
mod identities;
mod portraits;
mod proof;
// `run` and `--clean-identities` need libtorch.
#[cfg(feature = "torch")]
mod real_identities;
mod splits;
mod stage;
