//! Each source of `facepipe fetch` through the program itself, against a server of the documented
//! form on this machine.

use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::helpers::{facepipe, failure, json as report, stdout};
use facepipe_test_support::http_server::{HttpServer, ReceivedRequest, Reply};

const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// Image `number`, 96x72.
fn picture(number: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(96, 72, |x, y| {
        Rgb([(x + number) as u8, (y * 3) as u8, (number * 11) as u8])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("encodes");
    bytes.into_inner()
}

/// The value of a parameter in a requested path.
fn parameter(request: &ReceivedRequest, name: &str) -> Option<String> {
    let url = url::Url::parse(&format!("http://host{}", request.path)).ok()?;
    let mut pairs = url.query_pairs();
    pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

/// The address of an image on the server under test.
fn image(request: &ReceivedRequest, number: u32) -> String {
    let host = request.headers.split("host: ").nth(1).unwrap_or_default();
    let host = host.lines().next().unwrap_or_default();
    format!("http://{host}/image/{number}.png")
}

fn openverse(request: &ReceivedRequest) -> Reply {
    let result = |number: u32, license: &str| {
        json!({"id": number.to_string(), "title": format!("Picture &amp; {number}"),
               "url": image(request, number), "foreign_landing_url": image(request, number),
               "creator": "<i>Jane</i> Doe", "license": license, "license_version": "4.0",
               "license_url": format!("https://creativecommons.org/licenses/{license}/4.0/"),
               "attribution": format!("\"Picture {number}\" by Jane Doe"), "width": 96})
    };
    let results = match parameter(request, "page").as_deref() {
        Some("1") => vec![result(1, "by"), result(2, "by-nc"), result(3, "by")],
        Some("2") => vec![result(4, "by"), result(1, "by")],
        _ => vec![],
    };
    let body = json!({"result_count": 5, "page_count": 2, "page_size": 20, "results": results});
    Reply::new(200, body.to_string())
}

fn bing(request: &ReceivedRequest) -> Reply {
    let numbers: &[u32] = match parameter(request, "first").as_deref() {
        Some("1") => &[3, 10, 11],
        _ => &[],
    };
    let results = numbers.iter().map(|number| {
        let m =
            json!({"murl": image(request, *number), "purl": "https://a.org/page", "t": "A \"face\""});
        let m = m.to_string().replace('"', "&quot;");
        format!("<div class=\"imgpt\"><a class=\"iusc\" m=\"{m}\"></a></div>")
    });
    Reply::new(200, results.collect::<String>())
}

fn serpapi(request: &ReceivedRequest) -> Reply {
    if parameter(request, "api_key").as_deref() != Some(KEY) {
        return Reply::new(401, json!({"error": "Invalid API key."}).to_string());
    }
    let body = match parameter(request, "ijn").as_deref() {
        Some("0") => json!({"images_results": [
            {"position": 1, "original": image(request, 20), "link": "https://a.org/1", "title": "One"},
            {"position": 2, "thumbnail": image(request, 21), "link": "https://a.org/2"}]}),
        _ => json!({"error": "Google hasn't returned any results for this query."}),
    };
    Reply::new(200, body.to_string())
}

/// Two people are called John Smith; one Ada Lovelace is a human, the other a book.
fn wikidata(request: &ReceivedRequest) -> Reply {
    let found = |id: &str, text: &str| json!({"id": id, "label": text, "match": {"text": text}});
    let entity = |id: &str, name: &str, description: &str, class: &str| {
        json!({"id": id, "labels": {"en": {"value": name}},
               "descriptions": {"en": {"value": description}},
               "claims": {"P31": [{"rank": "normal",
                   "mainsnak": {"datavalue": {"value": {"id": class}}}}]}})
    };
    let body = if parameter(request, "action").as_deref() == Some("wbsearchentities") {
        match parameter(request, "search").as_deref() {
            Some("Ada Lovelace") => {
                json!({"search": [found("Q7259", "Ada Lovelace"), found("Q1", "Ada Lovelace")]})
            }
            Some("John Smith") => {
                json!({"search": [found("Q2", "John Smith"), found("Q3", "John Smith")]})
            }
            _ => json!({"search": []}),
        }
    } else {
        json!({"entities": {
            "Q7259": entity("Q7259", "Ada Lovelace", "English mathematician", "Q5"),
            "Q1": entity("Q1", "Ada Lovelace", "book", "Q571"),
            "Q2": entity("Q2", "John Smith", "English explorer", "Q5"),
            "Q3": entity("Q3", "John Smith", "British politician", "Q5")}})
    };
    Reply::new(200, body.to_string())
}

fn commons(request: &ReceivedRequest) -> Reply {
    let page = |index: u32, number: u32| {
        json!({"pageid": index, "index": index, "title": format!("File:{number}.png"),
               "imageinfo": [{"thumburl": image(request, number), "descriptionurl": image(request, number),
                   "extmetadata": {"LicenseShortName": {"value": "CC BY-SA 4.0"},
                                   "Artist": {"value": "<a href='//x'>Ann</a>"}}}]})
    };
    let terms = parameter(request, "gsrsearch").unwrap_or_default();
    let pages = if terms.contains("haswbstatement:P180=Q7259") {
        json!([page(1, 30), page(2, 31)])
    } else if terms.contains("Nobody") {
        json!([])
    } else if terms.contains("Bob") {
        json!([page(1, 50)])
    } else {
        json!([page(1, 40), page(2, 41), page(3, 3)])
    };
    Reply::new(
        200,
        json!({"batchcomplete": "", "query": {"pages": pages}}).to_string(),
    )
}

fn server() -> HttpServer {
    HttpServer::start(|request: &ReceivedRequest| {
        let path = request.path.split('?').next().unwrap_or_default();
        match path {
            "/openverse" => openverse(request),
            "/bing" => bing(request),
            "/serpapi" => serpapi(request),
            "/wikidata" => wikidata(request),
            "/commons" => commons(request),
            _ => {
                let name = path.trim_start_matches("/image/").trim_end_matches(".png");
                name.parse().map_or_else(
                    |_| Reply::new(404, "gone"),
                    |number| Reply::new(200, picture(number)),
                )
            }
        }
    })
}

/// `fetch` with all sources at a server.
fn fetch(server: &HttpServer, arguments: &[&str]) -> Command {
    let mut command = facepipe();
    for name in ["SERPAPI_KEY", "SERPAPI_API_KEY", "OPENVERSE_TOKEN"] {
        command.env_remove(name);
    }
    command.args([
        "fetch",
        "--json",
        "--allow-private",
        "--host-rate",
        "unlimited",
    ]);
    command.args(["--retries", "0", "--contact", "me@example.org"]);
    for name in ["openverse", "bing", "serpapi", "wikidata", "commons"] {
        let address = server.url(&format!("/{name}"));
        command.args(["--endpoint", &format!("{name}={address}")]);
    }
    command.args(arguments);
    command
}

fn run(server: &HttpServer, arguments: &[&str], out: &Path) -> Output {
    let mut command = fetch(server, arguments);
    command.arg("--out").arg(out).output().expect("starts")
}

fn records(path: &Path) -> Vec<Value> {
    let text = fs_err::read_to_string(path).expect("reads");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("is JSON"))
        .collect()
}

/// `source` and number of each image that was kept, sorted.
fn kept(out: &Path) -> Vec<String> {
    let records = records(&out.join("manifest.jsonl"));
    let origin = |record: &Value| {
        let provenance = &record["provenance"];
        let url = provenance["image_url"].as_str().expect("is text");
        let number = url.rsplit('/').next().expect("has a name");
        format!(
            "{} {number}",
            provenance["source"].as_str().expect("is text")
        )
    };
    let mut kept: Vec<String> = records.iter().map(origin).collect();
    kept.sort();
    kept
}

fn images_asked(server: &HttpServer) -> usize {
    let counts = server.counts();
    counts
        .keys()
        .filter(|path| path.starts_with("/image/"))
        .count()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("temporary folder")
}

#[test]
fn openverse_pages_and_keeps_only_the_requested_licences() {
    let (server, folder) = (server(), folder());
    let out = folder.path().join("raw");
    let arguments = [
        "--source",
        "openverse",
        "--query",
        "Ann A",
        "--license",
        "by,cc0",
    ];
    let report = report(&run(&server, &arguments, &out));
    assert_eq!(report["labels"], json!({"ann_a": 3}));
    assert_eq!(
        report["reasons"],
        json!({"exact_duplicate": 1, "licence": 1})
    );
    let asked = server.counts();
    let asks_for_licences = |path: &String| path.contains("license=cc0%2Cby");
    assert_eq!(
        asked.keys().filter(|path| asks_for_licences(path)).count(),
        2
    );
    let manifest = records(&out.join("manifest.jsonl"));
    let first = manifest.iter().find(|record| {
        let url = record["provenance"]["image_url"].as_str();
        url.is_some_and(|url| url.ends_with("/1.png"))
    });
    let provenance = &first.expect("is kept")["provenance"];
    assert_eq!(provenance["license"], "CC BY 4.0");
    assert_eq!(provenance["author"], "Jane Doe");
    assert_eq!(provenance["title"], "Picture & 1");
    assert_eq!(provenance["attribution"], "\"Picture 1\" by Jane Doe");
    let discarded = records(&out.join("discarded.jsonl"));
    let other = discarded
        .iter()
        .find(|record| record["reason"] == "licence");
    let message = other.expect("is reported")["message"]
        .as_str()
        .expect("is text");
    assert_eq!(message, "its licence is by-nc; requested: cc0, by");
    assert!(!asked.contains_key("/image/2.png"), "not even requested");

    // Another run may want other licences.
    let wider = ["--source", "openverse", "--query", "Ann A"];
    let output = run(&server, &wider, &out);
    assert_eq!(crate::helpers::json(&output)["labels"], json!({"ann_a": 4}));
    assert_eq!(server.counts()["/image/1.png"], 1);
}

#[test]
fn bing_gives_pages_of_results_and_no_licences() {
    let (server, folder) = (server(), folder());
    let out = folder.path().join("raw");
    let report = report(&run(
        &server,
        &["--source", "bing", "--query", "Ann A"],
        &out,
    ));
    assert_eq!(report["kept"], 3);
    assert_eq!(kept(&out), ["bing 10.png", "bing 11.png", "bing 3.png"]);
    let manifest = records(&out.join("manifest.jsonl"));
    assert!(
        manifest
            .iter()
            .all(|one| one["provenance"]["title"] == "A \"face\"")
    );
    let arguments = ["--source", "bing", "--query", "Ann A", "--license", "by"];
    let text = failure(&run(&server, &arguments, &out), 2);
    assert!(
        text.contains("`--source bing` never says which licence"),
        "{text}"
    );
    assert!(text.contains("add `unknown` to `--license`"), "{text}");
    let arguments = [
        "--source",
        "bing",
        "--query",
        "Bob",
        "--license",
        "by,unknown",
    ];
    assert!(run(&server, &arguments, &out).status.success());
    let asked = server.counts();
    assert!(
        asked
            .keys()
            .any(|path| path.contains("filterui%3Alicense-L2_L3_L4"))
    );
}

/// All files that a fetch leaves below a folder.
fn everything_below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.expect("lists");
        all.extend(entry.path().to_string_lossy().as_bytes());
        if entry.file_type().is_file() && entry.file_name() != "v.env" {
            all.extend(fs_err::read(entry.path()).expect("reads"));
        }
    }
    all
}

