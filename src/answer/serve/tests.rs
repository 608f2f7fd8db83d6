//! The server around models that are slow, that fail, and that record their calls.

use std::io::Write;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use serde_json::{Value, json};

use super::model::{LabelModel, Opened};
use super::{Batching, Limits, ServeError, Service, Settings, bind, listen};
use facepipe_core::context::Interrupt;
use facepipe_core::types::{ModelCard, Size};
use facepipe_imaging::image_io::encode_png;
use facepipe_nn::{Answer, ModelError};
use facepipe_predict::Naming;

/// A model that is a function of the images.
struct Fake<F>(F);

impl<F: FnMut(&[Vec<f32>]) -> Vec<Vec<f32>> + Send> LabelModel for Fake<F> {
    fn answers(&mut self, images: &[Vec<f32>]) -> Result<Vec<Answer>, ModelError> {
        let answer = |probabilities| Answer {
            probabilities,
            similarities: Vec::new(),
        };
        Ok(self.0(images).into_iter().map(answer).collect())
    }

    fn check(&mut self) -> Result<bool, ModelError> {
        Ok(true)
    }
}

/// A card of two labels and tiny whole images.
fn card() -> ModelCard {
    let card = json!({
        "format_version": 1, "made_by": "a test", "name": "fake", "architecture": "resnet18",
        "input": {"width": 3, "height": 2, "channels": "RGB", "scale": 1.0, "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0], "interpolation": "triangle"},
        "chip": {"kind": "whole"}, "labels": ["ada", "bea"], "weights": {"origin": "none"},
        "training": {"epochs": 1, "best_epoch": 1, "best_val_loss": 1.0, "seed": 0},
        "data": {"digests": {}, "images": {}},
    });
    serde_json::from_value(card).expect("a card")
}

fn opened(model: impl LabelModel + 'static) -> Opened {
    Opened {
        model: Box::new(model),
        card: card(),
        sha256: String::new(),
        device: "cpu".to_owned(),
        tools: Err("no detector".to_owned()),
        embedding: Err("no embedder".to_owned()),
    }
}

fn settings(faces: usize, time: Duration) -> Settings {
    Settings {
        limits: Limits {
            queue: 16,
            body_bytes: 1_000_000,
            pixels: 1_000_000,
            time,
            drain: Duration::from_secs(5),
        },
        batching: Batching {
            faces: NonZeroUsize::new(faces).expect("not zero"),
            delay: Duration::ZERO,
        },
        naming: Naming::default(),
        threads: NonZeroUsize::MIN,
        chips: true,
        key: None,
        cors: Vec::new(),
        hosts: Vec::new(),
    }
}

fn service(model: impl LabelModel + 'static, settings: Settings) -> Arc<Service> {
    let reopen = Box::new(|| Err("there is nothing to reload".into()));
    Arc::new(Service::start(opened(model), reopen, settings).expect("starts"))
}

#[test]
fn faces_are_detected_or_the_reason_why_not_is_given() {
    let certain = || Fake(|images: &[Vec<f32>]| vec![vec![0.25, 0.75]; images.len()]);
    let reopen = || Box::new(|| Err("there is nothing to reload".into()));
    let with_photos = |chips: bool| {
        let mut opened = opened(certain());
        opened.card.chip = serde_json::from_value(json!({
            "kind": "aligned", "detector": "mtcnn", "landmarks": "dlib5", "padding": 0.25,
        }))
        .expect("a way to cut faces");
        let mut settings = settings(4, Duration::from_secs(60));
        settings.chips = chips;
        Service::start(opened, reopen(), settings)
    };
    let error = with_photos(false).expect_err("its detector is not there");
    assert!(matches!(error, ServeError::NoDetector(_)), "{error}");
    let whole = service(certain(), settings(4, Duration::from_secs(60)));
    let without_detector = Arc::new(with_photos(true).expect("starts"));
    for (service, reason) in [(whole, "whole images"), (without_detector, "no detector")] {
        with_server(service, |url| {
            assert_eq!(predict(url).status().as_u16(), 200);
            let refused = send(&format!("{url}/predict_json?detect=true"), photo());
            assert_eq!(refused.status().as_u16(), 501);
            let text = refused.text().expect("text");
            assert!(
                text.contains(reason) && text.contains("not_available"),
                "{text}"
            );
        });
    }
}

#[test]
fn an_answer_that_is_not_a_number_is_an_error() {
    let overflows = Fake(|images: &[Vec<f32>]| vec![vec![f32::NAN, 0.5]; images.len()]);
    let service = service(overflows, settings(4, Duration::from_secs(60)));
    with_server(service, |url| {
        let numbers = json!({"inputs": [{
            "name": "images", "datatype": "FP32", "shape": [1, 3, 2, 3], "data": vec![1e38; 18],
        }]});
        let url = format!("{url}/v2/models/fake/infer");
        let refused = send(&url, numbers.to_string().into_bytes());
        assert_eq!(code(refused), (422, "not_computable".to_owned()));
    });
}

#[test]
fn a_client_that_disconnects_before_the_answer_is_counted() {
    let (model, batch_sizes, release) = stepped();
    let service = service(model, settings(1, Duration::from_secs(60)));
    let metrics = service.metrics.clone();
    let figures = metrics.clone();
    with_server(service, move |url| {
        let address = url.trim_start_matches("http://");
        let photo = photo();
        let mut stream = TcpStream::connect(address).expect("connects");
        let head = format!(
            "POST /predict_json HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
            photo.len()
        );
        stream.write_all(head.as_bytes()).expect("writes");
        stream.write_all(&photo).expect("writes");
        assert_eq!(batch_sizes.recv(), Ok(1));
        drop(stream);
        let counted = "facepipe_failures_total{code=\"cancelled\"} 1";
        let mut texts = (0..2000).map(|_| {
            std::thread::sleep(Duration::from_millis(5));
            figures.text()
        });
        assert!(texts.any(|text| text.contains(counted)));
        assert_eq!(
            figures.queue_length.get(),
            1,
            "its photo is still in progress"
        );
        release.send(()).expect("it waits");
    });
    assert_eq!(metrics.queue_length.get(), 0);
}

/// Runs `ask` with the service's address.
fn with_server(service: Arc<Service>, ask: impl FnOnce(&str) + Send) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (stop, address) = (
        Interrupt::default(),
        "127.0.0.1:0".parse().expect("an address"),
    );
    let _inside = runtime.enter();
    let listener = bind(address).expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let stopped = stop.clone();
    let served = runtime.spawn(listen(service.clone(), listener, None, async move {
        while stopped.check().is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }));
    std::thread::scope(|scope| {
        let asked = scope.spawn(move || ask(&url));
        asked.join().expect("all is as expected");
    });
    stop.raise();
    runtime
        .block_on(served)
        .expect("no panic")
        .expect("ends well");
    service.end().expect("no handle to the service is left");
}

