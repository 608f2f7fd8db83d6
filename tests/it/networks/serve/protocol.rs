//! The Open Inference Protocol.

use facepipe_imaging::image_io;
use serde_json::{Value, json as object};

use super::{Server, json, made, png, refused, with_json};
use crate::helpers::picture;

#[test]
fn tensors_give_the_same_answers_as_photos() {
    let server = Server::start("--max-batch 2");
    assert_eq!(server.get("/v2/health/live").status().as_u16(), 200);
    assert_eq!(server.get("/v2/health/ready").status().as_u16(), 200);
    assert_eq!(json(server.get("/v2"))["name"], "facepipe");
    assert_eq!(json(server.get("/v2/models/kinds/ready"))["ready"], true);
    let model = json(server.get("/v2/models/kinds"));
    assert_eq!(model["inputs"][0]["shape"], object!([-1, 3, 32, 32]));
    assert_eq!(model["outputs"][0]["shape"], object!([-1, 3]));
    assert_eq!(model["parameters"]["labels"][0], "ada");

    let chips: Vec<_> = (0..3)
        .map(|number| image::imageops::crop_imm(&picture(number), 9, 7, 32, 32).to_image())
        .collect();
    let expected: Vec<f64> = chips
        .iter()
        .flat_map(|chip| {
            let answer = json(server.predict(&png(chip)));
            let probabilities = answer["probabilities"].as_array().expect("a list");
            probabilities
                .iter()
                .filter_map(Value::as_f64)
                .collect::<Vec<_>>()
        })
        .collect();
    let bytes: Vec<u8> = chips
        .iter()
        .flat_map(|chip| chip.as_raw().clone())
        .collect();
    let infer = |input: Value| {
        let body = object!({"id": "seven", "inputs": [input]});
        let request = with_json(server.post("/v2/models/kinds/infer"), &body);
        request.send().expect("an answer")
    };
    let answer = json(infer(
        object!({"name": "chips", "datatype": "UINT8", "shape": [3, 32, 32, 3], "data": bytes}),
    ));
    assert_eq!(
        (&answer["id"], &answer["model_name"]),
        (&object!("seven"), &object!("kinds"))
    );
    let output = &answer["outputs"][0];
    assert_eq!(output["shape"], object!([3, 3]));
    let card: Value =
        serde_json::from_slice(&fs_err::read(made().model.join("model_card.json")).expect("reads"))
            .expect("JSON");
    let input = &card["input"];
    let number = |value: &Value| value.as_f64().expect("a number");
    let planes: Vec<Value> = chips
        .iter()
        .map(|chip| {
            let plane = |channel: usize| {
                let (mean, std) = (
                    number(&input["mean"][channel]),
                    number(&input["std"][channel]),
                );
                let pixel = |pixel: &image::Rgb<u8>| {
                    (f64::from(pixel.0[channel]) / number(&input["scale"]) - mean) / std
                };
                chip.pixels().map(pixel).collect::<Vec<_>>()
            };
            object!([plane(0), plane(1), plane(2)])
        })
        .collect();
    let nested = json(infer(
        object!({"name": "images", "datatype": "FP32", "shape": [3, 3, 32, 32], "data": planes}),
    ));
    for answer in [&answer, &nested] {
        let data = answer["outputs"][0]["data"].as_array().expect("a list");
        assert_eq!(data.len(), expected.len());
        for (found, expected) in data.iter().zip(&expected) {
            assert!(
                (number(found) - expected).abs() < 1e-5,
                "{found} {expected}"
            );
        }
    }
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let server = Server::start("");
    let post = |path: &str, body: &str| {
        let request = server.post(path).header("content-type", "application/json");
        refused(request.body(body.to_owned()).send().expect("an answer"))
    };
    let deep = "[".repeat(100_000);
    for body in [
        "",
        "no JSON",
        "{}",
        r#"{"inputs": [{"name": "images", "datatype": "FP32", "shape": [1, 3, 32, 32], "data": [1]}]}"#,
        &format!(
            r#"{{"inputs": [{{"name": "images", "datatype": "FP32", "shape": [], "data": {deep}"#
        ),
    ] {
        let found = post("/v2/models/kinds/infer", body);
        assert_eq!(found, (400, "bad_request".to_owned()), "{:.40}", body);
    }
    assert_eq!(
        post("/v2/models/other/infer", "{}"),
        (404, "not_found".to_owned())
    );
    assert_eq!(refused(server.get("/v2/models/other")).0, 404);
    let picture = image_io::encode_png(&picture(1)).expect("encodes");
    json(server.predict(&picture));
}
