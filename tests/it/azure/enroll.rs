//! `facepipe azure enroll` and `identify`: the notebook's exercise, with everything that can go wrong.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::azure::helpers::{Azure, finished, persons};
use crate::helpers::{failure, json as report_of, records, stdout, write, write_png};
use facepipe_test_support::azure_server::{AzureServer, Fate, OnPhoto, State};
use facepipe_test_support::http_server::ReceivedRequest;

/// The command that enrols [`persons`].
pub(crate) const ENROLL: [&str; 5] = ["enroll", "people", "--group", "friends", "--json"];

/// Names of persons with the photos of their faces, and how often each exists.
fn enrolled(azure: &Azure) -> BTreeMap<String, BTreeMap<OnPhoto, u32>> {
    azure.server.state(|state: &mut State| {
        let key = ("largepersongroups".to_owned(), "friends".to_owned());
        let mut all = BTreeMap::new();
        for person in state
            .collections
            .get(&key)
            .expect("the group is there")
            .persons
            .values()
        {
            let photos: &mut BTreeMap<_, u32> = all.entry(person.name.clone()).or_default();
            for face in person.faces.values() {
                *photos.entry(face.photo).or_default() += 1;
            }
        }
        all
    })
}

/// Every person and photo of [`persons`] exists once, and never existed twice.
pub(crate) fn assert_all_once(azure: &Azure, people: u8, photos: u8) {
    let found = enrolled(azure);
    assert_eq!(found.len(), usize::from(people), "{found:?}");
    for (name, of_person) in &found {
        assert_eq!(
            of_person.len(),
            usize::from(photos),
            "{name}: {of_person:?}"
        );
        assert!(
            of_person.values().all(|times| *times == 1),
            "{name}: {of_person:?}"
        );
    }
    let (made, added) = azure
        .server
        .state(|state| (state.persons_made, state.faces_added));
    assert_eq!(made, u32::from(people), "persons ever made");
    assert_eq!(
        added,
        u32::from(people) * u32::from(photos),
        "faces ever added"
    );
}

/// Whether a face is to be added.
pub(crate) fn is_add(request: &ReceivedRequest) -> bool {
    request.method == "POST" && request.path.contains("/persistedfaces")
}

/// Whether a person is to be made.
pub(crate) fn is_person(request: &ReceivedRequest) -> bool {
    request.method == "POST" && request.path.ends_with("/persons")
}

#[test]
fn a_folder_becomes_a_group_that_names_faces() {
    let state = State {
        training_takes: 1,
        ..State::default()
    };
    let azure = Azure::new(AzureServer::with(state, |_, _| None));
    let people = azure.path("people");
    persons(&people, 3, 2);
    write_png(
        &people.join("person_1/nobody.png"),
        &OnPhoto {
            person: 1,
            faces: 0,
            number: 5,
        }
        .drawn(),
    );
    write_png(
        &people.join("person_1/two.png"),
        &OnPhoto {
            person: 1,
            faces: 2,
            number: 6,
        }
        .drawn(),
    );
    write_png(
        &people.join("person_2/again.png"),
        &OnPhoto::of(2, 1).drawn(),
    );
    write_png(
        &people.join("person_2/tiny.png"),
        &image::RgbImage::new(64, 20),
    );
    write(&people.join("person_3/notes.txt"), b"no picture");
    let report = report_of(&azure.run(&ENROLL));
    assert_eq!(
        report["persons"],
        json!({"found": 3, "created": 3}),
        "{report}"
    );
    let photos = json!({"found": 11, "added": 6, "already_there": 0, "discarded": 5});
    assert_eq!(report["photos"], photos, "{report}");
    let reasons = json!({"exact_duplicate": 1, "no_face": 1, "several_faces": 1, "too_small": 1, "unreadable": 1});
    assert_eq!(report["reasons"], reasons, "{report}");
    assert_eq!(report["training"], "succeeded");
    let requests = azure.server.log().len() as u64;
    assert_eq!(report["transactions"], requests, "{report}");
    let discarded = records(&azure.path("data/azure/friends/discarded.jsonl"));
    assert_eq!(discarded.len(), 5, "{discarded:?}");
    let several = discarded
        .iter()
        .find(|item| item["item"] == "person_1/two.png");
    let message = several.expect("is listed")["message"]
        .as_str()
        .expect("a text");
    assert!(
        message.contains("the largest one is used if requested"),
        "{message}"
    );
    assert_all_once(&azure, 3, 2);

    // Again: only queries are sent, and refused photos are not sent again.
    let report = report_of(&azure.run(&ENROLL));
    let photos = json!({"found": 11, "added": 0, "already_there": 6, "discarded": 5});
    assert_eq!(report["photos"], photos, "{report}");
    assert_eq!(
        report["transactions"], 3,
        "group, persons, training: {report}"
    );
    // With other settings the photo of two is sent again.
    let report = report_of(&azure.run(&[&ENROLL[..], &["--largest-only"]].concat()));
    assert_eq!(report["photos"]["added"], 1, "{report}");

    azure.photo(
        "party.png",
        OnPhoto {
            person: 2,
            faces: 3,
            number: 1,
        },
    );
    azure.photo(
        "empty.png",
        OnPhoto {
            person: 1,
            faces: 0,
            number: 1,
        },
    );
    let output = azure.run(&[
        "identify",
        "party.png",
        "empty.png",
        "notes.txt",
        "--group",
        "friends",
    ]);
    let table = stdout(&output);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "party.png: 3 faces", "{table}");
    for (line, name) in lines[1..4].iter().zip(["person_2", "person_3", "unknown"]) {
        assert!(line.trim_start().starts_with(name), "{table}");
    }
    assert!(lines[1].contains("0.91"), "{table}");
    assert_eq!(lines[4], "empty.png: no face", "{table}");
    assert!(lines[5].starts_with("notes.txt: "), "{table}");
}