#[test]
fn the_key_of_serpapi_is_sent_and_recorded_nowhere() {
    let (server, folder) = (server(), folder());
    let out = folder.path().join("raw");
    let arguments = ["--source", "serpapi", "--query", "Ann A", "-v"];
    let from_environment = fetch(&server, &arguments)
        .arg("--out")
        .arg(&out)
        .env("SERPAPI_KEY", KEY)
        .output()
        .expect("starts");
    let counts = report(&from_environment);
    assert_eq!(
        (&counts["kept"], &counts["reasons"]),
        (&json!(1), &json!({"bad_address": 1}))
    );
    fs_err::write(folder.path().join("v.env"), format!("SERPAPI_KEY={KEY}\n")).expect("writes");
    let from_file = fetch(&server, &arguments)
        .arg("--dry-run")
        .current_dir(folder.path())
        .output()
        .expect("starts");
    assert_eq!(report(&from_file)["images"], 1);
    // No server, one that redirects elsewhere, one that answers with nonsense.
    let nonsense = HttpServer::start(move |request: &ReceivedRequest| match request.times {
        1 => Reply::new(302, "").header("location: /elsewhere"),
        _ => Reply::new(500, format!("what is {}?", request.path)),
    });
    let mut failures = Vec::new();
    for address in [
        "http://127.0.0.1:9/x".to_owned(),
        nonsense.url("/x"),
        nonsense.url("/x"),
    ] {
        let output = fetch(&server, &arguments)
            .args(["--endpoint", &format!("serpapi={address}")])
            .arg("--out")
            .arg(folder.path().join("failed"))
            .env("SERPAPI_KEY", KEY)
            .output()
            .expect("starts");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        failures.push(output);
    }
    assert!(
        nonsense.counts().contains_key("/elsewhere"),
        "not even the key is sent there"
    );
    for output in [from_environment, from_file].iter().chain(&failures) {
        let shown = format!("{output:?}");
        assert!(!shown.contains(KEY), "{shown}");
    }
    let stored = String::from_utf8_lossy(&everything_below(folder.path())).into_owned();
    assert!(!stored.contains(KEY));

    let wrong = fetch(&server, &arguments)
        .arg("--out")
        .arg(&out)
        .env("SERPAPI_KEY", "wrong-key-0123")
        .output()
        .expect("starts");
    let text = failure(&wrong, 1);
    assert!(text.contains("refuses the one that was given"), "{text}");
    assert!(!text.contains("wrong-key"), "{text}");
    let missing = fetch(&server, &arguments)
        .arg("--out")
        .arg(&out)
        .current_dir(&out)
        .output()
        .expect("starts");
    let text = failure(&missing, 1);
    assert!(
        text.contains("SERPAPI_KEY is not set") && text.contains("v.env"),
        "{text}"
    );
}

