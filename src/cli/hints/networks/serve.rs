//! Errors of `serve`.

use std::io;

use crate::cli::hints::Advice;
use facepipe_serve::ServeError;

impl Advice for ServeError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Model(source) => return source.next_step(),
            Self::Detector(source) => return source.next_step(),
            Self::NoDetector(source) => return source.next_step(),
            Self::Thread(_) | Self::Io(_) => return None,
            Self::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                "another program listens there: end it, or choose another port with `--bind \
                 127.0.0.1:8081`"
                    .to_owned()
            }
            Self::Bind { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "ports below 1024 are for the administrator: choose a larger one".to_owned()
            }
            Self::Bind { .. } => {
                "give an address of this machine, such as `--bind 127.0.0.1:8080`".to_owned()
            }
            Self::Tls { .. } => "give PEM files: the certificate with those that signed it, and \
                its private key without a password"
                .to_owned(),
            Self::Origin(_) => {
                "give scheme and host, as browsers send them: `https://photos.example.org`"
                    .to_owned()
            }
        })
    }
}
