//! Where images come from: searches, lists, folders.
//!
//! None of them touches the network: they say what to ask for and read the answers.

pub mod bing;
pub mod commons;
pub mod folder;
pub mod merged;
pub mod openverse;
pub mod serpapi;
mod text;
pub mod url_list;
pub mod wikidata;
