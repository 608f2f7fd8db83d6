//! A model over HTTP.
//!
//! A request's photo goes to one of several worker threads, which decodes it, finds its faces and
//! preprocesses them; the faces go to the one thread that owns the model, which takes all queued
//! ones at once. Both queues together are bounded: a request that finds them full is answered with
//! 429 and `Retry-After`. A reload starts a second [`Engine`] beside the first, which finishes its
//! requests.

mod access;
mod answers;
mod batching;
mod body;
mod browsers;
mod engine;
mod error;
mod forms;
mod layers;
mod listen;
mod metrics;
mod model;
mod page;
mod problem;
mod routes;
mod service;
mod settings;
#[cfg(test)]
mod tests;
mod unread_body;
mod workers;

pub use access::ApiKey;
pub use batching::Batching;
pub use browsers::Origin;
pub use engine::Engine;
pub use error::ServeError;
pub use listen::{Certificate, bind, listen};
pub use model::{Embedding, LabelModel, Opened, Reopen};
pub use service::Service;
pub use settings::{DEFAULT_ADDRESS, Limits, Settings};
