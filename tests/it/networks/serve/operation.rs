//! Access, encryption, start, end and change of the model.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json as object};

use super::{Server, change_card, client, command, copy_of_model, json, made, photo, refused};
use super::{with_form, with_json};
use crate::helpers::{failure, run, write};

const KEY: &str = "open-sesame-7391";

#[test]
fn clients_without_the_key_get_pages_and_health_only() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(
        &folder.path().join("v.env"),
        format!("FACEPIPE_SERVE_KEY={KEY}\n").as_bytes(),
    );
    let mut from_file = command("--log json -v", &made().model);
    from_file.current_dir(folder.path());
    let mut from_environment = command("--log json", &made().model);
    from_environment.env("FACEPIPE_SERVE_KEY", KEY);
    for command in [from_file, from_environment] {
        let server = Server::of(command);
        for path in [
            "/",
            "/docs",
            "/openapi.json",
            "/healthz",
            "/readyz",
            "/v2/health/ready",
        ] {
            assert_eq!(server.get(path).status().as_u16(), 200, "{path}");
        }
        assert!(
            server
                .get("/")
                .text()
                .expect("text")
                .contains("Key of this server")
        );
        let predict = || server.post("/predict_json").body(photo());
        let expected = (401, "unauthorized".to_owned());
        for request in [
            predict(),
            predict().header("x-api-key", "open-sesame-739"),
            predict().header("authorization", format!("Basic {KEY}")),
            predict().header("authorization", "Bearer x"),
            client().get(format!("{}/info", server.url)),
            client().get(format!("{}/metrics", server.url)),
            client().get(format!("{}/v2/models/kinds", server.url)),
        ] {
            let answer = request.send().expect("an answer");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            assert_eq!(refused(answer), expected);
        }
        json(
            predict()
                .header("x-api-key", KEY)
                .send()
                .expect("an answer"),
        );
        let bearer = format!("Bearer {KEY}");
        json(
            predict()
                .header("authorization", &bearer)
                .send()
                .expect("an answer"),
        );
        let info = client()
            .get(format!("{}/info", server.url))
            .header("x-api-key", KEY);
        let info = json(info.send().expect("an answer"));
        assert_eq!(info["settings"]["needs_key"], true);
        let log = server.end();
        assert!(
            !log.contains(KEY) && !info.to_string().contains(KEY),
            "{log}"
        );
    }
}

#[test]
fn an_empty_key_stops_the_server() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(&folder.path().join(".env"), b"FACEPIPE_SERVE_KEY=\n");
    let mut from_file = command("", &made().model);
    from_file.current_dir(folder.path());
    let mut from_environment = command("", &made().model);
    from_environment.env("FACEPIPE_SERVE_KEY", " ");
    for mut command in [from_file, from_environment] {
        let output = command.output().expect("runs");
        assert!(output.stdout.is_empty(), "{output:?}");
        let error = failure(&output, 2);
        assert!(
            error.contains("FACEPIPE_SERVE_KEY is set, but is empty"),
            "{error}"
        );
    }
}

#[test]
fn the_log_has_one_line_per_request_and_no_photo_data() {
    let server = Server::start("--log json");
    let request = with_form(server.post("/predict_json"), &[("image", &photo())]);
    json(
        request
            .header("x-request-id", "mine-7")
            .send()
            .expect("an answer"),
    );
    let text = "c2VjcmV0IHRleHQ=";
    let refused = with_json(server.post("/predict_json"), &object!({"image_b64": text}));
    assert_eq!(refused.send().expect("an answer").status().as_u16(), 422);
    let odd = server.get("/secret-path?secret=query");
    let made_id = odd.headers()["x-request-id"]
        .to_str()
        .expect("text")
        .to_owned();
    let log = server.end();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|line: &Value| line["message"] == "request")
        .collect();
    let expected = [
        ("/predict_json", 200, Value::Null, "mine-7"),
        ("/predict_json", 422, object!("not_an_image"), ""),
        ("other", 404, object!("not_found"), &made_id),
    ];
    assert_eq!(lines.len(), expected.len(), "{log}");
    for (line, (route, status, code, id)) in lines.iter().zip(expected) {
        assert_eq!(
            (&line["route"], &line["status"]),
            (&object!(route), &object!(status))
        );
        assert_eq!(line["code"], code);
        assert!(id.is_empty() || line["id"] == id, "{line}");
        assert!(line["milliseconds"].is_number());
    }
    assert!(!log.contains("secret") && !log.contains("c2Vj"), "{log}");
}

