//! Errors of Azure's Face service.

mod enroll;
mod service;

use strum::VariantArray as _;

use crate::cli::hints::Advice;
use facepipe_azure::{
    AUTH_NAME, Auth, AzureError, CredentialsError, ENDPOINT_NAMES, KEY_NAMES, PictureError,
    SignInError, TIER_NAME,
};
use facepipe_net::credentials::FILES;

/// What to do without the service.
const LOCAL: &str = "find the faces on this machine (`facepipe detect`, or another `--detector`)";

impl Advice for AzureError {
    fn next_step(&self) -> Option<String> {
        let text = match self {
            Self::Credentials(source) => return source.next_step(),
            Self::KeepsFailing { source, .. } => {
                return source.next_step().or_else(|| {
                    Some("run the same command again later: it continues where it stopped".into())
                });
            }
            Self::SignIn(source) => return source.next_step(),
            Self::StillTraining { verb, id } => {
                format!("`facepipe azure {verb} status {id}` says how far it is")
            }
            Self::NotInVersion { since, .. } => format!("add `--api-version {since}`"),
            Self::Client(_) | Self::Interrupted(_) | Self::Encode(_) => return None,
            Self::Unreachable { .. } => format!(
                "check the network and {} (https://NAME.cognitiveservices.azure.com), then run the \
                 same command again; or {LOCAL}",
                ENDPOINT_NAMES[0]
            ),
            Self::TimedOut { .. } | Self::Broken { .. } | Self::BadAnswer { .. } => {
                "run the same command again later: it continues where it stopped".to_owned()
            }
            Self::KeyRefused { .. } => format!(
                "set {} and {} to key and endpoint of one and the same Face resource, as `Keys and \
                 Endpoint` in the Azure portal shows them",
                KEY_NAMES[0], ENDPOINT_NAMES[0]
            ),
            Self::TokenRefused { .. } => {
                "give the account that signs in the role `Cognitive Services User` on the Face resource, and \
                 set its own endpoint (https://NAME.cognitiveservices.azure.com): a region's endpoint \
                 takes no tokens"
                    .to_owned()
            }
            Self::NotApproved { .. } => format!(
                "Microsoft gives face ids, identify, verify and similar faces only to customers \
                 that it has approved (https://aka.ms/facerecognition). What works without: boxes, \
                 landmarks and attributes of faces (detect without face ids), or {LOCAL}; faces are \
                 recognised here by `facepipe train` and `facepipe verify`"
            ),
            Self::QuotaSpent { .. } => format!(
                "wait until the quota is renewed, or change the resource's pricing tier, then run \
                 the same command again: it continues where it stopped; or {LOCAL}"
            ),
            Self::Forbidden { .. } => {
                "look at `Networking` of the resource in the Azure portal: it may only allow some \
                 networks; signed in without a key, look at the role as well (`Cognitive Services \
                 User`)"
                    .to_owned()
            }
            Self::WrongAddress { .. } => format!(
                "set {} to the endpoint of a Face resource, as `Keys and Endpoint` in the Azure \
                 portal shows it: https://NAME.cognitiveservices.azure.com",
                ENDPOINT_NAMES[0]
            ),
            Self::TooManyRequests { error, .. } => match error.retry_after {
                Some(pause) => format!(
                    "run the same command again in {} s: it continues where it stopped; \
                     {TIER_NAME} says how often the service may be asked",
                    pause.as_secs().max(1)
                ),
                None => format!(
                    "run the same command again in a minute: it continues where it stopped; \
                     {TIER_NAME}=f0 asks less often"
                ),
            },
            Self::Service(error) => return service::next_step(error),
        };
        Some(text)
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}

impl Advice for CredentialsError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some(format!(
                "copy both from `Keys and Endpoint` of your Face resource (portal.azure.com) into \
                 the environment or into `{}` in this folder: {}=https://NAME.cognitiveservices.\
                 azure.com and {}=... . Without a key: {AUTH_NAME} (or `facepipe azure --auth`) {}. \
                 Or {LOCAL}",
                FILES[0],
                ENDPOINT_NAMES[0],
                KEY_NAMES[0],
                ways(),
            )),
            Self::Endpoint { .. } => Some(format!(
                "write it like {}=https://NAME.cognitiveservices.azure.com",
                ENDPOINT_NAMES[0]
            )),
            Self::Key { .. } => {
                Some("copy the key once more, without blanks and quotes in it".to_owned())
            }
            Self::Auth { .. } => Some(format!("set {AUTH_NAME} to {}", ways())),
            Self::Tier { .. } => Some(format!("set {TIER_NAME} to f0 (free) or s0 (standard)")),
            Self::Io(source) => source.next_step(),
        }
    }
}

