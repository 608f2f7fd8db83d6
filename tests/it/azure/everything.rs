//! Every operation of `facepipe azure`, called in a sensible order, with its answers.

use serde_json::{Value, json};

use crate::azure::helpers::Azure;
use facepipe_test_support::azure_server::OnPhoto;

/// A text of an answer.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Calls everything, in one version or in the default ones.
pub(crate) fn ask_for_everything(azure: &Azure, version: Option<&str>) {
    let ask = |arguments: &[&str]| {
        let chosen = version.map(|version| ["--api-version", version]);
        azure.answer(&[arguments, chosen.as_ref().map_or(&[][..], |chosen| chosen)].concat())
    };
    for kind in ["large-person-group", "person-group"] {
        of_groups(azure, kind, &ask);
    }
    of_lists(azure, &ask);
    if version != Some("v1.0") {
        of_liveness(azure, &ask);
    }
}

fn of_groups(azure: &Azure, kind: &str, ask: &dyn Fn(&[&str]) -> Value) {
    let photo = azure.photo("ada.png", OnPhoto::of(3, 1));
    let both = azure.photo(
        "both.png",
        OnPhoto {
            person: 3,
            faces: 2,
            number: 2,
        },
    );
    let option = if kind == "person-group" {
        "--person-group"
    } else {
        "--group"
    };
    let group = ["demo_intrusos", option, "demo_intrusos"];
    let in_group = &group[1..];
    let of = |words: &[&str]| ask(&[&["person"], words, in_group].concat());
    assert_eq!(
        ask(&[kind, "create", "demo_intrusos", "--user-data", "ours"]),
        Value::Null
    );
    let listed = ask(&[kind, "list"]);
    assert_eq!(listed[0]["recognitionModel"], "recognition_04", "{listed}");
    ask(&[kind, "list", "--top", "1", "--start", "a"]);
    ask(&[
        kind,
        "create",
        "demo_of-2",
        "--name",
        "Two",
        "--recognition-model",
        "recognition_02",
    ]);
    ask(&[kind, "update", "demo_of-2", "--user-data", "theirs"]);
    ask(&[kind, "delete", "demo_of-2"]);
    ask(&[kind, "update", "demo_intrusos", "--name", "Intrusos"]);
    assert_eq!(ask(&[kind, "get", "demo_intrusos"])["name"], "Intrusos");
    let made = of(&["create", "ada", "--user-data", "hers"]);
    let person = text(&made["personId"]);
    of(&[
        "update",
        person,
        "--name",
        "Ada",
        "--user-data",
        "still hers",
    ]);
    let added = of(&["face", "add", person, &photo, "--user-data", "x"]);
    let face = text(&added["persistedFaceId"]);
    let target = ["face", "add", person, &both, "--target-face", "0,10,30,30"];
    let second = of(&[&target[..], &["--detection-model", "detection_01"]].concat());
    let second = text(&second["persistedFaceId"]);
    of(&["face", "add", person, "https://example.org/ada.jpg"]);
    assert_eq!(of(&["face", "get", person, face])["userData"], "x");
    of(&["face", "update", person, face, "--user-data", "y"]);
    assert_eq!(of(&["face", "get", person, face])["userData"], "y");
    of(&["face", "delete", person, second]);
    let persons = of(&["list"]);
    assert_eq!(
        persons[0]["persistedFaceIds"].as_array().map(Vec::len),
        Some(2),
        "{persons}"
    );
    of(&["list", "--top", "5", "--start", "0"]);
    assert_eq!(of(&["get", person])["name"], "Ada");
    let trained = ask(&[kind, "train", "demo_intrusos", "--wait"]);
    assert_eq!(trained["status"], "succeeded");
    ask(&[kind, "train", "demo_intrusos"]);
    assert_eq!(
        ask(&[kind, "status", "demo_intrusos"])["status"],
        "succeeded"
    );
    searches(ask, &photo, &both, person, in_group);
    of(&["delete", person]);
    assert_eq!(ask(&[kind, "delete", "demo_intrusos"]), Value::Null);
    assert_eq!(ask(&[kind, "list"]), json!([]));
}

