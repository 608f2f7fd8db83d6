//! `prepare --clean-identities`: with drawn faces that a drawn network separates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use facepipe_core::context::{Context, Interrupt, Remake};
use facepipe_core::ports::{
    DetectorError, EmbedderError, FaceDetector, FaceDetectorFactory, FaceEmbedder,
    FaceEmbedderFactory, LandmarkModel, SilentProgress,
};
use facepipe_core::types::{
    ChipForm, DetectedFace, EmbedderModel, Embedding, EyeCornersNose, FaceBox, PixelRect,
};
use facepipe_faces::embed_images::ImageEmbedder;
use facepipe_prepare::{
    Conflicts, GivenSplit, LinkMode, PrepareError, PrepareReport, RESTORED_FILE, Settings,
    SideSize, SplitBy,
};
use image::{Rgb, RgbImage};
use serde_json::Value;

use super::drawn_embedder::{DRAWN_FORM, DRAWN_LENGTH, drawn_model};
use crate::helpers::{failure, picture, records, run, snapshot, write_png};

/// A face: a wall of the person's colour, of which a corner distinguishes one photo from another.
fn face(person: [u8; 3], number: u32) -> RgbImage {
    let corner = picture(number);
    RgbImage::from_fn(96, 72, |x, y| {
        if x < 12 && y < 9 {
            return *corner.get_pixel(x * 5, y * 5);
        }
        Rgb(person.map(|value| value.saturating_add((number % 7) as u8)))
    })
}

const ADA: [u8; 3] = [200, 40, 40];
const GRACE: [u8; 3] = [30, 60, 210];
const WALL: [u8; 3] = [0, 0, 0];

/// Finds a face on everything but a black wall; embeds its colour.
#[derive(Default)]
struct Drawn {
    embedded: Arc<AtomicUsize>,
}

impl FaceDetectorFactory for Drawn {
    fn name(&self) -> &str {
        "drawn"
    }

    fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
        Ok(Box::new(Self::default()))
    }
}

impl FaceDetector for Drawn {
    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
        let face = DetectedFace {
            rect: PixelRect::from([20, 12, 76, 68]),
            score: 1.0,
            landmarks: None,
        };
        let is_wall = photo.get_pixel(48, 40).0[0] < 10;
        Ok(if is_wall { Vec::new() } else { vec![face] })
    }
}

impl LandmarkModel for Drawn {
    fn landmarks(&self, _: &RgbImage, _: FaceBox) -> EyeCornersNose {
        EyeCornersNose([[60, 35], [54, 35], [36, 35], [42, 35], [48, 46]])
    }
}

impl FaceEmbedderFactory for Drawn {
    fn model(&self) -> &EmbedderModel {
        drawn_model()
    }

    fn create(&self) -> Box<dyn FaceEmbedder> {
        Box::new(Self {
            embedded: Arc::clone(&self.embedded),
        })
    }
}

impl FaceEmbedder for Drawn {
    fn forms(&self) -> &[ChipForm] {
        &[DRAWN_FORM]
    }

    fn embed(&mut self, faces: &[Vec<RgbImage>]) -> Result<Vec<Embedding>, EmbedderError> {
        self.embedded.fetch_add(faces.len(), Ordering::Relaxed);
        let embed = |chips: &Vec<RgbImage>| {
            let mut numbers = [0.1; DRAWN_LENGTH];
            for (number, value) in numbers.iter_mut().zip(chips[0].get_pixel(75, 75).0) {
                *number = f32::from(value) / 200.0;
            }
            Embedding::new(numbers)
        };
        Ok(faces.iter().map(embed).collect())
    }
}

/// Ada's and Grace's photos, with strangers among them, and a wall.
fn drawn_photos(root: &Path) -> PathBuf {
    let input = root.join("in");
    for number in 0..10 {
        write_png(&input.join(format!("ada/{number}.png")), &face(ADA, number));
        write_png(
            &input.join(format!("grace/{number}.png")),
            &face(GRACE, 20 + number),
        );
    }
    for (number, colour) in [[250, 250, 0], [20, 250, 20], [250, 0, 250]]
        .iter()
        .enumerate()
    {
        let stranger = face(*colour, 40 + number as u32);
        write_png(&input.join(format!("ada/stranger{number}.png")), &stranger);
    }
    write_png(&input.join("ada/grace.png"), &face(GRACE, 50));
    write_png(&input.join("ada/wall.png"), &face(WALL, 60));
    input
}

const SETTINGS: Settings = Settings {
    train: SideSize::Share(0.7),
    val: SideSize::Share(0.15),
    test: SideSize::Share(0.15),
    min_per_side: 0,
    split_by: SplitBy::Chance,
    given_split: GivenSplit::Clean,
    folds: None,
    shards: None,
    keep_split: None,
    phash_distance: None,
    rotations: false,
    keep_duplicates: false,
    conflicts: Conflicts::Drop,
    link: LinkMode::Copy,
    min_per_class: 1,
    embeddings: true,
    clean_identities: true,
    nearest_pairs: Settings::DEFAULT_NEAREST_PAIRS,
    seed: 0,
};

