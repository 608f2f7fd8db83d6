//! Detection, and operations on face ids.

use serde_json::{Value, json};

use super::answers::{Answer, bad, error, ok};
use super::resources::searched;
use super::state::{Call, Face, State};
use crate::http_server::Reply;

/// How sure the service is of one person's faces, and of two persons'.
const SAME: f64 = 0.90931;
const OTHER: f64 = 0.1;

impl State {
    pub(super) fn detect(&mut self, call: &Call<'_>) -> Answer {
        let is_set =
            |name: &str, usual: bool| call.query.get(name).map_or(usual, |value| value == "true");
        let with_ids = is_set("returnFaceId", true);
        if with_ids {
            self.approved()?;
        }
        let detection = call.model("detectionModel", "detection_01")?;
        let model = call.model("recognitionModel", "recognition_01")?;
        let landmarks = is_set("returnFaceLandmarks", false);
        if landmarks && detection == "detection_02" {
            return Err(bad("'returnLandmarks' is not supported by detection_02."));
        }
        let attributes = call.query.get("returnFaceAttributes");
        if attributes.is_some() && detection == "detection_02" {
            return Err(bad(
                "'returnFaceAttributes' is not supported by detection_02.",
            ));
        }
        let photo = call.photo()?;
        let mut faces = Vec::new();
        for number in 0..photo.faces {
            let (left, side) = (40 * i32::from(number), 90 - 10 * i32::from(number));
            let mut face = json!({
                "faceRectangle": {"top": 45, "left": left, "width": side, "height": side},
            });
            if with_ids {
                let id = self.new_id();
                face["faceId"] = Value::from(id.as_str());
                let stored = Face {
                    person: photo.person + number,
                    photo,
                    model: model.clone(),
                    user_data: None,
                };
                self.detected.insert(id, stored);
            }
            if is_set("returnRecognitionModel", false) {
                face["recognitionModel"] = Value::from(model.as_str());
            }
            if landmarks {
                let point = json!({"x": f64::from(left) + 20.5, "y": 60.0});
                face["faceLandmarks"] = json!({"pupilLeft": point, "pupilRight": point,
                    "noseTip": point, "mouthLeft": point, "mouthRight": point});
            }
            if attributes.is_some() {
                face["faceAttributes"] = json!({"blur": {"blurLevel": "low", "value": 0.1}});
            }
            faces.push(face);
        }
        ok(&Value::from(faces))
    }

    /// The face of an id in a body.
    fn face(&self, id: &Value, status: u16) -> Result<&Face, Reply> {
        let missing = || error(status, "FaceNotFound", "Face is not found.");
        let id = id.as_str().ok_or_else(|| bad("Face ID is invalid."))?;
        self.detected.get(id).ok_or_else(missing)
    }

    pub(super) fn verify(&mut self, call: &Call<'_>) -> Answer {
        self.approved()?;
        let body = call.json()?;
        let (first, others) = if body["faceId1"].is_string() {
            let other = self.face(&body["faceId2"], 404)?;
            (self.face(&body["faceId1"], 404)?, vec![other])
        } else {
            let group = group_of(&body)?;
            let group = searched(self, group.0, &group.1)?;
            let person = body["personId"].as_str().unwrap_or_default();
            let missing = || error(404, "PersonNotFound", "Person is not found.");
            let person = group.persons.get(person).ok_or_else(missing)?;
            (
                self.face(&body["faceId"], 404)?,
                person.faces.values().collect(),
            )
        };
        if others.iter().any(|other| other.model != first.model) {
            return Err(bad("'recognitionModel' is incompatible."));
        }
        let is_one = others.iter().any(|other| other.person == first.person);
        let confidence = if is_one { SAME } else { OTHER };
        ok(&json!({"isIdentical": is_one, "confidence": confidence}))
    }

