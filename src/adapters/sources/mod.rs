//! Image sources: searches, lists, folders.
//!
//! None of them touches the network: they give requests and read the answers.

pub mod bing;
pub mod commons;
pub mod folder;
pub mod merged;
pub mod openverse;
pub mod serpapi;
mod text;
pub mod url_list;
pub mod wikidata;
