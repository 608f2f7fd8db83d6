//! Duplicates by face: one photo of one face, in other crops and in photos with other surroundings.
//!
//! Where the faces' embeddings are near, the details of the aligned faces are compared like those of pictures (see
//! [`detail_comparison`]): an embedding says whose face it is, not which photo it is from.

use super::PrepareError;
use super::embeddings::Embeddings;
use super::items::Item;
use super::near_embeddings::near_pairs;
use super::relations::{self, Link, Why};
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::types::Embedding;
use facepipe_imaging::detail_comparison::{self, Agreement};

/// Distance of the hashes of the aligned faces up to which they may be from one photo, in bits of 256:
/// measured, 95 of 100 are within 30, and of other photos of the person half are 53 or more apart.
pub(super) const NEAR_HASHES: u32 = 40;
/// Most faces that one face is compared with, the nearest.
const MOST_OTHERS: usize = 16;

/// Links of images of one photo's face. Of pictures that are known to be the same only the first is compared.
pub(super) fn find(
    items: &[Item],
    embeddings: &Embeddings,
    links: &[Link],
    context: &Context,
) -> Result<Vec<Link>, PrepareError> {
    let Some(distances) = embeddings.distances() else {
        return Ok(Vec::new());
    };
    let mut pictures = relations::pictures(items.len(), links);
    let first = (0..items.len()).filter(|at| pictures.find(*at) == *at);
    let (owners, faces): (Vec<usize>, Vec<_>) = first
        .filter_map(|at| Some((at, embeddings.face(&items[at].features.md5)?)))
        .unzip();
    let points: Vec<&Embedding> = faces.iter().map(|face| &face.embedding).collect();
    let mut candidates: Vec<Vec<(usize, f32)>> = vec![Vec::new(); faces.len()];
    near_pairs(&points, distances.one_photo, context, |a, b, distance| {
        if faces[a].hash.distance(faces[b].hash) <= NEAR_HASHES {
            let others = &mut candidates[a];
            others.push((b, distance));
            if others.len() > 4 * MOST_OTHERS {
                keep_nearest(others);
            }
        }
    })?;
    candidates.iter_mut().for_each(keep_nearest);
    let details = |at: usize| relations::details(&items[owners[at]], Some(&faces[at].place));
    let wanted: Vec<usize> = (0..faces.len())
        .filter(|at| !candidates[*at].is_empty())
        .collect();
    let bar = context.progress.start("faces", Some(wanted.len() as u64));
    let mut found = Vec::new();
    parallel::for_each_in_order(
        &wanted,
        context.threads,
        || Ok(()),
        |(), _, a| {
            let own = details(*a)?;
            let links = candidates[*a].iter().map(|(b, distance)| {
                let agreement = detail_comparison::agreement(&own, &details(*b)?);
                let agreement = agreement.filter(|found| found.reaches(Agreement::needed(true)));
                Ok(agreement.map(|agreement| Link {
                    a: owners[*a].min(owners[*b]),
                    b: owners[*a].max(owners[*b]),
                    why: Why::Face {
                        embedding: f64::from(*distance),
                        agreement: agreement.large,
                    },
                }))
            });
            links.collect::<Result<Vec<_>, PrepareError>>()
        },
        |links: Result<Vec<Option<Link>>, PrepareError>| {
            context.interrupt.check()?;
            bar.advance(1);
            found.extend(links?.into_iter().flatten());
            Ok::<_, PrepareError>(())
        },
    )?;
    Ok(found)
}

/// Keeps the nearest of those that a face is to be compared with.
fn keep_nearest(others: &mut Vec<(usize, f32)>) {
    others.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    others.truncate(MOST_OTHERS);
}