#[test]
fn pages_of_other_origins_are_served_only_where_allowed() {
    let origin = "https://photos.example.org";
    let ask = |server: &Server, origin: &str| {
        let url = format!("{}/predict_json", server.url);
        let request = client().request(reqwest::Method::OPTIONS, url);
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-api-key");
        let answer = request.send().expect("an answer");
        answer.headers().get("access-control-allow-origin").cloned()
    };
    let closed = Server::start("");
    assert_eq!(ask(&closed, origin), None);
    let open = Server::start(&format!("--cors {origin}"));
    assert_eq!(ask(&open, origin).expect("allowed"), origin);
    assert_eq!(ask(&open, "https://example.org"), None);
    for wrong in ["photos.example.org", "https://photos.example.org/", "*"] {
        let output = command(&format!("--cors {wrong}"), &made().model).output();
        let output = output.expect("runs");
        assert!(output.stdout.is_empty(), "it does not say that it serves");
        let error = failure(&output, 1);
        assert!(
            error.contains("is not an origin") && error.contains("hint: "),
            "{error}"
        );
    }
}

#[test]
fn with_a_certificate_everything_is_encrypted() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]);
    let certified = certified.expect("a certificate");
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    let pem = certified.cert.pem();
    write(&cert, pem.as_bytes());
    write(&key, certified.signing_key.serialize_pem().as_bytes());
    let options = |cert: &std::path::Path, key: &std::path::Path| {
        format!("--tls-cert {} --tls-key {}", cert.display(), key.display())
    };
    let server = Server::of(command(&options(&cert, &key), &made().model));
    assert!(server.url.starts_with("https://"));
    let root = reqwest::Certificate::from_pem(pem.as_bytes()).expect("a certificate");
    let trusting = facepipe_net::client::blocking()
        .no_proxy()
        .tls_certs_only([root])
        .build()
        .expect("a client");
    let request = trusting
        .post(format!("{}/predict_json", server.url))
        .body(photo());
    json(request.send().expect("an answer"));
    let plain = server.url.replace("https", "http");
    assert!(client().get(plain).send().is_err());
    assert!(
        client().get(&server.url).send().is_err(),
        "it has no trusted signature"
    );
    server.end();
    let output = command(&options(&key, &cert), &made().model).output();
    let error = failure(&output.expect("runs"), 1);
    assert!(
        error.contains("cannot use the certificate") && error.contains("PEM"),
        "{error}"
    );
    // Reported before the model is read.
    let nothing = folder.path().join("nothing.pem");
    let output = command(&options(&cert, &nothing), folder.path()).output();
    let error = failure(&output.expect("runs"), 1);
    assert!(
        error.contains("nothing.pem`: ") && error.contains("PEM"),
        "{error}"
    );
    let without_key = command("--tls-cert x.pem", &made().model).output();
    failure(&without_key.expect("runs"), 2);
}

#[test]
fn requests_under_way_are_answered_before_the_end() {
    let server = Server::start("");
    let (begun, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let ending = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let client = client();
                for number in 0.. {
                    let was_ending = ending.load(Ordering::SeqCst);
                    let request = client.post(format!("{}/predict_json", server.url));
                    match request.body(photo()).send() {
                        Ok(answer) => {
                            json(answer);
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        // Only requests after the end find no server.
                        Err(error) => {
                            let is_late = was_ending || ending.load(Ordering::SeqCst);
                            assert!(
                                is_late && !error.is_body() && !error.is_decode(),
                                "{error:?}"
                            );
                            return;
                        }
                    }
                    begun.fetch_max(number + 1, Ordering::SeqCst);
                }
            });
        }
        while begun.load(Ordering::SeqCst) < 5 {
            thread::sleep(Duration::from_millis(5));
        }
        ending.store(true, Ordering::SeqCst);
        server.signal("TERM");
    });
    assert!(answered.load(Ordering::SeqCst) >= 5);
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(
        log.contains("no new requests are accepted") && log.contains("ended"),
        "{log}"
    );
}

