//! The stage as a whole, on sources written for these tests.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use image::{Rgb, RgbImage};
use url::Url;

use super::*;
use facepipe_core::artifacts::jsonl;
use facepipe_core::artifacts::stage::{DISCARDED_FILE, MANIFEST_FILE, StageError, read_stamp};
use facepipe_core::context::Interrupt;
use facepipe_core::ports::{SilentProgress, SourceError, SourceStep};
use facepipe_core::types::{Address, Candidate, Discarded, ImageRecord, Provenance, Reason};
use facepipe_imaging::image_io::encode_png;
use facepipe_test_support::http_server::{HttpServer, ReceivedRequest, Reply};

/// Offers the given candidates.
struct Given {
    addresses: VecDeque<(String, String)>,
    is_list: bool,
}

impl ImageSource for Given {
    fn step(&mut self) -> Result<SourceStep, SourceError> {
        Ok(self
            .addresses
            .pop_front()
            .map_or(SourceStep::End, |(label, url)| {
                SourceStep::Candidate(Box::new(Candidate {
                    label,
                    provenance: Provenance {
                        source: "given".to_owned(),
                        image_url: url.clone(),
                        ..Provenance::default()
                    },
                    address: Address::Url(Url::parse(&url).expect("is an address")),
                }))
            }))
    }

    fn answer(&mut self, _body: &[u8]) -> Result<(), SourceError> {
        Ok(())
    }

    fn is_list(&self) -> bool {
        self.is_list
    }
}

fn job(query: &str, is_list: bool, addresses: &[(&str, String)]) -> Job {
    let addresses = addresses
        .iter()
        .map(|(label, url)| ((*label).to_owned(), url.clone()));
    Job {
        request: Request {
            source: "given".to_owned(),
            query: Some(query.to_owned()),
            label: (!is_list).then(|| "ann".to_owned()),
            list: None,
        },
        source: Box::new(Given {
            addresses: addresses.collect(),
            is_list,
        }),
    }
}

fn settings() -> Settings {
    Settings {
        allow_private: true,
        host_rate: None,
        keep: Keep {
            min_size: 48,
            ..Keep::default()
        },
        retries: 0,
        ..Settings::default()
    }
}

fn context() -> Context {
    Context {
        progress: Arc::new(SilentProgress),
        interrupt: Interrupt::default(),
        threads: NonZeroUsize::MIN.saturating_add(1),
        seed: 0,
        remake: facepipe_core::context::Remake::default(),
    }
}

/// The image `number`, 64x48.
fn picture(number: u8) -> Vec<u8> {
    let image = RgbImage::from_fn(64, 48, |x, y| Rgb([x as u8, y as u8, number]));
    encode_png(&image).expect("encodes")
}

/// `/N` is image N; an odd number comes late, so that downloads end out of order.
fn pictures() -> HttpServer {
    HttpServer::start(
        |request: &ReceivedRequest| match request.path[1..].parse() {
            Ok(number) => Reply::new(200, picture(number))
                .after(Duration::from_millis(u64::from(number % 2) * 60)),
            Err(_) if request.path.starts_with("/page") => {
                Reply::new(200, "<!DOCTYPE html>").header("content-type: image/jpeg")
            }
            Err(_) if request.path.starts_with("/same") => Reply::new(200, picture(200)),
            Err(_) if request.path == "/flaky" && request.times > 1 => {
                Reply::new(200, picture(201))
            }
            Err(_) if request.path == "/flaky" => Reply::new(503, ""),
            Err(_) => Reply::new(404, ""),
        },
    )
}

fn manifest(out: &Path) -> Vec<ImageRecord> {
    let mut records: Vec<ImageRecord> = jsonl::read(&out.join(MANIFEST_FILE)).expect("reads");
    for record in &mut records {
        assert!(record.provenance.fetched_at.take().is_some());
    }
    records
}

fn discarded(out: &Path) -> Vec<Discarded> {
    jsonl::read(&out.join(DISCARDED_FILE)).expect("reads")
}

fn out_folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = folder.path().join("raw");
    (folder, out)
}

