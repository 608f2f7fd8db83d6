use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use super::*;
use crate::files::tests::entry_for;
use facepipe_core::context::Interrupt;
use facepipe_core::ports::SilentProgress;

/// A web server that gives the answers one after the other, one a connection.
fn serve(answers: Vec<(&'static str, &'static [u8])>) -> Source {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://{}/a.bin", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().expect("a client comes");
            let _ = stream.read(&mut [0; 4096]).expect("asks");
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).expect("answers");
            stream.write_all(body).expect("answers");
        }
    });
    Source::Https {
        url: url.parse().expect("a URL"),
    }
}

fn context() -> Context {
    Context {
        progress: Arc::new(SilentProgress),
        interrupt: Interrupt::default(),
        threads: std::num::NonZeroUsize::MIN,
        seed: 0,
        remake: facepipe_core::context::Remake::default(),
    }
}

fn pull_a(root: &Path, sources: Vec<Source>) -> Result<PullReport, PullError> {
    let mut entry = entry_for("a.bin", b"right");
    entry.sources = sources;
    let registry = Registry {
        entries: vec![entry],
    };
    let folders = Folders {
        weights: root.join("weights"),
        data: root.join("data"),
    };
    pull(&registry, &Selection::All, &folders, &context())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).expect("lists");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("lists")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn the_right_file_comes_after_a_busy_server_and_is_not_fetched_twice() {
    let root = tempfile::tempdir().expect("temporary folder");
    let server = serve(vec![("503 Busy", b""), ("200 OK", b"right")]);
    let report = pull_a(root.path(), vec![server.clone()]).expect("pulls");
    assert_eq!(report.pulled[0].source, Some(server.to_string()));
    let weights = root.path().join("weights");
    assert_eq!(names(&weights), ["a.bin"]);
    assert_eq!(
        fs_err::read(weights.join("a.bin")).expect("reads"),
        b"right"
    );
    let report = pull_a(root.path(), vec![]).expect("nothing to do");
    assert_eq!(report.pulled[0].source, None);
}

#[test]
fn a_wrong_file_is_moved_away_and_the_next_source_tried() {
    let root = tempfile::tempdir().expect("temporary folder");
    let weights = root.path().join("weights");
    let sources = vec![
        serve(vec![("404 Not Found", b"")]),
        serve(vec![("200 OK", b"wrong")]),
    ];
    let error = pull_a(root.path(), sources).expect_err("no source has it");
    let text = error.to_string();
    assert!(text.contains("404 Not Found"), "{text}");
    assert!(text.contains("refused: its SHA-256 is"), "{text}");
    assert_eq!(names(&weights), ["a.bin.rejected"]);
    assert_eq!(
        fs_err::read(weights.join("a.bin.rejected")).expect("reads"),
        b"wrong"
    );
    let sources = vec![
        serve(vec![("200 OK", b"too long")]),
        serve(vec![("200 OK", b"right")]),
    ];
    pull_a(root.path(), sources).expect("the second source has it");
    assert_eq!(
        names(&weights),
        ["a.bin", "a.bin.rejected", "a.bin.rejected-2"]
    );
}

#[test]
fn a_damaged_file_is_moved_away_and_replaced() {
    let root = tempfile::tempdir().expect("temporary folder");
    let weights = root.path().join("weights");
    fs_err::create_dir_all(&weights).expect("makes");
    fs_err::write(weights.join("a.bin"), "damaged").expect("writes");
    pull_a(root.path(), vec![serve(vec![("200 OK", b"right")])]).expect("pulls");
    assert_eq!(names(&weights), ["a.bin", "a.bin.rejected"]);
    assert_eq!(
        fs_err::read(weights.join("a.bin")).expect("reads"),
        b"right"
    );
}

#[test]
fn of_concurrent_pulls_one_fetches_and_the_others_find_the_file() {
    let root = tempfile::tempdir().expect("temporary folder");
    // A second request gets no answer.
    let server = serve(vec![("200 OK", b"right")]);
    let pulls = || pull_a(root.path(), vec![server.clone()]).expect("pulls");
    let reports: Vec<PullReport> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..8).map(|_| scope.spawn(pulls)).collect();
        let reports = running
            .into_iter()
            .map(|pull| pull.join().expect("no panic"));
        reports.collect()
    });
    let fetched = reports
        .iter()
        .filter(|report| report.pulled[0].source.is_some());
    assert_eq!(fetched.count(), 1);
    assert_eq!(names(&root.path().join("weights")), ["a.bin"]);
}

#[test]
fn a_waiting_pull_can_be_interrupted() {
    let root = tempfile::tempdir().expect("temporary folder");
    let other = wait_for_lock(root.path(), &context()).expect("is free");
    let context = context();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| wait_for_lock(root.path(), &context));
        context.interrupt.raise();
        let error = waiting.join().expect("no panic").expect_err("interrupted");
        assert!(matches!(error, PullError::Interrupted(_)), "{error}");
    });
    drop(other);
}

#[test]
fn a_file_that_is_moved_away_replaces_nothing() {
    let root = tempfile::tempdir().expect("temporary folder");
    let place = root.path().join("orl");
    for expected in ["orl.rejected", "orl.rejected-2", "orl.rejected-3"] {
        fs_err::create_dir(&place).expect("makes");
        let aside = put_aside(&place, &place).expect("moves");
        assert_eq!(aside, root.path().join(expected));
    }
    fs_err::write(&place, "a file").expect("writes");
    let aside = put_aside(&place, &place).expect("moves");
    assert_eq!(aside, root.path().join("orl.rejected-4"));
}

#[test]
fn an_unknown_name_and_an_interruption_stop_at_once() {
    let root = tempfile::tempdir().expect("temporary folder");
    let registry = Registry::embedded().expect("valid");
    let folders = Folders {
        weights: root.path().join("weights"),
        data: root.path().join("data"),
    };
    let named = Selection::Named(vec!["seta".to_owned()]);
    let error = pull(&registry, &named, &folders, &context()).expect_err("no such name");
    assert!(
        error.to_string().contains("`seta`; there are: seeta, "),
        "{error}"
    );
    let context = context();
    context.interrupt.raise();
    let error = pull(&registry, &Selection::All, &folders, &context).expect_err("interrupted");
    assert!(matches!(error, PullError::Interrupted(_)), "{error}");
    assert_eq!(names(root.path()), [] as [&str; 0]);
}
