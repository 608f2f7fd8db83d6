//! Why a server does not start, or stops.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use facepipe_core::ports::DetectorError;
use facepipe_faces::face_finder::NoDetector;
use facepipe_nn::ModelError;

/// Why a server does not start, or stops.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The model does not answer, or its answer differs from its card's.
    #[error("the model can't be served")]
    Model(#[from] ModelError),
    /// The detector can't be used.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// The model needs a detector, and none was given.
    #[error(transparent)]
    NoDetector(#[from] NoDetector),
    /// A thread ended before it was ready.
    #[error("a thread of the server ended at its start: {0}")]
    Thread(String),
    /// The server can't listen on the address.
    #[error("cannot listen at {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Certificate or key can't be used.
    #[error("cannot use the certificate `{}` with the key `{}`", .certificate.display(), .key.display())]
    Tls {
        /// The file of certificates.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A text is not an origin.
    #[error("`{0}` is not an origin")]
    Origin(String),
    /// The operating system gave no threads, or the connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}