#[test]
fn every_item_is_kept_or_reported() {
    let server = pictures();
    let (_folder, out) = out_folder();
    let paths = ["/1", "/page", "/gone", "/same1", "/same2", "/1", "/2"];
    let all = paths.map(|path| ("ann", server.url(path)));
    let report = run(vec![job("a", true, &all)], &settings(), &out, &context()).expect("runs");
    assert_eq!((report.kept, report.discarded, report.failed), (3, 4, 2));
    let reasons: BTreeMap<String, u64> = [
        ("exact_duplicate", 2),
        ("http_status", 1),
        ("unreadable", 1),
    ]
    .into_iter()
    .map(|(reason, count)| (reason.to_owned(), count))
    .collect();
    assert_eq!(report.reasons, reasons);
    let winner = manifest(&out)
        .into_iter()
        .find(|record| record.provenance.image_url.contains("same"))
        .expect("one of the same is kept");
    assert!(winner.provenance.image_url.ends_with("/same1"));
    assert_eq!(winner.provenance.http_status, Some(200));
    let stored = fs_err::read(out.join(&winner.file)).expect("is stored");
    assert_eq!(stored, picture(200));
    let duplicate = discarded(&out)
        .into_iter()
        .find(|one| one.item.ends_with("/same2"));
    assert_eq!(duplicate.expect("is reported").related, [winner.file]);
}

#[test]
fn a_rerun_retries_only_errors_that_may_have_passed() {
    let server = pictures();
    let (_folder, out) = out_folder();
    let all = ["/1", "/gone", "/page", "/flaky"].map(|path| ("ann", server.url(path)));
    let again = |settings: &Settings| {
        run(vec![job("a", true, &all)], settings, &out, &context()).expect("runs")
    };
    assert_eq!(again(&settings()).kept, 1);
    let report = again(&settings());
    assert_eq!(
        (report.kept, report.this_run.known, report.this_run.tried),
        (2, 3, 1)
    );
    let counts = |path: &str| server.counts()[path];
    assert_eq!(["/1", "/gone", "/page", "/flaky"].map(counts), [1, 1, 1, 2]);
    let insist = Settings {
        retry_failed: true,
        ..settings()
    };
    again(&insist);
    assert_eq!(["/1", "/gone", "/page", "/flaky"].map(counts), [1, 2, 2, 2]);
}

#[test]
fn the_limit_takes_the_first_images_and_no_more_are_requested() {
    let server = pictures();
    for is_list in [true, false] {
        let (_folder, out) = out_folder();
        let paths = ["/1", "/gone", "/3", "/3?again", "/5", "/7", "/9"];
        let all = paths.map(|path| ("ann", server.url(path).replace("?again", "#x")));
        let settings = Settings {
            max: Some(3),
            ..settings()
        };
        for _ in 0..2 {
            let jobs = vec![job("a", is_list, &all)];
            let report = run(jobs, &settings, &out, &context()).expect("runs");
            assert_eq!(report.kept, 3);
            let kept: Vec<_> = manifest(&out)
                .into_iter()
                .map(|record| record.provenance.image_url)
                .collect();
            for path in ["/1", "/3", "/5"] {
                assert!(kept.contains(&server.url(path)), "{kept:?}");
            }
            let over = discarded(&out)
                .iter()
                .filter(|one| one.reason == Reason::OverLimit)
                .count();
            assert_eq!(over, if is_list { 2 } else { 0 });
        }
    }
    assert!(!server.counts().contains_key("/7"));
}

