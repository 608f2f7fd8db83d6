//! Groups, lists, persons and their faces.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answers::{Answer, bad, done, error, ok};
use super::state::{Call, Collection, Face, Person, State, changed, nowhere, text};
use crate::http_server::Reply;

const MOST_FACES: usize = 248;

/// A kind's words.
struct Kind {
    segment: &'static str,
    id_field: &'static str,
    code: &'static str,
    words: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind {
        segment: "persongroups",
        id_field: "personGroupId",
        code: "PersonGroup",
        words: "Person group",
    },
    Kind {
        segment: "largepersongroups",
        id_field: "largePersonGroupId",
        code: "LargePersonGroup",
        words: "Large person group",
    },
    Kind {
        segment: "facelists",
        id_field: "faceListId",
        code: "FaceList",
        words: "Face list",
    },
    Kind {
        segment: "largefacelists",
        id_field: "largeFaceListId",
        code: "LargeFaceList",
        words: "Large face list",
    },
];

impl Kind {
    fn of(segment: &str) -> &'static Self {
        let mut kinds = KINDS.iter();
        kinds
            .find(|kind| kind.segment == segment)
            .expect("is known")
    }

    fn missing(&self, status: u16) -> Reply {
        let message = format!("{} is not found.", self.words);
        error(status, &format!("{}NotFound", self.code), &message)
    }

    fn untrained(&self, status: u16) -> Reply {
        let message = format!("{} not trained.", self.words);
        error(status, &format!("{}NotTrained", self.code), &message)
    }

    fn is_training(&self) -> Reply {
        let message = format!("{} is under training.", self.words);
        error(409, &format!("{}TrainingNotFinished", self.code), &message)
    }
}

/// A group or list that a search names: it must exist and be trained.
pub(super) fn searched<'a>(
    state: &'a State,
    segment: &str,
    id: &str,
) -> Result<&'a Collection, Reply> {
    let kind = Kind::of(segment);
    let key = (segment.to_owned(), id.to_owned());
    let collection = state
        .collections
        .get(&key)
        .ok_or_else(|| kind.missing(400))?;
    match collection.training {
        _ if segment == "facelists" => Ok(collection),
        None => Err(kind.untrained(400)),
        Some(0) => Ok(collection),
        Some(_) => Err(kind.is_training()),
    }
}

impl State {
    pub(super) fn of_collection(
        &mut self,
        segment: &str,
        rest: &[&str],
        call: &Call<'_>,
    ) -> Answer {
        self.approved()?;
        let kind = Kind::of(segment);
        let method = call.request.method.as_str();
        let (id, rest) = match rest {
            [] if method == "GET" => return self.list(kind, call),
            [id, rest @ ..] => (*id, rest),
            [] => return Err(nowhere()),
        };
        let key = (segment.to_owned(), id.to_owned());
        if method == "PUT" && rest.is_empty() {
            return self.create(kind, key, call);
        }
        let new_id = self.new_id();
        let (takes, fails) = (self.training_takes, self.training_fails);
        let collection = self
            .collections
            .get_mut(&key)
            .ok_or_else(|| kind.missing(404))?;
        match (method, rest) {
            ("GET", []) => {
                let mut value = described(kind, id, collection, call);
                if segment == "facelists" {
                    value["persistedFaces"] = collection.faces.iter().map(face_json).collect();
                }
                ok(&value)
            }
            ("PATCH", []) => {
                let body = call.json()?;
                let (name, data) = (text(&body, "name", 128)?, text(&body, "userData", 16_384)?);
                collection.name = name.unwrap_or_else(|| collection.name.clone());
                collection.user_data = data.or(collection.user_data.take());
                changed()
            }
            ("DELETE", []) => {
                self.collections.remove(&key);
                done()
            }
            ("POST", ["train"]) => {
                if collection.training.is_some_and(|left| left > 0) {
                    return Err(kind.is_training());
                }
                collection.training = Some(takes);
                Ok(Reply::new(202, "").header("Operation-Location: http://127.0.0.1/later"))
            }
            ("GET", ["training"]) => {
                let left = collection.training.ok_or_else(|| kind.untrained(404))?;
                collection.training = Some(left.saturating_sub(1));
                let status = match (left, fails) {
                    (0, true) => "failed",
                    (0, false) => "succeeded",
                    _ => "running",
                };
                let time = "2019-10-18T16:44:10.152627Z";
                ok(
                    &json!({"status": status, "createdDateTime": time, "lastActionDateTime": time,
                    "lastSuccessfulTrainingDateTime": (status == "succeeded").then_some(time),
                    "message": (status == "failed").then_some("There are no faces.")}),
                )
            }
            (_, ["persons", rest @ ..]) if segment.ends_with("persongroups") => {
                let (answer, made, added) = persons(collection, rest, call, new_id);
                self.persons_made += u32::from(made);
                self.faces_added += u32::from(added);
                answer
            }
            (_, ["persistedfaces", rest @ ..]) if segment.ends_with("facelists") => {
                let model = collection.model.clone();
                faces(&mut collection.faces, &model, rest, call, new_id, segment)
            }
            _ => Err(nowhere()),
        }
    }

