//! `facepipe fetch` through the program itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use facepipe_test_support::http_server::{HttpServer, ReceivedRequest, Reply};

/// Image `number`, 96x72, as JPEG or PNG.
fn picture(number: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(96, 72, |x, y| {
        Rgb([(x + number) as u8, (y * 3) as u8, (number * 7) as u8])
    });
    let format = if number.is_multiple_of(3) {
        ImageFormat::Png
    } else {
        ImageFormat::Jpeg
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

/// Answers `/<label>/<number>.jpg` with that image, and some paths badly.
fn answer(request: &ReceivedRequest, delay: Duration) -> Reply {
    let name = request.path.rsplit('/').next().unwrap_or_default();
    match name.trim_end_matches(".jpg").parse() {
        Ok(number) => Reply::new(200, picture(number)).after(delay),
        Err(_) if name == "page.jpg" => {
            Reply::new(200, "<!DOCTYPE html>").header("content-type: image/jpeg")
        }
        Err(_) if name == "torn.jpg" => Reply::new(200, picture(1)).declaring(Some(1 << 20)),
        Err(_) => Reply::new(404, "gone"),
    }
}

fn facepipe(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_facepipe"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    facepipe(arguments).output().expect("starts")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("is text")
}

fn report(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("is JSON")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All files of a fetch but its report, with the times of download taken out.
fn contents(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(out) {
        let entry = entry.expect("lists");
        let name = entry.path().strip_prefix(out).expect("is below");
        let name = text(name).to_owned();
        let passing =
            ["report.json", "fetch-journal.jsonl", ".fetch-lock"].contains(&name.as_str());
        if entry.file_type().is_dir() || passing {
            continue;
        }
        let mut bytes = fs_err::read(entry.path()).expect("reads");
        if name == "manifest.jsonl" {
            let mut records = records(entry.path());
            for record in &mut records {
                let provenance = record["provenance"].as_object_mut().expect("is there");
                provenance.remove("fetched_at");
            }
            bytes = Value::from(records).to_string().into_bytes();
        }
        files.insert(name, bytes);
    }
    files
}

fn records(path: &Path) -> Vec<Value> {
    let text = fs_err::read_to_string(path).expect("reads");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("is JSON"))
        .collect()
}

/// A list of images of two labels with some bad entries, at a server.
fn write_list(folder: &Path, server: &HttpServer, images: u32) -> PathBuf {
    let mut list = String::from("url,label,licence\n");
    for number in 0..images {
        let label = if number % 2 == 0 { "ann" } else { "Bob B" };
        let url = server.url(&format!("/{label}/{number}.jpg").replace(' ', "%20"));
        list.push_str(&format!("{url},{label},CC0\n"));
    }
    for name in ["page.jpg", "gone.jpg", "torn.jpg"] {
        list.push_str(&format!("{},ann,\n", server.url(&format!("/ann/{name}"))));
    }
    // The same content at another address, and an entry without a host.
    list.push_str(&format!("{},ann,\n", server.url("/again/0.jpg")));
    list.push_str("images/1.jpg,ann,\n");
    let path = folder.join("list.csv");
    fs_err::write(&path, list).expect("writes");
    path
}

const POLITE_TO_NOBODY: [&str; 6] = [
    "--allow-private",
    "--host-rate",
    "unlimited",
    "--retries",
    "1",
    "--json",
];

fn fetch_list<'a>(list: &'a Path, out: &'a Path) -> Vec<&'a str> {
    let mut arguments = vec!["fetch", "--source", "urls", "--urls", text(list)];
    arguments.extend(["--out", text(out)]);
    arguments.extend(POLITE_TO_NOBODY);
    arguments
}

#[test]
fn a_list_gives_the_same_files_as_the_folder() {
    let server = HttpServer::start(|request: &ReceivedRequest| answer(request, Duration::ZERO));
    let folder = tempfile::tempdir().expect("temporary folder");
    let list = write_list(folder.path(), &server, 24);
    let out = folder.path().join("from_list");
    let report = report(&run(&fetch_list(&list, &out)));
    assert_eq!(report["kept"], 24);
    assert_eq!(report["labels"], json!({"Bob B": 12, "ann": 12}));
    let reasons = json!({"bad_address": 1, "download_failed": 1, "exact_duplicate": 1,
                         "http_status": 1, "unreadable": 1});
    assert_eq!(report["reasons"], reasons);
    let left_out = records(&out.join("discarded.jsonl"));
    assert!(left_out.iter().any(|one| one["item"] == "list.csv:30"));
    let manifest = records(&out.join("manifest.jsonl"));
    assert!(
        manifest
            .iter()
            .all(|one| one["provenance"]["license"] == "CC0")
    );

    let input = folder.path().join("in");
    for number in 0..24 {
        let label = if number % 2 == 0 { "ann" } else { "Bob B" };
        let path = input.join(label).join(format!("{number}.jpg"));
        fs_err::create_dir_all(path.parent().expect("has a parent")).expect("makes");
        fs_err::write(path, picture(number)).expect("writes");
    }
    let from_folder = folder.path().join("from_folder");
    let output = run(&[
        "fetch",
        "--source",
        "folder",
        "--folder",
        text(&input),
        "--out",
        text(&from_folder),
    ]);
    assert!(output.status.success(), "{}", errors(&output));
    let images = |out: &Path| {
        let mut files = contents(out);
        files.retain(|name, _| name.contains('/'));
        files
    };
    assert_eq!(images(&out), images(&from_folder));
    assert_eq!(images(&out).len(), 24);
}

#[test]
fn killed_at_any_moment_a_rerun_ends_with_the_same_files() {
    let server =
        HttpServer::start(|request: &ReceivedRequest| answer(request, Duration::from_millis(25)));
    let folder = tempfile::tempdir().expect("temporary folder");
    let list = write_list(folder.path(), &server, 60);
    let undisturbed = folder.path().join("undisturbed");
    let output = run(&fetch_list(&list, &undisturbed));
    assert_eq!(report(&output)["kept"], 60);
    let before = server.counts();

    let out = folder.path().join("killed");
    let journal = out.join("fetch-journal.jsonl");
    let lines = || fs_err::read_to_string(&journal).map_or(0, |text| text.lines().count());
    // For each image that was stored when a run was killed, how often it had been requested.
    let mut stored: BTreeMap<String, u32> = BTreeMap::new();
    for kill in 1..=4 {
        let mut child = facepipe(&fetch_list(&list, &out))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let begun = Instant::now();
        while lines() < kill * 12 && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(3));
        }
        child.kill().expect("is running");
        child.wait().expect("ends");
        assert!(!out.join("report.json").exists(), "killed before its end");
        let counts = server.counts();
        for path in stored_paths(&out, &server) {
            let request = counts[&path] - before[&path];
            stored.entry(path).or_insert(request);
        }
    }
    let output = run(&fetch_list(&list, &out));
    let known = report(&output)["this_run"]["known"].as_u64();
    assert!(
        known >= Some(44),
        "only what is missing is requested: {known:?}"
    );
    assert_eq!(contents(&out), contents(&undisturbed));

    assert!(stored.len() >= 40, "{stored:?}");
    let all = server.counts();
    for (path, request) in &stored {
        let times = all[path] - before[path];
        assert_eq!(times, *request, "{path} was requested after it was stored");
    }
    let images = all.iter().filter(|(path, _)| path.ends_with(".jpg"));
    let times = images.map(|(path, count)| count - before[path]);
    let again: u32 = times.map(|count| count - 1).sum();
    // Images under way at a kill are requested again: at most four of one host. The torn image is
    // tried twice by each run.
    assert!(again <= 4 * 4 + 9, "{again} requested again");
}

