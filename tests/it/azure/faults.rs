//! Errors of `facepipe azure`, and their messages.

use std::time::Duration;

use crate::azure::helpers::{Azure, finished, stderr_of, without_azure};
use crate::helpers::{failure, json, stdout};
use facepipe_test_support::azure_server::{AzureServer, Fate, KEY, OnPhoto, State};

const ID: &str = "de2ac956-c885-4221-af25-a21ec6ebcf27";

#[test]
fn without_a_key_the_ways_to_sign_in_are_named() {
    let azure = Azure::new(AzureServer::start());
    let mut command = without_azure();
    let error = failure(
        &finished(
            command
                .current_dir(azure.folder.path())
                .args(["azure", "whoami"]),
        ),
        1,
    );
    for expected in [
        "FACEPIPE_AZURE_ENDPOINT and FACEPIPE_AZURE_KEY are not set",
        "`v.env`",
        "managed-identity, azure-cli",
    ] {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn every_form_of_the_endpoint_works_and_whoami_shows_the_source() {
    let azure = Azure::new(AzureServer::start());
    let base = azure.server.endpoint();
    let base = base.trim_end_matches('/');
    for endpoint in [
        base.to_owned(),
        format!("{base}/"),
        format!("{base}/face/v1.0"),
        format!("{base}/face/v1.0/"),
    ] {
        let mut command = azure.command(&["whoami", "--json"]);
        let report = json(&finished(command.env("FACEPIPE_AZURE_ENDPOINT", &endpoint)));
        assert_eq!(report["auth"], "key", "{report}");
        assert_eq!(report["source"], "FACEPIPE_AZURE_KEY", "{report}");
        assert_eq!(
            (&report["tier"], &report["transactions"]),
            (&"s0".into(), &1.into()),
            "{report}"
        );
    }
    let file = format!("AZURE_FACE_ENDPOINT={base}\nAZURE_FACE_KEY={KEY}\n");
    crate::helpers::write(&azure.path("v.env"), file.as_bytes());
    let mut command = without_azure();
    command
        .current_dir(azure.folder.path())
        .args(["azure", "whoami", "--tier", "f0"]);
    let words = stdout(&finished(&mut command));
    assert!(
        words.contains("key from AZURE_FACE_KEY in `./v.env`"),
        "{words}"
    );
    assert!(
        words.contains(" from AZURE_FACE_ENDPOINT in `./v.env`\n"),
        "the endpoint has its source: {words}"
    );
    assert!(
        words.contains("tier: f0 (at most 20 calls in 60 s)"),
        "{words}"
    );
    assert!(words.contains("the service answers"), "{words}");
}

#[test]
fn a_wrong_key_or_endpoint_is_reported_with_the_next_step() {
    let azure = Azure::new(AzureServer::start());
    let mut command = azure.command(&["whoami"]);
    let error = failure(&finished(command.env("FACEPIPE_AZURE_KEY", "wrong")), 1);
    assert!(
        error.contains("refuses the key (401") && error.contains("hint: "),
        "{error}"
    );
    let other = format!("{}elsewhere", azure.server.endpoint());
    let mut command = azure.command(&["whoami"]);
    let error = failure(&finished(command.env("FACEPIPE_AZURE_ENDPOINT", other)), 1);
    assert!(
        error.contains("no Face service at") && error.contains("hint: "),
        "{error}"
    );
}

#[test]
fn a_missing_approval_leaves_boxes_and_is_explained() {
    let state = State {
        is_gated: true,
        ..State::default()
    };
    let azure = Azure::new(AzureServer::with(state, |_, _| None));
    let photo = azure.photo("a.png", OnPhoto::of(1, 1));
    let output = azure.run(&["detect", &photo, &photo, "--json"]);
    let found = json(&output);
    for image in found["answer"].as_array().expect("two photos") {
        let face = &image["faces"][0];
        assert!(
            face["box"].is_array() && face.get("face_id").is_none(),
            "{found}"
        );
    }
    let words = stderr_of(&output);
    assert_eq!(
        words.matches("going on with boxes only").count(),
        1,
        "{words}"
    );
    assert!(words.contains("Identification,Verification"), "{words}");
    assert_eq!(
        azure.server.log().len(),
        3,
        "refused once, then two without ids"
    );
    for arguments in [
        &["identify", &photo, "--group", "g"][..],
        &["verify", ID, ID],
        &["large-person-group", "create", "g"],
    ] {
        let error = failure(&azure.run(arguments), 1);
        assert!(
            error.contains("not approved for Identification,Verification"),
            "{error}"
        );
        assert!(error.contains("What works without"), "{error}");
    }
    let who = json(&azure.run(&["whoami", "--json"]));
    assert_eq!(who["recognition"], false, "{who}");
}

#[test]
fn a_missing_item_is_named_with_the_command_that_lists_the_existing_ones() {
    let azure = Azure::new(AzureServer::start());
    let photo = azure.photo("a.png", OnPhoto::of(1, 1));
    azure.answer(&["large-person-group", "create", "g"]);
    azure.answer(&["large-face-list", "create", "l"]);
    azure.answer(&["face-list", "create", "l"]);
    let made = azure.answer(&["person", "create", "ada", "--group", "g"]);
    let person = made["personId"].as_str().expect("an id");
    for (arguments, code, hint) in [
        (
            &["large-person-group", "get", "no"][..],
            "404 LargePersonGroupNotFound",
            "large-person-group list",
        ),
        (
            &["person-group", "get", "no"],
            "404 PersonGroupNotFound",
            "person-group list",
        ),
        (
            &["face-list", "get", "no"],
            "404 FaceListNotFound",
            "face-list list",
        ),
        (
            &["large-face-list", "get", "no"],
            "404 LargeFaceListNotFound",
            "large-face-list list",
        ),
        (
            &["person", "get", ID, "--group", "g"],
            "404 PersonNotFound",
            "person list",
        ),
        (
            &["person", "face", "get", person, ID, "--group", "g"],
            "404 PersistedFaceNotFound",
            "person get",
        ),
        (
            &["large-face-list", "face", "get", "l", ID],
            "404 PersistedFaceNotFound",
            "large-face-list face list",
        ),
        (
            &["face-list", "face", "delete", "l", ID],
            "404 PersistedFaceNotFound",
            "face-list get",
        ),
        (&["verify", ID, ID], "404 FaceNotFound", "detect"),
        (
            &["liveness", "get", ID],
            "404 SessionNotFound",
            "make another one",
        ),
        (
            &["large-person-group", "status", "g"],
            "404 LargePersonGroupNotTrained",
            "train ID --wait",
        ),
        (
            &["identify", &photo, "--group", "g"],
            "400 LargePersonGroupNotTrained",
            "train ID --wait",
        ),
        (
            &["large-person-group", "create", "g"],
            "409 LargePersonGroupExists",
            "another id",
        ),
    ] {
        let error = failure(&azure.run(arguments), 1);
        assert!(error.contains(code), "{arguments:?}: {error}");
        let (_, printed) = error.split_once("hint: ").expect("has a hint");
        assert!(
            printed.replace('\n', " ").contains(hint),
            "{arguments:?}: {error}"
        );
    }
}

#[test]
fn a_running_training_is_waited_for_a_while() {
    let azure = Azure::new(AzureServer::start());
    let photo = azure.photo("a.png", OnPhoto::of(1, 1));
    crate::azure::helpers::persons(&azure.path("people"), 1, 1);
    json(&azure.run(&["enroll", "people", "--group", "g", "--json"]));
    // The next training's state is queried twice; each 409 costs a call and a pause.
    azure.server.state(|state: &mut State| {
        let key = ("largepersongroups".to_owned(), "g".to_owned());
        state.collections.get_mut(&key).expect("is there").training = Some(1000);
    });
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !azure
                .server
                .log()
                .iter()
                .any(|request| request.path.ends_with("/identify"))
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            azure.server.state(|state: &mut State| {
                let key = ("largepersongroups".to_owned(), "g".to_owned());
                state.collections.get_mut(&key).expect("is there").training = Some(0);
            });
        });
        azure.run(&["identify", &photo, "--group", "g", "--json"])
    });
    assert_eq!(
        json(&done)["answer"][0]["faces"][0]["name"],
        "person_1",
        "{done:?}"
    );
    let requests = azure.server.log();
    let requests = requests
        .iter()
        .filter(|request| request.path.ends_with("/identify"));
    assert!(requests.count() >= 2);
}

