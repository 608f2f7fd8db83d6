//! `facepipe serve` as a process of its own, with a small model of drawn pictures, called over HTTP.

mod browsers;
mod description;
mod limits;
mod operation;
mod protocol;
mod routes;

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use facepipe_imaging::image_io;
use image::RgbImage;
use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;

use crate::helpers::{facepipe, snapshot, write};
use crate::networks::training::made;

/// A copy of the model whose card may be changed.
fn copy_of_model(to: &Path, change: impl FnOnce(&mut Value)) {
    for (name, bytes) in snapshot(&made().model, &[]) {
        write(&to.join(name), &bytes);
    }
    change_card(to, change);
}

fn change_card(model: &Path, change: impl FnOnce(&mut Value)) {
    let path = model.join("model_card.json");
    let mut card = serde_json::from_slice(&fs_err::read(&path).expect("reads")).expect("JSON");
    change(&mut card);
    write(&path, card.to_string().as_bytes());
}

/// A running server.
struct Server {
    child: Child,
    url: String,
    log: Option<JoinHandle<String>>,
}

/// How the program is started as a server of a model, at a port that is free.
fn command(options: &str, model: &Path) -> Command {
    let mut command = facepipe();
    command
        .args("serve --device cpu --threads 2 --bind 127.0.0.1:0".split(' '))
        .args(options.split_whitespace())
        .arg(model)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Server {
    fn start(options: &str) -> Self {
        Self::of(command(options, &made().model))
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let mut stderr = child.stderr.take().expect("piped");
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).expect("UTF-8");
            text
        });
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        stdout.read_line(&mut line).expect("reads");
        let Some((_, url)) = line.trim_end().split_once(" at ") else {
            panic!("no server: {}", log.join().expect("reads"));
        };
        Self {
            child,
            url: url.trim_end_matches('/').to_owned(),
            log: Some(log),
        }
    }

    fn address(&self) -> SocketAddr {
        let (_, address) = self.url.split_once("://").expect("a URL");
        address.parse().expect("an address")
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).expect("connects");
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).expect("sets");
        stream
    }

    fn get(&self, path: &str) -> Response {
        let request = client().get(format!("{}{path}", self.url));
        request.send().expect("an answer")
    }

    fn post(&self, path: &str) -> RequestBuilder {
        client().post(format!("{}{path}", self.url))
    }

    fn predict(&self, photo: &[u8]) -> Response {
        let request = self.post("/predict_json").body(photo.to_vec());
        request.send().expect("an answer")
    }

    /// A figure of `/metrics`.
    fn figure(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text().expect("text");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let number = line.unwrap_or_else(|| panic!("no {name} in {text}"));
        number.parse().expect("a number")
    }

    /// Sends the process a signal.
    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(status.expect("kill starts").success());
    }

    /// Waits for the process to end; gives its log as well.
    fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("ends");
        let log = self.log.take().expect("not yet read");
        (status, log.join().expect("reads"))
    }

    /// Ends it, and waits.
    fn end(self) -> String {
        self.signal("TERM");
        let (status, log) = self.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client() -> Client {
    let builder = facepipe_net::client::blocking()
        .no_proxy()
        .timeout(Duration::from_secs(120));
    builder.build().expect("a client")
}

fn json(response: Response) -> Value {
    let status = response.status();
    let text = response.text().expect("text");
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// The body of a refused request.
fn problem(response: Response) -> Value {
    serde_json::from_str(&response.text().expect("text")).expect("JSON")
}

/// The status of a refused request and the code of its problem.
fn refused(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert!(response.headers().contains_key("x-request-id"));
    let problem = problem(response);
    assert!(
        problem["error"]
            .as_str()
            .is_some_and(|text| text.len() > 10),
        "{problem}"
    );
    (status, problem["code"].as_str().expect("a code").to_owned())
}

/// A request with photos as files of a form.
fn with_form(request: RequestBuilder, photos: &[(&str, &[u8])]) -> RequestBuilder {
    let mut body = Vec::new();
    for (name, photo) in photos {
        let head = format!(
            "--border\r\ncontent-disposition: form-data; name=\"{name}\"; \
             filename=\"secret-name.png\"\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(*photo);
        body.extend(b"\r\n");
    }
    body.extend(b"--border--\r\n");
    let kind = "multipart/form-data; boundary=border";
    request.header("content-type", kind).body(body)
}

/// A request with a JSON body.
fn with_json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    let request = request.header("content-type", "application/json");
    request.body(body.to_string())
}

fn png(image: &RgbImage) -> Vec<u8> {
    image_io::encode_png(image).expect("encodes")
}

/// A drawn photo of the model's data set.
fn photo() -> Vec<u8> {
    fs_err::read(made().photos.join("bea/9.png")).expect("reads")
}
