//! Tokens of Entra ID for `facepipe azure`: each way against a server, or a program, of this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::azure::helpers::{Azure, finished, without_azure};
use crate::helpers::{failure, json};
use facepipe_test_support::azure_server::{AzureServer, TOKEN};
use facepipe_test_support::http_server::{HttpServer, ReceivedRequest, Reply};

const SECRET: &str = "s3cret-of-the-application";

fn token() -> String {
    format!(r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{TOKEN}"}}"#)
}

/// `facepipe azure whoami` with a resource, and no key.
fn whoami(azure: &Azure, variables: &[(&str, &str)], more: &[&str]) -> std::process::Output {
    let mut command = without_azure();
    command
        .current_dir(azure.folder.path())
        .env("FACEPIPE_AZURE_ENDPOINT", azure.server.endpoint())
        .args(["azure", "whoami", "--json"])
        .args(more);
    for (name, value) in variables {
        command.env(name, value);
    }
    let output = finished(&mut command);
    for stream in [&output.stdout, &output.stderr] {
        assert!(
            !String::from_utf8_lossy(stream).contains(SECRET),
            "{output:?}"
        );
    }
    output
}

#[test]
fn an_application_signs_in_with_its_secret() {
    let authority = HttpServer::start(|request: &ReceivedRequest| {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/my-tenant/oauth2/v2.0/token")
        );
        let form: Vec<_> = url::form_urlencoded::parse(&request.body)
            .into_owned()
            .collect();
        let expected = [
            ("grant_type", "client_credentials"),
            ("client_id", "my-client"),
            ("client_secret", SECRET),
            ("scope", "https://cognitiveservices.azure.com/.default"),
        ];
        assert_eq!(
            form,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        // A temporary error.
        match request.times {
            1 => Reply::new(503, ""),
            _ => Reply::new(200, token()),
        }
    });
    let azure = Azure::new(AzureServer::start());
    let host = authority.url("/");
    let variables = [
        ("AZURE_AUTHORITY_HOST", host.as_str()),
        ("AZURE_TENANT_ID", "my-tenant"),
        ("AZURE_CLIENT_ID", "my-client"),
        ("AZURE_CLIENT_SECRET", SECRET),
    ];
    let report = json(&whoami(&azure, &variables, &[]));
    assert_eq!(report["auth"], "client-secret", "{report}");
    assert_eq!(report["source"], "AZURE_CLIENT_SECRET", "{report}");
    assert_eq!(report["transactions"], 1, "{report}");
    let headers = &azure.server.log()[0].headers;
    assert!(
        headers.contains(&format!("authorization: bearer {TOKEN}\n")),
        "{headers}"
    );
    assert!(!headers.contains("ocp-apim-subscription-key"), "{headers}");
}

#[test]
fn a_refused_secret_is_reported_without_it() {
    let authority = HttpServer::start(|_| {
        let body = format!(
            r#"{{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret {SECRET} provided.\r\nTrace ID: 1"}}"#
        );
        Reply::new(401, body)
    });
    let azure = Azure::new(AzureServer::start());
    let host = authority.url("");
    let variables = [
        ("AZURE_AUTHORITY_HOST", host.as_str()),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_CLIENT_SECRET", SECRET),
    ];
    let error = failure(&whoami(&azure, &variables, &[]), 1);
    assert!(
        error.contains("no token from Entra ID: 401: AADSTS7000215"),
        "{error}"
    );
    assert!(error.contains("hint: check AZURE_TENANT_ID"), "{error}");
    assert!(!error.contains("Trace ID"), "{error}");
    assert!(azure.server.log().is_empty());
    assert_eq!(
        authority.counts().values().sum::<u32>(),
        1,
        "requested once"
    );
}

#[test]
fn a_machine_signs_in_with_its_identity() {
    let metadata = HttpServer::start(|request: &ReceivedRequest| {
        assert!(
            request.headers.contains("metadata: true\n"),
            "{}",
            request.headers
        );
        assert_eq!(
            request.path,
            "/metadata/identity/oauth2/token?api-version=2018-02-01&\
             resource=https%3A%2F%2Fcognitiveservices.azure.com&client_id=one-of-several"
        );
        let body = token().replace("3599", "\"3599\"");
        Reply::new(200, body)
    });
    let azure = Azure::new(AzureServer::start());
    let host = metadata.url("/");
    let variables = [
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", host.as_str()),
        ("AZURE_CLIENT_ID", "one-of-several"),
    ];
    let report = json(&whoami(&azure, &variables, &["--auth", "managed-identity"]));
    assert_eq!(report["auth"], "managed-identity", "{report}");
    // No service there: this machine is not one of Azure's.
    let variables = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")];
    let error = failure(
        &whoami(&azure, &variables, &["--auth", "managed-identity"]),
        1,
    );
    assert!(error.contains("can't be reached"), "{error}");
    assert!(
        error.contains("only works on a machine of Azure's"),
        "{error}"
    );
}

#[test]
fn a_token_that_is_refused_is_replaced_once() {
    let given = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&given);
    let metadata = HttpServer::start(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        Reply::new(
            200,
            if number == 0 {
                token().replace(TOKEN, "withdrawn")
            } else {
                token()
            },
        )
    });
    let azure = Azure::new(AzureServer::start());
    let host = metadata.url("/");
    let variables = [
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", host.as_str()),
        ("FACEPIPE_AZURE_AUTH", "managed-identity"),
    ];
    let report = json(&whoami(&azure, &variables, &[]));
    assert_eq!(report["transactions"], 2, "{report}");
    assert_eq!(given.load(Ordering::SeqCst), 2);
    let wrong = HttpServer::start(|_| Reply::new(200, token().replace(TOKEN, "withdrawn")));
    let host = wrong.url("/");
    let variables = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", host.as_str())];
    let error = failure(
        &whoami(&azure, &variables, &["--auth", "managed-identity"]),
        1,
    );
    assert!(error.contains("refuses the token of Entra ID"), "{error}");
    assert!(error.contains("Cognitive Services User"), "{error}");
}