/// Prepares; gives the report and how many chips were embedded.
fn prepare(
    input: &Path,
    out: &Path,
    settings: &Settings,
    threads: usize,
) -> Result<(PrepareReport, usize), PrepareError> {
    let embedded = Arc::new(AtomicUsize::new(0));
    let embedder = ImageEmbedder {
        detectors: Box::new(Drawn::default()),
        landmarks: Box::new(Drawn::default()),
        embedders: Box::new(Drawn {
            embedded: Arc::clone(&embedded),
        }),
    };
    let context = Context {
        progress: Arc::new(SilentProgress),
        interrupt: Interrupt::default(),
        threads: threads.try_into().expect("not zero"),
        seed: 0,
        remake: Remake::default(),
    };
    let report = facepipe_prepare::run(input, out, settings, Some(&embedder), &context)?;
    Ok((report, embedded.load(Ordering::Relaxed)))
}

fn by_item(path: &Path, key: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let records = records(path);
    records
        .iter()
        .map(|record| (text(&record["item"]), text(&record[key])))
        .collect()
}

pub(crate) fn reasons(out: &Path) -> BTreeMap<String, String> {
    by_item(&out.join("discarded.jsonl"), "reason")
}

#[test]
fn strangers_are_listed_with_distance_and_reason_and_nothing_is_deleted() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = drawn_photos(folder.path());
    let before = snapshot(&input, &[]);
    let out = folder.path().join("out");
    let (report, _) = prepare(&input, &out, &SETTINGS, 2).expect("prepares");
    assert!(snapshot(&input, &[]) == before, "the input is only read");
    let expected = [
        ("ada/grace.png", "nearer_to_other_label"),
        ("ada/stranger0.png", "stranger"),
        ("ada/stranger1.png", "stranger"),
        ("ada/stranger2.png", "stranger"),
    ];
    let expected = expected.map(|(item, reason)| (item.to_owned(), reason.to_owned()));
    assert_eq!(reasons(&out), BTreeMap::from(expected));
    let messages = by_item(&out.join("discarded.jsonl"), "message");
    let of_grace = &messages["ada/grace.png"];
    assert!(of_grace.contains("from the centre of `ada`"), "{of_grace}");
    assert!(of_grace.contains("from that of `grace`"), "{of_grace}");
    let decisions = by_item(&out.join("identities.jsonl"), "decision");
    assert_eq!(decisions.len(), 25);
    assert_eq!(
        decisions["ada/wall.png"], "doubtful",
        "it has no face to compare"
    );
    assert_eq!(decisions["ada/3.png"], "kept");
    assert_eq!((report.images.kept, report.images.discarded), (21, 4));
    let labels = report.identities.expect("labels were cleaned");
    assert!(labels["ada"].evident && labels["grace"].evident);
    for label in ["ada", "grace"] {
        let sheet = out.join(format!("report/{label}/identities.png"));
        let sheet = image::open(&sheet).expect("a picture");
        assert!(sheet.width() > 1000 && sheet.height() > 150);
    }
    let page = fs_err::read_to_string(out.join("report.html")).expect("reads");
    assert!(page.contains("href=\"report/ada/identities.png\""));
}

#[test]
fn the_proof_separates_faces_of_one_label_from_those_of_two() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = drawn_photos(folder.path());
    let out = folder.path().join("out");
    prepare(&input, &out, &SETTINGS, 2).expect("prepares");
    let proof = fs_err::read(out.join("proof.json")).expect("reads");
    let proof: Value = serde_json::from_slice(&proof).expect("JSON");
    let nearest = proof["nearest"].as_array().expect("a list");
    let of = |measure: &str| -> Vec<f64> {
        let of_measure = nearest.iter().filter(|one| one["measure"] == measure);
        of_measure
            .filter_map(|one| one["smallest"].as_f64())
            .collect()
    };
    // Shades of one colour, and two colours.
    let (same, other) = (of("embedding_same_label"), of("embedding_other_label"));
    assert_eq!((same.len(), other.len()), (3, 3), "three pairs of sides");
    assert!(same.iter().all(|distance| *distance < 0.06), "{same:?}");
    assert!(
        other.iter().all(|distance| (1.0..1.4).contains(distance)),
        "{other:?}"
    );
    let page = fs_err::read_to_string(out.join("report.html")).expect("reads");
    assert!(page.contains("faces of two labels"));
}

