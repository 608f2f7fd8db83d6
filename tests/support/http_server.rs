//! A small web server on 127.0.0.1 for tests: a closure gives its answers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One request as the server sees it.
pub struct ReceivedRequest {
    /// Such as `GET`.
    pub method: String,
    /// The path with its parameters, such as `/a.jpg?x=1`.
    pub path: String,
    /// Header lines in lower case.
    pub headers: String,
    /// The body, if the headers state its length.
    pub body: Vec<u8>,
    /// How often that path was requested, this time included.
    pub times: u32,
}

/// What the server sends.
pub struct Reply {
    status: u16,
    headers: Vec<String>,
    body: Vec<u8>,
    /// The length in its header; `None`: the body ends with the connection.
    length: Option<u64>,
    delay: Duration,
    /// The pause before each byte of the body.
    drip: Option<Duration>,
    /// Where the connection is closed, and how.
    cut: Option<Cut>,
}

/// How a server that fails ends a connection.
#[derive(Clone, Copy)]
enum Cut {
    /// It is closed without an answer.
    Closed,
    /// It is reset within the body.
    Reset,
}

impl Reply {
    /// An answer with a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            status,
            headers: Vec::new(),
            length: Some(body.len() as u64),
            body,
            delay: Duration::ZERO,
            drip: None,
            cut: None,
        }
    }

    /// Adds a header line.
    pub fn header(mut self, line: &str) -> Self {
        self.headers.push(line.to_owned());
        self
    }

    /// Declares another length than the body has, or none.
    pub fn declaring(mut self, length: Option<u64>) -> Self {
        self.length = length;
        self
    }

    /// Waits before it answers.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends the body byte by byte.
    pub fn dripping(mut self, pause: Duration) -> Self {
        self.drip = Some(pause);
        self
    }

    /// Closes the connection without an answer.
    pub fn closing(mut self) -> Self {
        self.cut = Some(Cut::Closed);
        self
    }

    /// Resets the connection after half of the body.
    pub fn resetting(mut self) -> Self {
        self.cut = Some(Cut::Reset);
        self
    }

    fn send(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        std::thread::sleep(self.delay);
        if matches!(self.cut, Some(Cut::Closed)) {
            return stream.shutdown(std::net::Shutdown::Both);
        }
        let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", self.status);
        if let Some(length) = self.length {
            head.push_str(&format!("content-length: {length}\r\n"));
        }
        for line in &self.headers {
            head.push_str(line);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        if let Some(pause) = self.drip {
            for byte in &self.body {
                std::thread::sleep(pause);
                stream.write_all(&[*byte])?;
            }
            return Ok(());
        }
        if matches!(self.cut, Some(Cut::Reset)) {
            stream.write_all(&self.body[..self.body.len() / 2])?;
            return reset(stream);
        }
        stream.write_all(&self.body)
    }
}

/// Ends a connection with RST instead of FIN.
fn reset(stream: &TcpStream) -> std::io::Result<()> {
    // So that the client has read what was sent before.
    std::thread::sleep(Duration::from_millis(50));
    let linger = Some(Duration::ZERO);
    rustix::net::sockopt::set_socket_linger(stream, linger)?;
    Ok(())
}

/// The running server; it lives as long as the process.
pub struct HttpServer {
    port: u16,
    counts: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl HttpServer {
    /// Starts a server whose answers come from `answer`.
    pub fn start(answer: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let port = listener.local_addr().expect("is bound").port();
        let counts = Arc::new(Mutex::new(BTreeMap::new()));
        let answer = Arc::new(answer);
        let server_counts = Arc::clone(&counts);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counts, answer) = (Arc::clone(&server_counts), Arc::clone(&answer));
                std::thread::spawn(move || {
                    // A client that hangs up early is part of some tests.
                    let _ = serve(&stream, &counts, answer.as_ref());
                });
            }
        });
        Self { port, counts }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// How often each path was requested.
    pub fn counts(&self) -> BTreeMap<String, u32> {
        self.counts.lock().expect("no thread panicked").clone()
    }
}

fn serve(
    stream: &TcpStream,
    counts: &Mutex<BTreeMap<String, u32>>,
    answer: &(dyn Fn(&ReceivedRequest) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let first = line(&mut reader)?.unwrap_or_default();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = String::new();
    loop {
        // A client that was killed while it sent its request is not counted.
        let Some(line) = line(&mut reader)? else {
            return Ok(());
        };
        if line.is_empty() {
            break;
        }
        headers.push_str(&line.to_lowercase());
        headers.push('\n');
    }
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let times = {
        let mut counts = counts.lock().expect("no thread panicked");
        let count = counts.entry(path.clone()).or_default();
        *count += 1;
        *count
    };
    let reply = answer(&ReceivedRequest {
        method,
        path,
        headers,
        body,
        times,
    });
    reply.send(stream)
}

/// The next line without its line break; `None` where there is no more.
fn line(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let is_there = reader.read_line(&mut line)? > 0;
    Ok(is_there.then(|| line.trim_end().to_owned()))
}