impl Advice for SignInError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Refused { auth, .. } => sign_in(*auth).map(str::to_owned),
            Self::Interrupted(_) => None,
        }
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}

impl Advice for PictureError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Decode { .. } => Some("check the path, or use another photo".to_owned()),
            Self::TooSmall(_) => Some("use a larger photo of the face".to_owned()),
            Self::Encode { .. } => None,
        }
    }
}

/// The ways to sign in, as they are written.
fn ways() -> String {
    Auth::VARIANTS
        .iter()
        .map(|way| way.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// What to do where a way to sign in gives no token.
fn sign_in(auth: Auth) -> Option<&'static str> {
    match auth {
        Auth::Key => None,
        Auth::ClientSecret => Some(
            "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET: the secret's value, \
             not its id, and not expired (portal.azure.com, `App registrations`)",
        ),
        Auth::ManagedIdentity => Some(
            "this only works on a machine of Azure's that has an identity (`Identity` of the \
             machine in the portal; of several, set AZURE_CLIENT_ID); elsewhere use a key, \
             `--auth client-secret` or `--auth azure-cli`",
        ),
        Auth::AzureCli => {
            Some("install the Azure CLI, sign in with `az login`, and run the same command again")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use facepipe_azure::ServiceError;

    fn service_error(code: &str, retry_after: Option<Duration>) -> ServiceError {
        ServiceError {
            status: 403,
            code: code.to_owned(),
            message: String::new(),
            retry_after,
        }
    }

    #[test]
    fn errors_of_the_resource_have_a_next_step() {
        let host = || "a.example.org".to_owned();
        let error = || service_error("AccessDenied", None);
        for error in [
            AzureError::KeyRefused {
                host: host(),
                error: error(),
            },
            AzureError::TokenRefused {
                host: host(),
                error: error(),
            },
            AzureError::QuotaSpent { error: error() },
            AzureError::Forbidden {
                host: host(),
                error: error(),
            },
            AzureError::WrongAddress {
                host: host(),
                error: error(),
            },
        ] {
            assert!(error.next_step().is_some(), "{error}");
        }
        let gating = AzureError::NotApproved {
            features: "Identification".to_owned(),
            error: error(),
        };
        let step = gating.next_step();
        assert!(step.is_some_and(|step| step.contains("What works without")));
    }

    #[test]
    fn the_pause_that_the_service_asks_for_is_reported() {
        let refused = AzureError::TooManyRequests {
            host: "a.example.org".to_owned(),
            error: service_error("429", Some(Duration::from_secs(3600))),
        };
        let step = refused.next_step();
        assert!(step.is_some_and(|step| step.contains("in 3600 s")));
    }

    #[test]
    fn missing_credentials_are_named_with_their_file_and_the_ways_to_sign_in() {
        let missing = CredentialsError::Missing { names: Vec::new() };
        let step = missing.next_step().expect("has a next step");
        for expected in ["v.env", "azure-cli", "Or find the faces"] {
            assert!(step.contains(expected), "{step}");
        }
        let unknown = CredentialsError::Auth {
            variable: "FACEPIPE_AZURE_AUTH".to_owned(),
        };
        let step = unknown.next_step();
        assert!(step.is_some_and(|step| step.contains("azure-cli")));
    }
}
