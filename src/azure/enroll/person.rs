//! The enrolment of one person: each photo whose face does not exist yet is sent once.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::EnrollError;
use super::journal::Record;
use super::plan::{PersonPlan, Photo};
use super::remote::{Remote, SETTLING, TRIES, user_data};
use crate::{AzureError, Body, DetectOptions, Person, Picture, PictureError, detect, operations};
use facepipe_core::context::Interrupted;
use facepipe_core::types::{Discarded, Reason};

/// What became of a person.
#[derive(Debug, Default)]
pub(super) struct Enrolled {
    pub(super) is_new: bool,
    pub(super) added: u64,
    pub(super) already_there: u64,
    pub(super) discarded: Vec<Discarded>,
    /// Existing faces that match no photo, or a photo that has another face already.
    pub(super) others: u64,
}

/// Why a photo is left out: reason, message, and whether it would be refused again.
struct LeftOut {
    reason: Reason,
    message: String,
    is_final: bool,
}

/// The answer to the adding of a face.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    persisted_face_id: String,
}

/// Sends a person's missing photos one by one, as long as `goes_on` returns true.
pub(super) fn enroll(
    remote: &Remote<'_>,
    plan: &PersonPlan,
    found: Option<&Vec<Person>>,
    goes_on: &dyn Fn() -> Result<bool, Interrupted>,
) -> Result<Enrolled, EnrollError> {
    let mut enrolled = Enrolled::default();
    let left_out = |message: &str| {
        let photos = plan.photos.iter();
        let out = photos.map(|photo| photo.discarded(&plan.name, Reason::Refused, message.into()));
        out.collect()
    };
    let person = match found.map(Vec::as_slice) {
        Some([person]) => {
            remote.know_person(person)?;
            person.clone()
        }
        None | Some([]) => match remote.make_person(&plan.name) {
            Ok(person) => {
                enrolled.is_new = true;
                person
            }
            // Its name, for example: the other persons continue.
            Err(EnrollError::Azure(error)) if error.concerns_only_this() => {
                enrolled.discarded = left_out(&error.to_string());
                return Ok(enrolled);
            }
            Err(error) => return Err(error),
        },
        Some(several) => {
            enrolled.discarded = left_out(&format!(
                "{} persons of the group have this name: it is unclear which one is meant; delete all \
                 but one from `{}`",
                several.len(),
                remote.settings.group.id
            ));
            return Ok(enrolled);
        }
    };
    let faces = person.persisted_face_ids.iter().flatten();
    let mut known: BTreeMap<_, _> = faces
        .filter_map(|face| remote.journal.known().faces.get_key_value(face))
        .map(|(face, content)| (face.clone(), content.clone()))
        .collect();
    let there = remote.photos_of(&person, &mut known)?;
    let all = person.persisted_face_ids.iter().flatten().count();
    enrolled.others = (all - there.len()) as u64;
    let how = how(remote);
    for photo in &plan.photos {
        if !goes_on()? {
            break;
        }
        if there.contains_key(&photo.content) {
            enrolled.already_there += 1;
            continue;
        }
        let key = (plan.name.clone(), photo.content.clone(), how.clone());
        if let Some((reason, message)) = remote.journal.known().refused.get(&key) {
            let item = photo.discarded(&plan.name, *reason, message.clone());
            enrolled.discarded.push(item);
            continue;
        }
        match add(remote, plan, &person, photo, &mut known)? {
            None => enrolled.added += 1,
            Some(out) => {
                if out.is_final {
                    let (person, content, how) = key;
                    remote.journal.write(&Record::Refused {
                        person,
                        content,
                        how,
                        reason: out.reason,
                        message: out.message.clone(),
                    })?;
                }
                let item = photo.discarded(&plan.name, out.reason, out.message);
                enrolled.discarded.push(item);
            }
        }
    }
    Ok(enrolled)
}

