//! Leaves out the faces that are not the person of their label.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::embeddings::Embeddings;
use super::identity_record::{Decision, IdentityRecord, LabelIdentity};
use super::identity_sheet::{self, Shown};
use super::restored::{RESTORED_FILE, Restored};
use super::{Grouped, PrepareError};
use facepipe_core::artifacts::stage::OpenStage;
use facepipe_core::artifacts::{atomic, jsonl};
use facepipe_core::context::Context;
use facepipe_core::types::{Discarded, Embedding};
use facepipe_faces::identity::{self, Face, JudgedLabel, Judgement};

/// The decision about each face, a line each, in the output folder.
pub const IDENTITIES_FILE: &str = "identities.jsonl";
/// Labels that one note names; the others are counted.
const NAMED_LABELS: usize = 5;

/// The images that are kept, and the decisions about labels.
pub(super) struct Cleaned<'items> {
    pub(super) kept: Vec<Grouped<'items>>,
    pub(super) discarded: Vec<Discarded>,
    pub(super) labels: BTreeMap<String, LabelIdentity>,
}

/// Removes the files of a run with cleaning from the output folder, but for the embeddings.
pub(super) fn remove_traces(open: &OpenStage) -> io::Result<()> {
    identity_sheet::remove_others(&open.root, &BTreeSet::new())?;
    atomic::remove_if_there(&open.path(IDENTITIES_FILE))
}

/// Judges all images; writes the decisions and a sheet for each label.
pub(super) fn clean<'items>(
    images: Vec<Grouped<'items>>,
    restored: &Restored,
    open: &OpenStage,
    embeddings: &Embeddings,
    context: &Context,
) -> Result<Cleaned<'items>, PrepareError> {
    let (labels, judged, records) = judge(&images, restored, embeddings, context);
    let reports = labels.reports(&judged, &records);
    warn(&reports, &images, restored, context);
    jsonl::write(&open.path(IDENTITIES_FILE), &records)?;
    let shown: Vec<Shown<'_>> = (images.iter().zip(&records))
        .map(|(image, record)| Shown {
            path: &image.item.path,
            place: image.item.place(),
            record,
        })
        .collect();
    identity_sheet::write_all(&open.root, &shown, context)?;
    let (mut kept, mut discarded) = (Vec::new(), Vec::new());
    for (image, record) in images.into_iter().zip(records) {
        match record.decision.reason() {
            Some(reason) => {
                discarded.push(image.item.discarded(reason, record.message, Vec::new()));
            }
            None => kept.push(image),
        }
    }
    Ok(Cleaned {
        kept,
        discarded,
        labels: reports,
    })
}

/// Faces that look like somebody else's, the clearest first. Nothing is removed and nothing is written.
pub(super) fn look_like_others(
    images: &[Grouped<'_>],
    embeddings: &Embeddings,
    context: &Context,
) -> Vec<IdentityRecord> {
    let (_, _, mut records) = judge(images, &Restored::default(), embeddings, context);
    records.retain(|record| record.decision.reason().is_some());
    let beyond = |record: &IdentityRecord| {
        let beyond = record
            .distance
            .zip(record.limit)
            .map(|(distance, limit)| distance - limit);
        beyond.unwrap_or(f64::NEG_INFINITY)
    };
    records.sort_by(|a, b| {
        beyond(b)
            .total_cmp(&beyond(a))
            .then_with(|| a.item.cmp(&b.item))
    });
    records
}

/// Judges all images that were not restored: the labels, their judgements, and a record for each image.
fn judge<'items>(
    images: &[Grouped<'items>],
    restored: &Restored,
    embeddings: &Embeddings,
    context: &Context,
) -> (Labels<'items>, Vec<JudgedLabel>, Vec<IdentityRecord>) {
    let distances = embeddings.distances();
    let embedding = |image: &Grouped<'_>| embeddings.of(&image.item.features.md5).cloned();
    let embeddings: Vec<Option<Embedding>> = images.iter().map(embedding).collect();
    let labels = Labels::of(images, &embeddings, restored);
    let faces = labels.faces(images, &embeddings);
    let judged = distances.map_or_else(Vec::new, |distances| {
        identity::judge(&faces, distances, context.threads)
    });
    let records = labels.records(images, &judged, restored);
    (labels, judged, records)
}

/// The images that are judged, by label: those with a face that were not restored.
struct Labels<'items> {
    names: Vec<&'items str>,
    /// Indices of the images.
    members: Vec<Vec<usize>>,
}

