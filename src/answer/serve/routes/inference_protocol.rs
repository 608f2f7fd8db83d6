//! The Open Inference Protocol, version 2: tensors in, tensors out.
//!
//! The model takes `images`, `FP32` of shape `[n, 3, height, width]`, preprocessed as its card says, or
//! `chips`, `UINT8` of shape `[n, height, width, 3]`; it gives `probabilities` and, where its card says
//! so, `similarities`, both `FP32` of shape `[n, labels]`.

use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use image::RgbImage;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Shared;
use crate::body::whole;
use crate::engine::Engine;
use crate::problem::Problem;
use crate::service::Service;
use facepipe_core::types::{InputSpec, ModelCard, Size};
use facepipe_faces::preprocess::preprocess;
use facepipe_nn::Answer as ModelAnswer;

const IMAGES: &str = "images";
const CHIPS: &str = "chips";
const PROBABILITIES: &str = "probabilities";
const SIMILARITIES: &str = "similarities";

/// The server's metadata.
pub(super) async fn server() -> Json<Value> {
    Json(json!({
        "name": "facepipe",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": [],
    }))
}

/// The model's inputs and outputs.
pub(super) async fn model(State(service): Shared, name: Name) -> Result<Json<Value>, Problem> {
    let engine = known(&service, name)?;
    let card = engine.card();
    let Size { width, height } = card.input.size;
    Ok(Json(json!({
        "name": card.name,
        "versions": [],
        "platform": "facepipe",
        "inputs": [
            {"name": IMAGES, "datatype": "FP32", "shape": [-1, 3, height, width]},
            {"name": CHIPS, "datatype": "UINT8", "shape": [-1, height, width, 3]},
        ],
        "outputs": outputs(card).iter().map(|name| {
            json!({"name": name, "datatype": "FP32", "shape": [-1, card.labels.len()]})
        }).collect::<Vec<_>>(),
        "parameters": {"labels": card.labels},
    })))
}

/// What the model gives.
fn outputs(card: &ModelCard) -> &'static [&'static str] {
    if card.similarities {
        &[PROBABILITIES, SIMILARITIES]
    } else {
        &[PROBABILITIES]
    }
}

/// Whether the model is ready.
pub(super) async fn ready(
    State(service): Shared,
    name: Name,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let engine = known(&service, name)?;
    let name = &engine.card().name;
    let is_ready = service.is_ready();
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok((status, Json(json!({"name": name, "ready": is_ready}))))
}

/// Runs the model.
pub(super) async fn infer(
    State(service): Shared,
    name: Name,
    request: Request,
) -> Result<Json<Answer>, Problem> {
    let engine = known(&service, name)?;
    let body = whole(&service, request).await?;
    let input = engine.card().input.clone();
    let outputs = outputs(engine.card());
    // The numbers may take more memory than their text, whose memory the slot reserves.
    let slot = service.slot(&body.room)?;
    // Parsing many numbers takes a while.
    let read = tokio::task::spawn_blocking(move || {
        let body = body;
        read(&body.bytes, &input, outputs)
    });
    let read = read.await;
    let question = read.map_err(|error| Problem::internal(&error.to_string()))??;
    let count = question.images.len();
    let answer = engine.infer(question.images, slot);
    let answer = service.in_time(answer).await?;
    let answers = answer.map_err(|error| Problem::internal(&error.to_string()))??;
    let tensor = |name: &'static str| {
        let numbers = |answer: &ModelAnswer| match name {
            SIMILARITIES => answer.similarities.clone(),
            _ => answer.probabilities.clone(),
        };
        Tensor {
            name,
            datatype: "FP32",
            shape: [count, engine.card().labels.len()],
            data: answers.iter().flat_map(numbers).collect(),
        }
    };
    let tensors: Vec<Tensor> = question.outputs.into_iter().map(tensor).collect();
    let mut numbers = tensors.iter().flat_map(|tensor| &tensor.data);
    if !numbers.all(|number| number.is_finite()) {
        return Err(not_computable());
    }
    Ok(Json(Answer {
        model_name: engine.card().name.clone(),
        id: question.id,
        outputs: tensors,
    }))
}

#[derive(Debug, Serialize)]
pub(super) struct Answer {
    model_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    outputs: Vec<Tensor>,
}

#[derive(Debug, Serialize)]
struct Tensor {
    name: &'static str,
    datatype: &'static str,
    shape: [usize; 2],
    /// Row by row.
    data: Vec<f32>,
}

