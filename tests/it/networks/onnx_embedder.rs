//! Embedders in ONNX files that are not facepipe's own: SFace's file, an exported model, and wrong ones.

use std::path::{Path, PathBuf};

use facepipe_adapters::embedders::onnx::OnnxFactory;
use facepipe_core::ports::FaceEmbedderFactory as _;
use facepipe_faces::preprocess::preprocess;
use facepipe_nn::{Classifier, FoldedSFace, input_tensor};
use image::{Rgb, RgbImage};
use tch::Device;

use crate::helpers::{failure, json, run, stdout, weights, write};
use crate::networks::training::{LABELS, data_set, train};

const GRACE: &str = "tests/photos/grace_hopper.jpg";
const EILEEN: &str = "tests/photos/eileen_collins.jpg";
const QUICK: &str = "--device cpu --no-progress";
/// The file has its preprocessing inside.
const SFACE: &str = "alignment = \"arcface\"\nsize = [112, 112]\nchannels = \"RGB\"\nmean = [0, 0, 0]\n\
    std = [1, 1, 1]\ndistance = 1.128\n";

/// SFace's file with a description, in a folder.
fn sface(folder: &Path, description: &str) -> Option<PathBuf> {
    let published = weights(FoldedSFace::FILE)?;
    let file = folder.join("mine.onnx");
    fs_err::copy(published, &file).expect("copies");
    write(&folder.join("mine.toml"), description.as_bytes());
    Some(file)
}

fn numbers(line: &serde_json::Value) -> Vec<f64> {
    let numbers = line["faces"][0]["embedding"].as_array().expect("a list");
    numbers
        .iter()
        .map(|number| number.as_f64().expect("a number"))
        .collect()
}

/// The largest difference as a share of the largest number.
fn difference(one: &[f64], other: &[f64]) -> f64 {
    assert_eq!(one.len(), other.len());
    let largest = one
        .iter()
        .fold(0.0_f64, |most, number| most.max(number.abs()));
    let pairs = one.iter().zip(other);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest
}

#[test]
fn sfaces_own_file_gives_the_embeddings_of_sface() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let Some(file) = sface(folder.path(), SFACE) else {
        return;
    };
    let of = |embedder: &Path, options: &str| {
        let command = format!("embed {QUICK} {options} --embedder");
        let photo = Path::new(GRACE);
        serde_json::from_str(&stdout(&run(&command, &[embedder, photo]))).expect("a line")
    };
    for options in ["", "--plain"] {
        let [mine, known] =
            [file.as_path(), Path::new("sface")].map(|name| numbers(&of(name, options)));
        let difference = difference(&mine, &known);
        assert!(difference < 1e-4, "{options} {difference}");
    }
    let verify = |embedder: &Path| {
        let photos = [embedder, Path::new(GRACE), Path::new(EILEEN)];
        json(&run(&format!("verify {QUICK} --json --embedder"), &photos))
    };
    let (mine, known) = (verify(&file), verify(Path::new("sface")));
    assert_eq!(mine["same"], known["same"]);
    let distance =
        |report: &serde_json::Value| report["pairs"][0]["distance"].as_f64().expect("a distance");
    assert!(
        (distance(&mine) - distance(&known)).abs() < 1e-4,
        "{mine} {known}"
    );
}

#[test]
fn the_description_decides_how_chips_become_numbers() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let Some(file) = sface(folder.path(), SFACE) else {
        return;
    };
    let chip = RgbImage::from_fn(112, 112, |x, y| Rgb([x as u8, y as u8, (x * y / 50) as u8]));
    let mut swapped = chip.clone();
    swapped.pixels_mut().for_each(|pixel| pixel.0.reverse());
    let embed = |description: &str, chip: &RgbImage| -> Vec<f64> {
        write(&folder.path().join("mine.toml"), description.as_bytes());
        let factory = OnnxFactory::open(&file).expect("opens");
        let found = factory
            .create()
            .embed(&[vec![chip.clone()]])
            .expect("embeds");
        found[0]
            .numbers()
            .iter()
            .map(|number| f64::from(*number))
            .collect()
    };
    let plain = embed(SFACE, &chip);
    assert_eq!(embed(&SFACE.replace("RGB", "BGR"), &swapped), plain);
    assert!(difference(&embed(SFACE, &swapped), &plain) > 0.1);
    let dim = RgbImage::from_fn(112, 112, |x, y| {
        Rgb([x as u8, y as u8, (x * y / 120) as u8])
    });
    let mut brighter = dim.clone();
    for pixel in brighter.pixels_mut() {
        pixel.0 = pixel.0.map(|value| 2 * value + 10);
    }
    let shifted = SFACE
        .replace("mean = [0, 0, 0]", "mean = [10, 10, 10]")
        .replace("std = [1, 1, 1]", "std = [2, 2, 2]");
    assert_eq!(embed(&shifted, &brighter), embed(SFACE, &dim));
    // By onnxruntime 1.32 on the same weights as floats: the first numbers and the length.
    let drawn = RgbImage::from_fn(112, 112, |x, y| {
        Rgb([0, 1, 2].map(|channel| ((7 * x + 13 * y + 50 * channel) % 256) as u8))
    });
    let found = embed(SFACE, &drawn);
    let expected = [0.276_863_1, 0.499_833_0, 0.189_486_3, 0.264_104_2];
    for (number, expected) in found.iter().zip(expected) {
        assert!((number - expected).abs() < 1e-4, "{number} {expected}");
    }
    let length = found
        .iter()
        .map(|number| number * number)
        .sum::<f64>()
        .sqrt();
    assert!((length - 3.750_484_7).abs() < 1e-4, "{length}");
    let factory = OnnxFactory::open(&file).expect("opens");
    let model = factory.model();
    assert_eq!(
        (model.name.as_str(), model.length, model.files.len()),
        ("mine.onnx", 128, 2)
    );
    let sface = facepipe_adapters::embedders::sface_embedder::DISTANCES;
    assert_eq!(model.distances, sface.with_same_person(1.128));
}

