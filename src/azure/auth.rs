//! The ways to sign in.

use std::str::FromStr;

/// A way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// The resource's key.
    Key,
    /// An application of Entra ID with its secret.
    ClientSecret,
    /// The identity of the virtual machine that facepipe runs on.
    ManagedIdentity,
    /// Whoever signed in with `az login`.
    AzureCli,
}

impl Auth {
    /// All ways.
    pub const ALL: [Self; 4] = [
        Self::Key,
        Self::ClientSecret,
        Self::ManagedIdentity,
        Self::AzureCli,
    ];

    /// As it stands on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::ClientSecret => "client-secret",
            Self::ManagedIdentity => "managed-identity",
            Self::AzureCli => "azure-cli",
        }
    }
}

impl FromStr for Auth {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|auth| auth.as_str().eq_ignore_ascii_case(text))
            .ok_or(())
    }
}