impl<'items> Labels<'items> {
    fn of(
        images: &[Grouped<'items>],
        embeddings: &[Option<Embedding>],
        restored: &Restored,
    ) -> Self {
        let mut labels: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, (image, embedding)) in images.iter().zip(embeddings).enumerate() {
            let label = labels.entry(&image.item.label).or_default();
            if embedding.is_some() && !restored.contains(&image.item.relative) {
                label.push(index);
            }
        }
        let (names, members) = labels.into_iter().unzip();
        Self { names, members }
    }

    fn faces<'a>(
        &self,
        images: &'a [Grouped<'_>],
        embeddings: &'a [Option<Embedding>],
    ) -> Vec<Vec<Face<'a>>> {
        let face = |index: &usize| {
            Some(Face {
                embedding: embeddings[*index].as_ref()?,
                photo: (images[*index].item.photo.as_ref()).map(|photo| photo.md5.as_str()),
            })
        };
        let faces = |members: &Vec<usize>| members.iter().filter_map(face).collect();
        self.members.iter().map(faces).collect()
    }

    /// A record for each image, in the images' order.
    fn records(
        &self,
        images: &[Grouped<'_>],
        judged: &[JudgedLabel],
        restored: &Restored,
    ) -> Vec<IdentityRecord> {
        let mut judgements: Vec<Option<&Judgement>> = vec![None; images.len()];
        for (members, label) in self.members.iter().zip(judged) {
            for (member, judgement) in members.iter().zip(&label.faces) {
                judgements[*member] = Some(judgement);
            }
        }
        let record = |(index, image): (usize, &Grouped<'_>)| match judgements[index] {
            Some(judgement) => IdentityRecord::judged(image.item, judgement, &self.names),
            None if restored.contains(&image.item.relative) => {
                let message = format!("restored by `{RESTORED_FILE}`");
                IdentityRecord::unjudged(image.item, Decision::Restored, message)
            }
            None => {
                let message = "no face was found in it to compare".to_owned();
                IdentityRecord::unjudged(image.item, Decision::Doubtful, message)
            }
        };
        images.iter().enumerate().map(record).collect()
    }

    fn reports(
        &self,
        judged: &[JudgedLabel],
        records: &[IdentityRecord],
    ) -> BTreeMap<String, LabelIdentity> {
        let report = |(name, label): (&&str, &JudgedLabel)| {
            let others = label.same_person_as.iter();
            let report = LabelIdentity {
                evident: label.is_evident,
                same_person_as: others.map(|other| self.names[*other].to_owned()).collect(),
                decisions: BTreeMap::new(),
            };
            ((*name).to_owned(), report)
        };
        let mut reports: BTreeMap<_, _> = self.names.iter().zip(judged).map(report).collect();
        for record in records {
            if let Some(label) = reports.get_mut(&record.label) {
                *label.decisions.entry(record.decision).or_default() += 1;
            }
        }
        reports
    }
}

/// Says what is worth checking by eye.
fn warn(
    labels: &BTreeMap<String, LabelIdentity>,
    images: &[Grouped<'_>],
    restored: &Restored,
    context: &Context,
) {
    let unclear = labels.iter().filter(|(_, label)| !label.evident);
    let unclear: Vec<String> = unclear.map(|(name, _)| format!("`{name}`")).collect();
    if !unclear.is_empty() {
        context.progress.note(&format!(
            "no person is on most photos of {}: all of them are kept, but those of other labels' people",
            listed(&unclear)
        ));
    }
    for (name, label) in labels {
        let later = label.same_person_as.iter().filter(|other| *other > name);
        for other in later {
            context.progress.note(&format!(
                "labels `{name}` and `{other}` seem to be about the same person"
            ));
        }
    }
    let known: BTreeSet<&str> = images
        .iter()
        .map(|image| image.item.relative.as_str())
        .collect();
    let unknown = restored.items().filter(|item| !known.contains(item));
    let unknown: Vec<String> = unknown.map(|item| format!("`{item}`")).collect();
    if !unknown.is_empty() {
        context.progress.note(&format!(
            "`{RESTORED_FILE}` names files that are no images here, or were left out for another reason: {}",
            listed(&unknown)
        ));
    }
}

/// The first few, and how many more there are.
fn listed(names: &[String]) -> String {
    let mut text = names[..names.len().min(NAMED_LABELS)].join(", ");
    if names.len() > NAMED_LABELS {
        text.push_str(&format!(" and {} more", names.len() - NAMED_LABELS));
    }
    text
}
