//! Every operation of the service from the command line: its answer, and its request against the
//! published documents.

use std::collections::{BTreeMap, BTreeSet};

use crate::azure::documents::{Spec, given};
use crate::azure::everything::{ask_for_everything, text};
use crate::azure::helpers::{Azure, finished, stderr_of};
use crate::helpers::{failure, stdout};
use facepipe_test_support::azure_server::{AzureServer, KEY, OnPhoto, Recorded, State};

/// Operations of the documents that facepipe does not have, with the reason.
const LEFT_OUT: [(&str, &str); 7] = [
    ("/snapshots", "retired by the service"),
    ("/snapshots/{snapshotId}", "retired by the service"),
    ("/snapshots/{snapshotId}/apply", "retired by the service"),
    (
        "/operations/{operationId}",
        "only snapshots have operations",
    ),
    (
        "/identify?_overload=identifyFromDynamicPersonGroup",
        "v1.2 has no route to make such groups",
    ),
    (
        "/identify?_overload=identifyFromPersonDirectory",
        "v1.2 has no route to make a directory",
    ),
    (
        "/verify?_overload=verifyFromPersonDirectory",
        "v1.2 has no route to make a directory",
    ),
];

#[test]
fn every_operation_is_called_in_its_default_version() {
    let azure = Azure::new(AzureServer::start());
    ask_for_everything(&azure, None);
    let (Some(old), Some(new)) = (Spec::of("v1.0"), Spec::of("v1.2")) else {
        return;
    };
    for request in azure.server.log() {
        let is_stored = ["groups", "lists"].iter().any(|kind| {
            let segment = request.path.split('/').nth(3).unwrap_or_default();
            segment
                .split('?')
                .next()
                .is_some_and(|segment| segment.ends_with(kind))
        });
        let spec = if is_stored { &old } else { &new };
        spec.check(&request);
    }
}

#[test]
fn every_operation_of_the_documents_exists_and_is_called_as_specified() {
    for version in ["v1.0", "v1.2"] {
        let Some(spec) = Spec::of(version) else {
            return;
        };
        let azure = Azure::new(AzureServer::start());
        ask_for_everything(&azure, Some(version));
        let asked: BTreeSet<_> = azure
            .server
            .log()
            .iter()
            .map(|request| spec.check(request))
            .collect();
        for (path, method, _) in spec.operations() {
            let is_left_out = LEFT_OUT.iter().any(|(out, _)| *out == path);
            let is_called = asked.contains(&(path.clone(), method.clone()));
            assert!(
                is_called || is_left_out,
                "{version}: {method} {path} was never called"
            );
        }
    }
}

/// Parameters that facepipe never gives to an operation that it has, with the reason.
const NEVER_GIVEN: [(&str, &str); 2] = [
    (
        "dynamicPersonGroupId",
        "v1.2 has no route to make such groups",
    ),
    ("personIds", "v1.2 has no route to make a directory"),
];

#[test]
fn every_parameter_of_the_documents_can_be_given() {
    for version in ["v1.0", "v1.2"] {
        let Some(spec) = Spec::of(version) else {
            return;
        };
        let azure = Azure::new(AzureServer::start());
        ask_for_everything(&azure, Some(version));
        // Overloads of an operation are one: an image and its address, say.
        let base = |path: &str| path.split('?').next().expect("has a path").to_owned();
        let mut all_given: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for request in azure.server.log() {
            let (path, method) = spec.check(&request);
            let names = all_given.entry((base(&path), method)).or_default();
            names.extend(given(&request));
        }
        for (path, method, operation) in spec.operations() {
            let Some(given) = all_given.get(&(base(&path), method.clone())) else {
                continue;
            };
            for name in spec.names(operation) {
                let is_left_out = NEVER_GIVEN.iter().any(|(out, _)| *out == name);
                assert!(
                    is_left_out || given.contains(&name),
                    "{version}: {method} {path} is never given `{name}`"
                );
            }
        }
    }
}

