//! Enrolments that are disturbed by the service, or by what it holds already.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use facepipe_azure::enroll::{EnrollJournal, EnrollSettings, enroll, plan};
use facepipe_azure::{
    Choice, Client, Collection, Credentials, DETECTION_MODEL, Group, RECOGNITION_MODEL,
    SystemClock, Timeouts,
};
use facepipe_core::context::{Context, Interrupt, Remake};
use facepipe_core::ports::SilentProgress;
use serde_json::json;

use crate::azure::enroll::{ENROLL, assert_all_once, is_add, is_person};
use crate::azure::helpers::{Azure, persons, stderr_of};
use crate::helpers::{failure, json as report_of, records};
use facepipe_test_support::azure_server::{AzureServer, Fate, KEY, OnPhoto, State};

#[test]
fn lost_answers_are_checked_before_anything_is_repeated() {
    // Every third creation is executed and its answer lost; every fifth is not even executed.
    let server = AzureServer::with(State::default(), |request, before| {
        if !is_add(request) && !is_person(request) {
            return None;
        }
        match before {
            number if number % 3 == 0 => Some(Fate::Lost),
            number if number % 5 == 0 => Some(Fate::Instead(500, "", "")),
            _ => None,
        }
    });
    let azure = Azure::new(server);
    persons(&azure.path("people"), 2, 3);
    let report = report_of(&azure.run(&ENROLL));
    assert_eq!(report["photos"]["added"], 6, "{report}");
    assert_all_once(&azure, 2, 3);
}

#[test]
fn a_killed_runs_request_is_waited_for_however_long_ago_it_was_recorded() {
    let azure = Azure::new(AzureServer::start());
    persons(&azure.path("people"), 1, 1);
    azure.answer(&["large-person-group", "create", "friends"]);
    // Recorded long ago, it waited for the quota, was sent, and the process was killed just then.
    let host = azure
        .server
        .endpoint()
        .replace("http://", "")
        .replace('/', "");
    let group =
        json!({"what": "group", "host": host, "collection": "largepersongroups", "id": "friends"});
    let asking = json!({"what": "asking", "person": "person_1", "content": null, "at": 1000});
    let journal = format!("{group}\n{asking}\n");
    let path = azure.path("data/azure/friends/journal.jsonl");
    crate::helpers::write(&path, journal.as_bytes());
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            // The service is still processing it.
            std::thread::sleep(Duration::from_millis(1200));
            azure.server.state(|state: &mut State| {
                let key = ("largepersongroups".to_owned(), "friends".to_owned());
                let group = state.collections.get_mut(&key).expect("is there");
                let id = "de2ac956-c885-4221-af25-a21ec6ebcf27".to_owned();
                group.persons.entry(id).or_default().name = "person_1".to_owned();
            });
        });
        azure.run(&ENROLL)
    });
    let report = report_of(&output);
    assert_eq!(report["persons"]["created"], 0, "{report}");
    assert_eq!(azure.server.state(|state| state.persons_made), 0);
}

#[test]
fn after_an_error_that_concerns_all_the_other_persons_are_stopped_soon() {
    const PHOTOS: u8 = 9;
    let server = AzureServer::with(State::default(), |request, _| {
        if !is_add(request) {
            return None;
        }
        let photo = OnPhoto::read(&request.body).expect("a photo");
        Some(match photo.person {
            1 => Fate::Instead(
                403,
                "",
                r#"{"error":{"code":"AccessDenied","message":"Virtual Network/Firewall"}}"#,
            ),
            _ => Fate::After(Duration::from_millis(400)),
        })
    });
    let azure = Azure::new(server);
    persons(&azure.path("people"), 2, PHOTOS);
    let error = failure(&azure.run(&ENROLL), 1);
    assert!(error.contains("does not allow this"), "{error}");
    let added = azure.server.state(|state| state.faces_added);
    assert!(added < u32::from(PHOTOS) - 2, "{added} were still added");
}