#[test]
fn an_exported_model_is_an_embedder_by_the_value_before_its_head() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (data, model) = (data_set(root.path(), &LABELS), root.path().join("model"));
    stdout(&train("--epochs 1", &data, &model));
    stdout(&run("export --format onnx", &[&model]));
    let file = model.join("export/model.onnx");
    let classifier = Classifier::open(&model, Device::Cpu).expect("opens");
    let input = &classifier.card().input;
    let bytes = |values: [f32; 3]| values.map(|value| value * input.scale);
    let (mean, std) = (bytes(input.mean), bytes(input.std));
    let [width, height] = [input.size.width, input.size.height];
    let description = format!(
        "alignment = \"dlib\"\nsize = [{width}, {height}]\nchannels = \"RGB\"\nmean = {mean:?}\nstd = {std:?}\n\
         distance = 1.1\n"
    );
    let beside = file.with_extension("toml");
    write(&beside, description.as_bytes());
    let Err(error) = OnnxFactory::open(&file) else {
        panic!("three outputs, and none chosen");
    };
    let error = error.to_string();
    assert!(
        error.contains("`logits`") && error.contains("output"),
        "{error}"
    );
    write(
        &beside,
        format!("{description}output = \"features\"\n").as_bytes(),
    );
    let factory = OnnxFactory::open(&file).expect("opens");
    let chips: Vec<RgbImage> = (1..20)
        .map(|number: u32| {
            RgbImage::from_fn(width, height, |x, y| {
                Rgb([(x * number) as u8, (y * 3) as u8, number as u8])
            })
        })
        .collect();
    let faces: Vec<Vec<RgbImage>> = chips.iter().map(|chip| vec![chip.clone()]).collect();
    let found = factory.create().embed(&faces).expect("embeds");
    assert_eq!(found.len(), chips.len());
    let inputs: Vec<Vec<f32>> = chips.iter().map(|chip| preprocess(chip, input)).collect();
    let features = classifier
        .features(&input_tensor(&inputs, input))
        .expect("features");
    let features = Vec::<Vec<f32>>::try_from(features).expect("rows");
    for (embedding, features) in found.iter().zip(features) {
        let [one, other] = [embedding.numbers(), &features].map(|numbers| {
            numbers
                .iter()
                .map(|number| f64::from(*number))
                .collect::<Vec<_>>()
        });
        let difference = difference(&one, &other);
        assert!(difference < 1e-4, "{difference}");
    }
}

#[test]
fn a_file_that_is_no_embedder_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let Some(file) = sface(folder.path(), &SFACE.replace("[112, 112]", "[160, 160]")) else {
        return;
    };
    let error = |file: &Path| {
        failure(
            &run(
                &format!("embed {QUICK} --embedder"),
                &[file, Path::new(GRACE)],
            ),
            1,
        )
    };
    let sizes = error(&file);
    assert!(
        sizes.contains("1, 3, 112, 112") && sizes.contains("160 by 160"),
        "{sizes}"
    );
    let beside = folder.path().join("mine.toml");
    write(&beside, format!("{SFACE}output = \"fc2\"\n").as_bytes());
    let missing = error(&file);
    assert!(
        missing.contains("`fc2`") && missing.contains("`fc1`"),
        "{missing}"
    );
    write(&beside, SFACE.replace("arcface", "eyes").as_bytes());
    assert!(error(&file).contains("mine.toml"));
    fs_err::remove_file(&beside).expect("removes");
    let lonely = error(&file);
    assert!(
        lonely.contains("mine.toml") && lonely.contains("hint:"),
        "{lonely}"
    );
    // A detector: other inputs and outputs.
    let Some(yunet) = weights("face_detection_yunet_2023mar_int8bq.onnx") else {
        return;
    };
    let other = folder.path().join("yunet.onnx");
    fs_err::copy(yunet, &other).expect("copies");
    let description = SFACE.replace("[112, 112]", "[640, 640]");
    write(&folder.path().join("yunet.toml"), description.as_bytes());
    let outputs = error(&other);
    assert!(
        outputs.contains("12 outputs") && outputs.contains("`cls_8`"),
        "{outputs}"
    );
    write(
        &folder.path().join("yunet.toml"),
        format!("{description}output = \"bbox_32\"\n").as_bytes(),
    );
    let shape = error(&other);
    assert!(shape.contains("[1, 400, 4]"), "{shape}");
    let broken = folder.path().join("broken.ONNX");
    write(&broken, b"no network");
    write(&folder.path().join("broken.toml"), SFACE.as_bytes());
    assert!(error(&broken).contains("broken.ONNX"));
    let unknown = failure(&run("embed --embedder facenet", &[Path::new(GRACE)]), 2);
    assert!(
        unknown.contains("FILE.onnx") && unknown.contains("sface"),
        "{unknown}"
    );
}