#[test]
fn a_person_is_found_by_number_or_by_a_name_that_only_one_has() {
    let (server, folder) = (server(), folder());
    let out = folder.path().join("raw");
    let output = run(&server, &["--wikidata", "Ada Lovelace"], &out);
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(report(&output)["labels"], json!({"ada_lovelace": 2}));
    let said = "`Ada Lovelace` is Q7259 Ada Lovelace (English mathematician)";
    assert!(notes.contains(said), "{notes}");
    let manifest = records(&out.join("manifest.jsonl"));
    assert!(
        manifest
            .iter()
            .all(|one| one["provenance"]["query"] == "wikidata:Q7259")
    );
    // With its number and a label nothing has to be looked up.
    let before = server.counts();
    let numbered = folder.path().join("numbered");
    let output = run(
        &server,
        &["--wikidata", "q7259", "--label", "ada"],
        &numbered,
    );
    assert_eq!(report(&output)["labels"], json!({"ada": 2}));
    let lookups = |counts: &std::collections::BTreeMap<String, u32>| -> u32 {
        let asked = counts
            .iter()
            .filter(|(path, _)| path.starts_with("/wikidata"));
        asked.map(|(_, count)| count).sum()
    };
    assert_eq!(lookups(&server.counts()), lookups(&before));
    // Other sources are searched for the name.
    let other = folder.path().join("other");
    let both = [
        "--source",
        "commons",
        "--source",
        "bing",
        "--wikidata",
        "Q7259",
    ];
    assert_eq!(
        report(&run(&server, &both, &other))["labels"],
        json!({"ada_lovelace": 5})
    );
    assert!(
        server
            .counts()
            .keys()
            .any(|path| path.starts_with("/bing?q=Ada+Lovelace&"))
    );

    let text = failure(&run(&server, &["--wikidata", "John Smith"], &out), 1);
    for line in [
        "Q2 John Smith (English explorer)",
        "Q3 John Smith (British politician)",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains("--wikidata Q2"), "{text}");
    let both = ["--wikidata", "Q2", "--wikidata", "Q3"];
    let text = failure(&run(&server, &both, &out), 2);
    assert!(
        text.contains("Q2 and Q3 would both get the label `john_smith`"),
        "{text}"
    );
    // All names are looked up before anything is downloaded.
    let images = images_asked(&server);
    let mixed = ["--query", "Bob", "--wikidata", "Nobody Atall"];
    let text = failure(&run(&server, &mixed, &folder.path().join("none")), 1);
    assert!(
        text.contains("Wikidata knows no person `Nobody Atall`"),
        "{text}"
    );
    assert_eq!(images_asked(&server), images);
}