#[test]
fn an_outage_in_the_middle_ends_the_run_and_a_rerun_continues() {
    let server = AzureServer::with(State::default(), |request, before| {
        (is_add(request) && before > 7 && before < 14).then_some(Fate::Instead(
            403,
            "",
            r#"{"error":{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 2.03:27:34."}}"#,
        ))
    });
    let azure = Azure::new(server);
    persons(&azure.path("people"), 2, 6);
    let error = failure(&azure.run(&ENROLL), 1);
    assert!(
        error.contains("quota of this Azure resource is used up"),
        "{error}"
    );
    assert!(error.contains("continues where it stopped"), "{error}");
    let mut runs = 1;
    while !azure.run(&ENROLL).status.success() {
        runs += 1;
        assert!(runs < 8, "never done");
    }
    assert_all_once(&azure, 2, 6);
}

#[test]
fn throttling_and_conflicts_are_waited_for() {
    let server = AzureServer::with(State::default(), |request, before| match before % 5 {
        1 => Some(Fate::Instead(429, "retry-after-ms: 40", "")),
        2 if is_add(request) => Some(Fate::Instead(
            409,
            "retry-after-ms: 40",
            r#"{"error":{"code":"ConcurrentOperationConflict","message":"There is a conflict operation."}}"#,
        )),
        _ => None,
    });
    let azure = Azure::new(server);
    persons(&azure.path("people"), 2, 4);
    let report = report_of(&azure.run(&ENROLL));
    assert_eq!(report["photos"]["added"], 8, "{report}");
    assert_all_once(&azure, 2, 4);
}

#[test]
fn another_recognition_model_another_group_and_two_persons_of_one_name_are_reported() {
    let azure = Azure::new(AzureServer::start());
    persons(&azure.path("people"), 1, 1);
    let old = [
        "large-person-group",
        "create",
        "friends",
        "--recognition-model",
        "recognition_01",
    ];
    azure.answer(&old);
    let error = failure(&azure.run(&ENROLL), 1);
    assert!(error.contains("made with recognition_01"), "{error}");
    assert!(
        error.contains("--recognition-model recognition_01"),
        "{error}"
    );
    let other = [
        "enroll",
        "people",
        "--group",
        "work",
        "--out",
        "data/azure/friends",
    ];
    let error = failure(&azure.run(&other), 1);
    assert!(error.contains("about another group"), "{error}");
    for _ in 0..2 {
        azure.answer(&["person", "create", "person_1", "--group", "friends"]);
    }
    let model = ["--recognition-model", "recognition_01", "--no-train"];
    let report = report_of(&azure.run(&[&ENROLL[..], &model].concat()));
    assert_eq!(report["reasons"], json!({"refused": 1}), "{report}");
    let discarded = records(&azure.path("data/azure/friends/discarded.jsonl"));
    let message = discarded[0]["message"].as_str().expect("a text");
    assert!(
        message.contains("2 persons of the group have this name"),
        "{message}"
    );
}

#[test]
fn a_failed_training_is_reported() {
    let state = State {
        training_fails: true,
        ..State::default()
    };
    let azure = Azure::new(AzureServer::with(state, |_, _| None));
    persons(&azure.path("people"), 1, 1);
    let output = azure.run(&ENROLL);
    let error = failure(&output, 1);
    assert!(
        error.contains("the training of `friends` failed: There are no faces"),
        "{error}"
    );
    let error = failure(
        &azure.run(&["large-person-group", "train", "friends", "--wait"]),
        1,
    );
    assert!(error.contains("There are no faces"), "{error}");
    assert!(stderr_of(&output).contains("transactions"), "{output:?}");
}