#[test]
fn a_storm_of_429_is_waited_out_or_reported() {
    for (header, body) in [
        (
            "retry-after-ms: 30",
            r#"{"error":{"code":"429","message":"Rate limit is exceeded."}}"#,
        ),
        (
            "x-ms-retry-after-ms: 30",
            r#"{"error":{"code":"RateLimitExceeded","message":"Rate limit is exceeded."}}"#,
        ),
        (
            "Retry-After: 0",
            r#"{"error":{"statusCode":429,"message":"Rate limit is exceeded. Try again later."}}"#,
        ),
        (
            "",
            r#"{"error":{"statusCode":429,"message":"... Please retry after 1 second. To increase ..."}}"#,
        ),
    ] {
        let server = AzureServer::with(State::default(), move |_, before| {
            (before < 2).then_some(Fate::Instead(429, header, body))
        });
        let azure = Azure::new(server);
        let report = json(&azure.run(&["whoami", "--json"]));
        assert_eq!(report["transactions"], 3, "{report}");
    }
    let server = AzureServer::with(State::default(), |_, _| {
        Some(Fate::Instead(429, "Retry-After: 3000", ""))
    });
    let error = failure(&Azure::new(server).run(&["whoami"]), 1);
    assert!(
        error.contains("too many requests") && error.contains("3000 s"),
        "{error}"
    );
}

