//! Every way in which a server can fail, in one list: each image ends in the right state, with the right
//! reason, and the run ends by itself.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, SystemTime};

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::Value;

use crate::helpers::{facepipe, json, records};
use facepipe_test_support::http_server::{HttpServer, ReceivedRequest, Reply};

/// The picture of a name, 96x72: no two names have the same.
fn picture(name: &str) -> Vec<u8> {
    let phase = name
        .bytes()
        .fold(7_u32, |sum, byte| sum * 31 % 9973 + u32::from(byte));
    let image = RgbImage::from_fn(96, 72, |x, y| {
        Rgb([
            (x * 2 + phase) as u8,
            (y * 3 + phase / 7) as u8,
            phase as u8,
        ])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .expect("encodes");
    bytes.into_inner()
}

/// The header of a BMP of 60,000 x 60,000 pixels, and nothing behind it.
fn pixel_bomb() -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    let (file, reserved, offset, header) = (54_u32, 0_u32, 54_u32, 40_u32);
    for number in [file, reserved, offset, header, 60_000, 60_000] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([1, 0, 24, 0]);
    bytes.resize(54, 0);
    bytes
}

/// Five megabytes of nothing, packed.
fn gzip_bomb() -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![0; 5 << 20]).expect("packs");
    packed.finish().expect("packs")
}

fn answer(request: &ReceivedRequest) -> Reply {
    let name = request.path.trim_start_matches('/');
    let fine = || Reply::new(200, picture(name));
    let to = |target: &str| Reply::new(301, "").header(&format!("Location: {target}"));
    let first = request.times == 1;
    let tagged = |tag: &str| fine().header(&format!("X-Robots-Tag: {tag}"));
    match name {
        "moved" => to("/moved2"),
        "moved2" => Reply::new(307, "").header("Location: moved3"),
        // As many servers write it, against RFC 9110.
        "moved-utf8" => to("/k\u{f6}nig"),
        "loop" => to("/loop2"),
        "loop2" => to("/loop"),
        "nowhere" => Reply::new(302, ""),
        "mail" => to("mailto:me@example.org"),
        "forbidden" => Reply::new(403, "no"),
        "gone" => Reply::new(404, "gone"),
        "busy-seconds" if first => Reply::new(429, "").header("Retry-After: 1"),
        "busy-date" if first => {
            let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
            Reply::new(503, "").header(&format!("Retry-After: {date}"))
        }
        "busy" if first => Reply::new(429, ""),
        "flaky" if first => Reply::new(500, ""),
        "broken" => Reply::new(500, ""),
        "torn" => fine().declaring(Some(1 << 20)),
        "short-length" => fine().declaring(Some(300)),
        "cut" => {
            let mut half = picture(name);
            half.truncate(half.len() / 2);
            Reply::new(200, half).declaring(None)
        }
        "drip" => fine().dripping(Duration::from_millis(300)),
        "page" => Reply::new(200, "<!DOCTYPE html><p>Sorry").header("Content-Type: image/jpeg"),
        "nothing" => Reply::new(200, ""),
        "huge" => Reply::new(200, "x").declaring(Some(3 << 30)),
        "gzip-bomb" => Reply::new(200, gzip_bomb()).header("Content-Encoding: gzip"),
        "pixel-bomb" => Reply::new(200, pixel_bomb()),
        "slow" => fine().after(Duration::from_secs(20)),
        "closed" => fine().closing(),
        "reset" => fine().resetting(),
        "noai" | "noimageai" | "noindex" | "noimageindex" => tagged(name),
        "tag-for-us" => tagged("facepipe: noai"),
        "tag-for-others" => tagged("otherbot: noai, noindex"),
        "robots.txt" => Reply::new(404, ""),
        _ => fine(),
    }
}