fn searches(
    ask: &dyn Fn(&[&str]) -> Value,
    photo: &str,
    both: &str,
    person: &str,
    in_group: &[&str],
) {
    let options = ["--landmarks", "--attributes", "blur,qualityForRecognition"];
    let found = ask(&[&["detect", photo, "--face-id-life", "600"], &options[..]].concat());
    let face = &found[0]["faces"][0];
    assert_eq!(face["recognition_model"], "recognition_04", "{found}");
    assert!(face["landmarks"]["pupilLeft"].is_array() && face["attributes"].is_object());
    let old = ["--detection-model", "detection_01", "--attributes"];
    ask(&[&["detect", photo], &old[..], &["age,noise,headPose"]].concat());
    let boxes = ask(&["detect", photo, "--no-face-ids"]);
    assert!(boxes[0]["faces"][0].get("face_id").is_none(), "{boxes}");
    ask(&["detect", "https://example.org/ada.jpg"]);
    let others = ask(&["detect", both]);
    let ids: Vec<&str> = [face, &others[0]["faces"][0], &others[0]["faces"][1]]
        .map(|face| text(&face["face_id"]))
        .to_vec();
    let same = ask(&["verify", ids[0], ids[1]]);
    assert_eq!(same["isIdentical"], true, "{same}");
    assert_eq!(ask(&["verify", ids[0], ids[2]])["isIdentical"], false);
    let as_person = [&["verify", ids[0], "--person", person], in_group].concat();
    assert_eq!(ask(&as_person)["isIdentical"], true);
    let named = ask(&[
        &[
            "identify",
            both,
            "--candidates",
            "3",
            "--min-confidence",
            "0.6",
        ],
        in_group,
    ]
    .concat());
    assert_eq!(named[0]["faces"][0]["name"], "Ada", "{named}");
    assert_eq!(named[0]["faces"][1]["name"], "unknown", "{named}");
    let named = ask(&[&["identify", "--face-id", ids[0]], in_group].concat());
    assert_eq!(named[0]["candidates"][0]["name"], "Ada", "{named}");
    let among = format!("{},{}", ids[1], ids[2]);
    let similar = ask(&[
        "find-similar",
        ids[0],
        "--among",
        &among,
        "--candidates",
        "5",
    ]);
    assert_eq!(similar.as_array().map(Vec::len), Some(1), "{similar}");
    let similar = ask(&[
        "find-similar",
        ids[0],
        "--among",
        &among,
        "--mode",
        "matchFace",
    ]);
    assert_eq!(similar.as_array().map(Vec::len), Some(2), "{similar}");
    let groups = ask(&["group", ids[0], ids[1], ids[2]]);
    assert_eq!(
        groups["groups"][0].as_array().map(Vec::len),
        Some(2),
        "{groups}"
    );
    assert_eq!(groups["messyGroup"][0], ids[2], "{groups}");
}

fn of_lists(azure: &Azure, ask: &dyn Fn(&[&str]) -> Value) {
    let photo = azure.photo("grace.png", OnPhoto::of(5, 1));
    let query = ask(&["detect", &photo]);
    let query = text(&query[0]["faces"][0]["face_id"]);
    for (kind, option) in [
        ("face-list", "--face-list"),
        ("large-face-list", "--large-face-list"),
    ] {
        ask(&[kind, "create", "guests", "--name", "Guests"]);
        let both = ["--name", "Our guests", "--user-data", "of today"];
        ask(&[&[kind, "update", "guests"], &both[..]].concat());
        let listed = ask(&[kind, "list"]);
        assert_eq!(listed[0]["name"], "Our guests", "{listed}");
        assert_eq!(listed[0]["recognitionModel"], "recognition_04", "{listed}");
        ask(&[kind, "create", "others", "--user-data", "of yesterday"]);
        ask(&[kind, "delete", "others"]);
        let added = ask(&[
            kind,
            "face",
            "add",
            "guests",
            &photo,
            "--user-data",
            "grace",
        ]);
        let face = text(&added["persistedFaceId"]);
        let address = [
            "guests",
            "https://example.org/x.jpg",
            "--target-face",
            "1,2,30,40",
        ];
        ask(&[&[kind, "face", "add"], &address[..]].concat());
        if kind == "large-face-list" {
            assert_eq!(
                ask(&[kind, "face", "get", "guests", face])["userData"],
                "grace"
            );
            ask(&[
                kind,
                "face",
                "update",
                "guests",
                face,
                "--user-data",
                "hopper",
            ]);
            let faces = ask(&[kind, "face", "list", "guests"]);
            assert_eq!(faces.as_array().map(Vec::len), Some(2), "{faces}");
            ask(&[kind, "list", "--top", "1", "--start", "a"]);
            ask(&[kind, "face", "list", "guests", "--top", "1", "--start", "0"]);
            ask(&[kind, "train", "guests", "--wait"]);
            assert_eq!(ask(&[kind, "status", "guests"])["status"], "succeeded");
        }
        let similar = ask(&["find-similar", query, option, "guests"]);
        assert_eq!(similar[0]["persistedFaceId"], face, "{similar}");
        assert_eq!(ask(&[kind, "get", "guests"])["userData"], "of today");
        ask(&[kind, "face", "delete", "guests", face]);
        ask(&[kind, "delete", "guests"]);
    }
}

fn of_liveness(azure: &Azure, ask: &dyn Fn(&[&str]) -> Value) {
    let photo = azure.photo("ada.png", OnPhoto::of(3, 1));
    let all = [
        "--device-id",
        "door",
        "--token-life",
        "60",
        "--mode",
        "PassiveActive",
        "--session-image",
        "--model",
        "2024-11-15",
    ];
    let with_photo = [
        "--verify",
        photo.as_str(),
        "--min-confidence",
        "0.7",
        "--image-hash",
    ];
    for (more, verify) in [(&[][..], &[][..]), (&with_photo[..], &["--verify"][..])] {
        let made = ask(&[&["liveness", "create"], &all[..], more].concat());
        let id = text(&made["sessionId"]);
        assert!(made["authToken"].is_string());
        let got = ask(&[&["liveness", "get", id], verify].concat());
        assert_eq!(got["status"], "NotStarted");
        assert!(got.get("authToken").is_none(), "{got}");
        assert_eq!(
            ask(&[&["liveness", "delete", id], verify].concat()),
            Value::Null
        );
    }
    ask(&["liveness", "create", "--device-sets-id"]);
    ask(&["liveness", "create", "--device-sets-id", "--verify", &photo]);
    ask(&["liveness", "image", "of-session", "--out", "face.jpg"]);
    let bytes = fs_err::read(azure.path("face.jpg")).expect("reads");
    assert_eq!(bytes, b"the picture's bytes");
    ask(&["detect", "--session-image", "of-session"]);
}
