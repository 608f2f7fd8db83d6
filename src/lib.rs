//! From a name, or a folder of photos, to a model file that recognises the face.
//!
//! The modules read like the pipeline: [`fetch`], [`crop`], [`prepare`], `train`, `evaluate`,
//! `export`, `predict`. Stages never import each other: they meet in files on disk
//! ([`artifacts`]) typed by [`types`]. Everything that can be exchanged stands behind a trait in
//! [`ports`]; [`adapters`] holds the implementations and `cli::wiring` is the only file that names
//! them.
//!
//! The library never prints, never exits and draws no progress bars.

pub mod adapters;
pub mod artifacts;
pub mod azure;
pub mod back_off;
pub mod calibration;
pub mod cli;
pub mod context;
pub mod credentials;
pub mod crop;
pub mod data_set;
pub mod dlib;
pub mod dlib_box;
pub mod embed;
pub mod embed_images;
pub mod embedding_cache;
pub mod errors;
#[cfg(feature = "torch")]
pub mod evaluate;
#[cfg(feature = "torch")]
pub mod export;
pub mod face_chip;
mod face_choice;
pub mod face_cutter;
#[cfg(feature = "torch")]
pub mod face_finder;
mod face_label;
pub mod face_pairs;
pub mod face_picture;
pub mod fetch;
pub mod hash_join;
#[cfg(test)]
#[path = "../tests/it/http_server.rs"]
mod http_server;
pub mod identity;
pub mod image_io;
pub mod ledger;
mod lettering;
pub mod marked_copies;
pub mod model_files;
pub mod nearest;
#[cfg(feature = "torch")]
pub mod nn;
pub mod page;
pub mod parallel;
pub mod perceptual_hash;
pub mod photo_date;
pub mod plot;
pub mod ports;
#[cfg(feature = "torch")]
pub mod predict;
pub mod prepare;
pub mod quality;
pub mod secret;
#[cfg(feature = "torch")]
pub mod serve;
mod thumbnail;
#[cfg(feature = "torch")]
pub mod train;
pub mod types;