#[test]
fn sources_are_merged_and_the_limit_counts_all_of_them() {
    let (server, folder) = (server(), folder());
    let out = folder.path().join("raw");
    let sources = [
        "--source",
        "commons",
        "--source",
        "bing",
        "--source",
        "openverse",
    ];
    let arguments = [&sources[..], &["--query", "Ann A"]].concat();
    let all = report(&run(&server, &arguments, &out));
    // Image 3 is found three times, image 1 twice.
    assert_eq!(all["labels"], json!({"ann_a": 8}));
    assert_eq!(all["reasons"], json!({"exact_duplicate": 3}));
    assert!(
        server
            .counts()
            .iter()
            .all(|(path, count)| !path.starts_with("/image/") || *count == 1)
    );
    let limited = folder.path().join("limited");
    let arguments = [&sources[..], &["--query", "Ann A", "--max", "4"]].concat();
    assert_eq!(report(&run(&server, &arguments, &limited))["kept"], 4);
    assert_eq!(
        kept(&limited),
        [
            "bing 3.png",
            "commons 40.png",
            "commons 41.png",
            "openverse 1.png"
        ]
    );
}

#[test]
fn a_source_that_fails_does_not_stop_the_others() {
    let (server, folder) = (server(), folder());
    let broken = HttpServer::start(|_: &ReceivedRequest| Reply::new(200, "<html>Busy</html>"));
    let address = format!("openverse={}", broken.url("/"));
    let arguments = [
        "--source",
        "openverse",
        "--source",
        "commons",
        "--query",
        "Ann A",
    ];
    let arguments = [&arguments[..], &["--endpoint", &address]].concat();
    let output = run(&server, &arguments, &folder.path().join("raw"));
    assert_eq!(report(&output)["kept"], 3);
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        notes.contains("openverse gives no more images: openverse gave an answer"),
        "{notes}"
    );
    let searches = [
        "--source",
        "openverse",
        "--query",
        "Ann A",
        "--endpoint",
        &address,
    ];
    let text = failure(&run(&server, &searches, &folder.path().join("alone")), 1);
    assert!(
        text.contains("openverse gave an answer that can't be understood"),
        "{text}"
    );
}

