//! `facepipe azure large-person-group`, `person-group`, `face-list` and `large-face-list`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::options::{
    FaceOptions, FaceText, collection_id, name, recognition_models, user_data, uuid,
};
use super::session::Session;
use super::table;
use crate::cli::failure::Failure;
use crate::cli::hints::Advice;
use crate::cli::output::result::Outcome;
use facepipe_azure::training;
use facepipe_azure::{Collection, Listing, RECOGNITION_MODEL, operations};

/// Commands of both kinds of groups.
#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    #[command(flatten)]
    Common(CollectionCommand),
    /// List all groups
    List(PageOptions),
    #[command(flatten)]
    Training(TrainingCommand),
}

/// Commands of face lists.
#[derive(Debug, Subcommand)]
pub(super) enum FaceListCommand {
    #[command(flatten)]
    Common(CollectionCommand),
    /// List all lists
    List,
    /// Faces of a list; `face-list get` shows them
    #[command(subcommand)]
    Face(ListFaceCommand),
}

/// Commands of large face lists.
#[derive(Debug, Subcommand)]
pub(super) enum LargeFaceListCommand {
    #[command(flatten)]
    Common(CollectionCommand),
    /// List all lists
    List(PageOptions),
    #[command(flatten)]
    Training(TrainingCommand),
    /// Faces of a list
    #[command(subcommand)]
    Face(LargeListFaceCommand),
}

/// Commands that all collections have.
#[derive(Debug, Subcommand)]
pub(super) enum CollectionCommand {
    /// Make one
    Create(CreateArgs),
    /// Show one
    Get(IdArgs),
    /// Change its name or the text stored with it
    Update(UpdateArgs),
    /// Delete it with all that is in it, permanently
    Delete(IdArgs),
}

/// Commands of collections that must be trained before they are searched.
#[derive(Debug, Subcommand)]
pub(super) enum TrainingCommand {
    /// Begin a training: faces added before are found from then on
    Train(TrainArgs),
    /// Say how far the training is
    Status(IdArgs),
}

#[derive(Debug, Args)]
pub(super) struct IdArgs {
    /// Its id
    #[arg(value_parser = collection_id)]
    id: String,
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Its id: lower-case letters, digits, - and _
    #[arg(value_parser = collection_id)]
    id: String,
    /// Its name [default: the id]
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// A text that is stored with it, up to 16 KB
    #[arg(long, value_name = "TEXT", value_parser = user_data)]
    user_data: Option<String>,
    /// The recognition model; it can't be changed later
    #[arg(long, value_name = "MODEL", default_value = RECOGNITION_MODEL,
          value_parser = recognition_models())]
    recognition_model: String,
}

#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// Its id
    #[arg(value_parser = collection_id)]
    id: String,
    #[command(flatten)]
    change: Change,
}

/// The fields that can be changed.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Change {
    /// The new name
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(super) name: Option<String>,
    /// The new text stored with it, up to 16 KB
    #[arg(long, value_name = "TEXT", value_parser = user_data)]
    pub(super) user_data: Option<String>,
}

impl Change {
    pub(super) fn json(&self) -> Value {
        json!({"name": self.name, "userData": self.user_data})
    }
}

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// Its id
    #[arg(value_parser = collection_id)]
    id: String,
    /// Wait until the training has ended; each check costs a call
    #[arg(long)]
    wait: bool,
}

/// The part of a list that is shown.
#[derive(Debug, Default, Args)]
pub(super) struct PageOptions {
    /// Only entries after this id
    #[arg(long, value_name = "ID")]
    start: Option<String>,
    /// At most this many, 1 to 1000 [default: all, a call for each thousand]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    top: Option<u16>,
}