#[test]
fn the_comparison_with_the_documents_finds_errors() {
    let Some(spec) = Spec::of("v1.2") else {
        return;
    };
    let request = |method: &str, path: &str, content: &str, body: &str| Recorded {
        method: method.to_owned(),
        path: format!("/face/v1.2/{path}"),
        headers: format!("ocp-apim-subscription-key: {KEY}\ncontent-type: {content}\n"),
        body: body.as_bytes().to_vec(),
    };
    let json = "application/json";
    let good = request("PUT", "facelists/a", json, r#"{"name":"a"}"#);
    assert_eq!(spec.check(&good).0, "/facelists/{faceListId}");
    for wrong in [
        request("POST", "facelists/a", json, r#"{"name":"a"}"#),
        request("PUT", "facelists/a", "text/plain", r#"{"name":"a"}"#),
        request("PUT", "facelists/a", json, r#"{"userData":"a"}"#),
        request("PUT", "facelists/a", json, r#"{"name":"a","nom":"b"}"#),
        request("PUT", "facelists/a", json, r#"{"name":1}"#),
        request(
            "PUT",
            "facelists/a",
            json,
            r#"{"name":"a","recognitionModel":"best"}"#,
        ),
        request("PUT", "facelists/a?top=1", json, r#"{"name":"a"}"#),
        request("PUT", "facelists/a/b/c", json, r#"{"name":"a"}"#),
        request("PUT", "facelists/A", json, r#"{"name":"a"}"#),
        request(
            "POST",
            "detectLivenessWithVerify-sessions",
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"livenessOperationMode\"\r\n\r\nPassive\r\n\
             --x\r\nContent-Disposition: form-data; name=\"enableSessionImage\"\r\n\r\nyes\r\n\
             --x\r\nContent-Disposition: form-data; name=\"verifyImage\"; filename=\"a\"\r\n\r\n.\r\n--x--",
        ),
        request("POST", "group", json, r#"{"faceIds":["a"]}"#),
        request(
            "POST",
            "detect?faceIdTimeToLive=1",
            json,
            r#"{"url":"https://a.org"}"#,
        ),
        request(
            "POST",
            "detect?returnFaceId=yes",
            json,
            r#"{"url":"https://a.org"}"#,
        ),
    ] {
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| spec.check(&wrong)));
        assert!(checked.is_err(), "{wrong:?}");
    }
}

#[test]
fn the_table_of_operations_matches_the_calls() {
    let azure = Azure::new(AzureServer::start());
    ask_for_everything(&azure, None);
    let log = azure.server.log();
    for operation in facepipe_azure::operations::ALL {
        let parts = operation.path.split('/').count();
        let is_called = log.iter().any(|request| {
            let path = request.path.split('?').next().unwrap_or_default();
            let found: Vec<&str> = path.split('/').skip(3).collect();
            let same =
                |(expected, found): (&str, &&str)| expected.starts_with('{') || expected == *found;
            request.method == operation.method.as_str()
                && found.len() == parts
                && operation.path.split('/').zip(&found).all(same)
        });
        assert!(is_called, "{} is never called", operation.name);
    }
}

#[test]
fn liveness_needs_the_version_that_has_it() {
    let azure = Azure::new(AzureServer::start());
    let arguments = [
        "liveness",
        "create",
        "--device-id",
        "x",
        "--api-version",
        "v1.0",
    ];
    let error = failure(&azure.run(&arguments), 1);
    assert!(error.contains("has no `liveness create`"), "{error}");
    assert!(error.contains("--api-version v1.2"), "{error}");
    assert!(azure.server.log().is_empty());
}

#[test]
fn variables_of_other_commands_are_ignored() {
    let azure = Azure::new(AzureServer::start());
    let photo = azure.photo("ada.png", OnPhoto::of(1, 1));
    let ids = azure.answer(&["detect", &photo]);
    let id = text(&ids[0]["faces"][0]["face_id"]).to_owned();
    for arguments in [
        &["liveness", "create", "--device-sets-id"][..],
        &["verify", &id, &id],
    ] {
        let mut command = azure.command(arguments);
        for (name, value) in [
            ("FACEPIPE_DEVICE", "cpu"),
            ("FACEPIPE_MODE", "matchFace"),
            ("FACEPIPE_MODEL", "mine"),
            ("FACEPIPE_VERIFY", "true"),
            ("FACEPIPE_SESSION_IMAGE", "some-id"),
            ("FACEPIPE_GROUP", "friends"),
        ] {
            command.env(name, value);
        }
        stdout(&finished(&mut command));
    }
    let log = azure.server.log();
    let body: serde_json::Value = serde_json::from_slice(&log[1].body).expect("is JSON");
    let expected = serde_json::json!({
        "livenessOperationMode": "Passive", "deviceCorrelationIdSetInClient": true});
    assert_eq!(body, expected);
}

#[test]
fn pictures_of_sessions_need_the_version_that_has_them() {
    let azure = Azure::new(AzureServer::start());
    let arguments = ["detect", "--session-image", "x", "--api-version", "v1.0"];
    let error = failure(&azure.run(&arguments), 1);
    assert!(
        error.contains("has no `detect from session image`"),
        "{error}"
    );
    assert!(azure.server.log().is_empty());
}

#[test]
fn lists_of_more_than_a_page_come_whole() {
    let azure = Azure::new(AzureServer::start());
    azure.answer(&["large-person-group", "create", "g"]);
    azure.server.state(|state: &mut State| {
        let key = ("largepersongroups".to_owned(), "g".to_owned());
        let group = state.collections.get_mut(&key).expect("is there");
        for number in 0..2003_u32 {
            let id = format!("{number:08x}-0000-4000-8000-000000000000");
            group.persons.entry(id).or_default().name = number.to_string();
        }
    });
    let persons = azure.answer(&["person", "list", "--group", "g"]);
    let names: BTreeSet<_> = persons
        .as_array()
        .expect("a list")
        .iter()
        .map(|person| text(&person["name"]))
        .collect();
    assert_eq!(names.len(), 2003);
    let pages = azure.server.log().len();
    assert_eq!(pages, 1 + 3, "the group, and three pages");
    let some = azure.answer(&["person", "list", "--group", "g", "--top", "7"]);
    assert_eq!(some.as_array().map(Vec::len), Some(7));
}

#[test]
fn invalid_arguments_cost_no_call() {
    let azure = Azure::new(AzureServer::start());
    let id = "de2ac956-c885-4221-af25-a21ec6ebcf27";
    for (arguments, message) in [
        (
            &["large-person-group", "create", "My Group"][..],
            "lower-case letters",
        ),
        (&["large-person-group", "update", "g"], "--name"),
        (&["person", "create", "ada"], "--group"),
        (&["person", "get", "x", "--group", "g"], "ids look like"),
        (&["verify", id], "other_face_id"),
        (&["verify", id, "--person", id], "--group"),
        (&["group", id], "2 values required"),
        (&["find-similar", id], "--among"),
        (&["identify", "--group", "g"], "required"),
        (&["detect", "a.jpg", "--face-id-life", "30"], "60..=86400"),
        (&["detect", "a.jpg", "--attributes", "gender"], "headPose"),
        (
            &["detect", "a.jpg", "--attributes", "age"],
            "detection_03 does not know the attribute `age`",
        ),
        (
            &[
                "detect",
                "a.jpg",
                "--landmarks",
                "--detection-model",
                "detection_02",
            ],
            "detection_02 finds no landmarks",
        ),
        (
            &[
                "detect",
                "a.jpg",
                "--attributes",
                "qualityForRecognition",
                "--recognition-model",
                "recognition_02",
            ],
            "recognition_02 does not know",
        ),
        (&["face-list", "list", "--top", "3"], "--top"),
        (
            &["liveness", "create", "--device-id", &"d".repeat(65)],
            "1 to 64 characters",
        ),
        (
            &["enroll", "p", "--group", "g", "--price", "1"],
            "--dry-run",
        ),
        (&["whoami", "--tier", "s9"], "f0"),
    ] {
        let output = azure.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(
            stderr_of(&output)
                .to_lowercase()
                .contains(&message.to_lowercase()),
            "{arguments:?}: {}",
            stderr_of(&output)
        );
    }
    assert!(azure.server.log().is_empty());
}

#[test]
fn results_are_tables_and_calls_are_counted() {
    let azure = Azure::new(AzureServer::start());
    azure.answer(&[
        "large-person-group",
        "create",
        "friends",
        "--name",
        "Friends",
    ]);
    let output = azure.run(&["large-person-group", "list"]);
    let table = stdout(&output);
    assert!(
        table.starts_with("largePersonGroupId  name     recognitionModel"),
        "{table}"
    );
    assert!(
        table.contains("\nfriends             Friends  recognition_04"),
        "{table}"
    );
    assert!(
        stderr_of(&output).contains("transactions (calls that are billed): 1"),
        "{output:?}"
    );
    let output = finished(&mut azure.command(&["large-person-group", "delete", "friends"]));
    assert_eq!(stdout(&output), "deleted `friends`\n");
}