/// The fate of each: its reason and a part of its message, or nothing for kept ones.
const FATES: [(&str, &str, &str); 33] = [
    ("fine", "", ""),
    ("moved", "", ""),
    ("moved-utf8", "", ""),
    ("busy-seconds", "", ""),
    ("busy-date", "", ""),
    ("busy", "", ""),
    ("flaky", "", ""),
    ("tag-for-others", "", ""),
    ("loop", "download_failed", "redirected too often"),
    ("nowhere", "download_failed", "redirected to nowhere"),
    ("mail", "download_failed", "redirected to another protocol"),
    ("forbidden", "http_status", "the server answered 403"),
    ("gone", "http_status", "the server answered 404"),
    ("broken", "http_status", "the server answered 500"),
    ("torn", "download_failed", "broke"),
    ("short-length", "unreadable", "Jpeg data"),
    ("cut", "unreadable", "Jpeg data"),
    ("drip", "download_failed", "did not send it within 3 s"),
    ("page", "unreadable", "not an image of a known format"),
    ("nothing", "unreadable", "the file is empty"),
    ("huge", "too_large", "more than 1048576 bytes"),
    ("gzip-bomb", "too_large", "more than 1048576 bytes"),
    ("pixel-bomb", "too_large", "exceeds limit"),
    ("slow", "download_failed", "took too long"),
    ("closed", "download_failed", "broke"),
    ("reset", "download_failed", "broke"),
    ("noai", "opted_out", "X-Robots-Tag: noai"),
    ("noimageai", "opted_out", "X-Robots-Tag: noimageai"),
    ("noindex", "opted_out", "X-Robots-Tag: noindex"),
    ("noimageindex", "opted_out", "X-Robots-Tag: noimageindex"),
    ("tag-for-us", "opted_out", "X-Robots-Tag: noai"),
    ("same/fine", "exact_duplicate", "the same bytes as"),
    ("picture.html", "", ""),
];

/// Failures that may be over at the next run.
const TRANSIENT: [&str; 6] = ["broken", "torn", "drip", "slow", "closed", "reset"];

#[test]
fn each_fault_ends_in_the_right_state_with_the_right_reason() {
    let server = HttpServer::start(|request: &ReceivedRequest| match request.path.as_str() {
        "/same/fine" => Reply::new(200, picture("fine")),
        _ => answer(request),
    });
    let closed_to_robots =
        HttpServer::start(|request: &ReceivedRequest| match request.path.as_str() {
            "/robots.txt" => Reply::new(200, "User-agent: facepipe\nDisallow: /private\n"),
            path => Reply::new(200, picture(path)),
        });
    let away =
        HttpServer::start(|_: &ReceivedRequest| Reply::new(429, "").header("Retry-After: 86400"));
    let closed_port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("binds")
        .port();

    let mut fates: BTreeMap<String, (&str, &str)> = FATES
        .iter()
        .map(|(name, reason, message)| (server.url(&format!("/{name}")), (*reason, *message)))
        .collect();
    fates.insert(
        closed_to_robots.url("/private/1.jpg"),
        ("opted_out", "robots.txt"),
    );
    fates.insert(closed_to_robots.url("/public/1.jpg"), ("", ""));
    fates.insert(
        away.url("/1.jpg"),
        ("host_paused", "longer than this run does"),
    );
    let unreachable = format!("http://127.0.0.1:{closed_port}/1.jpg");
    fates.insert(
        unreachable,
        ("download_failed", "cannot connect to `127.0.0.1`"),
    );

    let folder = tempfile::tempdir().expect("temporary folder");
    let (list, out) = (folder.path().join("list.txt"), folder.path().join("raw"));
    // In the order of FATES: the first of two equal images is the one that is kept.
    let mut lines: Vec<String> = FATES
        .map(|(name, ..)| server.url(&format!("/{name}")))
        .into();
    lines.extend(
        fates
            .keys()
            .filter(|url| !lines.contains(url))
            .cloned()
            .collect::<Vec<_>>(),
    );
    fs_err::write(&list, lines.join("\n")).expect("writes");
    let fetch = || {
        let mut command = facepipe();
        command.args("fetch --source urls --label ann --json --allow-private".split(' '));
        command.args("--host-rate unlimited --host-connections 8 --retries 1".split(' '));
        command.args("--read-timeout 1 --timeout 3 --max-mib 1 --urls".split(' '));
        json(
            &command
                .arg(&list)
                .arg("--out")
                .arg(&out)
                .output()
                .expect("starts"),
        )
    };
    let report = fetch();

    let kept: BTreeMap<String, Value> = records(&out.join("manifest.jsonl"))
        .into_iter()
        .map(|record| (url_of(&record["provenance"]["image_url"]), record))
        .collect();
    let left_out: BTreeMap<String, Value> = records(&out.join("discarded.jsonl"))
        .into_iter()
        .map(|record| (url_of(&record["item"]), record))
        .collect();
    assert_eq!(kept.len() + left_out.len(), fates.len());
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (url, (reason, message)) in &fates {
        if reason.is_empty() {
            let record = kept
                .get(url)
                .unwrap_or_else(|| panic!("{url}: {:?}", left_out.get(url)));
            assert_eq!(record["provenance"]["http_status"], 200, "{url}");
            assert!(out.join(url_of(&record["file"])).is_file(), "{url}");
            continue;
        }
        *reasons.entry(reason).or_default() += 1;
        let record = left_out.get(url).unwrap_or_else(|| panic!("{url} is kept"));
        assert_eq!(record["reason"], *reason, "{url}: {record}");
        let said = url_of(&record["message"]);
        assert!(said.contains(message), "{url}: {said}");
    }
    assert_eq!(
        report["reasons"],
        serde_json::to_value(&reasons).expect("is JSON")
    );
    assert_eq!(report["kept"], kept.len());
    let final_url = &kept[&server.url("/moved")]["provenance"]["final_url"];
    assert_eq!(url_of(final_url), server.url("/moved3"));
    let final_url = &kept[&server.url("/moved-utf8")]["provenance"]["final_url"];
    assert_eq!(url_of(final_url), server.url("/k%C3%B6nig"));

    // The next run retries failures that may be over, and nothing else.
    let before = server.counts();
    let report = fetch();
    assert_eq!(report["kept"], kept.len());
    let mut asked_again: Vec<String> = server
        .counts()
        .into_iter()
        .filter(|(path, count)| before.get(path) != Some(count))
        .map(|(path, _)| path.trim_start_matches('/').to_owned())
        .collect();
    asked_again.retain(|path| path != "robots.txt");
    let mut expected = TRANSIENT.to_vec();
    expected.sort_unstable();
    assert_eq!(asked_again, expected);
}

