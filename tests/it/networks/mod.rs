//! Whatever needs libtorch.

mod azure_models;
mod default_network;
mod documentation;
mod embed;
mod evaluate;
mod export;
mod few_photos;
mod predict;
mod random_names;
mod real_duplicates;
mod recipe;
pub(crate) mod resume;
mod run;
mod serve;
pub(crate) mod training;
mod wrong_calls;