#[test]
fn broken_and_odd_answers_are_reported() {
    for (status, body, expected) in [
        (200, "<html>sign in</html>", "can't be understood"),
        (500, "", "500"),
        (503, r#"{"error":"it broke"}"#, "it broke"),
        (
            403,
            r#"{"error":{"code":"403","message":"Virtual Network/Firewall"}}"#,
            "does not allow this",
        ),
        (302, "", "no Face service"),
        (
            400,
            r#"{"error":{"code":"BadArgument","message":"'top' is invalid."}}"#,
            "400 BadArgument: 'top' is invalid",
        ),
    ] {
        let server = AzureServer::with(State::default(), move |_, _| {
            Some(Fate::Instead(status, "retry-after-ms: 10", body))
        });
        let azure = Azure::new(server);
        let error = failure(&azure.run(&["large-person-group", "list"]), 1);
        assert!(error.contains(expected), "{status}: {error}");
        assert!(stderr_of(&azure.run(&["face-list", "list"])).contains("transactions"));
    }
}

#[test]
fn a_delete_whose_answer_was_lost_succeeds() {
    let server = AzureServer::with(State::default(), |request, before| {
        (request.method == "DELETE" && before == 1).then_some(Fate::Lost)
    });
    let azure = Azure::new(server);
    azure.answer(&["large-person-group", "create", "g"]);
    let output = azure.run(&["large-person-group", "delete", "g"]);
    assert_eq!(stdout(&output), "deleted `g`\n", "{output:?}");
    assert_eq!(azure.server.log().len(), 3, "sent twice");
    let error = failure(&azure.run(&["large-person-group", "delete", "g"]), 1);
    assert!(error.contains("LargePersonGroupNotFound"), "{error}");
}

#[test]
fn whoami_fails_on_the_answer_of_another_service() {
    let server = AzureServer::with(State::default(), |_, _| {
        Some(Fate::Instead(
            200,
            "content-type: text/html",
            "<html>sign in</html>",
        ))
    });
    let error = failure(&Azure::new(server).run(&["whoami"]), 1);
    assert!(error.contains("can't be understood"), "{error}");
}

#[test]
fn making_a_person_is_not_repeated_after_a_lost_answer() {
    let server = AzureServer::with(State::default(), |request, _| {
        (request.method == "POST").then_some(Fate::Lost)
    });
    let azure = Azure::new(server);
    azure.answer(&["large-person-group", "create", "g"]);
    let error = failure(&azure.run(&["person", "create", "ada", "--group", "g"]), 1);
    assert!(error.contains("broke"), "{error}");
    assert!(
        error.contains("person list"),
        "it says how to look: {error}"
    );
    assert_eq!(azure.server.state(|state| state.persons_made), 1);
}
