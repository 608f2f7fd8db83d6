//! `--detector azure` with networks that use its faces.

use serde_json::{Value, json};

use crate::azure::detector::{done, photos, with_azure};
use crate::helpers::{failure, json, picture, records, stdout, weights, write_png};
use facepipe_test_support::http_server::{HttpServer, Reply};

#[test]
fn predict_uses_the_detector_that_its_model_was_made_with() {
    let server = HttpServer::start(|_| {
        Reply::new(
            200,
            r#"[{"faceRectangle":{"left":100,"top":40,"width":400,"height":400}}]"#,
        )
    });
    let folder = tempfile::tempdir().expect("temporary folder");
    let (photos, project) = (folder.path().join("photos"), folder.path().join("project"));
    for number in 0..20 {
        let label = ["ada", "grace"][number as usize % 2];
        write_png(
            &photos.join(format!("{label}/{number}.png")),
            &picture(number),
        );
    }
    let mut command = with_azure(&server);
    command.env("FACEPIPE_AZURE_TIER", "s0");
    command.args([
        "run",
        "--json",
        "--no-align",
        "--detector",
        "azure",
        "--min-face",
        "30",
    ]);
    command.args([
        "--backbone",
        "resnet18",
        "--weights",
        "none",
        "--epochs",
        "1",
        "--input-size",
        "32",
    ]);
    command.args(["--threads", "1", "--out"]).arg(&project);
    json(&done(command.arg("--from").arg(&photos)));
    let model = project.join("models/project");
    let card = fs_err::read_to_string(model.join("model_card.json")).expect("reads");
    assert!(card.contains("azure"), "{card}");
    let predict = |server: &HttpServer| {
        let mut command = with_azure(server);
        command.args(["predict", "--threads", "1"]).arg(&model);
        done(command.arg(photos.join("ada/0.png")))
    };
    let line: Value = serde_json::from_str(&stdout(&predict(&server))).expect("one line");
    assert_eq!(line["faces"][0]["box"], json!([10, 4, 50, 44]), "{line}");
    // Of so little training it may not be alike enough to anybody.
    let face = &line["faces"][0];
    let label = face.get("nearest").unwrap_or(&face["label"]).as_str();
    assert!(
        ["ada", "grace"].contains(&label.expect("a label")),
        "{line}"
    );
    let refusing = HttpServer::start(|_| Reply::new(401, ""));
    let error = failure(&predict(&refusing), 1);
    assert!(error.contains("refuses the key"), "{error}");
}

#[test]
fn embed_and_verify_end_with_errors_that_concern_all_photos() {
    if weights("dlib_face_recognition_resnet_model_v1.dat").is_none() {
        return;
    }
    let server = HttpServer::start(|_| Reply::new(401, ""));
    let folder = tempfile::tempdir().expect("temporary folder");
    photos(folder.path());
    let files = ["ada/1.png", "grace/2.png"].map(|file| folder.path().join(file));
    for verb in ["embed", "verify"] {
        let mut command = with_azure(&server);
        command.args([verb, "--detector", "azure", "--weights-dir"]);
        command.arg(facepipe_test_support::found::weights_folder());
        let output = done(command.args(&files));
        let error = failure(&output, 1);
        assert!(error.contains("refuses the key"), "{error}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn crop_aligns_the_faces_that_the_service_finds() {
    if weights("shape_predictor_5_face_landmarks.dat").is_none() {
        return;
    }
    let face = r#"[{"faceRectangle":{"left":192,"top":128,"width":384,"height":256}}]"#;
    let server = HttpServer::start(move |_| Reply::new(200, face));
    let folder = tempfile::tempdir().expect("temporary folder");
    let (raw, out) = (folder.path().join("raw"), folder.path().join("crops"));
    photos(&raw);
    let mut command = with_azure(&server);
    command.args(["crop", "--json", "--detector", "azure", "--weights-dir"]);
    command.arg(facepipe_test_support::found::weights_folder());
    let report = json(&done(command.arg("--out").args([&out, &raw])));
    assert_eq!(report["crops"], 2, "{report}");
    for crop in records(&out.join("manifest.jsonl")) {
        assert_eq!(crop["box"], json!([192, 128, 576, 384]), "{crop}");
        assert!(crop["place"]["square"]["angle"].is_f64(), "{crop}");
    }
}
