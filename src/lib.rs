//! From a name, or a folder of photos, to a model file that recognises the face.
//!
//! The modules read like the pipeline: [`fetch`], [`crop`], [`prepare`], `train`, `evaluate`,
//! `export`, `predict`. Stages never import each other: they meet in files on disk
//! ([`artifacts`]) typed by [`types`]. Everything that can be exchanged stands behind a trait in
//! [`ports`]; [`adapters`] holds the implementations and `cli::wiring` is the only file that names
//! them.
//!
//! The library never prints, never exits and draws no progress bars.

#[path = "adapters/lib.rs"]
pub mod adapters;
#[path = "core/artifacts/mod.rs"]
pub mod artifacts;
#[path = "azure/lib.rs"]
pub mod azure;
#[path = "net/back_off.rs"]
pub mod back_off;
#[path = "models/calibration/mod.rs"]
pub mod calibration;
pub mod cli;
#[path = "core/context.rs"]
pub mod context;
#[path = "net/credentials.rs"]
pub mod credentials;
#[path = "stages/crop/lib.rs"]
pub mod crop;
#[path = "nn/data_set/mod.rs"]
pub mod data_set;
#[path = "models/dlib/mod.rs"]
pub mod dlib;
#[path = "faces/dlib_box.rs"]
pub mod dlib_box;
#[path = "faces/embed.rs"]
pub mod embed;
#[path = "faces/embed_images.rs"]
pub mod embed_images;
#[path = "faces/embedding_cache.rs"]
pub mod embedding_cache;
#[path = "core/errors.rs"]
pub mod errors;
#[cfg(feature = "torch")]
#[path = "stages/evaluate/lib.rs"]
pub mod evaluate;
#[cfg(feature = "torch")]
#[path = "stages/export/lib.rs"]
pub mod export;
#[path = "faces/face_chip.rs"]
pub mod face_chip;
#[path = "faces/face_choice.rs"]
mod face_choice;
#[path = "faces/face_cutter.rs"]
pub mod face_cutter;
#[cfg(feature = "torch")]
#[path = "faces/face_finder.rs"]
pub mod face_finder;
#[path = "drawing/face_label.rs"]
mod face_label;
#[path = "faces/face_pairs.rs"]
pub mod face_pairs;
#[path = "drawing/face_picture.rs"]
pub mod face_picture;
#[path = "stages/fetch/lib.rs"]
pub mod fetch;
#[path = "neighbours/hash_join/mod.rs"]
pub mod hash_join;
#[cfg(test)]
#[path = "../tests/it/http_server.rs"]
mod http_server;
#[path = "faces/identity/mod.rs"]
pub mod identity;
#[path = "imaging/image_io.rs"]
pub mod image_io;
#[path = "core/ledger.rs"]
pub mod ledger;
#[path = "drawing/lettering.rs"]
mod lettering;
#[path = "drawing/marked_copies.rs"]
pub mod marked_copies;
#[path = "models/files/mod.rs"]
pub mod model_files;
#[path = "neighbours/nearest/mod.rs"]
pub mod nearest;
#[cfg(feature = "torch")]
#[path = "nn/lib.rs"]
pub mod nn;
#[path = "drawing/page/mod.rs"]
pub mod page;
#[path = "core/parallel.rs"]
pub mod parallel;
#[path = "imaging/perceptual_hash.rs"]
pub mod perceptual_hash;
#[path = "imaging/photo_date.rs"]
pub mod photo_date;
#[path = "drawing/plot/mod.rs"]
pub mod plot;
#[path = "core/ports/mod.rs"]
pub mod ports;
#[cfg(feature = "torch")]
#[path = "answer/predict/lib.rs"]
pub mod predict;
#[path = "stages/prepare/lib.rs"]
pub mod prepare;
#[path = "faces/quality/mod.rs"]
pub mod quality;
#[path = "core/secret.rs"]
pub mod secret;
#[cfg(feature = "torch")]
#[path = "answer/serve/lib.rs"]
pub mod serve;
#[path = "drawing/thumbnail.rs"]
mod thumbnail;
#[cfg(feature = "torch")]
#[path = "stages/train/lib.rs"]
pub mod train;
#[path = "core/types/mod.rs"]
pub mod types;