/// A folder with a program `az` that is a shell script.
#[cfg(unix)]
fn az(azure: &Azure, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let program = azure.path("bin/az");
    crate::helpers::write(&program, format!("#!/bin/sh\n{script}\n").as_bytes());
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("sets");
    format!("{}:/usr/bin:/bin", azure.path("bin").display())
}

#[cfg(unix)]
#[test]
fn a_token_of_az_that_expires_soon_is_not_used_for_an_hour() {
    let azure = Azure::new(AzureServer::start());
    let run = |life: u32| {
        let script = format!(
            "echo x >> \"$(dirname \"$0\")/asked-{life}\"\n\
             echo \"{{\\\"accessToken\\\": \\\"{TOKEN}\\\", \\\"expires_on\\\": $(($(date +%s) + {life}))}}\""
        );
        let path = az(&azure, &script);
        let mut command = without_azure();
        command
            .current_dir(azure.folder.path())
            .env("FACEPIPE_AZURE_ENDPOINT", azure.server.endpoint())
            .env("PATH", path)
            .args(["azure", "--auth", "azure-cli", "--tier", "s0"])
            .args(["identify", "a.png", "--group", "none", "--json"]);
        for _ in 0..2 {
            json(&finished(&mut command));
        }
        let asked = azure.path(&format!("bin/asked-{life}"));
        fs_err::read_to_string(asked)
            .expect("reads")
            .lines()
            .count()
    };
    azure.server.state(|state| {
        let key = ("largepersongroups".to_owned(), "none".to_owned());
        let group = state.collections.entry(key).or_default();
        group.training = Some(0);
        group.model = "recognition_04".to_owned();
    });
    azure.photo(
        "a.png",
        facepipe_test_support::azure_server::OnPhoto::of(1, 1),
    );
    let calls = azure.server.log().len();
    assert_eq!(run(3600), 2, "once a run");
    let of_first = azure.server.log().len() - calls;
    assert_eq!(of_first, 6, "two runs of three calls");
    assert_eq!(run(60), of_first, "once a call");
}

#[cfg(unix)]
#[test]
fn the_user_of_az_login_is_used() {
    let azure = Azure::new(AzureServer::start());
    let script = format!(
        "echo \"$@\" > \"$(dirname \"$0\")/arguments\"\n\
         echo '{{\"accessToken\": \"{TOKEN}\", \"expiresOn\": \"2026-01-01 00:00:00\", \"tokenType\": \"Bearer\"}}'"
    );
    let path = az(&azure, &script);
    let report = json(&whoami(
        &azure,
        &[("PATH", &path)],
        &["--auth", "azure-cli"],
    ));
    assert_eq!(report["auth"], "azure-cli", "{report}");
    let arguments = fs_err::read_to_string(azure.path("bin/arguments")).expect("reads");
    assert_eq!(
        arguments.trim(),
        "account get-access-token --output json --scope https://cognitiveservices.azure.com/.default"
    );
    let path = az(
        &azure,
        "echo 'ERROR: Please run az login to setup account.' >&2; exit 1",
    );
    let error = failure(
        &whoami(&azure, &[("PATH", &path)], &["--auth", "azure-cli"]),
        1,
    );
    assert!(
        error.contains("no token from the Azure CLI: ERROR: Please run az login"),
        "{error}"
    );
    assert!(error.contains("sign in with `az login`"), "{error}");
    let empty = azure.path("bin/none").display().to_string();
    let error = failure(
        &whoami(&azure, &[("PATH", &empty)], &["--auth", "azure-cli"]),
        1,
    );
    assert!(error.contains("`az` can't be started"), "{error}");
}