/// A model's name in the address; it may not be valid UTF-8.
type Name = Result<Path<String>, PathRejection>;

fn known(service: &Service, name: Name) -> Result<Arc<Engine>, Problem> {
    let engine = service.engine();
    if name.is_ok_and(|Path(name)| name == engine.card().name) {
        return Ok(engine);
    }
    let name = &engine.card().name;
    Err(Problem::not_found(format!("the model here is `{name}`")))
}

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    id: Option<String>,
    inputs: Vec<Input>,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Debug, Deserialize)]
struct Input {
    name: String,
    shape: Vec<usize>,
    datatype: String,
    data: Numbers,
}

#[derive(Debug, Deserialize)]
struct Output {
    name: String,
}

/// Numbers row by row, in one flat list or in nested lists.
#[derive(Debug)]
struct Numbers(Vec<f32>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut all = Vec::new();
        Part(&mut all).deserialize(deserializer)?;
        Ok(Self(all))
    }
}

/// A number or a list, which is appended to the numbers read before.
struct Part<'all>(&'all mut Vec<f32>);

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number or a list of numbers")
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.0.push(number as f32);
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Part(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

/// What a request asks.
#[derive(Debug)]
struct Question {
    id: Option<String>,
    /// Which outputs it wants.
    outputs: Vec<&'static str>,
    /// The images as the network's input.
    images: Vec<Vec<f32>>,
}

/// Reads a request to a model that gives some outputs.
fn read(
    bytes: &[u8],
    input: &InputSpec,
    outputs: &'static [&'static str],
) -> Result<Question, Problem> {
    let body: Body = serde_json::from_slice(bytes).map_err(|error| {
        Problem::bad_request(format!(
            "the body is not a valid inference request: {error}"
        ))
    })?;
    let mut wanted = Vec::new();
    for output in &body.outputs {
        let known = outputs.iter().find(|name| **name == output.name);
        wanted.push(*known.ok_or_else(|| {
            let all = outputs.join("` and `");
            Problem::bad_request(format!(
                "there is no output `{}`, only `{all}`",
                output.name
            ))
        })?);
    }
    if wanted.is_empty() {
        wanted = outputs.to_vec();
    }
    let [tensor] = &body.inputs[..] else {
        let message = format!("one input is needed: `{IMAGES}` or `{CHIPS}`");
        return Err(Problem::bad_request(message));
    };
    Ok(Question {
        id: body.id,
        outputs: wanted,
        images: images(tensor, input)?,
    })
}

fn images(tensor: &Input, input: &InputSpec) -> Result<Vec<Vec<f32>>, Problem> {
    let Size { width, height } = input.size;
    let (width, height) = (width as usize, height as usize);
    let (kind, shape) = match tensor.name.as_str() {
        IMAGES => ("FP32", [3, height, width]),
        CHIPS => ("UINT8", [height, width, 3]),
        other => {
            let message = format!("there is no input `{other}`, only `{IMAGES}` and `{CHIPS}`");
            return Err(Problem::bad_request(message));
        }
    };
    let Some((count, of_image)) = tensor.shape.split_first() else {
        return Err(wrong_shape(kind, shape));
    };
    let numbers = &tensor.data.0;
    let of_one = 3 * width * height;
    let is_right = tensor.datatype == kind
        && *count > 0
        && of_image == shape
        && count.checked_mul(of_one) == Some(numbers.len());
    if !is_right {
        return Err(wrong_shape(kind, shape));
    }
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err(Problem::bad_request("a number is too large for FP32"));
    }
    let images = numbers.chunks_exact(of_one);
    if tensor.name == IMAGES {
        return Ok(images.map(<[f32]>::to_vec).collect());
    }
    let is_byte = |number: &f32| number.fract() == 0.0 && (0.0..=255.0).contains(number);
    if !numbers.iter().all(is_byte) {
        return Err(Problem::bad_request("a number is not UINT8"));
    }
    let from_chip = |chip: &[f32]| {
        let bytes = chip.iter().map(|number| *number as u8).collect();
        let chip = RgbImage::from_raw(width as u32, height as u32, bytes);
        chip.map(|chip| preprocess(&chip, input))
    };
    let all: Option<Vec<_>> = images.map(from_chip).collect();
    all.ok_or_else(|| wrong_shape(kind, shape))
}

