//! Aligned faces: the chip from a saved crop against the one from the photo.

use std::path::Path;

use facepipe_adapters::dlib_landmarks::DlibLandmarkModel;
use facepipe_core::types::{CropPlace, DetectedFace, EyeCornersNose, Size};
use facepipe_faces::dlib_box::landmarks_of;
use facepipe_faces::face_chip::chip;
use facepipe_imaging::image_io;
use facepipe_models::dlib::{LANDMARKS_FILE, face_chip};
use image::RgbImage;
use serde_json::Value;

use crate::helpers::{facepipe, json, records, run, shared, weights, write_png};

const NETWORK_INPUT: Size = Size::new(face_chip::CHIP_SIDE, face_chip::CHIP_SIDE);

fn picture(path: &Path) -> RgbImage {
    let bytes = image_io::read_bytes(path).expect("reads");
    image_io::decode(&bytes).expect("decodes").rgb
}

/// A crop as recorded in the manifest.
struct Crop {
    pixels: RgbImage,
    place: CropPlace,
    /// The landmarks that the model finds in the photo again.
    points: EyeCornersNose,
    photo: RgbImage,
}

/// The aligned crops of `out`, which were cut from `photos`.
fn crops(out: &Path, photos: &Path, model: &DlibLandmarkModel) -> Vec<Crop> {
    let read = |record: &Value| {
        let photo = picture(&photos.join(record["source"]["file"].as_str().expect("a path")));
        let face: DetectedFace = serde_json::from_value(record.clone()).expect("a face");
        Crop {
            pixels: picture(&out.join(record["file"].as_str().expect("a path"))),
            place: serde_json::from_value(record["place"].clone()).expect("aligned"),
            points: landmarks_of(model, &photo, &face),
            photo,
        }
    };
    records(&out.join("manifest.jsonl"))
        .iter()
        .map(read)
        .collect()
}

fn landmark_model() -> Option<DlibLandmarkModel> {
    let file = weights(LANDMARKS_FILE)?;
    let folder = file.parent().expect("has a parent");
    Some(DlibLandmarkModel::new(folder).expect("the model can be read"))
}

#[test]
fn chips_from_saved_crops_are_those_from_the_photos() {
    let (Some(photos), Some(model)) = (shared("data/identity/celeb5_raw"), landmark_model()) else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = folder.path().join("crops");
    json(&run("crop --json --detector seeta --out", &[&out, &photos]));
    let crops = crops(&out, &photos, &model);
    assert!(crops.len() >= 100, "{}", crops.len());
    for crop in &crops {
        let direct = face_chip::cut(&crop.photo, &crop.points);
        assert!(*chip(&crop.pixels, Some(&crop.place), NETWORK_INPUT) == direct);
        assert!(Size::of(&crop.pixels).area() < Size::of(&crop.photo).area());
    }
}

#[test]
fn the_data_set_gives_the_chips_that_the_crops_give() {
    let (Some(photos), Some(_)) = (shared("data/identity/bbt8"), weights(LANDMARKS_FILE)) else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (crops, data) = (folder.path().join("crops"), folder.path().join("data"));
    json(&run(
        "crop --json --detector seeta --out",
        &[&crops, &photos],
    ));
    json(&run("prepare --json --out", &[&data, &crops]));
    let set = facepipe_imaging::data_set::read(&data).expect("reads");
    let lines = records(&data.join("manifest.jsonl"));
    let of_crop = records(&crops.join("manifest.jsonl"));
    let mut compared = 0;
    for example in set.sides.values().flatten() {
        let line = lines.iter().find(|line| line["file"] == example.file);
        let source = &line.expect("each image is in the manifest")["source"];
        let crop = of_crop.iter().find(|crop| crop["file"] == *source);
        let crop = crop.expect("each image was a crop");
        let place = serde_json::to_value(example.place).expect("JSON");
        assert_eq!(place, crop["place"]);
        assert!(example.place.is_some());
        compared += 1;
    }
    assert!(compared >= 30, "{compared}");
}

