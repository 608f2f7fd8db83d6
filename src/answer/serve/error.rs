//! Why a server does not start, or ends.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use facepipe_core::ports::DetectorError;
use facepipe_faces::face_finder::NoDetector;
use facepipe_nn::ModelError;

/// Why a server does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The model does not answer, or other than its card says.
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
    /// The address can't be listened at.
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
    /// An origin is none.
    #[error("`{0}` is not an origin")]
    Origin(String),
    /// The operating system gave no threads, or the connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}