#[test]
fn a_dry_run_counts_without_any_call() {
    let azure = Azure::new(AzureServer::start());
    persons(&azure.path("people"), 3, 4);
    let dry = || report_of(&azure.run(&[&ENROLL[..], &["--dry-run"]].concat()));
    let report = dry();
    assert_eq!(
        (&report["new_persons"], &report["new_photos"]),
        (&json!(3), &json!(12))
    );
    assert!(azure.server.log().is_empty() && !azure.path("data").exists());
    let promised = report["transactions"].as_u64().expect("a number");
    let cost = report["dollars"].as_f64().expect("a number");
    assert!((cost - promised as f64 / 1000.0).abs() < 1e-9, "{report}");
    let done = report_of(&azure.run(&ENROLL));
    let used = done["transactions"].as_u64().expect("a number");
    assert!(
        used <= promised && used >= 12 + 3 + 2,
        "{used} of {promised}"
    );
    assert_eq!(dry()["new_photos"], 0);
    let words = stdout(&azure.run(&["enroll", "people", "--group", "other", "--dry-run"]));
    assert!(
        words.contains("US dollars") && words.contains("transactions"),
        "{words}"
    );
}

#[test]
fn a_dry_run_reads_a_journal_that_a_killed_run_left() {
    let azure = Azure::new(AzureServer::start());
    persons(&azure.path("people"), 2, 3);
    // The same photo of both: two faces.
    write_png(
        &azure.path("people/person_2/of_1.png"),
        &OnPhoto::of(1, 1).drawn(),
    );
    let dry = |more: &[&str]| azure.run(&[&ENROLL[..], &["--dry-run"], more].concat());
    assert_eq!(report_of(&dry(&[]))["new_photos"], 7);
    report_of(&azure.run(&ENROLL));
    let journal = azure.path("data/azure/friends/journal.jsonl");
    let whole = fs_err::read(&journal).expect("reads");
    let is_of_two = |line: &&[u8]| String::from_utf8_lossy(line).contains("\"face\"");
    let lines = whole.split_inclusive(|byte| *byte == b'\n');
    // Up to the first face, and a part of the next line.
    let first = lines.take_while(|line| !is_of_two(line)).map(<[u8]>::len);
    let until: usize = first.sum();
    let next = whole[until..].iter().position(|byte| *byte == b'\n');
    let torn = until + next.expect("has a line") + 1 + 7;
    fs_err::write(&journal, &whole[..torn]).expect("writes");
    let report = report_of(&dry(&[]));
    assert_eq!(report["new_photos"], 6, "{report}");
    assert_eq!(
        fs_err::read(&journal).expect("reads").len(),
        torn,
        "untouched"
    );
    let report = report_of(&dry(&["--price", "0.40"]));
    let (calls, cost) = (report["transactions"].as_f64(), report["dollars"].as_f64());
    let expected = calls.expect("a number") * 0.40 / 1000.0;
    assert!(
        (cost.expect("a number") - expected).abs() < 1e-9,
        "{report}"
    );
    let other = ["enroll", "people", "--dry-run", "--group", "work"];
    let other = [&other[..], &["--out", "data/azure/friends"]].concat();
    let error = failure(&azure.run(&other), 1);
    assert!(error.contains("about another group"), "{error}");
}

