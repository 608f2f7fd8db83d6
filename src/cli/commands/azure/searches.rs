//! `facepipe azure verify`, `find-similar` and `group`: operations on face ids.

use clap::Args;
use serde_json::{Value, json};

use super::options::{collection_id, uuid};
use super::session::Session;
use crate::cli::failure::Failure;
use crate::cli::output::result::Outcome;
use facepipe_azure::{Collection, operations};

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe azure verify FACE_ID OTHER_FACE_ID\n  \
    facepipe azure verify FACE_ID --person PERSON_ID --group friends\n\n\
    Face ids come from `facepipe azure detect` and are kept for a day; both must be of the same \
    recognition model. The service says `isIdentical` from a confidence of 0.5 on.")]
pub(super) struct VerifyArgs {
    /// A face
    #[arg(value_parser = uuid)]
    face_id: String,
    /// The face to compare it with
    #[arg(value_parser = uuid, required_unless_present = "person", conflicts_with = "person")]
    other_face_id: Option<String>,
    /// The person to compare it with
    #[arg(long, value_name = "ID", value_parser = uuid)]
    person: Option<String>,
    /// The person's large person group
    #[arg(long, value_name = "ID", value_parser = collection_id, requires = "person",
          env = "FACEPIPE_VERIFY_GROUP", hide_env = true,
          required_unless_present_any = ["other_face_id", "person_group"],
          conflicts_with = "person_group")]
    group: Option<String>,
    /// The person's group, where it is one of `person-group`
    #[arg(long, value_name = "ID", value_parser = collection_id, requires = "person",
          env = "FACEPIPE_VERIFY_PERSON_GROUP", hide_env = true)]
    person_group: Option<String>,
}

pub(super) fn verify(args: &VerifyArgs, session: &Session<'_>) -> Result<Outcome, Failure> {
    let body = match &args.other_face_id {
        Some(other) => json!({"faceId1": args.face_id, "faceId2": other}),
        None => json!({
            "faceId": args.face_id,
            "personId": args.person,
            "largePersonGroupId": args.group,
            "personGroupId": args.person_group,
        }),
    };
    session.call(&operations::VERIFY.request(&[]).json(body), "")
}

/// Arguments of `find-similar`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe azure find-similar FACE_ID --among FACE_ID,FACE_ID\n  \
    facepipe azure find-similar FACE_ID --large-face-list guests --candidates 3")]
pub(super) struct FindSimilarArgs {
    /// The face that others are compared with
    #[arg(value_parser = uuid)]
    face_id: String,
    #[command(flatten)]
    among: Among,
    /// At most this many faces, 1 to 1000 [default: 20, the service's own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    candidates: Option<u32>,
    /// matchPerson: only faces that are the same person; matchFace: the most alike, of any person
    #[arg(long, value_name = "MODE", default_value = "matchPerson",
          value_parser = ["matchPerson", "matchFace"])]
    mode: String,
}

/// The faces among which similar ones are searched.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Among {
    /// Face ids, up to 1000
    #[arg(long, value_name = "ID,ID,…", value_delimiter = ',', value_parser = uuid)]
    among: Vec<String>,
    /// A face list
    #[arg(long, value_name = "ID", value_parser = collection_id)]
    face_list: Option<String>,
    /// A large face list, which must be trained
    #[arg(long, value_name = "ID", value_parser = collection_id)]
    large_face_list: Option<String>,
}

pub(super) fn find_similar(
    args: &FindSimilarArgs,
    session: &Session<'_>,
) -> Result<Outcome, Failure> {
    const MOST: usize = 1000;
    let among = &args.among;
    check_number(among.among.len(), 0, MOST, "`--among`")?;
    let face_ids = (!among.among.is_empty()).then_some(&among.among);
    let mut body = json!({
        "faceId": args.face_id,
        "faceIds": face_ids,
        "maxNumOfCandidatesReturned": args.candidates,
        "mode": args.mode,
    });
    for (kind, id) in [
        (Collection::FaceList, &among.face_list),
        (Collection::LargeFaceList, &among.large_face_list),
    ] {
        if let Some(id) = id {
            body[kind.id_field()] = Value::from(id.as_str());
        }
    }
    session.call(&operations::FIND_SIMILAR.request(&[]).json(body), "")
}

/// Arguments of `group`.
#[derive(Debug, Args)]
#[command(
    after_help = "The groups come largest first; `messyGroup` holds the faces that are like no \
    other."
)]
pub(super) struct GroupArgs {
    /// Faces, 2 to 1000
    #[arg(required = true, num_args = 2.., value_name = "FACE_ID", value_parser = uuid)]
    face_ids: Vec<String>,
}

pub(super) fn group(args: &GroupArgs, session: &Session<'_>) -> Result<Outcome, Failure> {
    const MOST: usize = 1000;
    check_number(args.face_ids.len(), 2, MOST, "`group`")?;
    let body = json!({"faceIds": args.face_ids});
    session.call(&operations::GROUP.request(&[]).json(body), "")
}

/// The service refuses more faces; that need not cost a call.
fn check_number(number: usize, least: usize, most: usize, what: &str) -> Result<(), Failure> {
    if (least..=most).contains(&number) {
        return Ok(());
    }
    Err(Failure::Usage {
        message: format!("{what} takes {least} to {most} face ids, not {number}"),
        hint: "split them over several calls".to_owned(),
    })
}
