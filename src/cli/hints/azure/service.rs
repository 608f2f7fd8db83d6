//! The next step for each error code of the service.

use facepipe_azure::ServiceError;

/// What to do about an error; `None` where its message says it all.
pub(super) fn next_step(error: &ServiceError) -> Option<String> {
    let text = match error.code.as_str() {
        "LargePersonGroupNotFound" => "`facepipe azure large-person-group list` shows the groups",
        "PersonGroupNotFound" => "`facepipe azure person-group list` shows the groups",
        "FaceListNotFound" => "`facepipe azure face-list list` shows the lists",
        "LargeFaceListNotFound" => "`facepipe azure large-face-list list` shows the lists",
        "PersonNotFound" => {
            "`facepipe azure person list --group ID` shows the persons of a group with their ids"
        }
        "PersistedFaceNotFound" => {
            "`facepipe azure person get ID --group ID` shows the faces of a person, `face-list get` \
             and `large-face-list face list` those of a list"
        }
        "FaceNotFound" => {
            "face ids are forgotten 24 hours after `facepipe azure detect` gave them, or earlier where \
             that was requested: detect the photo again"
        }
        "SessionNotFound" => "the session has ended or was deleted: make another one",
        "LargePersonGroupNotTrained" => {
            "train it first: `facepipe azure large-person-group train ID --wait`"
        }
        "PersonGroupNotTrained" => "train it first: `facepipe azure person-group train ID --wait`",
        "LargeFaceListNotTrained" => {
            "train it first: `facepipe azure large-face-list train ID --wait`"
        }
        "FaceListNotReady" => "add faces first: `facepipe azure face-list face add ID IMAGE`",
        code if code.ends_with("TrainingNotFinished") => {
            "a training is running: wait until `status` says `succeeded`, then run the same command \
             again"
        }
        "ConcurrentOperationConflict" => {
            "something else changes it at the same time: run the same command again"
        }
        code if code.ends_with("Exists") => {
            "use it as it is (`get` shows it), choose another id, or delete it first"
        }
        "QuotaExceeded" => {
            "delete what is not needed, or use a paid resource: it holds more persons and faces; no \
             person holds more than 248 faces"
        }
        "InvalidImageSize" => "an image file has 1 KB to 6 MB",
        "InvalidURL" => {
            "the service fetches the address itself: it must be public, and an image in JPEG, PNG, \
             GIF or BMP"
        }
        "InvalidImage" if error.message.contains("more than 1 face") => {
            "say which face is meant with `--target-face LEFT,TOP,WIDTH,HEIGHT`: `facepipe azure detect` \
             shows it as `target_face` of each face; or use a photo with one face"
        }
        "InvalidImage" if error.message.contains("No face") => {
            "faces have at least 36 pixels, and are seen from the front: try another photo, or another \
             `--detection-model`"
        }
        "BadArgument" if error.message.contains("recognitionModel' is incompatible") => {
            "faces and groups are only compared when they were made with the same recognition model: \
             detect with `--recognition-model` of the group (`get` shows it)"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(status: u16, code: &str, message: &str) -> Option<String> {
        next_step(&ServiceError {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            retry_after: None,
        })
    }

    #[test]
    fn every_missing_and_busy_thing_has_a_next_step() {
        for (status, code) in [
            (404, "LargePersonGroupNotFound"),
            (404, "PersonGroupNotFound"),
            (404, "PersonNotFound"),
            (404, "PersistedFaceNotFound"),
            (404, "FaceListNotFound"),
            (404, "LargeFaceListNotFound"),
            (404, "FaceNotFound"),
            (404, "SessionNotFound"),
            (400, "LargePersonGroupNotTrained"),
            (404, "PersonGroupNotTrained"),
            (404, "LargeFaceListNotTrained"),
            (409, "LargePersonGroupTrainingNotFinished"),
            (409, "ConcurrentOperationConflict"),
            (409, "FaceListExists"),
            (403, "QuotaExceeded"),
        ] {
            assert!(hint(status, code, "").is_some(), "{code}");
        }
        let several = hint(
            400,
            "InvalidImage",
            "There is more than 1 face in the image.",
        );
        assert!(several.is_some_and(|hint| hint.contains("--target-face")));
        assert_eq!(hint(400, "BadArgument", "'name' is empty."), None);
    }
}