/// Faces that are larger than the limit of a crop are halved by the photo's own grid, and not by
/// that of the chip: the network should see no relevant difference.
#[cfg(feature = "torch")]
#[test]
fn the_embedding_of_a_huge_face_survives_its_crop() {
    use facepipe_adapters::embedders::dlib_embedder;
    use facepipe_core::ports::FaceEmbedderFactory;
    use facepipe_models::dlib::RESNET_FILE;
    use image::imageops::{self, FilterType};

    use crate::helpers::stdout;

    /// Two photos of one person are 0.3 to 0.6 apart.
    const NO_DIFFERENCE: f32 = 0.1;
    let (Some(photos), Some(model), Some(resnet)) = (
        shared("data/identity/orl40"),
        landmark_model(),
        weights(RESNET_FILE),
    ) else {
        return;
    };
    tch::set_num_threads(1);
    let folder = tempfile::tempdir().expect("temporary folder");
    let (large, out) = (folder.path().join("large"), folder.path().join("crops"));
    let lines = stdout(&run("detect --detector seeta", &[&photos]));
    for (number, line) in lines.lines().take(8).enumerate() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let photo = picture(Path::new(line["path"].as_str().expect("a path")));
        let (width, height) = (photo.width() * 10, photo.height() * 10);
        let enlarged = imageops::resize(&photo, width, height, FilterType::CatmullRom);
        write_png(&large.join(format!("label/{number}.png")), &enlarged);
    }
    json(&run("crop --json --detector seeta --out", &[&out, &large]));
    let factory = dlib_embedder::factory(resnet.parent().expect("has a parent"), tch::Device::Cpu)
        .expect("the model can be read");
    let mut largest: f32 = 0.0;
    let crops = crops(&out, &large, &model);
    for crop in &crops {
        assert!(crop.place.square.side() <= 512.0);
        let direct = face_chip::cut(&crop.photo, &crop.points);
        let saved = chip(&crop.pixels, Some(&crop.place), NETWORK_INPUT).into_owned();
        let both = factory
            .create()
            .embed(&[vec![direct], vec![saved]])
            .expect("embeds");
        largest = largest.max(both[0].distance(&both[1]));
    }
    println!("{} huge faces, largest distance {largest}", crops.len());
    assert!(crops.len() >= 6 && largest < NO_DIFFERENCE, "{largest}");
}

#[test]
fn without_alignment_a_crop_is_the_chip() {
    let Some(photos) = shared("data/identity/dlib_johns5") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (out, data) = (folder.path().join("crops"), folder.path().join("data"));
    let options = "crop --json --detector seeta --no-align --out";
    json(&run(options, &[&out, &photos]));
    for record in records(&out.join("manifest.jsonl")) {
        assert!(record.get("place").is_none(), "{record}");
    }
    json(&run("prepare --json --out", &[&data, &out]));
    let text = fs_err::read_to_string(data.join("dataset.json")).expect("reads");
    let description: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(description["chip"]["kind"], "box");
}

#[test]
fn a_missing_landmark_model_says_what_to_do() {
    let Some(model) = weights("seeta_fd_frontal_v1.0.bin") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let (photos, weights) = (folder.path().join("photos"), folder.path().join("weights"));
    fs_err::create_dir_all(&weights).expect("makes");
    fs_err::copy(&model, weights.join("seeta_fd_frontal_v1.0.bin")).expect("copies");
    write_png(&photos.join("ada/1.png"), &crate::helpers::picture(1));
    let output = facepipe()
        .args(["crop", "--detector", "seeta", "--out"])
        .args([folder.path().join("out"), photos])
        .arg("--weights-dir")
        .arg(weights)
        .output()
        .expect("runs");
    let error = crate::helpers::failure(&output, 1);
    assert!(
        error.contains(LANDMARKS_FILE) && error.contains("models pull"),
        "{error}"
    );
}