/// What the environment names is used only where that is asked for: behind a proxy nobody can check that an address
/// is not in a private network.
#[test]
fn a_proxy_is_used_where_that_is_asked_for_and_never_silently() {
    let through: fn(&ReceivedRequest) -> Reply = |request| match request.path.as_str() {
        // A proxy gets the whole address.
        "http://photos.example/1.jpg" => Reply::new(200, picture("1")),
        "http://photos.example/robots.txt" => Reply::new(404, ""),
        _ => Reply::new(500, ""),
    };
    let proxy = HttpServer::start(through);
    let folder = tempfile::tempdir().expect("temporary folder");
    let list = folder.path().join("list.txt");
    fs_err::write(&list, "http://photos.example/1.jpg\n").expect("writes");
    for (switch, no_proxy, kept, is_noted) in [
        ("", "", 0, true),
        ("--proxy", "", 1, false),
        ("--proxy", "photos.example", 0, false),
    ] {
        let mut command = facepipe();
        command.args("fetch --source urls --label ann --json --retries 0 --timeout 3".split(' '));
        command.args(switch.split_whitespace());
        for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command
            .env("HTTP_PROXY", proxy.url(""))
            .env("http_proxy", proxy.url(""));
        command.env("NO_PROXY", no_proxy).env("no_proxy", no_proxy);
        let out = folder.path().join(format!("raw{switch}{no_proxy}"));
        let output = command
            .arg("--urls")
            .arg(&list)
            .arg("--out")
            .arg(&out)
            .output();
        let output = output.expect("starts");
        let case = format!("{switch} {no_proxy}");
        assert_eq!(records(&out.join("manifest.jsonl")).len(), kept, "{case}");
        let note = String::from_utf8_lossy(&output.stderr);
        let says = note.contains("names a proxy, which is not used") && note.contains("--proxy");
        assert_eq!(says, is_noted, "{case}: {note}");
    }
    // The address itself, and robots.txt of its server.
    assert_eq!(proxy.counts().len(), 2, "{:?}", proxy.counts());
}

fn url_of(value: &Value) -> String {
    value.as_str().expect("is text").to_owned()
}