#[test]
fn another_query_adds_and_the_same_image_is_under_the_first_of_two_labels() {
    let server = pictures();
    let (_folder, out) = out_folder();
    let ann = [("ann", server.url("/same1")), ("ann", server.url("/2"))];
    run(vec![job("a", true, &ann)], &settings(), &out, &context()).expect("runs");
    let bob = [("bob", server.url("/same2"))];
    let report = run(vec![job("b", true, &bob)], &settings(), &out, &context()).expect("runs");
    assert_eq!((report.kept, report.discarded), (2, 1));
    assert_eq!(report.reasons["label_conflict"], 1);
    let conflict = discarded(&out).remove(0);
    assert_eq!(
        (conflict.label.as_deref(), conflict.reason),
        (Some("bob"), Reason::LabelConflict)
    );
    let shared = manifest(&out)
        .into_iter()
        .find(|one| !one.also_labels.is_empty());
    let shared = shared.expect("is marked");
    assert_eq!(
        (shared.label.as_str(), &*shared.also_labels),
        ("ann", &["bob".to_owned()][..])
    );
    assert_eq!(conflict.related, [shared.file]);
    let stamp = read_stamp(&out).expect("reads").expect("is there");
    assert!(stamp.complete);
    assert_eq!(stamp.settings["requests"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_address_is_requested_once_for_all_its_labels() {
    let server = pictures();
    let (_folder, out) = out_folder();
    let all = [
        ("ann", "/1"),
        ("bob", "/1"),
        ("cid", "/1"),
        ("bob", "/gone"),
        ("ann", "/gone"),
    ];
    let all = all.map(|(label, path)| (label, server.url(path)));
    let report = run(vec![job("a", true, &all)], &settings(), &out, &context()).expect("runs");
    let reasons = [("http_status", 2), ("label_conflict", 2)];
    let reasons = reasons.map(|(reason, count)| (reason.to_owned(), count));
    assert_eq!((report.kept, report.reasons), (1, reasons.into()));
    assert_eq!((report.this_run.tried, report.this_run.known), (2, 3));
    let later = [("dan", server.url("/1")), ("dan", server.url("/gone"))];
    run(vec![job("b", true, &later)], &settings(), &out, &context()).expect("runs");
    assert_eq!((server.counts()["/1"], server.counts()["/gone"]), (1, 1));
    let kept = manifest(&out);
    assert_eq!(
        (kept[0].label.as_str(), kept[0].also_labels.len()),
        ("ann", 3)
    );
}

#[test]
fn a_second_run_at_the_same_time_is_refused_with_the_firsts_process() {
    let server = HttpServer::start(|request: &ReceivedRequest| match request.path.as_str() {
        "/slow" => Reply::new(200, picture(1)).after(Duration::from_secs(2)),
        _ => Reply::new(404, ""),
    });
    let (_folder, out) = out_folder();
    let all = [("ann", server.url("/slow"))];
    let first = {
        let (all, out) = (all.clone(), out.clone());
        std::thread::spawn(move || {
            run(vec![job("a", true, &all)], &settings(), &out, &context()).map(|report| report.kept)
        })
    };
    while server.counts().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let error = run(vec![job("a", true, &all)], &settings(), &out, &context());
    let error = error.expect_err("is refused").to_string();
    let process = format!("another run (process {}) is writing to", std::process::id());
    assert!(error.starts_with(&process), "{error}");
    assert_eq!(first.join().expect("ends").expect("runs"), 1);
    assert_eq!(server.counts()["/slow"], 1);
}

#[test]
fn credits_and_licences_are_written_for_what_is_kept() {
    let server = pictures();
    let (_folder, out) = out_folder();
    let all = ["/1", "/gone"].map(|path| ("ann", server.url(path)));
    run(vec![job("a", true, &all)], &settings(), &out, &context()).expect("runs");
    let file = manifest(&out).remove(0).file;
    let text = fs_err::read_to_string(out.join(ATTRIBUTION_FILE)).expect("reads");
    assert!(
        text.contains(&format!("- `{file}`: licence unknown, from given (<")),
        "{text}"
    );
    let table = fs_err::read_to_string(out.join(LICENCES_FILE)).expect("reads");
    assert_eq!(table.lines().count(), 2);
}

#[test]
fn nothing_found_and_nothing_kept_are_errors_that_say_why() {
    let server = pictures();
    let (_folder, out) = out_folder();
    let error = run(
        vec![job("Ann A.", false, &[])],
        &settings(),
        &out,
        &context(),
    );
    let error = error.expect_err("nothing").to_string();
    assert_eq!(error, "nothing was found for `Ann A.`");
    let bad = ["/gone", "/gone2", "/page"].map(|path| ("ann", server.url(path)));
    let error = run(vec![job("a", true, &bad)], &settings(), &out, &context());
    let error = error.expect_err("all failed").to_string();
    assert_eq!(
        error,
        "none of 3 images could be kept: 2 http_status, 1 unreadable"
    );
    assert_eq!(discarded(&out).len(), 3);
}

#[test]
fn an_interruption_ends_the_run_and_the_next_one_continues() {
    let server = HttpServer::start(|request: &ReceivedRequest| match request.path.as_str() {
        "/slow" if request.times == 1 => Reply::new(200, picture(1)).after(Duration::from_secs(20)),
        _ => Reply::new(200, picture(2)),
    });
    let (_folder, out) = out_folder();
    let all = ["/fast", "/slow"].map(|path| ("ann", server.url(path)));
    let context_one = context();
    let interrupt = context_one.interrupt.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(600));
        interrupt.raise();
    });
    let begun = Instant::now();
    let error = run(vec![job("a", true, &all)], &settings(), &out, &context_one);
    assert!(matches!(error, Err(FetchError::Interrupted(_))));
    assert!(begun.elapsed() < Duration::from_secs(5));
    let report = run(vec![job("a", true, &all)], &settings(), &out, &context()).expect("runs");
    assert_eq!((report.kept, report.this_run.known), (1, 1));
    assert_eq!(server.counts()["/fast"], 1);
}

#[test]
fn folders_of_others_are_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    fs_err::write(folder.path().join("thesis.doc"), "x").expect("writes");
    let error = run(
        vec![job("a", true, &[])],
        &settings(),
        folder.path(),
        &context(),
    );
    assert!(matches!(
        error,
        Err(FetchError::Stage(StageError::Foreign { .. }))
    ));
}