#[test]
fn many_queries_come_from_options_and_files() {
    let (server, folder) = (server(), folder());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs_err::write(&path, text).expect("writes");
        path.to_str().expect("is text").to_owned()
    };
    let csv = file(
        "people.csv",
        "query,label,wikidata\nBob B,bob,\n,ada,Q7259\n",
    );
    let out = folder.path().join("raw");
    let arguments = ["--query", "Ann A", "--label", "ann", "--queries", &csv];
    let counts = report(&run(&server, &arguments, &out));
    let labels: Vec<&String> = counts["labels"]
        .as_object()
        .expect("is a map")
        .keys()
        .collect();
    assert_eq!(labels, ["ada", "ann", "bob"]);
    let unknown = file("more.txt", "Ann A\nNobody\n");
    let output = run(&server, &["--queries", &unknown], &out);
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{notes}");
    assert!(notes.contains("nothing was found for `Nobody`"), "{notes}");
    let toml = file(
        "people.toml",
        "[[queries]]\nquery = \"Ann A\"\nlable = \"ann\"\n",
    );
    let text = failure(&run(&server, &["--queries", &toml], &out), 2);
    assert!(
        text.contains("people.toml") && text.contains("lable"),
        "{text}"
    );
    let labels = ["--query", "a", "--wikidata", "Q1", "--label", "x"];
    let text = failure(&run(&server, &labels, &out), 2);
    assert!(text.contains("1 label for 1 query and 1 person"), "{text}");
}

