//! The server with a constant in place of its model, for the time of everything else.
//!
//! ```text
//! serve_constant MODEL ADDRESS:PORT
//! ```
//!
//! MODEL gives only the card; images are taken for faces. It listens until it is killed.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use facepipe_core::artifacts::model_folder::read_card;
use facepipe_nn::{Answer, ModelError};
use facepipe_predict::Naming;
use facepipe_serve::{Batching, LabelModel, Limits, Opened, Service, Settings, bind, listen};

/// Says the same of each image.
struct Constant(Vec<f32>);

impl LabelModel for Constant {
    fn answers(&mut self, images: &[Vec<f32>]) -> Result<Vec<Answer>, ModelError> {
        let answer = Answer {
            probabilities: self.0.clone(),
            similarities: Vec::new(),
        };
        Ok(vec![answer; images.len()])
    }

    fn check(&mut self) -> Result<bool, ModelError> {
        Ok(false)
    }
}

fn opened(model: &Path) -> Result<Opened, Box<dyn Error + Send + Sync>> {
    let card = read_card(model)?;
    let labels = card.labels.len();
    Ok(Opened {
        model: Box::new(Constant(vec![1.0 / labels as f32; labels])),
        card,
        sha256: String::new(),
        device: "none".to_owned(),
        tools: Err("there is no detector".to_owned()),
        embedding: Err("there is no embedder".to_owned()),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, address] = &arguments[..] else {
        return Err("usage: serve_constant MODEL ADDRESS:PORT".into());
    };
    let settings = Settings {
        limits: Limits {
            queue: 128,
            body_bytes: 20_000_000,
            pixels: 50_000_000,
            time: Duration::from_secs(30),
            drain: Duration::from_secs(1),
        },
        batching: Batching {
            faces: NonZeroUsize::new(16).ok_or("not zero")?,
            delay: Duration::from_millis(5),
        },
        naming: Naming::default(),
        threads: std::thread::available_parallelism()?,
        chips: true,
        key: None,
        cors: Vec::new(),
        hosts: Vec::new(),
    };
    let path = Path::new(model).to_owned();
    let opened_now = opened(&path).map_err(|error| error.to_string())?;
    let reopen = Box::new(move || opened(&path));
    let service = Arc::new(Service::start(opened_now, reopen, settings)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let listener = bind(address.parse()?)?;
    runtime.block_on(listen(service, listener, None, std::future::pending()))?;
    Ok(())
}
