//! Requests that are too large, too slow, too many or hostile.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;

use image::RgbImage;
use serde_json::{Value, json as object};

use super::{Server, command, json, made, photo, png, refused, with_form, with_json};
use crate::helpers::picture;

/// A picture that takes a while to decode and to resize.
fn large() -> Vec<u8> {
    png(&RgbImage::from_fn(2400, 1600, |x, y| {
        let value = x
            .wrapping_mul(2_654_435_761)
            .wrapping_add(y.wrapping_mul(40_503));
        image::Rgb([
            (value >> 13) as u8,
            (value >> 17) as u8,
            (value >> 21) as u8,
        ])
    }))
}

#[test]
fn bodies_and_photos_over_the_limits_are_refused() {
    let server = Server::start("--max-body 1 --max-megapixels 1");
    let too_large = vec![7; 1_000_001];
    let expected = (413, "body_too_large".to_owned());
    assert_eq!(refused(server.predict(&too_large)), expected);
    let form = with_form(server.post("/predict_json"), &[("image", &too_large)]);
    assert_eq!(refused(form.send().expect("an answer")), expected);
    // Without a length in the head, and in a form without one.
    for kind in ["image/png", "multipart/form-data; boundary=border"] {
        let mut stream = server.connect();
        let head = format!(
            "POST /predict_json HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n\
             transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("writes");
        let begin = "--border\r\ncontent-disposition: form-data; name=\"image\"\r\n\r\n";
        let first = format!("{:x}\r\n{begin}\r\n", begin.len());
        stream.write_all(first.as_bytes()).expect("writes");
        let chunk = format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000));
        for _ in 0..12 {
            // The server may have closed by then.
            let _ = stream.write_all(chunk.as_bytes());
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 413"), "{kind}: {answer:.60}");
    }
    let wide = png(&RgbImage::new(1100, 1000));
    assert_eq!(
        refused(server.predict(&wide)),
        (422, "too_many_pixels".to_owned())
    );
    json(server.predict(&png(&RgbImage::new(1000, 1000))));
}

