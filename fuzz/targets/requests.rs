//! Any bytes as the body of a request to the server: answered, and never with an error of the server's own.

#![no_main]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use facepipe_nn::{Answer, ModelError};
use facepipe_predict::Naming;
use facepipe_serve::{Batching, LabelModel, Limits, Opened, Service, Settings, bind, listen};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const PATHS: [&str; 4] = [
    "/predict_json",
    "/embed",
    "/verify",
    "/v2/models/fake/infer",
];
const KINDS: [&str; 4] = [
    "image/jpeg",
    "application/json",
    "multipart/form-data; boundary=b",
    "application/x-www-form-urlencoded",
];

struct Fake;

impl LabelModel for Fake {
    fn answers(&mut self, images: &[Vec<f32>]) -> Result<Vec<Answer>, ModelError> {
        let answer = Answer {
            probabilities: vec![0.25, 0.75],
            similarities: vec![0.5, -0.25],
        };
        Ok(vec![answer; images.len()])
    }

    fn check(&mut self) -> Result<bool, ModelError> {
        Ok(true)
    }
}

fn opened() -> Opened {
    let card = json!({
        "format_version": 1, "made_by": "a test", "name": "fake", "architecture": "resnet18",
        "input": {"width": 3, "height": 2, "channels": "RGB", "scale": 1.0, "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0], "interpolation": "triangle"},
        "chip": {"kind": "whole"}, "labels": ["ada", "bea"], "weights": {"origin": "none"},
        "training": {"epochs": 1, "best_epoch": 1, "best_val_loss": 1.0, "seed": 0},
        "data": {"digests": {}, "images": {}},
    });
    Opened {
        model: Box::new(Fake),
        card: serde_json::from_value(card).expect("a card"),
        sha256: String::new(),
        device: "cpu".to_owned(),
        tools: Err("no detector".to_owned()),
        embedding: Err("no embedder".to_owned()),
    }
}

/// The address of a server that runs until the process ends.
fn server() -> SocketAddr {
    static SERVER: OnceLock<SocketAddr> = OnceLock::new();
    *SERVER.get_or_init(|| {
        let settings = Settings {
            limits: Limits {
                queue: 16,
                body_bytes: 1 << 20,
                pixels: 1 << 20,
                time: Duration::from_secs(10),
                drain: Duration::from_secs(1),
            },
            batching: Batching {
                faces: NonZeroUsize::MIN,
                delay: Duration::ZERO,
            },
            naming: Naming::default(),
            threads: NonZeroUsize::MIN,
            chips: true,
            key: None,
            cors: Vec::new(),
            hosts: Vec::new(),
        };
        let reopen = Box::new(|| Err("there is nothing to reload".into()));
        let service = Arc::new(Service::start(opened(), reopen, settings).expect("starts"));
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("binds");
        let address = listener.local_addr().expect("has an address");
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(listen(service, listener, None, std::future::pending()))
        });
        address
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else {
        return;
    };
    let path = PATHS[usize::from(first & 3)];
    let kind = KINDS[usize::from(first >> 2 & 3)];
    let address = server();
    let mut stream = TcpStream::connect(address).expect("connects");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    // The server may refuse the head and close before the body is sent.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let status = answer.get(9..12).map(String::from_utf8_lossy);
    assert!(
        status
            .as_ref()
            .is_some_and(|status| status.starts_with(['2', '4']) || status == "501"),
        "{path} {kind}: {status:?}"
    );
});
