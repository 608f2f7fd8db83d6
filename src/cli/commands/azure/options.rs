//! Options that several commands share, checked before a call is spent on them.

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use super::photo::Photo;
use facepipe_azure::{
    Collection, DETECTION_MODEL, DETECTION_MODELS, Group, LONGEST_DEVICE, LONGEST_FACE_DATA,
    LONGEST_ID, LONGEST_NAME, LONGEST_USER_DATA, PictureError, RECOGNITION_MODELS, Request,
};

/// Which group is meant.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(super) struct GroupOptions {
    /// The large person group
    #[arg(long, value_name = "ID", value_parser = collection_id)]
    group: Option<String>,
    /// The group, where it is one of `person-group`
    #[arg(long, value_name = "ID", value_parser = collection_id)]
    person_group: Option<String>,
}

impl GroupOptions {
    /// The group; clap requires exactly one.
    pub(super) fn group(&self) -> Group {
        match (&self.group, &self.person_group) {
            (None, Some(id)) => Group {
                collection: Collection::PersonGroup,
                id: id.clone(),
            },
            (id, _) => Group {
                collection: Collection::LargePersonGroup,
                id: id.clone().unwrap_or_default(),
            },
        }
    }
}

/// A face that is added to a person or a list.
#[derive(Debug, Clone, Args)]
pub(super) struct FaceOptions {
    /// A photo, or an address (https://…) that the service fetches itself
    #[arg(value_name = "IMAGE|URL")]
    pub(super) image: String,
    /// The face, as a rectangle in pixels of the upright photo: the `target_face` that `detect` shows;
    /// needed where a photo has several
    #[arg(long, value_name = "LEFT,TOP,WIDTH,HEIGHT", value_parser = rectangle)]
    pub(super) target_face: Option<[f64; 4]>,
    /// The detection model
    #[arg(long, value_name = "MODEL", default_value = DETECTION_MODEL,
          value_parser = detection_models())]
    pub(super) detection_model: String,
    /// A text that is stored with the face, up to 1 KB
    #[arg(long, value_name = "TEXT", value_parser = face_data)]
    pub(super) user_data: Option<String>,
}

impl FaceOptions {
    /// A request that adds the face.
    pub(super) fn added_by(&self, request: Request) -> Result<Request, PictureError> {
        let request = request
            .query("detectionModel", &self.detection_model)
            .maybe_query("userData", self.user_data.as_ref());
        Ok(Photo::named(&self.image)?.added_by(request, self.target_face))
    }
}

/// The text stored with a face.
#[derive(Debug, Args)]
pub(super) struct FaceText {
    /// The new text, up to 1 KB
    #[arg(long, value_name = "TEXT", value_parser = face_data)]
    user_data: String,
}

impl FaceText {
    /// A request that changes it.
    pub(super) fn changed_by(&self, request: Request) -> Request {
        request.json(json!({"userData": self.user_data}))
    }
}

pub(super) fn detection_models() -> PossibleValuesParser {
    PossibleValuesParser::new(DETECTION_MODELS)
}

pub(super) fn recognition_models() -> PossibleValuesParser {
    PossibleValuesParser::new(RECOGNITION_MODELS)
}

/// The id of a group or list.
pub(super) fn collection_id(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if (1..=LONGEST_ID).contains(&text.len()) && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "ids have 1 to {LONGEST_ID} lower-case letters, digits, `-` and `_`"
    ))
}

/// The id of a face, a person or a session: 32 hexadecimal digits in five parts.
pub(super) fn uuid(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_hexadecimal = text.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    if lengths == [8, 4, 4, 4, 12] && is_hexadecimal {
        return Ok(text.to_owned());
    }
    Err("ids look like de2ac956-c885-4221-af25-a21ec6ebcf27".to_owned())
}

/// The name of a device in a liveness session.
pub(super) fn device(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=LONGEST_DEVICE => Ok(text.to_owned()),
        _ => Err(format!("names have 1 to {LONGEST_DEVICE} characters")),
    }
}

/// The name of a group, list or person.
pub(super) fn name(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=LONGEST_NAME => Ok(text.to_owned()),
        _ => Err(format!("names have 1 to {LONGEST_NAME} characters")),
    }
}

/// The data of a group, list or person.
pub(super) fn user_data(text: &str) -> Result<String, String> {
    at_most(text, LONGEST_USER_DATA)
}

/// The data of a face.
pub(super) fn face_data(text: &str) -> Result<String, String> {
    at_most(text, LONGEST_FACE_DATA)
}

fn at_most(text: &str, bytes: usize) -> Result<String, String> {
    if text.len() <= bytes {
        return Ok(text.to_owned());
    }
    Err(format!("it has {} bytes, and {bytes} at most", text.len()))
}

/// A share from 0 to 1.
pub(super) fn confidence(text: &str) -> Result<f64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "a number from 0 to 1".to_owned())
}

fn rectangle(text: &str) -> Result<[f64; 4], String> {
    let numbers: Option<Vec<f64>> = text
        .split(',')
        .map(|part| part.trim().parse().ok())
        .collect();
    let four = numbers.and_then(|numbers| <[f64; 4]>::try_from(numbers).ok());
    let is_sound = |numbers: &[f64; 4]| {
        let [_, _, width, height] = *numbers;
        numbers.iter().all(|number| number.is_finite()) && width >= 1.0 && height >= 1.0
    };
    four.filter(is_sound)
        .ok_or_else(|| "four numbers: left,top,width,height".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_before_a_call_is_spent() {
        for good in ["a", "games_of-thrones_1", &"x".repeat(64)] {
            assert_eq!(collection_id(good).as_deref(), Ok(good));
        }
        for bad in ["", "Friends", "a b", "ñ", "a/b", &"x".repeat(65)] {
            assert!(collection_id(bad).is_err(), "{bad}");
        }
        assert!(uuid("de2ac956-c885-4221-af25-a21ec6ebcf27").is_ok());
        for bad in [
            "",
            "de2ac956c8854221af25a21ec6ebcf27",
            "ge2ac956-c885-4221-af25-a21ec6ebcf27",
        ] {
            assert!(uuid(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_data_and_rectangles_have_their_limits() {
        assert!(name("").is_err() && name(&"é".repeat(128)).is_ok());
        assert!(name(&"é".repeat(129)).is_err());
        assert!(face_data(&"x".repeat(1024)).is_ok() && face_data(&"x".repeat(1025)).is_err());
        assert_eq!(rectangle("1,2,30, 40"), Ok([1.0, 2.0, 30.0, 40.0]));
        for bad in [
            "1,2,3",
            "1,2,3,0",
            "a,b,c,d",
            "1,2,3,4,5",
            "NaN,0,9,9",
            "0,0,inf,9",
        ] {
            assert!(rectangle(bad).is_err(), "{bad}");
        }
        assert!(confidence("1.01").is_err() && confidence("0.5").is_ok());
    }
}