impl PageOptions {
    /// The requested part of a list.
    pub(super) fn list(
        &self,
        listing: &Listing<'_>,
        session: &Session<'_>,
    ) -> Result<Outcome, Failure> {
        let entries = match (&self.start, self.top) {
            (None, None) => listing.all(&session.client)?,
            (start, top) => {
                listing.page(&session.client, start.as_deref(), top.map(usize::from))?
            }
        };
        let answer = Value::Array(entries);
        session.outcome(listing.operation.name, &answer, table::lines(&answer))
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum ListFaceCommand {
    /// Add a face
    Add(AddArgs),
    /// Delete a face
    Delete(FaceArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum LargeListFaceCommand {
    /// Add a face; it is found after a training
    Add(AddArgs),
    /// List all faces
    List(FacesArgs),
    /// Show a face
    Get(FaceArgs),
    /// Change the text stored with a face
    Update(FaceUpdateArgs),
    /// Delete a face
    Delete(FaceArgs),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The list
    #[arg(value_parser = collection_id)]
    id: String,
    #[command(flatten)]
    face: FaceOptions,
}

#[derive(Debug, Args)]
pub(super) struct FacesArgs {
    /// The list
    #[arg(value_parser = collection_id)]
    id: String,
    #[command(flatten)]
    page: PageOptions,
}

#[derive(Debug, Args)]
pub(super) struct FaceArgs {
    /// The list
    #[arg(value_parser = collection_id)]
    id: String,
    /// The face, by its persisted face id
    #[arg(value_parser = uuid)]
    face: String,
}

#[derive(Debug, Args)]
pub(super) struct FaceUpdateArgs {
    #[command(flatten)]
    face: FaceArgs,
    #[command(flatten)]
    text: FaceText,
}

/// A training that failed.
#[derive(Debug, thiserror::Error)]
#[error("the training of `{id}` failed: {message}")]
struct TrainingFailed {
    id: String,
    message: String,
}

impl Advice for TrainingFailed {}

/// Runs a command of a group.
pub(super) fn group(
    command: &GroupCommand,
    collection: Collection,
    session: &Session<'_>,
) -> Result<Outcome, Failure> {
    match command {
        GroupCommand::Common(command) => common(command, collection, session),
        GroupCommand::List(page) => list(page, collection, session),
        GroupCommand::Training(command) => train(command, collection, session),
    }
}

/// Runs a command of a face list.
pub(super) fn face_list(
    command: &FaceListCommand,
    session: &Session<'_>,
) -> Result<Outcome, Failure> {
    let collection = Collection::FaceList;
    match command {
        FaceListCommand::Common(command) => common(command, collection, session),
        // They have no pages.
        FaceListCommand::List => list(&PageOptions::default(), collection, session),
        FaceListCommand::Face(ListFaceCommand::Add(args)) => add(args, collection, session),
        FaceListCommand::Face(ListFaceCommand::Delete(args)) => delete(args, collection, session),
    }
}

/// Runs a command of a large face list.
pub(super) fn large_face_list(
    command: &LargeFaceListCommand,
    session: &Session<'_>,
) -> Result<Outcome, Failure> {
    let collection = Collection::LargeFaceList;
    let command = match command {
        LargeFaceListCommand::Common(command) => return common(command, collection, session),
        LargeFaceListCommand::List(page) => return list(page, collection, session),
        LargeFaceListCommand::Training(command) => return train(command, collection, session),
        LargeFaceListCommand::Face(command) => command,
    };
    match command {
        LargeListFaceCommand::Add(args) => add(args, collection, session),
        LargeListFaceCommand::Delete(args) => delete(args, collection, session),
        LargeListFaceCommand::List(args) => {
            let listing = Listing {
                operation: &operations::FACE_LIST,
                collection,
                ids: &[&args.id],
                key: "persistedFaceId",
            };
            args.page.list(&listing, session)
        }
        LargeListFaceCommand::Get(args) => {
            let request = operations::FACE_GET.on(collection, &[&args.id, &args.face]);
            session.call(&request, "")
        }
        LargeListFaceCommand::Update(args) => {
            let ids = [args.face.id.as_str(), args.face.face.as_str()];
            let request = operations::FACE_UPDATE.on(collection, &ids);
            session.call(&args.text.changed_by(request), "changed")
        }
    }
}

/// Lists the collections of a kind.
fn list(
    page: &PageOptions,
    collection: Collection,
    session: &Session<'_>,
) -> Result<Outcome, Failure> {
    let listing = Listing {
        operation: &operations::LIST,
        collection,
        ids: &[],
        key: collection.id_field(),
    };
    page.list(&listing, session)
}

fn common(
    command: &CollectionCommand,
    collection: Collection,
    session: &Session<'_>,
) -> Result<Outcome, Failure> {
    match command {
        CollectionCommand::Create(args) => {
            let request = operations::CREATE.on(collection, &[&args.id]).json(json!({
                "name": args.name.as_ref().unwrap_or(&args.id),
                "userData": args.user_data,
                "recognitionModel": args.recognition_model,
            }));
            session.call(&request, &format!("made `{}`", args.id))
        }
        CollectionCommand::Get(args) => {
            let request = operations::GET
                .on(collection, &[&args.id])
                .query("returnRecognitionModel", true);
            session.call(&request, "")
        }
        CollectionCommand::Update(args) => {
            let request = operations::UPDATE
                .on(collection, &[&args.id])
                .json(args.change.json());
            session.call(&request, "changed")
        }
        CollectionCommand::Delete(args) => {
            let request = operations::DELETE.on(collection, &[&args.id]);
            session.call(&request, &format!("deleted `{}`", args.id))
        }
    }
}

fn train(
    command: &TrainingCommand,
    collection: Collection,
    session: &Session<'_>,
) -> Result<Outcome, Failure> {
    let args = match command {
        TrainingCommand::Train(args) => args,
        TrainingCommand::Status(args) => {
            return session.call(&operations::STATUS.on(collection, &[&args.id]), "");
        }
    };
    let request = operations::TRAIN.on(collection, &[&args.id]);
    if !args.wait {
        let verb = collection.verb();
        let next = format!(
            "begun; `facepipe azure {verb} status {}` says how far it is",
            args.id
        );
        return session.call(&request, &next);
    }
    training::begin(&session.client, collection, &args.id)?;
    let ended = training::wait(&session.client, collection, &args.id)?;
    if let Some(message) = ended.failure() {
        let id = args.id.clone();
        return Err(TrainingFailed { id, message }.into());
    }
    let answer = crate::cli::output::result::to_value(&ended)?;
    session.outcome(request.name, &answer, table::lines(&answer))
}

fn add(args: &AddArgs, collection: Collection, session: &Session<'_>) -> Result<Outcome, Failure> {
    let request = operations::FACE_ADD.on(collection, &[&args.id]);
    session.call(&args.face.added_by(request)?, "")
}

fn delete(
    args: &FaceArgs,
    collection: Collection,
    session: &Session<'_>,
) -> Result<Outcome, Failure> {
    let request = operations::FACE_DELETE.on(collection, &[&args.id, &args.face]);
    session.call(&request, "deleted")
}
