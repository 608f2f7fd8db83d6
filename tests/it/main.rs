//! All integration tests, in one binary: each further one would link libtorch again.

mod alignment;
mod azure;
mod azure_enroll;
mod azure_enroll_faults;
mod azure_everything;
mod azure_faults;
mod azure_helpers;
mod azure_images;
#[cfg(feature = "torch")]
mod azure_models;
mod azure_operations;
mod azure_sign_in;
mod azure_spec;
mod cache;
mod crop;
mod data_sets;
#[cfg(feature = "torch")]
mod default_network;
mod detect;
mod dlib;
mod duplicates;
#[cfg(feature = "torch")]
mod embed;
#[cfg(feature = "torch")]
mod evaluate;
#[cfg(feature = "torch")]
mod export;
mod face_duplicates;
mod faults;
mod fetch;
mod fetch_faults;
mod fetch_sources;
mod given_splits;
mod growing_splits;
mod helpers;
mod identities;
mod models;
mod odd_images;
#[cfg(feature = "torch")]
mod predict;
mod prepare;
mod prepare_faults;
mod proof;
mod quality;
#[cfg(feature = "torch")]
mod readme;
#[cfg(feature = "torch")]
mod real_duplicates;
mod real_identities;
#[cfg(feature = "torch")]
mod recipe;
#[cfg(feature = "torch")]
mod resume;
#[cfg(feature = "torch")]
mod run;
#[cfg(feature = "torch")]
mod serve;
mod splits;
#[cfg(feature = "torch")]
mod torch;
#[cfg(feature = "torch")]
mod wrong_calls;
