//! The ways to sign in.

/// A way to sign in.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
pub enum Auth {
    /// The resource's key.
    Key,
    /// An application of Entra ID with its secret.
    ClientSecret,
    /// The identity of the virtual machine that facepipe runs on.
    ManagedIdentity,
    /// The user who signed in with `az login`.
    AzureCli,
}

impl Auth {
    /// The name by which it is chosen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
