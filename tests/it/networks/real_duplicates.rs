//! `facepipe prepare` on duplicates of real photos.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use facepipe_imaging::image_io;
use image::imageops::{self, FilterType};

use crate::helpers::{run, shared, stdout, write};
use crate::prepare::duplicates::{groups, left_out, prepare};

/// Copies images into a folder for each folder that they come from, and prepares these with all
/// that belongs together kept; gives the group of each image.
fn groups_of_photos(
    data: &Path,
    photos: &BTreeSet<String>,
    folder: &Path,
) -> BTreeMap<String, String> {
    let input = folder.join("in");
    let place = |photo: &str| photo.replacen('/', "-", photo.matches('/').count() - 1);
    for photo in photos {
        let bytes = fs_err::read(data.join(photo)).expect("reads");
        write(&input.join(place(photo)), &bytes);
    }
    let out = folder.join("out");
    let options = "prepare --json --device cpu --keep-duplicates --conflicts keep --out";
    stdout(&run(options, &[&out, &input]));
    let (groups, left_out) = (groups(&out), left_out(&out));
    let group = |photo: &String| {
        let place = place(photo);
        let kept = groups
            .get(&place)
            .or_else(|| groups.get(left_out.get(&place)?.1.first()?));
        Some((photo.clone(), kept?.0.clone()))
    };
    photos.iter().filter_map(group).collect()
}

#[test]
fn all_pairs_of_one_photo_are_found_and_no_others() {
    let Some(data) = shared("data") else {
        return;
    };
    let list = fs_err::read_to_string(data.join("pairs/near_duplicates_dev.csv")).expect("reads");
    let pairs: Vec<Vec<&str>> = list
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect())
        .collect();
    let photos = pairs
        .iter()
        .flat_map(|pair| [pair[0].to_owned(), pair[1].to_owned()])
        .collect();
    let folder = tempfile::tempdir().expect("temporary folder");
    let groups = groups_of_photos(&data, &photos, folder.path());
    for pair in pairs {
        let same = match (groups.get(pair[0]), groups.get(pair[1])) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        };
        match pair[2] {
            "exact" | "same_photo" | "resized" | "same_photo_padded" => assert!(same, "{pair:?}"),
            "different" => assert!(!same, "{pair:?}"),
            _ => {}
        }
    }
}

#[test]
fn photos_in_both_folders_are_reported_as_conflicts() {
    let Some(photos) = shared("data/identity/sarah_connor_raw") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = folder.path().join("out");
    stdout(&prepare(&photos, &out, ""));
    let left_out = left_out(&out);
    // The truth is found by another way: small grey pictures that are almost equal.
    let small: Vec<(String, Vec<f64>)> = walkdir::WalkDir::new(&photos)
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let decoded = image_io::decode(&fs_err::read(entry.path()).ok()?).ok()?;
            let grey = imageops::grayscale(&decoded.rgb);
            let grey = imageops::resize(&grey, 48, 36, FilterType::Triangle);
            let values: Vec<f64> = grey
                .as_raw()
                .iter()
                .map(|value| f64::from(*value))
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
            let length = centred
                .iter()
                .map(|value| value * value)
                .sum::<f64>()
                .sqrt();
            let name = entry.path().strip_prefix(&photos).ok()?;
            let unit = centred.iter().map(|value| value / length).collect();
            Some((name.to_string_lossy().into_owned(), unit))
        })
        .collect();
    let label = |name: &str| name.split('/').next().map(str::to_owned);
    let mut both = 0;
    for (at, (a, a_values)) in small.iter().enumerate() {
        for (b, b_values) in &small[..at] {
            let alike: f64 = a_values.iter().zip(b_values).map(|(a, b)| a * b).sum();
            if label(a) != label(b) && alike > 0.995 {
                both += 1;
                for name in [a, b] {
                    assert_eq!(left_out[name].0, "label_conflict", "{name}");
                }
            }
        }
    }
    assert!(both >= 4, "{both}");
}