#[test]
fn a_dry_run_reports_all_and_downloads_nothing() {
    let (server, folder) = (server(), folder());
    let list = folder.path().join("list.csv");
    fs_err::write(
        &list,
        "url,label,license\nhttp://127.0.0.1:1/a.jpg,bob,CC0\n/b.jpg,bob,\n",
    )
    .expect("writes");
    let list = list.to_str().expect("is text");
    let sources = [
        "--source",
        "openverse",
        "--source",
        "commons",
        "--source",
        "urls",
    ];
    let rest = [
        "--query",
        "Ann A",
        "--urls",
        list,
        "--license",
        "by,by-sa,cc0",
        "--dry-run",
    ];
    let arguments = [&sources[..], &rest].concat();
    let output = fetch(&server, &arguments).output().expect("starts");
    let plan = report(&output);
    assert_eq!(
        (&plan["stage"], &plan["dry_run"]),
        (&json!("fetch"), &json!(true))
    );
    assert_eq!(plan["images"], 6);
    assert_eq!(plan["labels"], json!({"ann_a": 5, "bob": 1}));
    assert_eq!(plan["licences"], json!({"by": 3, "by-sa": 2, "cc0": 1}));
    assert_eq!(plan["left_out"], json!({"bad_address": 1, "licence": 1}));
    let items = plan["items"].as_array().expect("is a list");
    assert_eq!(items.len(), 8);
    let first = &items[0];
    assert_eq!(first["source"], "openverse");
    assert_eq!(first["licence_code"], "by");
    assert_eq!(first["author"], "Jane Doe");
    assert_eq!(first["label"], "ann_a");
    assert_eq!(images_asked(&server), 0);

    let mut command = facepipe();
    command.args([
        "fetch",
        "--dry-run",
        "--allow-private",
        "--query",
        "Ann A",
        "--max",
        "2",
    ]);
    command.args(["--endpoint", &format!("commons={}", server.url("/commons"))]);
    let output = command.output().expect("starts");
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("ann_a  by-sa     http://127.0.0.1:"),
        "{text}"
    );
    assert!(
        lines[0].ends_with("/image/40.png  (Ann, CC BY-SA 4.0)"),
        "{text}"
    );
    assert_eq!(lines[2], "dry run    2 images would be requested");
    assert_eq!(images_asked(&server), 0);
    assert!(!folder.path().join("raw").exists());
    let text = failure(
        &run(&server, &["--query", "Nobody", "--dry-run"], folder.path()),
        1,
    );
    assert!(text.contains("nothing was found for `Nobody`"), "{text}");
}

#[test]
fn lists_may_be_compressed_and_select_their_source() {
    use std::io::Write as _;
    let (server, folder) = (server(), folder());
    let path = folder.path().join("list.tsv.gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writeln!(encoder, "label\turl\tcredit").expect("packs");
    for number in 0..5 {
        let url = server.url(&format!("/image/{number}.png"));
        writeln!(encoder, "ann\t{url}\t<b>Jane</b>").expect("packs");
    }
    fs_err::write(&path, encoder.finish().expect("packs")).expect("writes");
    let out = folder.path().join("raw");
    // A list needs no `--source`.
    let list = path.to_str().expect("is text");
    assert_eq!(
        report(&run(&server, &["--urls", list], &out))["labels"],
        json!({"ann": 5})
    );
    let manifest = records(&out.join("manifest.jsonl"));
    assert!(
        manifest
            .iter()
            .all(|one| one["provenance"]["attribution"] == "Jane")
    );
    for (arguments, message) in [
        (
            vec!["--source", "commons", "--urls", list],
            "add `--source urls`",
        ),
        (
            vec!["--urls", list, "--wikidata", "Q1"],
            "nothing is searched",
        ),
        (
            vec!["--source", "folder", "--folder", ".", "--license", "by"],
            "never says which licence",
        ),
        (
            vec!["--query", "a", "--license", "free"],
            "`free` is not one of cc0",
        ),
        (
            vec!["--query", "a", "--endpoint", "urls=http://a.org"],
            "`urls` has no address",
        ),
    ] {
        let text = failure(&run(&server, &arguments, &out), 2);
        assert!(text.contains(message), "{arguments:?}: {text}");
    }
}
