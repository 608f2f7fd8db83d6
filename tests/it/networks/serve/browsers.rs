//! Protection of a server on the user's own machine from pages of other sites.

use reqwest::blocking::RequestBuilder;
use serde_json::Value;

use super::{Server, command, json, made, photo, refused};

const ORIGIN: &str = "https://photos.example.org";

/// Sends requests under another host name, in each version of HTTP.
fn under(server: &Server, name: &str) -> [RequestBuilder; 2] {
    let clients = [
        facepipe_net::client::blocking().http1_only(),
        facepipe_net::client::blocking().http2_prior_knowledge(),
    ];
    clients.map(|builder| {
        let builder = builder.no_proxy().resolve(name, server.address());
        let url = format!("http://{name}:{}/predict_json", server.address().port());
        let client = builder.build().expect("a client");
        client.post(url).body(photo())
    })
}

#[test]
fn a_name_that_others_point_at_this_machine_is_not_answered() {
    let server = Server::start("");
    for request in under(&server, "evil.example") {
        let answer = request.send().expect("an answer");
        assert_eq!(refused(answer), (403, "unknown_host".to_owned()));
    }
    for path in ["/", "/info", "/metrics", "/healthz"] {
        let request = super::client().get(format!("{}{path}", server.url));
        let answer = request.header("host", "evil.example:80").send();
        let (status, _) = refused(answer.expect("an answer"));
        assert_eq!(status, 403, "{path}");
    }
    for request in under(&server, "localhost") {
        json(request.send().expect("an answer"));
    }
    let named = Server::start("--host photos.example.org");
    for request in under(&named, "photos.example.org") {
        json(request.send().expect("an answer"));
    }
    let [other, _] = under(&named, "evil.example");
    assert_eq!(other.send().expect("an answer").status().as_u16(), 403);
    // A client with the key is trusted.
    let mut with_key = command("", &made().model);
    with_key.env("FACEPIPE_SERVE_KEY", "open sesame");
    let with_key = Server::of(with_key);
    let [without, with] = [None, Some("open sesame")].map(|key| {
        let [request, _] = under(&with_key, "photos.example.org");
        let request = match key {
            Some(key) => request.header("x-api-key", key),
            None => request,
        };
        request.send().expect("an answer").status().as_u16()
    });
    assert_eq!((without, with), (401, 200));
}

#[test]
fn a_page_of_another_site_makes_the_server_do_nothing() {
    let server = Server::start("");
    let own = server.url.clone();
    let send = |server: &Server, head: &[(&str, &str)]| {
        let mut request = server.post("/predict_json").body(photo());
        for (name, value) in head {
            request = request.header(*name, *value);
        }
        request.send().expect("an answer")
    };
    for head in [
        &[("origin", ORIGIN)][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", &own)],
    ] {
        let answer = send(&server, head);
        assert_eq!(
            refused(answer),
            (403, "foreign_page".to_owned()),
            "{head:?}"
        );
    }
    assert_eq!(server.figure("facepipe_decode_seconds_count"), 0.0);
    json(send(&server, &[("origin", &own)]));
    json(send(&server, &[("sec-fetch-site", "same-origin")]));
    let open = Server::start(&format!("--log json --cors {ORIGIN}"));
    let answer = send(
        &open,
        &[("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
    );
    assert_eq!(answer.headers()["access-control-allow-origin"], ORIGIN);
    json(answer);
    let ask_first = super::client().request(
        reqwest::Method::OPTIONS,
        format!("{}/predict_json", open.url),
    );
    let ask_first = ask_first
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST")
        .send()
        .expect("an answer");
    assert!(ask_first.headers().contains_key("x-request-id"));
    let log = open.end();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let methods: Vec<Value> = lines.map(|line| line["method"].clone()).collect();
    assert!(methods.contains(&Value::from("OPTIONS")), "{log}");
}