#[test]
fn timeouts_are_checked_before_anything_is_repeated() {
    const CALL: Duration = Duration::from_millis(700);
    // Some answers come after the client has given up; the requests are executed.
    let server = AzureServer::with(State::default(), |request, before| {
        let is_slow = (is_add(request) || is_person(request)) && before % 4 == 2;
        is_slow.then_some(Fate::After(CALL * 3))
    });
    let azure = Azure::new(server);
    persons(&azure.path("people"), 2, 3);
    let value = |name: &str| match name {
        "FACEPIPE_AZURE_ENDPOINT" => Some(azure.server.endpoint()),
        "FACEPIPE_AZURE_KEY" => Some(KEY.to_owned()),
        "FACEPIPE_AZURE_TIER" => Some("s0".to_owned()),
        _ => None,
    };
    let credentials =
        Credentials::find(value, Path::new("/nowhere"), Choice::default()).expect("usable");
    let timeouts = Timeouts {
        connect: CALL,
        call: CALL,
    };
    let clock = Box::new(SystemClock::new(Interrupt::default()));
    let client = Client::new(credentials, timeouts, clock).expect("makes a client");
    let context = Context {
        progress: Arc::new(SilentProgress),
        interrupt: Interrupt::default(),
        threads: NonZeroUsize::MIN,
        seed: 0,
        remake: Remake::default(),
    };
    let settings = EnrollSettings {
        group: Group {
            collection: Collection::LargePersonGroup,
            id: "friends".to_owned(),
        },
        recognition_model: RECOGNITION_MODEL.to_owned(),
        detection_model: DETECTION_MODEL.to_owned(),
        largest_only: false,
        train: true,
    };
    let plan = plan(&azure.path("people"), &context).expect("lists");
    let journal =
        EnrollJournal::open(&azure.path("journal"), "host", &settings.group).expect("opens");
    let (report, discarded) =
        enroll(&client, &settings, &plan, &journal, &context).expect("goes through");
    assert_eq!((report.photos.added, discarded.len()), (6, 0), "{report:?}");
    assert_all_once(&azure, 2, 3);
}

#[test]
fn a_full_person_gets_no_more_faces() {
    let azure = Azure::new(AzureServer::start());
    persons(&azure.path("people"), 2, 2);
    azure.answer(&["large-person-group", "create", "friends"]);
    azure.answer(&["person", "create", "person_1", "--group", "friends"]);
    azure.server.state(|state: &mut State| {
        let key = ("largepersongroups".to_owned(), "friends".to_owned());
        let group = state.collections.get_mut(&key).expect("is there");
        let person = group.persons.values_mut().next().expect("is there");
        for number in 0..248_u32 {
            let face = facepipe_test_support::azure_server::state::Face {
                person: 9,
                photo: OnPhoto::of(9, 9),
                model: RECOGNITION_MODEL.to_owned(),
                user_data: None,
            };
            let id = format!("{number:08x}-1111-4000-8000-000000000000");
            person.faces.insert(id, face);
        }
    });
    let known: Vec<String> = (0..248_u32)
        .map(|number| format!("{number:08x}-1111-4000-8000-000000000000"))
        .map(|face| json!({"what": "face", "person": "p", "face": face, "content": ""}).to_string())
        .collect();
    let first = json!({"what": "group", "host": azure.server.endpoint().replace("http://", "").replace('/', ""),
        "collection": "largepersongroups", "id": "friends"});
    let journal = format!("{first}\n{}\n", known.join("\n"));
    let path = azure.path("data/azure/friends/journal.jsonl");
    crate::helpers::write(&path, journal.as_bytes());
    let report = report_of(&azure.run(&ENROLL));
    assert_eq!(report["photos"]["added"], 2, "the other person's: {report}");
    assert_eq!(report["reasons"], json!({"refused": 2}), "{report}");
    assert_eq!(report["other_faces"], 248, "{report}");
    let discarded = records(&azure.path("data/azure/friends/discarded.jsonl"));
    let message = discarded[0]["message"].as_str().expect("a text");
    assert!(message.contains("403 QuotaExceeded"), "{message}");
}

#[test]
fn a_person_whom_the_service_refuses_does_not_stop_the_others() {
    let server = AzureServer::with(State::default(), |request, _| {
        let is_first =
            is_person(request) && String::from_utf8_lossy(&request.body).contains("person_1");
        is_first.then_some(Fate::Instead(
            400,
            "",
            r#"{"error":{"code":"BadArgument","message":"'name' is empty."}}"#,
        ))
    });
    let azure = Azure::new(server);
    persons(&azure.path("people"), 2, 2);
    let report = report_of(&azure.run(&ENROLL));
    assert_eq!(report["persons"]["created"], 1, "{report}");
    assert_eq!(report["reasons"], json!({"refused": 2}), "{report}");
    let strict = azure.run(&[&ENROLL[..], &["--strict"]].concat());
    assert_eq!(strict.status.code(), Some(3), "{strict:?}");
}
