//! The resource's state, and the routes of requests.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::Url;

use super::answers::{Answer, bad, done, error, not_approved, ok};
use super::photo::OnPhoto;
use super::{KEY, TOKEN};
use crate::http_server::{ReceivedRequest, Reply};

/// A face that was detected or stored.
#[derive(Debug, Clone)]
pub struct Face {
    pub person: u8,
    pub photo: OnPhoto,
    pub model: String,
    pub user_data: Option<String>,
}

/// A person of a group.
#[derive(Debug, Clone, Default)]
pub struct Person {
    pub name: String,
    pub user_data: Option<String>,
    pub faces: BTreeMap<String, Face>,
}

/// A group or list.
#[derive(Debug, Clone, Default)]
pub struct Collection {
    pub name: String,
    pub user_data: Option<String>,
    pub model: String,
    pub persons: BTreeMap<String, Person>,
    pub faces: BTreeMap<String, Face>,
    /// Queries of the running training's state until it ends; `None` before the first one.
    pub training: Option<u32>,
}

/// The state of the resource.
#[derive(Debug, Default)]
pub struct State {
    /// Groups and lists by their kind's segment and their id.
    pub collections: BTreeMap<(String, String), Collection>,
    pub detected: BTreeMap<String, Face>,
    pub sessions: BTreeMap<String, bool>,
    /// Whether it lacks Microsoft's approval.
    pub is_gated: bool,
    /// Queries of a training's state until it ends.
    pub training_takes: u32,
    /// Whether trainings fail.
    pub training_fails: bool,
    /// How many persons were ever made, and faces added.
    pub persons_made: u32,
    pub faces_added: u32,
    pub ids: u64,
}

/// A request with its parts.
pub(super) struct Call<'a> {
    pub(super) request: &'a ReceivedRequest,
    pub(super) query: BTreeMap<String, String>,
}

impl Call<'_> {
    pub(super) fn is_json(&self) -> bool {
        self.request
            .headers
            .contains("content-type: application/json\n")
    }

    /// The body as a JSON object.
    pub(super) fn json(&self) -> Result<Value, Reply> {
        if !self.is_json() {
            return Err(error(415, "BadArgument", "Invalid Media Type."));
        }
        let value: Option<Value> = serde_json::from_slice(&self.request.body).ok();
        value
            .filter(Value::is_object)
            .ok_or_else(|| bad("JSON parsing error."))
    }

    /// The contents of the photo that was sent, or whose address was.
    pub(super) fn photo(&self) -> Result<OnPhoto, Reply> {
        if self.is_json() {
            let body = self.json()?;
            let address = body["url"].as_str().or(body["sessionImageId"].as_str());
            let address = address.ok_or_else(|| bad("Request body is invalid."))?;
            if address.contains("nowhere") {
                return Err(error(400, "InvalidURL", "Invalid image URL."));
            }
            return Ok(OnPhoto::of(1, 1));
        }
        if !self
            .request
            .headers
            .contains("content-type: application/octet-stream\n")
        {
            return Err(error(415, "BadArgument", "Invalid Media Type."));
        }
        let image = |code: &str, message: &str| error(400, code, message);
        match self.request.body.len() {
            ..1024 => Err(image("InvalidImageSize", "Image size is too small.")),
            6_291_457.. => Err(image("InvalidImageSize", "Image size is too big.")),
            _ => OnPhoto::read(&self.request.body)
                .ok_or_else(|| image("InvalidImage", "Decoding error, image format unsupported.")),
        }
    }

    pub(super) fn model(&self, name: &str, usual: &str) -> Result<String, Reply> {
        let value = self.query.get(name).map_or(usual, String::as_str);
        let prefix = usual.trim_end_matches("01");
        let last = if prefix.starts_with('d') { 3 } else { 4 };
        let known = (1..=last).any(|number| value == format!("{prefix}0{number}"));
        let wrong = || bad(&format!("'{name}' is invalid."));
        known.then(|| value.to_owned()).ok_or_else(wrong)
    }
}

impl State {
    /// The answer to a request.
    pub(super) fn answer(&mut self, request: &ReceivedRequest) -> Reply {
        self.of(request).unwrap_or_else(|error| error)
    }

