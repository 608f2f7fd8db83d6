//! The answers of each route.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use facepipe_imaging::image_io;
use serde_json::{Value, json as object};

use super::{Server, command, copy_of_model, json, made, photo, png, problem, refused};
use super::{with_form, with_json};
use crate::helpers::{json_lines, picture, run, shared, skip, weights};
use crate::networks::training::LABELS;

/// The model whose faces are found first, with another detector's name in its card.
fn with_detector(model: &Path, detector: &str) {
    copy_of_model(model, |card| {
        card["chip"] = object!({"kind": "aligned", "detector": detector, "landmarks": "dlib5", "padding": 0.25});
    });
}

#[test]
fn a_photo_is_named_as_predict_names_it_whatever_form_it_comes_in() {
    let server = Server::start("");
    let path = made().photos.join("bea/9.png");
    // As many threads as the server has: another number sums in another order.
    let expected = &json_lines(&run(
        "predict --device cpu --threads 2",
        &[&made().model, &path],
    ))[0];
    let raw = json(server.predict(&photo()));
    assert_eq!(raw["faces"], expected["faces"]);
    assert_eq!(
        (&raw["width"], &raw["height"]),
        (&object!(64), &object!(48))
    );
    let face = &raw["faces"][0];
    assert_eq!(raw["pred_label"], face["label"]);
    let index = raw["pred_index"].as_u64().expect("an index") as usize;
    assert_eq!(LABELS[index], raw["pred_label"]);
    for (label, probability) in LABELS
        .iter()
        .zip(raw["probabilities"].as_array().expect("a list"))
    {
        assert_eq!(&face["probabilities"][label], probability);
    }
    let text = STANDARD.encode(photo());
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).expect("text"))
        .collect();
    let lines = lines.join("\n");
    for request in [
        with_form(server.post("/predict_json"), &[("image", &photo())]),
        with_json(server.post("/predict_json"), &object!({"image_b64": text})),
        // As `curl -d` sends what `base64` wrote.
        server
            .post("/predict_json")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(object!({"image_b64": lines}).to_string()),
        server.post("/predict_json?detect=false").body(photo()),
        server.post("/predict").body(photo()),
    ] {
        assert_eq!(json(request.send().expect("an answer")), raw);
    }
    let with_options = Server::start("--unknown-below 1 --top 1");
    let mixed = made().mixed();
    let (raw, unknown) = (server.predict(&mixed), with_options.predict(&mixed));
    let (raw, unknown) = (json(raw), json(unknown));
    assert_eq!(unknown["pred_label"], "unknown");
    assert_eq!(unknown["faces"][0]["nearest"], raw["pred_label"]);
    assert_eq!(unknown["pred_index"], raw["pred_index"]);
    assert_eq!(unknown["probabilities"], raw["probabilities"]);
    let reported = unknown["faces"][0]["probabilities"]
        .as_object()
        .expect("an object");
    assert_eq!(reported.len(), 1);
}

#[test]
fn a_rotated_photo_is_turned_upright() {
    let drawn = image_io::encode_jpeg(&picture(5), 95).expect("encodes");
    // Orientation 6 of EXIF, in a directory of one entry: the camera was turned to the right.
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let (begin, rest) = drawn.split_at(2);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let turned = [begin, b"\xff\xe1", &length, exif, rest].concat();
    let server = Server::start("");
    let [lying, upright] = [drawn, turned].map(|photo| json(server.predict(&photo)));
    assert_eq!(
        (&lying["width"], &lying["height"]),
        (&upright["height"], &upright["width"])
    );
    assert_ne!(lying["width"], lying["height"]);
    let rect = object!([0, 0, upright["width"], upright["height"]]);
    assert_eq!(upright["faces"][0]["box"], rect);
}

#[test]
fn an_exported_file_is_served_like_its_folder() {
    let script = Server::of(command("", &made().model.join("export/model.pt")));
    let folder = Server::start("");
    let [script, folder] = [script, folder].map(|server| json(server.predict(&photo())));
    assert_eq!(script["pred_label"], folder["pred_label"]);
    let probability = |answer: &Value| {
        answer["faces"][0]["probability"]
            .as_f64()
            .expect("a number")
    };
    assert!((probability(&script) - probability(&folder)).abs() < 1e-5);
}

