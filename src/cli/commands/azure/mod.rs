//! `facepipe azure`: all operations of Azure's Face service, one file for each kind of resource.

mod collections;
mod detect;
mod enroll;
mod identify;
mod lines;
mod liveness;
mod options;
mod person;
mod photo;
mod searches;
mod session;
mod table;
mod whoami;

use clap::{Args, Subcommand};
use strum::VariantArray as _;

use self::collections::{FaceListCommand, GroupCommand, LargeFaceListCommand};
use self::session::Session;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::named::named;
use crate::cli::output::result::Outcome;
use crate::cli::wiring;
use facepipe_azure::{ApiVersion, Auth, Choice, Collection, Tier};
use facepipe_core::context::Context;

/// Arguments of `azure`.
#[derive(Debug, Args)]
#[command(
    after_help = "Photos are sent to Microsoft, and each call is billed: the number of calls is \
    printed at the end. Endpoint and key come from FACEPIPE_AZURE_ENDPOINT and FACEPIPE_AZURE_KEY, in \
    the environment or in `v.env` or `.env` of the working folder; AZURE_FACE_ENDPOINT and \
    AZURE_FACE_KEY are known too. FACEPIPE_AZURE_TIER and FACEPIPE_AZURE_AUTH set --tier and \
    --auth.\n\n\
    From photos to names:\n  \
    facepipe azure whoami\n  \
    facepipe azure enroll photos --group friends --dry-run\n  \
    facepipe azure enroll photos --group friends\n  \
    facepipe azure identify party.jpg --group friends\n\n\
    Face ids, identify, verify and similar faces need Microsoft's approval of the resource; boxes, \
    landmarks and attributes (detect --no-face-ids) do not.\n\n\
    With --json every operation prints {\"operation\", \"transactions\", \"answer\"}, the answer as the \
    service gives it; that of detect and identify is a list of photos. whoami and enroll print a report \
    of their own."
)]
pub(crate) struct AzureArgs {
    /// Calls that the resource allows: f0 (free) 20 a minute, s0 10 a second
    /// [default: f0]
    #[arg(long, global = true, value_name = "f0|s0", value_parser = named(Tier::VARIANTS),
          help_heading = "Azure options")]
    tier: Option<Tier>,
    /// How to sign in: with the resource's key, an application's secret (AZURE_TENANT_ID,
    /// AZURE_CLIENT_ID, AZURE_CLIENT_SECRET), the identity of an Azure machine, or as `az login` did
    /// [default: key, or client-secret where there is only that]
    #[arg(long, global = true, value_name = "WAY", value_parser = named(Auth::VARIANTS),
          help_heading = "Azure options")]
    auth: Option<Auth>,
    /// Version of the service [default: v1.0 for groups and lists, v1.2 for the rest]
    #[arg(long, global = true, value_name = "VERSION", value_parser = named(ApiVersion::VARIANTS),
          help_heading = "Azure options")]
    api_version: Option<ApiVersion>,
    #[command(subcommand)]
    command: AzureCommand,
}

#[derive(Debug, Subcommand)]
enum AzureCommand {
    /// Show where, how and as whom the service is called, and check it with one call
    Whoami,
    /// Enrol a folder a person: group, persons, faces, training; nothing twice
    Enroll(enroll::EnrollArgs),
    /// Name the faces of photos, by a group that `enroll` made
    Identify(identify::IdentifyArgs),
    /// Find the faces of photos: boxes, face ids, landmarks, attributes
    Detect(detect::DetectArgs),
    /// Say whether two faces, or a face and a person of a group, are one person
    Verify(searches::VerifyArgs),
    /// Find faces that look like one, among faces or in a face list
    FindSimilar(searches::FindSimilarArgs),
    /// Sort faces into groups of one person each
    Group(searches::GroupArgs),
    /// Groups of up to a million persons
    #[command(subcommand)]
    LargePersonGroup(GroupCommand),
    /// Groups of up to ten thousand persons
    #[command(subcommand)]
    PersonGroup(GroupCommand),
    /// Persons of a group, and their faces
    #[command(subcommand)]
    Person(person::PersonCommand),
    /// Lists of up to a thousand faces
    #[command(subcommand)]
    FaceList(FaceListCommand),
    /// Lists of up to a million faces
    #[command(subcommand)]
    LargeFaceList(LargeFaceListCommand),
    /// Liveness sessions: is the face live, or a picture of one?
    #[command(subcommand)]
    Liveness(liveness::LivenessCommand),
}

/// Runs one of them.
pub(crate) fn run(
    args: &AzureArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let choice = Choice {
        auth: args.auth,
        tier: args.tier,
    };
    if let AzureCommand::Enroll(enroll) = &args.command
        && enroll.is_dry_run()
    {
        return enroll::dry_run(enroll, args.tier, context);
    }
    let client = wiring::azure_client(choice, context)?.with_version(args.api_version);
    let session = Session { client, context };
    let outcome = dispatch(&args.command, &session, globals);
    let calls = session.client.calls();
    context
        .progress
        .note(&format!("transactions (calls that are billed): {calls}"));
    outcome
}

fn dispatch(
    command: &AzureCommand,
    session: &Session<'_>,
    globals: &Globals,
) -> Result<Outcome, Failure> {
    match command {
        AzureCommand::Whoami => whoami::run(session),
        AzureCommand::Enroll(args) => enroll::run(args, session),
        AzureCommand::Identify(args) => identify::run(args, session, globals),
        AzureCommand::Detect(args) => detect::run(args, session, globals),
        AzureCommand::Verify(args) => searches::verify(args, session),
        AzureCommand::FindSimilar(args) => searches::find_similar(args, session),
        AzureCommand::Group(args) => searches::group(args, session),
        AzureCommand::LargePersonGroup(command) => {
            collections::group(command, Collection::LargePersonGroup, session)
        }
        AzureCommand::PersonGroup(command) => {
            collections::group(command, Collection::PersonGroup, session)
        }
        AzureCommand::Person(command) => person::run(command, session),
        AzureCommand::FaceList(command) => collections::face_list(command, session),
        AzureCommand::LargeFaceList(command) => collections::large_face_list(command, session),
        AzureCommand::Liveness(command) => liveness::run(command, session),
    }
}