    fn create(&mut self, kind: &Kind, key: (String, String), call: &Call<'_>) -> Answer {
        let body = call.json()?;
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if key.1.len() > 64 || !key.1.chars().all(is_plain) {
            return Err(bad(&format!("{} ID is invalid.", kind.words)));
        }
        if self.collections.contains_key(&key) {
            let message = format!("{} already exists.", kind.words);
            return Err(error(409, &format!("{}Exists", kind.code), &message));
        }
        let name = text(&body, "name", 128)?.ok_or_else(|| bad("'name' is empty."))?;
        let model = body["recognitionModel"]
            .as_str()
            .unwrap_or("recognition_01");
        let collection = Collection {
            name,
            user_data: text(&body, "userData", 16_384)?,
            model: model.to_owned(),
            ..Collection::default()
        };
        self.collections.insert(key, collection);
        done()
    }

    fn list(&self, kind: &Kind, call: &Call<'_>) -> Answer {
        let all = self
            .collections
            .iter()
            .filter(|((segment, _), _)| segment == kind.segment);
        let entries =
            all.map(|((_, id), collection)| (id.as_str(), described(kind, id, collection, call)));
        page(entries, call)
    }
}

/// The requested part of a list.
fn page<'a>(entries: impl Iterator<Item = (&'a str, Value)>, call: &Call<'_>) -> Answer {
    let start = call.query.get("start").map_or("", String::as_str);
    let top = call.query.get("top").map_or(Ok(1000), |top| top.parse());
    let top = top.ok().filter(|top| (1..=1000).contains(top));
    let top = top.ok_or_else(|| bad("'top' is invalid."))?;
    let entries = entries.filter(|(id, _)| *id > start).take(top);
    ok(&entries.map(|(_, value)| value).collect())
}

fn described(kind: &Kind, id: &str, collection: &Collection, call: &Call<'_>) -> Value {
    let mut value =
        json!({(kind.id_field): id, "name": collection.name, "userData": collection.user_data});
    if call
        .query
        .get("returnRecognitionModel")
        .is_some_and(|value| value == "true")
    {
        value["recognitionModel"] = Value::from(collection.model.as_str());
    }
    value
}

/// The answer, whether a person was made, and whether a face was added.
fn persons(
    collection: &mut Collection,
    rest: &[&str],
    call: &Call<'_>,
    new_id: String,
) -> (Answer, bool, bool) {
    let method = call.request.method.as_str();
    match rest {
        [] if method == "GET" => {
            let entries = collection.persons.iter();
            let entries = entries.map(|(id, person)| (id.as_str(), person_json(id, person)));
            (page(entries, call), false, false)
        }
        [] if method == "POST" => {
            let made = call.json().and_then(|body| {
                let name = text(&body, "name", 128)?.ok_or_else(|| bad("'name' is empty."))?;
                let user_data = text(&body, "userData", 16_384)?;
                Ok(Person {
                    name,
                    user_data,
                    faces: BTreeMap::new(),
                })
            });
            match made {
                Ok(person) => {
                    let answer = ok(&json!({"personId": new_id}));
                    collection.persons.insert(new_id, person);
                    (answer, true, false)
                }
                Err(error) => (Err(error), false, false),
            }
        }
        [id, rest @ ..] => {
            let model = collection.model.clone();
            let Some(person) = collection.persons.get_mut(*id) else {
                let message = format!("Person {id} is not found.");
                return (Err(error(404, "PersonNotFound", &message)), false, false);
            };
            match (method, rest) {
                ("GET", []) => (ok(&person_json(id, person)), false, false),
                ("PATCH", []) => (change_person(person, call), false, false),
                ("DELETE", []) => {
                    collection.persons.remove(*id);
                    (done(), false, false)
                }
                (_, ["persistedfaces", rest @ ..]) => {
                    let before = person.faces.len();
                    let answer = faces(&mut person.faces, &model, rest, call, new_id, "");
                    let added = person.faces.len() > before;
                    (answer, false, added)
                }
                _ => (Err(nowhere()), false, false),
            }
        }
        _ => (Err(nowhere()), false, false),
    }
}

