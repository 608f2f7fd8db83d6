//! Where images come from: searches, lists, folders.

pub mod commons;
pub mod folder;
pub mod url_list;