#[test]
fn a_dry_run_says_that_its_cost_is_an_estimate_and_reads_the_tier_as_a_run_does() {
    let azure = Azure::new(AzureServer::start());
    persons(&azure.path("people"), 2, 11);
    let dry = |more: &[&str]| {
        let mut command = azure.command(&["enroll", "people", "--group", "g", "--dry-run"]);
        command.args(more).env_remove("FACEPIPE_AZURE_TIER");
        finished(&mut command)
    };
    let words = stdout(&dry(&[]));
    for expected in [
        "32 transactions",
        "an estimate",
        "https://azure.microsoft.com/pricing/details/cognitive-services/face-api/",
        "`--price`",
        "at least 60 s at the quota of tier f0",
    ] {
        assert!(words.contains(expected), "{words}");
    }
    let words = stdout(&dry(&["--price", "2"]));
    assert!(
        words.contains("0.06 US dollars, at 2.00 a thousand") && !words.contains("estimate"),
        "{words}"
    );
    write(&azure.path("v.env"), b"FACEPIPE_AZURE_TIER=s0\n");
    let words = stdout(&dry(&[]));
    assert!(
        words.contains("at least 3 s at the quota of tier s0"),
        "{words}"
    );
    write(&azure.path("v.env"), b"FACEPIPE_AZURE_TIER=s9\n");
    let error = failure(&dry(&[]), 1);
    assert!(error.contains("neither `f0` nor `s0`"), "{error}");
}

#[test]
fn killed_ten_times_it_ends_with_everything_once() {
    const PEOPLE: u8 = 10;
    const PHOTOS: u8 = 10;
    // Answers come late, so that many kills fall between a change and its answer.
    let server = AzureServer::with(State::default(), |request, _| {
        (is_add(request) || is_person(request)).then_some(Fate::After(Duration::from_millis(150)))
    });
    let azure = Azure::new(server);
    persons(&azure.path("people"), PEOPLE, PHOTOS);
    let mut kills = 0;
    for round in 0..10_u64 {
        let mut child = azure
            .command(&ENROLL)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        // The first seconds of a run may be a wait for the killed one's requests.
        let before = azure
            .server
            .state(|state| state.faces_added + state.persons_made);
        for _ in 0..2000 {
            let now = azure
                .server
                .state(|state| state.faces_added + state.persons_made);
            if now > before + (round % 3) as u32 || child.try_wait().expect("asks").is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(17 * round));
        kills += u32::from(child.try_wait().expect("asks").is_none());
        // SIGKILL: the program can't clean up.
        child.kill().expect("kills");
        child.wait().expect("ends");
    }
    assert_eq!(kills, 10, "each run was in progress when it was killed");
    let report = report_of(&azure.run(&ENROLL));
    assert_eq!(report["training"], "succeeded", "{report}");
    assert_all_once(&azure, PEOPLE, PHOTOS);
    let there = report["photos"]["already_there"]
        .as_u64()
        .expect("a number");
    assert!(there > 0, "{report}");
}

#[test]
fn without_its_journal_it_still_finds_existing_faces() {
    let azure = Azure::new(AzureServer::start());
    persons(&azure.path("people"), 2, 3);
    let words = stdout(&azure.run(&ENROLL[..4]));
    assert!(
        words.contains("2 persons (2 made), 6 photos: 6 added"),
        "{words}"
    );
    assert!(words.contains("PHOTO --group friends`"), "{words}");
    fs_err::remove_dir_all(azure.path("data")).expect("removes");
    let report = report_of(&azure.run(&ENROLL));
    assert_eq!(report["photos"]["already_there"], 6, "{report}");
    assert_all_once(&azure, 2, 3);
}

#[test]
fn nothing_secret_is_in_the_journal() {
    let azure = Azure::new(AzureServer::start());
    persons(&azure.path("people"), 1, 2);
    report_of(&azure.run(&ENROLL));
    for (name, bytes) in crate::helpers::snapshot(&azure.path("data"), &[]) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(
            !text.contains(facepipe_test_support::azure_server::KEY),
            "{name}"
        );
    }
    let journal = records(&azure.path("data/azure/friends/journal.jsonl"));
    let faces = journal
        .iter()
        .filter(|line: &&Value| line["what"] == "face");
    assert_eq!(faces.count(), 2, "{journal:?}");
}