#[test]
fn people_get_a_page_with_the_names() {
    let server = Server::start("");
    let ask = |body: Vec<u8>| {
        let request = with_form(server.post("/predict"), &[("image", &body)]);
        request
            .header("accept", "text/html,*/*;q=0.8")
            .send()
            .expect("an answer")
    };
    let answer = ask(photo());
    assert_eq!(answer.headers()["vary"], "accept");
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .expect("text")
            .starts_with("text/html")
    );
    let page = answer.text().expect("text");
    let label = json(server.predict(&photo()))["pred_label"].clone();
    assert!(
        page.contains(&format!("One face: {}.", label.as_str().expect("a label"))),
        "{page}"
    );
    assert!(page.contains("src=\"data:image/jpeg;base64,"));
    let wrong = ask(b"no picture".to_vec());
    assert_eq!(wrong.status().as_u16(), 422);
    assert_eq!(wrong.headers()["vary"], "accept");
    let page = wrong.text().expect("text");
    assert!(
        page.contains("not an image") && page.contains("<h1>"),
        "{page}"
    );
}

#[test]
fn pages_load_nothing_from_elsewhere() {
    let server = Server::start("");
    for path in ["/", "/docs"] {
        let answer = server.get(path);
        let policy = answer.headers()["content-security-policy"].clone();
        assert!(
            policy
                .to_str()
                .expect("text")
                .starts_with("default-src 'none'")
        );
        let page = answer.text().expect("text");
        for outside in [
            "http://",
            "https://",
            "<link rel=\"stylesheet\"",
            "src=\"/",
            "@import",
        ] {
            // Examples of calls name this machine.
            let page = page.replace("http://127.0.0.1:8080", "");
            assert!(!page.contains(outside), "{path}: {outside}");
        }
        assert!(page.contains("<html lang=\"en\">") && page.contains("name=\"viewport\""));
    }
    let page = server.get("/").text().expect("text");
    for part in [
        "type=\"file\"",
        "Name its faces",
        "<label",
        "aria-live",
        "kinds",
        "prefers-color-scheme:dark",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn the_description_has_exactly_the_routes_of_the_server() {
    let server = Server::start("");
    let description = json(server.get("/openapi.json"));
    let paths = description["paths"].as_object().expect("paths");
    assert!(paths.len() >= 18);
    for (path, methods) in paths {
        let address = path.replace("{name}", "kinds");
        for method in ["get", "post"] {
            let answer = match method {
                "get" => server.get(&address),
                _ => server
                    .post(&address)
                    .body("no picture")
                    .send()
                    .expect("an answer"),
            };
            let status = answer.status().as_u16();
            let allowed = answer.headers().get("allow");
            if methods.get(method).is_some() {
                assert!(
                    ![404, 405, 500].contains(&status),
                    "{method} {path}: {status}"
                );
                let described = &methods[method]["responses"][status.to_string()];
                assert!(
                    described.is_object(),
                    "{method} {path}: {status} is not described"
                );
            } else {
                assert_eq!(status, 405, "{method} {path}");
                assert!(allowed.is_some(), "{method} {path}");
            }
        }
    }
    assert_eq!(
        refused(server.get("/nothing")),
        (404, "not_found".to_owned())
    );
}

#[test]
fn health_info_and_figures() {
    let server = Server::start("--max-batch 4 --queue 7");
    assert_eq!(server.get("/healthz").text().expect("text"), "ok\n");
    assert_eq!(server.get("/readyz").text().expect("text"), "ready\n");
    let info = json(server.get("/info"));
    let card: Value =
        serde_json::from_slice(&fs_err::read(made().model.join("model_card.json")).expect("reads"))
            .expect("JSON");
    assert_eq!(info["model"], card);
    assert_eq!(info["compared_with_card"], true);
    assert_eq!(info["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(info["settings"]["limits"]["queue"], 7);
    assert_eq!(info["settings"]["batching"]["faces"], 4);
    assert_eq!(info["settings"]["needs_key"], false);
    for _ in 0..3 {
        json(server.predict(&photo()));
    }
    refused(server.predict(b"no picture"));
    let route = "route=\"/predict_json\"";
    for (name, expected) in [
        (
            format!("facepipe_requests_total{{{route},status=\"200\"}}"),
            3.0,
        ),
        (
            format!("facepipe_requests_total{{{route},status=\"422\"}}"),
            1.0,
        ),
        (
            "facepipe_failures_total{code=\"not_an_image\"}".to_owned(),
            1.0,
        ),
        (format!("facepipe_request_seconds_count{{{route}}}"), 4.0),
        ("facepipe_decode_seconds_count".to_owned(), 3.0),
        ("facepipe_detect_seconds_count".to_owned(), 3.0),
        ("facepipe_inference_seconds_count".to_owned(), 3.0),
        ("facepipe_photo_queue_seconds_count".to_owned(), 4.0),
        ("facepipe_model_queue_seconds_count".to_owned(), 3.0),
        ("facepipe_batch_size_sum".to_owned(), 3.0),
        ("facepipe_queue_length".to_owned(), 0.0),
    ] {
        assert_eq!(server.figure(&name), expected, "{name}");
    }
}

#[test]
fn without_model_files_the_routes_that_need_them_say_so() {
    let empty = tempfile::tempdir().expect("temporary folder");
    let options = format!("--weights-dir {}", empty.path().display());
    let server = Server::start(&options);
    for path in ["/detect", "/embed"] {
        let answer = server
            .post(path)
            .body(super::photo())
            .send()
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 501);
        let problem = problem(answer);
        let error = problem["error"].as_str().expect("text");
        assert!(error.contains("models pull"), "{error}");
    }
    let photo = photo();
    let two = [("image1", &*photo), ("image2", &*photo)];
    let answer = with_form(server.post("/verify"), &two)
        .send()
        .expect("an answer");
    assert_eq!(refused(answer), (501, "not_available".to_owned()));
    json(server.predict(&photo));
    // A model whose faces have to be found does not start without its detector, unless it gets chips.
    let model = empty.path().join("model");
    with_detector(&model, "mtcnn");
    let output = command(&options, &model).output().expect("runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("models pull mtcnn"), "{error}");
    let chips = Server::of(command(&format!("{options} --chips"), &model));
    assert_eq!(
        json(chips.predict(&photo))["faces"][0]["box"],
        object!([0, 0, 64, 48])
    );
}

#[test]
fn faces_of_real_photos_are_found_embedded_and_verified_as_by_the_commands() {
    let Some(photos) = shared("data/detection/known_count") else {
        return;
    };
    for name in [
        "mtcnn_onet.pt",
        "shape_predictor_5_face_landmarks.dat",
        "dlib_face_recognition_resnet_model_v1.dat",
    ] {
        if weights(name).is_none() {
            return;
        }
    }
    let root = tempfile::tempdir().expect("temporary folder");
    let model = root.path().join("model");
    with_detector(&model, "mtcnn");
    let found = json_lines(&run("embed --threads 1 --detector mtcnn", &[&photos]));
    let faces = |line: &Value| line["faces"].as_array().map_or(0, Vec::len);
    let Some(line) = found.iter().find(|line| (1..4).contains(&faces(line))) else {
        return skip("no photo of the folder shows one to three faces");
    };
    let path = Path::new(line["path"].as_str().expect("a path"));
    let bytes = fs_err::read(path).expect("reads");
    let server = Server::of(command("", &model));
    let ask = |route: &str| {
        json(
            server
                .post(route)
                .body(bytes.clone())
                .send()
                .expect("an answer"),
        )
    };

    let embedded = ask("/embed");
    for part in ["decode", "detect", "embedding"] {
        let name = format!("facepipe_{part}_seconds_count");
        assert_eq!(server.figure(&name), 1.0, "{name}");
    }
    assert_eq!(faces(&embedded), faces(line));
    for (face, expected) in embedded["faces"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(line["faces"].as_array().into_iter().flatten())
    {
        assert_eq!(face["box"], expected["box"]);
        let numbers = |face: &Value| -> Vec<f64> {
            let numbers = face["embedding"].as_array().expect("numbers").iter();
            numbers.filter_map(Value::as_f64).collect()
        };
        let pairs = numbers(face).into_iter().zip(numbers(expected));
        assert!(
            pairs
                .map(|(one, other)| (one - other).abs())
                .fold(0.0, f64::max)
                < 1e-4
        );
    }
    let detected = &json_lines(&run("detect --detector mtcnn", &[path]))[0];
    assert_eq!(ask("/detect")["faces"], detected["faces"]);
    let named = ask("/predict_json");
    let of_command = &json_lines(&run("predict --threads 1", &[&model, path]))[0];
    assert_eq!(named["faces"][0]["box"], of_command["faces"][0]["box"]);
    assert_eq!(named["pred_label"], of_command["faces"][0]["label"]);
    assert_eq!(faces(&named), faces(of_command));

    let two = |second: Vec<u8>| {
        let two = [("image1", &*bytes), ("image2", &*second)];
        with_form(server.post("/verify"), &two)
            .send()
            .expect("an answer")
    };
    let verified = json(two(bytes.clone()));
    assert_eq!(verified["same"], true);
    assert_eq!(
        verified["pairs"].as_array().map(Vec::len),
        Some(faces(line) * faces(line))
    );
    assert!(verified["pairs"][0]["distance"].as_f64().expect("a number") < 1e-3);
    assert_eq!(refused(two(png(&picture(3)))), (422, "no_face".to_owned()));
    let wall = json(server.predict(&png(&picture(3))));
    assert_eq!(wall["faces"], object!([]));
    assert_eq!(
        (&wall["pred_index"], &wall["pred_label"]),
        (&Value::Null, &Value::Null)
    );
}