/// The settings that a refusal belongs to.
fn how(remote: &Remote<'_>) -> String {
    let largest = if remote.settings.largest_only {
        " largest"
    } else {
        ""
    };
    format!("{}{largest}", remote.settings.detection_model)
}

/// Sends a photo; `None` when its face exists.
fn add(
    remote: &Remote<'_>,
    plan: &PersonPlan,
    person: &Person,
    photo: &Photo,
    known: &mut BTreeMap<String, String>,
) -> Result<Option<LeftOut>, EnrollError> {
    let picture = match Picture::read(&photo.path) {
        Ok((picture, _)) => picture,
        Err(PictureError::Encode { source, .. }) => return Err(AzureError::from(source).into()),
        Err(error) => {
            let reason = match error {
                PictureError::TooSmall(_) => Reason::TooSmall,
                _ => Reason::Unreadable,
            };
            return Ok(Some(LeftOut {
                reason,
                message: error.problem(),
                is_final: false,
            }));
        }
    };
    let (name, content) = (plan.name.as_str(), photo.content.as_str());
    let (mut tries, mut target) = (1, None);
    loop {
        remote.journal.asking(name, Some(content))?;
        let added = send(remote, person, content, &picture, target.as_deref());
        let error = match added {
            Ok(face) => {
                remote.journal.answered(name, Some(content))?;
                remote.journal.write(&Record::Face {
                    person: person.person_id.clone(),
                    face: face.clone(),
                    content: content.to_owned(),
                })?;
                known.insert(face, content.to_owned());
                return Ok(None);
            }
            Err(error) => error,
        };
        if error.leaves_outcome_unknown() {
            remote.client.clock().wait(SETTLING)?;
            let now = remote
                .settings
                .group
                .person(remote.client, &person.person_id)?;
            if remote.photos_of(&now, known)?.contains_key(content) {
                remote.journal.answered(name, Some(content))?;
                return Ok(None);
            }
            if tries >= TRIES {
                return Err(error.into());
            }
            tries += 1;
            continue;
        }
        remote.journal.answered(name, Some(content))?;
        let is_several = error.is_about_the_image() && error.to_string().contains("more than 1");
        if is_several && remote.settings.largest_only && target.is_none() {
            target = largest(remote, &picture)?;
            if target.is_some() {
                continue;
            }
        }
        if error.concerns_all_requests() {
            return Err(error.into());
        }
        return Ok(Some(left_out(&error, is_several)));
    }
}

fn send(
    remote: &Remote<'_>,
    person: &Person,
    content: &str,
    picture: &Picture,
    target: Option<&str>,
) -> Result<String, AzureError> {
    let group = &remote.settings.group;
    let request = operations::PERSON_FACE_ADD
        .on(group.collection, &[&group.id, &person.person_id])
        .maybe_query("targetFace", target)
        .query("detectionModel", &remote.settings.detection_model)
        .query("userData", user_data(content))
        .body(Body::Image(picture.jpeg.clone()));
    let added: Added = remote.client.send(&request)?.json()?;
    Ok(added.persisted_face_id)
}

/// The largest face, as the parameter `targetFace`.
fn largest(remote: &Remote<'_>, picture: &Picture) -> Result<Option<String>, EnrollError> {
    let options = DetectOptions {
        detection_model: remote.settings.detection_model.clone(),
        ..DetectOptions::default()
    };
    let faces = detect(remote.client, Body::Image(picture.jpeg.clone()), &options)?;
    let rect = faces.first().map(|face| face.face_rectangle);
    Ok(rect.map(|rect| rect.target()))
}

fn left_out(error: &AzureError, is_several: bool) -> LeftOut {
    let is_none = error.to_string().contains("No face");
    let reason = match error.is_about_the_image() {
        true if is_several => Reason::SeveralFaces,
        true if is_none => Reason::NoFace,
        _ => Reason::Refused,
    };
    let next = if is_several {
        "; the largest one is used if requested"
    } else {
        ""
    };
    LeftOut {
        reason,
        message: format!("{error}{next}"),
        is_final: reason != Reason::Refused,
    }
}