/// JSON can't express NaN and infinity.
fn not_computable() -> Problem {
    let message = "the network's answer is not finite: these numbers are too large for it; `images` are \
        preprocessed as the model's card says";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not_computable", message)
}

fn wrong_shape(kind: &str, [one, two, three]: [usize; 3]) -> Problem {
    Problem::bad_request(format!(
        "this input is {kind} of shape [n, {one}, {two}, {three}], n from 1, with as many numbers"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_faces::preprocess::imagenet_input;

    fn body(name: &str, kind: &str, shape: [usize; 4], data: &Value) -> Vec<u8> {
        let input = json!({"name": name, "datatype": kind, "shape": shape, "data": data});
        json!({"id": "seven", "inputs": [input]})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn tensors_are_read_flat_and_nested() {
        let input = imagenet_input(Size::new(2, 1));
        let nested = json!([
            [[[1, 2]], [[3, 4]], [[5, 6]]],
            [[[7, 8]], [[9, 10]], [[11, 12]]]
        ]);
        let flat = json!((1..=12).collect::<Vec<_>>());
        for data in [nested, flat] {
            let body = body("images", "FP32", [2, 3, 1, 2], &data);
            let question = read(&body, &input, &[PROBABILITIES]).expect("reads");
            assert_eq!(question.id.as_deref(), Some("seven"));
            assert_eq!(question.outputs, [PROBABILITIES]);
            assert_eq!(question.images[1], [7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
        }
    }

    #[test]
    fn chips_are_preprocessed() {
        let input = imagenet_input(Size::new(2, 1));
        let data = json!([0, 50, 100, 150, 200, 255]);
        let body = body("chips", "UINT8", [1, 1, 2, 3], &data);
        let question = read(&body, &input, &[PROBABILITIES]).expect("reads");
        let chip = RgbImage::from_raw(2, 1, vec![0, 50, 100, 150, 200, 255]).expect("a chip");
        assert_eq!(question.images, [preprocess(&chip, &input)]);
    }

    #[test]
    fn a_request_gets_the_outputs_that_it_names() {
        let input = imagenet_input(Size::new(2, 1));
        let ask = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
            let six = json!([0, 0, 0, 0, 0, 0]);
            let mut asked: Value =
                serde_json::from_slice(&body("chips", "UINT8", [1, 1, 2, 3], &six)).expect("JSON");
            asked["outputs"] = json!(names);
            let asked = asked.to_string();
            let read = read(asked.as_bytes(), &input, &[PROBABILITIES, SIMILARITIES]);
            read.map(|question| question.outputs)
        };
        assert_eq!(ask(&[]).expect("all"), [PROBABILITIES, SIMILARITIES]);
        assert_eq!(ask(&[SIMILARITIES]).expect("one"), [SIMILARITIES]);
        let problem = ask(&["logits"]).expect_err("there is none");
        assert!(
            problem
                .message
                .contains("`probabilities` and `similarities`"),
            "{problem:?}"
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let input = imagenet_input(Size::new(2, 1));
        let six = json!([1, 2, 3, 4, 5, 6]);
        for wrong in [
            body("pictures", "FP32", [1, 3, 1, 2], &six),
            body("images", "FP64", [1, 3, 1, 2], &six),
            body("images", "FP32", [1, 3, 2, 1], &six),
            body("images", "FP32", [2, 3, 1, 2], &six),
            body("images", "FP32", [0, 3, 1, 2], &json!([])),
            body("images", "FP32", [usize::MAX, 3, 1, 2], &six),
            body("images", "FP32", [1, 3, 1, 2], &json!([1, 2, 3, 4, 5, "x"])),
            body(
                "images",
                "FP32",
                [1, 3, 1, 2],
                &json!([1, 2, 3, 4, 5, 1e39]),
            ),
            body("chips", "UINT8", [1, 1, 2, 3], &json!([0, 0, 0, 0, 0, 256])),
            body("chips", "UINT8", [1, 1, 2, 3], &json!([0, 0, 0, 0, 0, 0.5])),
            b"[".to_vec(),
            b"{}".to_vec(),
            br#"{"inputs": []}"#.to_vec(),
        ] {
            let problem = read(&wrong, &input, &[PROBABILITIES]).expect_err("does not fit");
            assert_eq!(problem.status, StatusCode::BAD_REQUEST, "{problem:?}");
        }
    }
}
