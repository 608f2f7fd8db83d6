//! `prepare --clean-identities` and `run` on real photos, with strangers among them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use facepipe_models::dlib::{LANDMARKS_FILE, RESNET_FILE};

use crate::helpers::{failure, json, records, run, shared, stdout, weights};
use crate::prepare::identities::reasons;
use facepipe_test_support::http_server::{HttpServer, Reply};

/// Photos of two people with strangers among them: ten and eight each.
fn real_photos(root: &Path) -> Option<PathBuf> {
    for file in [LANDMARKS_FILE, RESNET_FILE, "mtcnn_onet.pt"] {
        weights(file)?;
    }
    let (many, few) = (
        shared("data/identity/lfw_many_dev")?,
        shared("data/identity/lfw_few_dev")?,
    );
    let folders = |root: &Path| {
        let mut folders: Vec<PathBuf> = fs_err::read_dir(root)
            .expect("lists")
            .map(|entry| entry.expect("lists").path())
            .collect();
        folders.sort();
        folders
    };
    let mut strangers = folders(&few).into_iter();
    for (label, person) in folders(&many).iter().step_by(20).take(2).enumerate() {
        let to = root.join(format!("label{label}"));
        fs_err::create_dir_all(&to).expect("makes");
        for (number, photo) in folders(person).iter().take(10).enumerate() {
            fs_err::copy(photo, to.join(format!("own{number}.jpg"))).expect("copies");
        }
        for number in 0..8 {
            let photo = folders(&strangers.next().expect("enough people")).remove(0);
            fs_err::copy(photo, to.join(format!("stranger{number}.jpg"))).expect("copies");
        }
    }
    Some(root.to_owned())
}

#[test]
fn real_strangers_are_set_aside_and_one_is_restored() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let Some(photos) = real_photos(&folder.path().join("photos")) else {
        return;
    };
    let (crops, out) = (folder.path().join("crops"), folder.path().join("out"));
    stdout(&run("crop --main-only --out", &[&crops, &photos]));
    let clean = |options: &str| {
        let options = format!("prepare --json --clean-identities --device cpu {options} --out");
        run(&options, &[&out, &crops])
    };
    json(&clean(""));
    let photo_of: BTreeMap<String, String> = records(&crops.join("manifest.jsonl"))
        .iter()
        .map(|crop| (crop["file"].to_string(), crop["source"]["file"].to_string()))
        .collect();
    let (mut strangers, mut lost, mut aside) = (0, 0, Vec::new());
    for record in records(&out.join("identities.jsonl")) {
        let is_stranger = photo_of[&record["item"].to_string()].contains("/stranger");
        let is_aside = ["stranger", "nearer_to_other_label"]
            .iter()
            .any(|decision| record["decision"] == *decision);
        strangers += usize::from(is_stranger);
        if is_aside && is_stranger {
            aside.push(record["item"].as_str().expect("a text").to_owned());
        }
        lost += usize::from(is_aside && !is_stranger);
    }
    assert_eq!(lost, 0);
    assert!(
        strangers >= 14 && aside.len() + 1 >= strangers,
        "{strangers} {aside:?}"
    );
    let report = json(&clean(&format!("--restore {}", aside[0])));
    assert_eq!(report["reasons"]["stranger"], aside.len() - 1);
    assert!(!reasons(&out).contains_key(&aside[0]));
    // As well by the photo, which is in the lists beside the crop, and twice.
    let restored = |item: &str| !reasons(&out).contains_key(item);
    let photo = photo_of[&format!("\"{}\"", aside[1])]
        .trim_matches('"')
        .to_owned();
    assert!(!restored(&aside[1]));
    let report = json(&clean(&format!("--restore {photo}")));
    assert_eq!(report["reasons"]["stranger"], aside.len() - 2);
    assert!(restored(&aside[1]));
    json(&clean(&format!("--restore {photo}")));
    let error = failure(&clean("--restore label0/nobody.png"), 2);
    assert!(
        error.contains("there is no image `label0/nobody.png`"),
        "{error}"
    );
    // The same again, without the option: it is remembered.
    let again = json(&clean(""));
    assert_eq!(again, report);
}

/// Small enough for tests; the accuracy means nothing.
const SMALL: &str = "--weights none --epochs 1 --backbone resnet18 --input-size 32 --threads 1";

#[test]
fn a_run_cleans_what_it_downloads_and_not_own_folders() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let Some(photos) = real_photos(&folder.path().join("photos")) else {
        return;
    };
    let mut list = "url,label\n".to_owned();
    let root = photos.clone();
    let server = HttpServer::start(move |asked| {
        let photo = fs_err::read(root.join(asked.path.trim_start_matches('/')));
        photo.map_or_else(|_| Reply::new(404, "gone"), |bytes| Reply::new(200, bytes))
    });
    for entry in walkdir::WalkDir::new(&photos)
        .min_depth(2)
        .sort_by_file_name()
    {
        let entry = entry.expect("lists");
        let below = entry.path().strip_prefix(&photos).expect("below");
        let below = below.to_str().expect("a text");
        let label = below.split('/').next().expect("a label");
        list.push_str(&format!("{},{label}\n", server.url(&format!("/{below}"))));
    }
    let urls = folder.path().join("list.csv");
    fs_err::write(&urls, list).expect("writes");
    let project = |name: &str| folder.path().join(name);
    let fetched =
        format!("run --json --source urls --allow-private --host-rate unlimited {SMALL} --out");
    let output = run(&fetched, &[&project("fetched"), Path::new("--urls"), &urls]);
    let prepared = &json(&output)["stages"]["prepare"];
    assert!(
        prepared["reasons"]["stranger"].as_u64() >= Some(14),
        "{prepared}"
    );
    assert_eq!(prepared["identities"]["label0"]["evident"], true);
    let own = format!("run --json {SMALL} --out");
    let output = run(&own, &[&project("own"), Path::new("--from"), &photos]);
    let prepared = &json(&output)["stages"]["prepare"];
    assert_eq!(prepared["reasons"].get("stranger"), None, "{prepared}");
    assert_eq!(prepared.get("identities"), None);
}
