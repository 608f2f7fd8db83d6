//! `facepipe azure person`: persons of a group, and their faces.

use clap::{Args, Subcommand};
use serde_json::json;

use super::collections::{Change, PageOptions};
use super::options::{FaceOptions, FaceText, GroupOptions, name, user_data, uuid};
use super::session::Session;
use crate::cli::failure::Failure;
use crate::cli::output::result::Outcome;
use facepipe_azure::{Listing, operations};

/// Commands of persons.
#[derive(Debug, Subcommand)]
pub(super) enum PersonCommand {
    /// Make a person without faces; each call makes another one, also of the same name
    Create(CreateArgs),
    /// List the persons of a group, with the ids of their faces
    List(ListArgs),
    /// Show a person
    Get(PersonArgs),
    /// Change a person's name or the text stored with it
    Update(UpdateArgs),
    /// Delete a person with all faces, permanently
    Delete(PersonArgs),
    /// Faces of a person
    #[command(subcommand)]
    Face(FaceCommand),
}

/// Commands of a person's faces.
#[derive(Debug, Subcommand)]
pub(super) enum FaceCommand {
    /// Add a face; it counts after a training of the group. A person has at most 248 faces
    Add(AddArgs),
    /// Show a face
    Get(FaceArgs),
    /// Change the text stored with a face
    Update(FaceUpdateArgs),
    /// Delete a face
    Delete(FaceArgs),
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// The person's name
    #[arg(value_parser = name)]
    name: String,
    /// A text that is stored with it, up to 16 KB
    #[arg(long, value_name = "TEXT", value_parser = user_data)]
    user_data: Option<String>,
    #[command(flatten)]
    group: GroupOptions,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    group: GroupOptions,
    #[command(flatten)]
    page: PageOptions,
}

#[derive(Debug, Args)]
pub(super) struct PersonArgs {
    /// The person's id
    #[arg(value_parser = uuid)]
    person: String,
    #[command(flatten)]
    group: GroupOptions,
}

#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    #[command(flatten)]
    person: PersonArgs,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    #[command(flatten)]
    person: PersonArgs,
    #[command(flatten)]
    face: FaceOptions,
}

#[derive(Debug, Args)]
pub(super) struct FaceArgs {
    #[command(flatten)]
    person: PersonArgs,
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

/// Runs one of them.
pub(super) fn run(command: &PersonCommand, session: &Session<'_>) -> Result<Outcome, Failure> {
    match command {
        PersonCommand::Create(args) => {
            let group = args.group.group();
            let request = operations::PERSON_CREATE
                .on(group.collection, &[&group.id])
                .json(json!({"name": args.name, "userData": args.user_data}));
            session.call(&request, "")
        }
        PersonCommand::List(args) => {
            let group = args.group.group();
            let listing = Listing {
                operation: &operations::PERSON_LIST,
                collection: group.collection,
                ids: &[&group.id],
                key: "personId",
            };
            args.page.list(&listing, session)
        }
        PersonCommand::Get(args) => session.call(&args.request(&operations::PERSON_GET), ""),
        PersonCommand::Update(args) => {
            let request = args.person.request(&operations::PERSON_UPDATE);
            session.call(&request.json(args.change.json()), "changed")
        }
        PersonCommand::Delete(args) => {
            session.call(&args.request(&operations::PERSON_DELETE), "deleted")
        }
        PersonCommand::Face(command) => face(command, session),
    }
}

fn face(command: &FaceCommand, session: &Session<'_>) -> Result<Outcome, Failure> {
    match command {
        FaceCommand::Add(args) => {
            let request = args.person.request(&operations::PERSON_FACE_ADD);
            session.call(&args.face.added_by(request)?, "")
        }
        FaceCommand::Get(args) => session.call(&args.request(&operations::PERSON_FACE_GET), ""),
        FaceCommand::Update(args) => {
            let request = args.face.request(&operations::PERSON_FACE_UPDATE);
            session.call(&args.text.changed_by(request), "changed")
        }
        FaceCommand::Delete(args) => {
            session.call(&args.request(&operations::PERSON_FACE_DELETE), "deleted")
        }
    }
}

impl PersonArgs {
    fn request(&self, operation: &facepipe_azure::Operation) -> facepipe_azure::Request {
        let group = self.group.group();
        operation.on(group.collection, &[&group.id, &self.person])
    }
}

impl FaceArgs {
    fn request(&self, operation: &facepipe_azure::Operation) -> facepipe_azure::Request {
        let group = self.person.group.group();
        operation.on(
            group.collection,
            &[&group.id, &self.person.person, &self.face],
        )
    }
}