    pub(super) fn identify(&mut self, call: &Call<'_>) -> Answer {
        self.approved()?;
        let body = call.json()?;
        let ids = list(&body, "faceIds", 1, 10)?;
        let most = body["maxNumOfCandidatesReturned"].as_u64().unwrap_or(10);
        let least = body["confidenceThreshold"].as_f64().unwrap_or(0.5);
        let (segment, id) = group_of(&body)?;
        let group = searched(self, segment, &id)?;
        let mut answer = Vec::new();
        for id in ids {
            let face = self.face(id, 400)?;
            if face.model != group.model {
                return Err(bad("'recognitionModel' is incompatible."));
            }
            let persons = group.persons.iter().filter(|(_, person)| {
                SAME >= least
                    && person
                        .faces
                        .values()
                        .any(|stored| stored.person == face.person)
            });
            let candidates: Vec<_> = persons
                .take(most as usize)
                .map(|(id, _)| json!({"personId": id, "confidence": SAME}))
                .collect();
            answer.push(json!({"faceId": id, "candidates": candidates}));
        }
        ok(&Value::from(answer))
    }

    pub(super) fn find_similar(&mut self, call: &Call<'_>) -> Answer {
        self.approved()?;
        let body = call.json()?;
        let face = self.face(&body["faceId"], 400)?;
        let most = body["maxNumOfCandidatesReturned"].as_u64().unwrap_or(20) as usize;
        let any = body["mode"] == "matchFace";
        let is_similar = |other: &Face| any || other.person == face.person;
        let similar: Vec<Value> = if body["faceIds"].is_array() {
            let mut similar = Vec::new();
            for id in list(&body, "faceIds", 1, 1000)? {
                if is_similar(self.face(id, 400)?) {
                    similar.push(json!({"faceId": id, "confidence": SAME}));
                }
            }
            similar
        } else {
            let (segment, id) = match (&body["faceListId"], &body["largeFaceListId"]) {
                (Value::String(id), Value::Null) => ("facelists", id),
                (Value::Null, Value::String(id)) => ("largefacelists", id),
                _ => return Err(bad("LargeFaceListId, faceListId and faceIds are all null.")),
            };
            let faces = searched(self, segment, id)?.faces.iter();
            let similar = faces.filter(|(_, other)| is_similar(other));
            similar
                .map(|(id, _)| json!({"persistedFaceId": id, "confidence": SAME}))
                .collect()
        };
        ok(&similar.into_iter().take(most).collect())
    }

    pub(super) fn group(&mut self, call: &Call<'_>) -> Answer {
        self.approved()?;
        let body = call.json()?;
        let mut groups = std::collections::BTreeMap::<u8, Vec<&Value>>::new();
        for id in list(&body, "faceIds", 2, 1000)? {
            groups
                .entry(self.face(id, 400)?.person)
                .or_default()
                .push(id);
        }
        let (groups, messy): (Vec<_>, Vec<_>) =
            groups.into_values().partition(|group| group.len() > 1);
        let messy: Vec<_> = messy.into_iter().flatten().collect();
        ok(&json!({"groups": groups, "messyGroup": messy}))
    }
}

fn list<'a>(
    body: &'a Value,
    name: &str,
    least: usize,
    most: usize,
) -> Result<&'a Vec<Value>, Reply> {
    let values = body[name].as_array();
    let fitting = values.filter(|values| (least..=most).contains(&values.len()));
    fitting.ok_or_else(|| bad(&format!("The length of {name} is not in a valid range.")))
}

/// The group that a body names.
fn group_of(body: &Value) -> Result<(&'static str, String), Reply> {
    match (&body["personGroupId"], &body["largePersonGroupId"]) {
        (Value::String(id), Value::Null) => Ok(("persongroups", id.clone())),
        (Value::Null, Value::String(id)) => Ok(("largepersongroups", id.clone())),
        (Value::Null, Value::Null) => Err(error(
            400,
            "PersonGroupIdAndLargePersonGroupIdBothNull",
            "Large person group ID and person group ID are both null.",
        )),
        _ => Err(error(
            400,
            "PersonGroupIdAndLargePersonGroupIdBothNotNull",
            "Large person group ID and person group ID are both not null.",
        )),
    }
}