/// The paths at the server of the images whose files are in the folder of a killed run, by its journal.
fn stored_paths(out: &Path, server: &HttpServer) -> Vec<String> {
    let text = fs_err::read_to_string(out.join("fetch-journal.jsonl")).expect("reads");
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let items = lines.filter_map(|line| line["item"].get(1).cloned());
    items
        .filter(|item| {
            let file = item["outcome"]["stored"]["file"].as_str();
            file.is_some_and(|file| out.join(file).is_file())
        })
        .filter_map(|item| {
            let url = item["provenance"]["image_url"].as_str()?;
            url.strip_prefix(&server.url("")).map(str::to_owned)
        })
        .collect()
}

#[test]
fn a_search_of_commons_pages_and_keeps_licences() {
    let server = HttpServer::start(|request: &ReceivedRequest| {
        let (path, host) = (
            request.path.as_str(),
            request.headers.split("host: ").nth(1),
        );
        let host = host
            .and_then(|rest| rest.lines().next())
            .unwrap_or_default();
        if path.starts_with("/api.php?") && request.times == 1 {
            return Reply::new(503, "busy");
        }
        if !path.starts_with("/api.php?") {
            return answer(request, Duration::ZERO);
        }
        let page = |index: u32, name: &str| {
            json!({"pageid": index, "index": index, "title": format!("File:{name}"), "imageinfo": [{
                "thumburl": format!("http://{host}/{name}"),
                "descriptionurl": format!("http://{host}/wiki/{name}"),
                "extmetadata": {"LicenseShortName": {"value": "CC BY 4.0"},
                                "Artist": {"value": "<b>Jane</b> Doe"}}}]})
        };
        let body = if path.contains("gsroffset=2") {
            json!({"batchcomplete": "", "query": {"pages": {"3": page(3, "3.jpg")}}})
        } else {
            json!({"batchcomplete": "", "continue": {"gsroffset": 2, "continue": "gsroffset||"},
                   "query": {"pages": {"1": page(1, "1.jpg"), "2": page(2, "gone.jpg")}}})
        };
        Reply::new(200, body.to_string())
    });
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = folder.path().join("raw");
    let endpoint = format!("commons={}", server.url("/api.php"));
    let mut arguments = vec!["fetch", "--query", "Ann O'Neil", "--endpoint", &endpoint];
    arguments.extend(["--out", text(&out), "--contact", "me@example.org"]);
    arguments.extend(POLITE_TO_NOBODY);
    let report = report(&run(&arguments));
    assert_eq!(report["labels"], json!({"ann_o_neil": 2}));
    assert_eq!(report["reasons"], json!({"http_status": 1}));
    let manifest = records(&out.join("manifest.jsonl"));
    for record in manifest {
        let provenance = &record["provenance"];
        assert_eq!(provenance["license"], "CC BY 4.0");
        assert_eq!(provenance["author"], "Jane Doe");
        assert_eq!(provenance["query"], "Ann O'Neil");
    }
}

