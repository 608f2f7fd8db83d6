//! `facepipe azure liveness`: sessions in which a device films a person.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::options::{confidence, device, uuid};
use super::photo::Photo;
use super::session::Session;
use super::table;
use crate::cli::failure::Failure;
use crate::cli::output::result::Outcome;
use facepipe_azure::{Body, operations};
use facepipe_core::artifacts::atomic;

/// Models of liveness, by the day of their making.
const MODELS: [&str; 1] = ["2024-11-15"];

/// Commands of liveness sessions.
#[derive(Debug, Subcommand)]
pub(super) enum LivenessCommand {
    /// Make a session; the device's own program films with its token
    #[command(
        after_help = "The answer holds the session's token, which is a secret of this session: \
        hand it to the device over a safe channel only."
    )]
    Create(CreateArgs),
    /// Show the result of a session, without its token
    Get(SessionArgs),
    /// Delete a session and its recordings
    Delete(SessionArgs),
    /// Write the picture of a session that was made with --session-image to a file
    Image(ImageArgs),
}

// Options that other commands have in another sense name variables of their own.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Passive: the person looks at the camera; PassiveActive: where the light is poor, the head is
    /// turned as well
    #[arg(long, value_name = "MODE", default_value = "Passive",
          env = "FACEPIPE_LIVENESS_MODE", hide_env = true, value_parser = ["Passive", "PassiveActive"])]
    mode: String,
    /// Also compare the face with this photo
    #[arg(
        long,
        value_name = "IMAGE",
        env = "FACEPIPE_LIVENESS_PHOTO",
        hide_env = true
    )]
    verify: Option<PathBuf>,
    /// From which confidence on they are the same person, 0 to 1 [default: the service's own]
    #[arg(long, value_name = "X", value_parser = confidence, requires = "verify")]
    min_confidence: Option<f64>,
    /// A name of your own for the device, up to 64 characters
    #[arg(
        long,
        value_name = "ID",
        value_parser = device,
        conflicts_with = "device_sets_id",
        required_unless_present = "device_sets_id"
    )]
    device_id: Option<String>,
    /// Let the device name itself
    #[arg(long)]
    device_sets_id: bool,
    /// How long the session's token is good, in seconds, 60 to 86400 [default: 600, the service's own]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(60..=86_400))]
    token_life: Option<u32>,
    /// Keep a picture of the face for `liveness image`
    #[arg(long, env = "FACEPIPE_LIVENESS_SESSION_IMAGE", hide_env = true)]
    session_image: bool,
    /// The model that decides whether the person is live [default: the service's newest]
    #[arg(long, value_name = "MODEL", env = "FACEPIPE_LIVENESS_MODEL", hide_env = true,
          value_parser = MODELS)]
    model: Option<String>,
    /// Also give a hash of the photo of --verify, to show that it was this one
    #[arg(long, requires = "verify")]
    image_hash: bool,
}

#[derive(Debug, Args)]
pub(super) struct SessionArgs {
    /// The session's id
    #[arg(value_parser = uuid)]
    session: String,
    /// It was made with --verify
    #[arg(long, env = "FACEPIPE_LIVENESS_WITH_PHOTO", hide_env = true)]
    verify: bool,
}

#[derive(Debug, Args)]
pub(super) struct ImageArgs {
    /// The picture's id, from `sessionImageId` of `liveness get`
    image: String,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs one of them.
pub(super) fn run(command: &LivenessCommand, session: &Session<'_>) -> Result<Outcome, Failure> {
    match command {
        LivenessCommand::Create(args) => match &args.verify {
            None => create(args, session),
            Some(photo) => create_with_photo(args, photo, session),
        },
        LivenessCommand::Get(args) => {
            let operation = if args.verify {
                &operations::LIVENESS_VERIFY_GET
            } else {
                &operations::LIVENESS_GET
            };
            let mut answer: Value = session.send(&operation.request(&[&args.session]))?.json()?;
            // Only the maker of the session needs it, and had it then.
            if let Some(fields) = answer.as_object_mut() {
                fields.remove("authToken");
            }
            session.outcome(operation.name, &answer, table::lines(&answer))
        }
        LivenessCommand::Delete(args) => {
            let operation = if args.verify {
                &operations::LIVENESS_VERIFY_DELETE
            } else {
                &operations::LIVENESS_DELETE
            };
            session.call(&operation.request(&[&args.session]), "deleted")
        }
        LivenessCommand::Image(args) => image(args, session),
    }
}

fn create(args: &CreateArgs, session: &Session<'_>) -> Result<Outcome, Failure> {
    let body = json!({
        "livenessOperationMode": args.mode,
        "deviceCorrelationId": args.device_id,
        "deviceCorrelationIdSetInClient": args.device_sets_id.then_some(true),
        "authTokenTimeToLiveInSeconds": args.token_life,
        "enableSessionImage": args.session_image.then_some(true),
        "livenessModelVersion": args.model,
    });
    session.call(&operations::LIVENESS_CREATE.request(&[]).json(body), "")
}

fn create_with_photo(
    args: &CreateArgs,
    photo: &Path,
    session: &Session<'_>,
) -> Result<Outcome, Failure> {
    let Photo::File { picture, .. } = Photo::read(photo)? else {
        return Err(Failure::Usage {
            message: "the photo must be a file".to_owned(),
            hint: "download it first".to_owned(),
        });
    };
    let yes = |is_set: bool| is_set.then(|| true.to_string());
    let texts = [
        ("livenessOperationMode", Some(args.mode.clone())),
        ("deviceCorrelationId", args.device_id.clone()),
        ("deviceCorrelationIdSetInClient", yes(args.device_sets_id)),
        (
            "authTokenTimeToLiveInSeconds",
            args.token_life.map(|seconds| seconds.to_string()),
        ),
        ("enableSessionImage", yes(args.session_image)),
        ("livenessModelVersion", args.model.clone()),
        ("returnVerifyImageHash", yes(args.image_hash)),
        (
            "verifyConfidenceThreshold",
            args.min_confidence.map(|confidence| confidence.to_string()),
        ),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)));
    let body = Body::Form(texts.collect(), ("verifyImage", picture.jpeg));
    let request = operations::LIVENESS_VERIFY_CREATE.request(&[]).body(body);
    session.call(&request, "")
}

fn image(args: &ImageArgs, session: &Session<'_>) -> Result<Outcome, Failure> {
    let request = operations::SESSION_IMAGE.request(&[&args.image]);
    let answer = session.client.send(&request)?;
    atomic::write(&args.out, &answer.body)?;
    let file = args.out.display().to_string();
    let lines = vec![format!("{} bytes in `{file}`", answer.body.len())];
    let answer = json!({"file": file, "bytes": answer.body.len()});
    session.outcome(request.name, &answer, lines)
}
