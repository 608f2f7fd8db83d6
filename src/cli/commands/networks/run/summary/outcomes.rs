//! What became of photos and faces, in lines that add up.

use facepipe_core::ledger::{Tally, UNUSABLE_PHOTO};
use facepipe_core::types::Split;
use facepipe_core::words::counted;

/// The lines of a tally: found, used, and the others by reason, the most frequent first.
pub(super) fn lines(tally: &Tally, noun: &str) -> Vec<String> {
    let of_side = |side: &Split| Some(format!("{} {side}", tally.used.get(side)?));
    let sides: Vec<String> = Split::ALL.iter().filter_map(of_side).collect();
    let used = match sides.as_slice() {
        [] => "used".to_owned(),
        sides => format!("used ({})", sides.join(", ")),
    };
    let mut lines = vec![
        format!("{} found", counted(tally.found, noun)),
        line(tally.used(), &used),
    ];
    let mut reasons: Vec<(&String, &u64)> = tally.left_out.iter().collect();
    reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), *reason));
    for (reason, count) in reasons {
        let why = words(reason).map_or_else(
            || reason.clone(),
            |words| match reason.as_str() {
                UNUSABLE_PHOTO => words.to_owned(),
                code => format!("{words} ({code})"),
            },
        );
        lines.push(line(*count, &format!("left out: {why}")));
    }
    lines
}

fn line(count: u64, text: &str) -> String {
    format!("{count:>6}  {text}")
}

/// A reason in words; `None` where its code says it.
fn words(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "unreadable" => "not an image, damaged, or can't be opened",
        "no_label" => "in no person's folder",
        "no_face" => "no face was found",
        "too_small" => "face too small",
        "low_quality" => "face of low quality",
        "detector_failed" => "the detector failed",
        "not_main" => "not the main face of the photo",
        "not_largest" => "not the largest face of the photo",
        "exact_duplicate" => "the same as another",
        "near_duplicate" => "the same picture as another, saved or cut otherwise",
        "label_conflict" => "also under another name",
        "stranger" => "not the person of the folder",
        "nearer_to_other_label" => "the person of another folder",
        "split_leak" => "also on a side farther from training",
        "class_too_small" => "too few of the person",
        "over_limit" => "more than requested",
        UNUSABLE_PHOTO => "in photos that were left out above",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn lines_have_each_side_and_each_reason() {
        let tally = Tally {
            found: 10,
            used: BTreeMap::from([(Split::Train, 5), (Split::Test, 1)]),
            left_out: BTreeMap::from([("no_face".into(), 1), (UNUSABLE_PHOTO.into(), 3)]),
        };
        assert_eq!(
            lines(&tally, "face"),
            [
                "10 faces found",
                "     6  used (5 train, 1 test)",
                "     3  left out: in photos that were left out above",
                "     1  left out: no face was found (no_face)",
            ]
        );
    }
}