fn photo() -> Vec<u8> {
    encode_png(&image::RgbImage::new(3, 2)).expect("encodes")
}

fn send(url: &str, body: Vec<u8>) -> reqwest::blocking::Response {
    let client = facepipe_net::client::blocking().no_proxy().build();
    let request = client.expect("a client").post(url);
    request.body(body).send().expect("an answer")
}

fn predict(url: &str) -> reqwest::blocking::Response {
    send(&format!("{url}/predict_json"), photo())
}

fn code(response: reqwest::blocking::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let problem: Value = serde_json::from_str(&response.text().expect("text")).expect("JSON");
    (
        status,
        problem["code"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn a_late_answer_is_a_timeout() {
    let (release, is_released) = mpsc::channel::<()>();
    let waits = Fake(move |images: &[Vec<f32>]| {
        let _ = is_released.recv();
        vec![vec![0.25, 0.75]; images.len()]
    });
    let service = service(waits, settings(4, Duration::from_millis(500)));
    with_server(service, |url| {
        let late = predict(url);
        assert_eq!(late.headers()["retry-after"], "1");
        assert_eq!(code(late), (503, "timeout".to_owned()));
        drop(release);
        // On a busy machine the next one may be late as well, but not for ever.
        let mut answers = (0..100).map(|_| predict(url).status().as_u16());
        assert!(answers.any(|status| status == 200));
    });
}

#[test]
fn a_model_that_crashes_fails_its_request_alone() {
    let mut count = 0;
    let crashes = Fake(move |images: &[Vec<f32>]| {
        count += 1;
        assert!(count > 1, "the first time it crashes");
        vec![vec![0.25, 0.75]; images.len()]
    });
    with_server(
        service(crashes, settings(4, Duration::from_secs(60))),
        |url| {
            assert_eq!(code(predict(url)), (500, "internal".to_owned()));
            let answer = predict(url).text().expect("text");
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            assert_eq!(answer["pred_label"], "bea");
            assert_eq!(answer["pred_index"], 1);
        },
    );
}

/// A model that reports the size of each batch and then waits for permission to continue. Each
/// image's probabilities are its first two numbers.
fn stepped() -> (impl LabelModel, Receiver<usize>, Sender<()>) {
    let (batch_size, batch_sizes) = mpsc::channel();
    let (release, is_released) = mpsc::channel();
    let model = Fake(move |images: &[Vec<f32>]| {
        batch_size.send(images.len()).expect("the test listens");
        is_released.recv().expect("the test releases it");
        images.iter().map(|image| image[..2].to_vec()).collect()
    });
    (model, batch_sizes, release)
}

fn image(number: usize) -> Vec<f32> {
    let Size { width, height } = card().input.size;
    vec![number as f32; 3 * (width * height) as usize]
}

#[test]
fn concurrent_requests_share_a_batch_and_get_their_own_answers() {
    let (model, batch_sizes, release) = stepped();
    let service = service(model, settings(3, Duration::from_secs(60)));
    let engine = service.engine();
    let ask = |number: usize, images: usize| {
        let room = service.room(1).expect("there is room");
        let slot = service.slot(&room).expect("there is room");
        engine.infer(vec![image(number); images], slot)
    };
    let first = ask(1, 1);
    assert_eq!(batch_sizes.recv(), Ok(1), "a single request does not wait");
    let others: Vec<_> = (2..7).map(|number| ask(number, 1)).collect();
    // This client disconnects.
    drop(ask(7, 1));
    let many = ask(8, 4);
    let mut sizes = Vec::new();
    for _ in 0..4 {
        release.send(()).expect("it waits");
        sizes.push(batch_sizes.recv().expect("it is called"));
    }
    release.send(()).expect("it waits");
    // Three, then the two that are left (with the cancelled one); four in two parts.
    assert_eq!(sizes, [3, 2, 3, 1]);
    let answer = |answer: tokio::sync::oneshot::Receiver<super::batching::Answers>| {
        answer
            .blocking_recv()
            .expect("an answer")
            .expect("no error")
            .into_iter()
            .map(|answer| answer.probabilities)
            .collect::<Vec<_>>()
    };
    assert_eq!(answer(first), [[1.0, 1.0]]);
    for (number, other) in (2..7).zip(others) {
        assert_eq!(answer(other), [[number as f32; 2]]);
    }
    assert_eq!(answer(many), [[8.0, 8.0]; 4]);
    assert_eq!(service.metrics.queue_length.get(), 0);
    drop(engine);
    service.end().expect("no handle to the service is left");
}

#[test]
fn slots_are_bounded_and_given_back() {
    let model = Fake(|images: &[Vec<f32>]| vec![vec![0.5, 0.5]; images.len()]);
    let service = service(model, settings(3, Duration::from_secs(60)));
    let room = service.room(1).expect("there is room");
    let all = service.slots(16, &room).expect("all are free");
    let full = service.slot(&room).expect_err("none is left");
    assert_eq!((full.status.as_u16(), full.code), (429, "queue_full"));
    assert_eq!(service.metrics.queue_length.get(), 16);
    drop(all);
    assert!(service.slots(2, &room).is_ok() && service.slots(17, &room).is_err());
    drop(room);
    let memory = service.settings.limits.body_memory();
    let room = service.room(memory).expect("all is free");
    let is_full = || {
        service
            .room(1)
            .is_err_and(|problem| problem.code == "queue_full")
    };
    assert!(is_full());
    // A cancelled request leaves its body in the queue.
    let slots = service.slots(2, &room).expect("there are slots");
    drop(room);
    assert!(is_full());
    drop(slots);
    assert!(!is_full());
    service.end().expect("no handle to the service is left");
}

#[test]
fn it_does_not_start_with_a_model_that_fails_or_differs() {
    struct Wrong(bool);
    impl LabelModel for Wrong {
        fn answers(&mut self, _: &[Vec<f32>]) -> Result<Vec<Answer>, ModelError> {
            Ok(Vec::new())
        }

        fn check(&mut self) -> Result<bool, ModelError> {
            assert!(!self.0, "no memory is left");
            Err(ModelError::Differs { difference: 0.5 })
        }
    }
    for (crashes, expected) in [(false, "can't be served"), (true, "no memory is left")] {
        let reopen = Box::new(|| Err("there is nothing to reload".into()));
        let settings = settings(1, Duration::from_secs(1));
        let error = Service::start(opened(Wrong(crashes)), reopen, settings);
        let error: ServeError = error.expect_err("does not start");
        assert!(error.to_string().contains(expected), "{error}");
    }
}