#[test]
fn restored_images_stay_and_need_no_force() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = drawn_photos(folder.path());
    let out = folder.path().join("out");
    let (_, embedded) = prepare(&input, &out, &SETTINGS, 2).expect("prepares");
    assert!(embedded >= 24, "{embedded}");
    let list = out.join(RESTORED_FILE);
    fs_err::write(&list, "# my own\nada/stranger1.png\nada/nobody.png\n").expect("writes");
    let (report, embedded) = prepare(&input, &out, &SETTINGS, 2).expect("prepares again");
    assert_eq!(embedded, 0, "all embeddings are known");
    assert_eq!(report.images.kept, 22);
    assert!(!reasons(&out).contains_key("ada/stranger1.png"));
    let decisions = by_item(&out.join("identities.jsonl"), "decision");
    assert_eq!(decisions["ada/stranger1.png"], "restored");
    let state = snapshot(&out, &[]);
    let (again, _) = prepare(&input, &out, &SETTINGS, 2).expect("is up to date");
    assert_eq!(again, report);
    assert!(snapshot(&out, &[]) == state, "nothing was written");
    // Another setting is still refused, with or without a change of the list.
    let other = Settings {
        seed: 1,
        ..SETTINGS
    };
    for text in ["ada/stranger1.png\n", "ada/stranger2.png\n"] {
        fs_err::write(&list, text).expect("writes");
        let error = prepare(&input, &out, &other, 2).expect_err("another seed");
        assert!(error.to_string().contains("seed: 0 → 1"), "{error}");
    }
    fs_err::remove_file(&list).expect("removes");
    let (report, _) = prepare(&input, &out, &SETTINGS, 2).expect("prepares");
    assert_eq!(report.images.kept, 21);
}

#[test]
fn threads_and_cached_embeddings_leave_no_trace_in_the_files() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = drawn_photos(folder.path());
    let out = |name: &str| folder.path().join(name);
    prepare(&input, &out("one"), &SETTINGS, 1).expect("prepares");
    prepare(&input, &out("many"), &SETTINGS, 5).expect("prepares");
    // The lines of the cache come in the order in which the images were done.
    let files = |name: &str| snapshot(&out(name), &["report.json", "hashes.jsonl"]);
    assert!(files("one") == files("many"));
    // An interrupted run that knows some embeddings already.
    fs_err::create_dir_all(out("some").join("cache")).expect("makes");
    let cache = fs_err::read(out("one").join("cache/embeddings.bin")).expect("reads");
    fs_err::copy(
        out("one").join("stage.json"),
        out("some").join("stage.json"),
    )
    .expect("copies");
    let stamp = fs_err::read_to_string(out("some").join("stage.json")).expect("reads");
    let begun = stamp.replace("\"complete\": true", "\"complete\": false");
    assert_ne!(begun, stamp);
    fs_err::write(out("some").join("stage.json"), begun).expect("writes");
    let half = &cache[..cache.len() / 2];
    fs_err::write(out("some").join("cache/embeddings.bin"), half).expect("writes");
    let (_, embedded) = prepare(&input, &out("some"), &SETTINGS, 3).expect("continues");
    assert!((12..24).contains(&embedded), "{embedded}");
    assert!(files("one") == files("some"));
}

#[test]
fn without_cleaning_nothing_is_compared_and_old_sheets_are_removed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = drawn_photos(folder.path());
    let out = folder.path().join("out");
    prepare(&input, &out, &SETTINGS, 2).expect("prepares");
    let stamp = out.join("stage.json");
    let text = fs_err::read_to_string(&stamp).expect("reads");
    let mut begun: Value = serde_json::from_str(&text).expect("JSON");
    begun["settings"]["clean_identities"] = false.into();
    begun["settings"]["embeddings"] = false.into();
    begun["complete"] = false.into();
    let inputs = begun["inputs"].as_object_mut().expect("inputs");
    let embedder = inputs.remove("embedder").expect("its embedder");
    assert_eq!(embedder, "drawn, found by drawn");
    fs_err::write(&stamp, begun.to_string()).expect("writes");
    let settings = Settings {
        embeddings: false,
        clean_identities: false,
        ..SETTINGS
    };
    let (report, embedded) = prepare(&input, &out, &settings, 2).expect("prepares");
    assert_eq!((report.images.kept, embedded), (25, 0));
    assert_eq!(report.identities, None);
    assert!(!out.join("identities.jsonl").exists() && !out.join("report").exists());
}

#[test]
fn missing_needs_and_wrong_restores_are_reported() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let input = drawn_photos(folder.path());
    let out = folder.path().join("out");
    let error = failure(
        &run("prepare --restore ada/1.png --out", &[&out, &input]),
        2,
    );
    assert!(error.contains("add `--clean-identities`"), "{error}");
    let nothing = folder.path().join("nothing");
    let options = "prepare --device cpu --clean-identities --weights-dir";
    let output = run(options, &[&nothing, &input, Path::new("--out"), &out]);
    if cfg!(feature = "torch") {
        let error = failure(&output, 1);
        assert!(error.contains("hint: run `facepipe models pull"), "{error}");
    } else {
        let error = failure(&output, 2);
        assert!(
            error.contains("--clean-identities needs libtorch"),
            "{error}"
        );
    }
    assert!(!out.exists(), "nothing was begun");
}
