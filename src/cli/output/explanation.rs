//! What `prepare --explain` prints without `--json`.

use facepipe_imaging::detail_comparison::Agreement;
use facepipe_imaging::perceptual_hash::PerceptualHash;
use facepipe_prepare::{Explanation, ImageFacts};

/// The explanation, the verdict first.
pub(crate) fn lines(explanation: &Explanation) -> Vec<String> {
    let Explanation { a, b, .. } = explanation;
    let verdict = match (explanation.duplicates, explanation.same_group) {
        (true, _) => "the same picture",
        (false, true) => "two pictures of one group, which stays on one side",
        (false, false) => "two pictures that have nothing to do with each other",
    };
    let mut lines = vec![format!("{} and {}: {verdict}", named(a), named(b))];
    for step in &explanation.steps {
        lines.push(format!(
            "  `{}` – `{}`: {}",
            step.from_name, step.to_name, step.why
        ));
    }
    let all = PerceptualHash::BITS;
    let limit = explanation.distance_limit;
    let limit = limit.map_or_else(
        || "not compared".to_owned(),
        |limit| format!("limit {limit}"),
    );
    let yes_or_no = |equal: bool| if equal { "equal" } else { "different" };
    lines.push(format!("  bytes: {}", yes_or_no(explanation.same_bytes)));
    lines.push(format!("  pixels: {}", yes_or_no(explanation.same_pixels)));
    let mut hash = |what: &str, distance: Option<u32>| {
        if let Some(distance) = distance {
            lines.push(format!(
                "  {what}: {distance} of {all} bits differ ({limit})"
            ));
        }
    };
    hash("whole pictures", Some(explanation.picture_distance));
    hash(
        "faces, or pictures inside their frames",
        Some(explanation.view_distance),
    );
    hash("turned or mirrored", explanation.turned_distance);
    hash("the photos they come from", explanation.photo_distance);
    let agreement = |found: Option<Agreement>, limit: Agreement| match found {
        None => "too few of them to decide".to_owned(),
        Some(found) => format!(
            "the least of 16 parts by {:.2} (limit {:.2}), nine of ten of 64 parts by {:.2} (limit {:.2})",
            found.large, limit.large, found.small, limit.small
        ),
    };
    lines.push(if explanation.compared_by_details {
        let found = agreement(explanation.details, explanation.details_limit);
        format!("  details: compared, because the hashes are near: agree, {found}")
    } else {
        "  details: not compared, because the hashes are too far apart or near enough already"
            .to_owned()
    });
    let distance = explanation.embedding_distance;
    if let Some((distance, limit)) = distance.zip(explanation.embedding_limit) {
        lines.push(format!(
            "  faces: embeddings {distance:.2} apart (compared in detail up to {limit:.2})"
        ));
        lines.push(format!(
            "  details of the aligned faces: agree, {}",
            agreement(explanation.face_details, explanation.face_details_limit)
        ));
    }
    lines.extend([a, b].map(fate));
    lines
}

/// An image's name and, where it was cut from a photo, its own file.
fn named(image: &ImageFacts) -> String {
    if image.name == image.file {
        return format!("`{}`", image.file);
    }
    format!("`{}` (`{}`)", image.name, image.file)
}

fn fate(image: &ImageFacts) -> String {
    let what = match (&image.split, &image.discarded) {
        (Some(split), _) => format!("goes to {split}"),
        (None, Some(record)) => format!("left out: {} ({})", record.message, record.reason),
        (None, None) => "left out".to_owned(),
    };
    format!(
        "{}: label `{}`, {} pixels, md5 {}, pixels {}, group of {}; {what}",
        named(image),
        image.label,
        image.size,
        image.md5,
        image.pixel_digest,
        image.group_images
    )
}