#[test]
fn errors_name_the_item_and_the_next_step() {
    let server = HttpServer::start(|request: &ReceivedRequest| answer(request, Duration::ZERO));
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs_err::write(&path, text).expect("writes");
        path.to_str().expect("is text").to_owned()
    };
    let list = file("list.txt", &format!("{} ann\n", server.url("/ann/1.jpg")));
    let unlabelled = file("unlabelled.txt", "http://example.org/1.jpg\n");
    let empty = file("empty.csv", "");
    let out = folder.path().join("raw");
    let urls = |list| {
        vec![
            "fetch",
            "--source",
            "urls",
            "--urls",
            list,
            "--out",
            text(&out),
        ]
    };
    let cases = [
        (
            urls(&list),
            1,
            "127.0.0.1` is in a private network; `--allow-private`",
        ),
        (urls("/nowhere/list.txt"), 1, "/nowhere/list.txt"),
        (urls(&unlabelled), 1, "hint: add `--label NAME`"),
        (urls(&empty), 1, "`empty.csv` is empty"),
        (
            vec![
                "fetch",
                "--source",
                "urls",
                "--urls",
                &list,
                "--out",
                "/dev/null/raw",
            ],
            1,
            "a part of that path is a file",
        ),
        (
            vec!["fetch", "--source", "urls", "--out", text(&out)],
            2,
            "add `--urls FILE`",
        ),
        (vec!["fetch", "--out", text(&out)], 2, "needs `--query`"),
        (
            vec![
                "fetch",
                "--query",
                "a",
                "--label",
                "b",
                "--label",
                "c",
                "--out",
                text(&out),
            ],
            2,
            "2 labels for 1 query",
        ),
        (
            vec![
                "fetch",
                "--query",
                "a",
                "--host-rate",
                "0",
                "--out",
                text(&out),
            ],
            2,
            "neither `unlimited` nor a positive number",
        ),
    ];
    for (arguments, code, message) in cases {
        let output = run(&arguments);
        let errors = errors(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(message), "{arguments:?}: {errors}");
        assert!(errors.contains("hint:") || code == 2, "{errors}");
    }
    assert!(server.counts().is_empty(), "no request was sent");
}
