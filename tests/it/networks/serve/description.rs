//! Answers conform to the OpenAPI description.

use serde_json::{Value, json as object};

use super::{Server, json, made, png, with_form, with_json};
use crate::helpers::{picture, shared};

/// A description and the answers that are compared with it.
struct Description(Value);

impl Description {
    fn resolved<'all>(&'all self, value: &'all Value) -> &'all Value {
        let pointer = value["$ref"]
            .as_str()
            .and_then(|text| text.strip_prefix('#'));
        pointer.map_or(value, |pointer| {
            self.0
                .pointer(pointer)
                .unwrap_or_else(|| panic!("no {pointer}"))
        })
    }

    /// Compares an answer of a route with its description.
    fn check(&self, method: &str, path: &str, answer: reqwest::blocking::Response) -> Value {
        let status = answer.status().as_u16().to_string();
        let described = &self.0["paths"][path][method]["responses"][&status];
        let described = self.resolved(described);
        let kind = answer.headers()["content-type"]
            .to_str()
            .expect("text")
            .to_owned();
        let kind = kind.split(';').next().expect("a kind").to_owned();
        let schema = &described["content"][&kind]["schema"];
        assert!(schema.is_object(), "{method} {path}: no {status} of {kind}");
        let text = answer.text().expect("text");
        let value = match kind.as_str() {
            "application/json" => serde_json::from_str(&text).expect("JSON"),
            _ => Value::from(text),
        };
        self.compare(&format!("{method} {path} {status}"), schema, &value);
        value
    }

    fn compare(&self, name: &str, schema: &Value, value: &Value) {
        let schema = self.resolved(schema);
        let kinds: Vec<&str> = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        let is_kind = |kind: &&str| match *kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "null" => value.is_null(),
            other => panic!("{name}: {other}"),
        };
        assert!(
            kinds.iter().any(is_kind),
            "{name} is none of {kinds:?}: {value}"
        );
        for item in value.as_array().into_iter().flatten() {
            self.compare(&format!("{name}[]"), &schema["items"], item);
        }
        let Some(fields) = value.as_object() else {
            return;
        };
        for required in schema["required"].as_array().into_iter().flatten() {
            let required = required.as_str().expect("a name");
            assert!(fields.contains_key(required), "{name}: no {required}");
        }
        for (field, value) in fields {
            let described = schema["properties"].get(field);
            let described = described.or_else(|| schema.get("additionalProperties"));
            match described {
                Some(schema) => self.compare(&format!("{name}.{field}"), schema, value),
                // An object of which nothing more is described.
                None => assert!(
                    schema.get("properties").is_none(),
                    "{name}.{field} is not described"
                ),
            }
        }
    }
}

#[test]
fn answers_are_as_described() {
    let server = Server::start("--unknown-below 1");
    let description = Description(json(server.get("/openapi.json")));
    for path in [
        "/",
        "/docs",
        "/openapi.json",
        "/healthz",
        "/readyz",
        "/info",
        "/metrics",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/{name}",
        "/v2/models/{name}/ready",
    ] {
        let answer = server.get(&path.replace("{name}", "kinds"));
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        description.check("get", path, answer);
    }
    let missing = server.get("/v2/models/%ff/ready");
    assert_eq!(missing.status().as_u16(), 404);
    description.check("get", "/v2/models/{name}/ready", missing);
    let post = |path: &str, body: Vec<u8>| {
        let answer = server.post(&path.replace("{name}", "kinds")).body(body);
        description.check("post", path, answer.send().expect("an answer"))
    };
    let named = post("/predict_json", made().mixed());
    assert_eq!(named["faces"][0]["label"], "unknown");
    for path in ["/predict", "/predict_json", "/detect", "/embed", "/verify"] {
        post(path, Vec::new());
        post(path, b"no picture".to_vec());
    }
    let tensor = object!({"name": "chips", "datatype": "UINT8", "shape": [1, 32, 32, 3],
        "data": vec![7; 32 * 32 * 3]});
    let infer = "/v2/models/{name}/infer";
    post(
        infer,
        object!({"id": "a", "inputs": [tensor]})
            .to_string()
            .into_bytes(),
    );
    post(infer, b"{}".to_vec());
    // Where model files are present, with faces.
    let Some(photos) = shared("data/detection/known_count") else {
        return;
    };
    let mut photos: Vec<_> = fs_err::read_dir(photos)
        .expect("reads")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    photos.sort();
    let bytes = fs_err::read(&photos[0]).expect("reads");
    for path in ["/detect", "/embed"] {
        post(path, bytes.clone());
    }
    let two = [("image1", &*bytes), ("image2", &*bytes)];
    let verified = with_form(server.post("/verify"), &two).send();
    description.check("post", "/verify", verified.expect("an answer"));
    post("/detect", png(&picture(3)));
    let json = with_json(server.post("/verify"), &object!({"image1_b64": "AAAA"})).send();
    description.check("post", "/verify", json.expect("an answer"));
}