fn change_person(person: &mut Person, call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let (name, data) = (text(&body, "name", 128)?, text(&body, "userData", 16_384)?);
    person.name = name.unwrap_or_else(|| person.name.clone());
    person.user_data = data.or(person.user_data.take());
    changed()
}

/// Faces of a person or a list; `segment` is empty for a person's.
fn faces(
    faces: &mut BTreeMap<String, Face>,
    model: &str,
    rest: &[&str],
    call: &Call<'_>,
    new_id: String,
    segment: &str,
) -> Answer {
    match (call.request.method.as_str(), rest) {
        ("POST", []) => {
            let face = added(faces.len(), model, call, segment)?;
            faces.insert(new_id.clone(), face);
            ok(&json!({"persistedFaceId": new_id}))
        }
        ("GET", []) if segment == "largefacelists" => page(
            faces
                .iter()
                .map(|(id, face)| (id.as_str(), face_json((id, face)))),
            call,
        ),
        (method, [id]) => {
            let missing = || {
                let message = format!("Persisted face {id} is not found.");
                error(404, "PersistedFaceNotFound", &message)
            };
            let face = faces.get_mut(*id).ok_or_else(missing)?;
            match method {
                "GET" if segment != "facelists" => ok(&face_json((&(*id).to_owned(), face))),
                "PATCH" if segment != "facelists" => {
                    face.user_data = text(&call.json()?, "userData", 1024)?;
                    changed()
                }
                "DELETE" => {
                    faces.remove(*id);
                    done()
                }
                _ => Err(nowhere()),
            }
        }
        _ => Err(nowhere()),
    }
}

fn added(there: usize, model: &str, call: &Call<'_>, segment: &str) -> Result<Face, Reply> {
    if segment.is_empty() && there >= MOST_FACES {
        let message = "Persisted face number reached limit.";
        return Err(error(403, "QuotaExceeded", message));
    }
    call.model("detectionModel", "detection_01")?;
    let target = call.query.get("targetFace").map(|target| {
        let numbers: Vec<_> = target.split(',').map(str::parse::<i32>).collect();
        numbers.len() == 4 && numbers.iter().all(Result::is_ok)
    });
    if target == Some(false) {
        return Err(bad("Invalid argument targetFace."));
    }
    let photo = call.photo()?;
    match photo.faces {
        0 => return Err(error(400, "InvalidImage", "No face detected in the image.")),
        2.. if target.is_none() => {
            let message = "There is more than 1 face in the image.";
            return Err(error(400, "InvalidImage", message));
        }
        _ => {}
    }
    let user_data = call.query.get("userData").cloned();
    if user_data.as_ref().is_some_and(|data| data.len() > 1024) {
        return Err(bad("'userData' is too long."));
    }
    Ok(Face {
        person: photo.person,
        photo,
        model: model.to_owned(),
        user_data,
    })
}

fn person_json(id: &str, person: &Person) -> Value {
    let faces: Vec<_> = person.faces.keys().collect();
    json!({"personId": id, "name": person.name, "userData": person.user_data,
        "persistedFaceIds": faces})
}

fn face_json((id, face): (&String, &Face)) -> Value {
    json!({"persistedFaceId": id, "userData": face.user_data})
}