    fn of(&mut self, request: &ReceivedRequest) -> Answer {
        let key = format!("ocp-apim-subscription-key: {KEY}\n");
        let token = format!("authorization: bearer {TOKEN}\n");
        if !request.headers.contains(&key) && !request.headers.contains(&token) {
            let text = "Access denied due to invalid subscription key or wrong API endpoint.";
            return Err(error(401, "401", text));
        }
        let url = Url::parse("http://a").and_then(|base| base.join(&request.path));
        let url = url.map_err(|_| nowhere())?;
        let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        let ["face", version @ ("v1.0" | "v1.2"), below @ ..] = segments.as_slice() else {
            return Err(nowhere());
        };
        let call = Call {
            request,
            query: url.query_pairs().into_owned().collect(),
        };
        match below {
            ["detect"] if request.method == "POST" => self.detect(&call),
            ["verify"] if request.method == "POST" => self.verify(&call),
            ["identify"] if request.method == "POST" => self.identify(&call),
            ["findsimilars"] if request.method == "POST" => self.find_similar(&call),
            ["group"] if request.method == "POST" => self.group(&call),
            [
                kind @ ("persongroups" | "largepersongroups" | "facelists" | "largefacelists"),
                rest @ ..,
            ] => self.of_collection(kind, rest, &call),
            [kind, rest @ ..] if *version == "v1.2" => self.liveness(kind, rest, &call),
            _ => Err(nowhere()),
        }
    }

    fn liveness(&mut self, kind: &str, rest: &[&str], call: &Call<'_>) -> Answer {
        let with_photo = match kind {
            "detectLiveness-sessions" => false,
            "detectLivenessWithVerify-sessions" => true,
            "sessionImages" => return Ok(Reply::new(200, "the picture's bytes")),
            _ => return Err(nowhere()),
        };
        match (call.request.method.as_str(), rest) {
            ("POST", []) => {
                let form = "content-type: multipart/form-data; boundary=";
                if with_photo && !call.request.headers.contains(form) {
                    return Err(error(415, "BadArgument", "Invalid Media Type."));
                }
                if !with_photo {
                    let mode = &call.json()?["livenessOperationMode"];
                    if mode != "Passive" && mode != "PassiveActive" {
                        let text = "Invalid livenessOperationMode specified.";
                        return Err(error(400, "InvalidLivenessOperationMode", text));
                    }
                }
                let id = self.new_id();
                self.sessions.insert(id.clone(), with_photo);
                ok(&session(&id))
            }
            ("GET", [id]) if self.sessions.get(*id) == Some(&with_photo) => ok(&session(id)),
            ("DELETE", [id]) if self.sessions.get(*id) == Some(&with_photo) => {
                self.sessions.remove(*id);
                Ok(Reply::new(204, ""))
            }
            (_, [_]) => Err(error(
                404,
                "SessionNotFound",
                "Session ID is not found. The session ID is expired or does not exist.",
            )),
            _ => Err(nowhere()),
        }
    }

    /// A new id, in no order.
    pub(super) fn new_id(&mut self) -> String {
        self.ids += 1;
        let mixed = self.ids.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (high, low) = ((mixed >> 32) as u32, mixed & 0xffff_ffff);
        format!(
            "{high:08x}-0000-4000-8000-{:012x}",
            low << 8 | self.ids & 0xff
        )
    }

    /// Refuses an operation that needs an approval.
    pub(super) fn approved(&self) -> Result<(), Reply> {
        if self.is_gated {
            return Err(not_approved());
        }
        Ok(())
    }
}

/// An answer where nothing is changed twice.
pub(super) fn nowhere() -> Reply {
    error(404, "404", "Resource not found")
}

/// A field that is a text of an allowed length; `None` where it is missing.
pub(super) fn text(body: &Value, name: &str, most: usize) -> Result<Option<String>, Reply> {
    match &body[name] {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() && name == "name" => Err(bad("'name' is empty.")),
        Value::String(text) if text.len() <= most => Ok(Some(text.clone())),
        _ => Err(bad(&format!("'{name}' is too long."))),
    }
}

/// The answer to a change.
pub(super) fn changed() -> Answer {
    done()
}

fn session(id: &str) -> Value {
    json!({"sessionId": id, "authToken": "of-this-session", "status": "NotStarted",
        "results": {"attempts": []}})
}