#[test]
fn a_client_that_sends_too_much_reads_why_it_is_refused() {
    let mut with_key = command("--max-body 1", &made().model);
    with_key.env("FACEPIPE_SERVE_KEY", "a key for tests");
    for (server, expected) in [
        (Server::start("--max-body 1"), 413),
        (Server::of(with_key), 401),
    ] {
        let mut stream = server.connect();
        let head = "POST /predict_json HTTP/1.1\r\nhost: localhost\r\ncontent-length: 30000000\r\n\
             connection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("writes");
        // As browsers do, which read nothing before all is sent.
        for _ in 0..300 {
            stream.write_all(&[7; 100_000]).expect("is taken in");
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("reads");
        let status = format!("HTTP/1.1 {expected}");
        assert!(answer.starts_with(&status), "{answer:.60}");
    }
    let server = Server::start("--max-body 1");
    let mut stream = server.connect();
    let head =
        "POST /predict_json HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("writes");
    let mut sent = (0..9000).map(|_| stream.write_all(&[7; 1_000_000]));
    assert!(sent.any(|sent| sent.is_err()), "no client sends for ever");
}

#[test]
fn bodies_that_are_no_photo_are_refused_and_the_server_continues() {
    let server = Server::start("");
    let photo = photo();
    let half = &photo[..photo.len() / 2];
    let not_an_image = (422, "not_an_image".to_owned());
    for body in [
        half,
        b"no picture",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xd9",
        &[0; 5000],
    ] {
        assert_eq!(
            refused(server.predict(body)),
            not_an_image,
            "{:?}",
            &body[..4]
        );
    }
    let bad_request = (400, "bad_request".to_owned());
    assert_eq!(refused(server.predict(b"")), bad_request);
    let predict = || server.post("/predict_json");
    let broken_form = "multipart/form-data; boundary=border";
    for request in [
        with_form(predict(), &[("photo", &photo)]),
        with_form(predict(), &[("image", b"")]),
        with_form(predict(), &[]),
        predict()
            .header("content-type", broken_form)
            .body("--border\r\nno form"),
        predict()
            .header("content-type", "multipart/form-data")
            .body(photo.clone()),
        with_form(predict(), &[("image", &photo), ("image", &photo)]),
        with_json(predict(), &object!({"image_b64": "%%%"})),
        with_json(predict(), &object!({"image_b64": 7})),
        with_json(predict(), &object!(["image_b64"])),
        predict()
            .header("content-type", "application/json")
            .body("{"),
        predict()
            .header("content-type", "application/json")
            .body("[".repeat(100_000)),
        server
            .post("/predict_json?detect=perhaps")
            .body(photo.clone()),
        server.post("/verify").body(photo.clone()),
        with_form(server.post("/verify"), &[("image1", &photo)]),
    ] {
        assert_eq!(refused(request.send().expect("an answer")), bad_request);
    }
    for rubbish in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET /\r\n\r\n",
        &[0xff; 70_000],
    ] {
        let mut stream = server.connect();
        // The server may close as soon as it sees the first of it.
        let _ = stream.write_all(rubbish);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    for _ in 0..20 {
        // Breaks off in the middle of the body.
        let mut stream = server.connect();
        let head =
            "POST /predict_json HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5000\r\n\r\nhalf";
        stream.write_all(head.as_bytes()).expect("writes");
    }
    assert_eq!(server.get("/healthz").status().as_u16(), 200);
    json(server.predict(&photo));
    assert_eq!(server.figure("facepipe_queue_length"), 0.0);
    let log = server.end();
    assert!(!log.contains("panicked") && !log.contains(" 500"), "{log}");
}

#[test]
fn a_body_that_does_not_arrive_times_out() {
    let server = Server::start("--time-limit 1");
    for kind in ["image/png", "multipart/form-data; boundary=border"] {
        let mut stream = server.connect();
        let head = format!(
            "POST /predict_json HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n\
             content-length: 5000\r\nconnection: close\r\n\r\nhalf"
        );
        stream.write_all(head.as_bytes()).expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("reads");
        assert!(answer.starts_with("HTTP/1.1 408"), "{kind}: {answer}");
        assert!(answer.contains("slow_body"), "{answer}");
    }
    json(server.predict(&photo()));
}

#[test]
fn requests_beyond_the_queue_are_asked_to_retry() {
    let server = Server::start("--queue 2");
    let large = large();
    let answers: Vec<(u16, Option<String>)> = thread::scope(|scope| {
        let ask = || {
            let answer = server.predict(&large);
            let retry = answer.headers().get("retry-after").cloned();
            let retry = retry.map(|value| value.to_str().expect("text").to_owned());
            let status = answer.status().as_u16();
            if status != 200 {
                assert_eq!(refused(answer), (429, "queue_full".to_owned()));
            }
            (status, retry)
        };
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        let answers = threads
            .into_iter()
            .map(|thread| thread.join().expect("answers"));
        answers.collect()
    });
    let count = |wanted: u16| {
        answers
            .iter()
            .filter(|(status, _)| *status == wanted)
            .count()
    };
    assert!(count(200) >= 2 && count(429) >= 1, "{answers:?}");
    assert_eq!(count(200) + count(429), 12);
    for (status, retry) in &answers {
        assert_eq!(retry.as_deref(), (*status == 429).then_some("1"));
    }
    json(server.predict(&photo()));
    assert_eq!(server.figure("facepipe_queue_length"), 0.0);
    // A request of two photos needs two places.
    let one = Server::start("--queue 1");
    let two = with_form(
        one.post("/verify"),
        &[("image1", &photo()), ("image2", &photo())],
    );
    assert_eq!(
        refused(two.send().expect("an answer")),
        (429, "queue_full".to_owned())
    );
}

#[test]
fn simultaneous_requests_get_their_own_answers_in_batches() {
    let server = Server::start("--max-batch 8 --max-delay 50");
    let photos: Vec<Vec<u8>> = (0..8).map(|number| png(&picture(number))).collect();
    let probabilities = |answer: &Value| -> Vec<f64> {
        let list = answer["probabilities"].as_array().expect("a list").iter();
        list.filter_map(Value::as_f64).collect()
    };
    let single: Vec<_> = photos
        .iter()
        .map(|photo| probabilities(&json(server.predict(photo))))
        .collect();
    let batches = server.figure("facepipe_inference_seconds_count");
    assert_eq!(batches, 8.0, "a single client does not wait for others");
    thread::scope(|scope| {
        for (photo, expected) in photos.iter().zip(&single) {
            let (server, probabilities) = (&server, &probabilities);
            scope.spawn(move || {
                for _ in 0..10 {
                    let found = probabilities(&json(server.predict(photo)));
                    for (found, expected) in found.iter().zip(expected) {
                        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
                    }
                }
            });
        }
    });
    let after = server.figure("facepipe_inference_seconds_count");
    assert!(
        after - batches < 80.0,
        "{after} batches are as many as photos"
    );
    assert_eq!(server.figure("facepipe_batch_size_sum"), 88.0);
}
