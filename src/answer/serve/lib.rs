//! A model over HTTP.
//!
//! A request's photo goes to one of several worker threads, which decodes it, finds its faces and makes
//! the network's numbers of them; those go to the one thread that owns the model, which
//! takes all that wait at once. Both queues together are bounded: who comes when they are full is
//! told to come back. A reload starts a second [`Engine`] beside the first, which ends what it began.

mod access;
mod answers;
mod batching;
mod body;
mod browsers;
mod engine;
mod error;
mod forms;
mod layers;
mod leftover;
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