#[test]
fn a_slow_request_is_answered_after_the_signal() {
    let server = Server::start("");
    let mut stream = server.connect();
    let photo = photo();
    let head = format!(
        "POST /predict_json HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        photo.len()
    );
    let (first, rest) = photo.split_at(photo.len() / 2);
    use std::io::{Read as _, Write as _};
    stream.write_all(head.as_bytes()).expect("writes");
    stream.write_all(first).expect("writes");
    // The server has begun to read, for it answers others that came later.
    json(server.predict(&photo));
    server.signal("INT");
    thread::sleep(Duration::from_millis(300));
    stream.write_all(rest).expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("reads");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("pred_label"),
        "{answer}"
    );
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn a_model_is_changed_without_dropping_a_request() {
    let root = tempfile::tempdir().expect("temporary folder");
    let model = root.path().join("model");
    copy_of_model(&model, |_| {});
    let server = Server::of(command("", &model));
    let label = || json(server.predict(&photo()))["pred_label"].clone();
    let before = label();
    let reloads = |result: &str, count: f64| {
        let name = format!("facepipe_reloads_total{{result=\"{result}\"}}");
        let begun = Instant::now();
        loop {
            let text = server.get("/metrics").text().expect("text");
            if text.lines().any(|line| line == format!("{name} {count}")) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{text}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    label();
                }
            });
        }
        for number in 0..3 {
            let names = ["ada", "bea", "cem"].map(|name| format!("{name}-{number}"));
            change_card(&model, |card| card["labels"] = object!(names));
            server.signal("HUP");
            reloads("ok", f64::from(number + 1));
            let expected = format!("{}-{number}", before.as_str().expect("a label"));
            assert_eq!(label(), expected);
        }
        // A model that can't be used leaves the previous one in place.
        change_card(&model, |card| {
            card["reference"]["logits"][0] = object!(1000.0)
        });
        server.signal("HUP");
        reloads("failed", 1.0);
        assert_eq!(label(), format!("{}-2", before.as_str().expect("a label")));
        is_over.store(true, Ordering::SeqCst);
    });
    let log = server.end();
    assert!(
        log.contains("the previous one stays") && log.contains("differs"),
        "{log}"
    );
}

#[test]
fn it_does_not_start_with_a_model_that_differs_from_its_card() {
    let root = tempfile::tempdir().expect("temporary folder");
    let model = root.path().join("model");
    copy_of_model(&model, |card| {
        card["reference"]["logits"][1] = object!(50.0)
    });
    let refused = |model: &std::path::Path| {
        let output = command("", model).output().expect("runs");
        assert!(output.stdout.is_empty(), "{output:?}");
        failure(&output, 1)
    };
    let error = refused(&model);
    assert!(
        error.contains("reference picture") && error.contains("hint: "),
        "{error}"
    );
    change_card(&model, |card| {
        card.as_object_mut().expect("an object").remove("reference");
    });
    let server = Server::of(command("", &model));
    assert_eq!(json(server.get("/info"))["compared_with_card"], false);
    assert!(
        server
            .end()
            .contains("only that the model answers was checked")
    );
    fs_err::write(model.join("checkpoints/best.safetensors"), b"broken").expect("writes");
    assert!(refused(&model).contains("weights"));
    assert!(refused(&root.path().join("nothing")).contains("there is no model"));
}

#[test]
fn an_address_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("an address").to_string();
    let output = run(
        &format!("serve --device cpu --threads 1 --bind {address}"),
        &[&made().model],
    );
    let error = failure(&output, 1);
    assert!(
        error.contains(&address) && error.contains("another program"),
        "{error}"
    );
    failure(&run("serve --bind localhost", &[&made().model]), 2);
}
