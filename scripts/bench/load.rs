//! Sends requests to a server on several connections, and prints the times as JSON.
//!
//! ```text
//! load HOST:PORT PATH CONNECTIONS COUNT SECONDS FILE=STATUS...
//! ```
//!
//! Each connection sends one request after the other, the bodies in turn, until COUNT requests were sent
//! on all of them together or SECONDS are over. A connection that the server closes is opened again, as
//! part of the next request's time. An answer with another status than its body's, or none at all, is
//! wrong. `cpu_seconds` is the generator's own processor time: where it is near `seconds`, the generator
//! was measured.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Ticks a second of the times in `/proc/self/stat`.
const TICKS: f64 = 100.0;

struct Body {
    request: Vec<u8>,
    status: u16,
}

struct Load {
    address: String,
    bodies: Vec<Body>,
    count: u64,
    end: Instant,
    sent: AtomicU64,
}

#[derive(Default)]
struct Seen {
    times: Vec<f64>,
    statuses: BTreeMap<String, u64>,
    wrong: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, connections, count, seconds, files @ ..] = &arguments[..] else {
        return Err("usage: load HOST:PORT PATH CONNECTIONS COUNT SECONDS FILE=STATUS...".into());
    };
    let bodies = files.iter().map(|file| body(address, path, file));
    let begun = Instant::now();
    let load = Arc::new(Load {
        address: address.clone(),
        bodies: bodies.collect::<Result<_, _>>()?,
        count: count.parse()?,
        end: begun + Duration::from_secs_f64(seconds.parse()?),
        sent: AtomicU64::new(0),
    });
    let connections: usize = connections.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let all = runtime.block_on(async {
        let tasks: Vec<_> = (0..connections)
            .map(|_| tokio::spawn(load.clone().run()))
            .collect();
        let mut all = Seen::default();
        for task in tasks {
            let seen = task.await?;
            all.times.extend(seen.times);
            all.wrong += seen.wrong;
            for (status, count) in seen.statuses {
                *all.statuses.entry(status).or_default() += count;
            }
        }
        Ok::<_, tokio::task::JoinError>(all)
    })?;
    report(all, begun.elapsed().as_secs_f64())
}

fn body(address: &str, path: &str, file: &str) -> Result<Body, Box<dyn Error>> {
    let (file, status) = file.rsplit_once('=').ok_or("a file without `=STATUS`")?;
    let bytes = fs_err::read(file)?;
    let kind = if file.ends_with(".json") {
        "application/json"
    } else if file.ends_with(".form") {
        "multipart/form-data; boundary=border"
    } else {
        "application/octet-stream"
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        bytes.len()
    );
    Ok(Body {
        request: [head.into_bytes(), bytes].concat(),
        status: status.parse()?,
    })
}

impl Load {
    async fn run(self: Arc<Self>) -> Seen {
        let mut seen = Seen::default();
        let mut connection = None;
        loop {
            let number = self.sent.fetch_add(1, Ordering::Relaxed);
            if number >= self.count || Instant::now() >= self.end {
                return seen;
            }
            let body = &self.bodies[number as usize % self.bodies.len()];
            let begun = Instant::now();
            let status = self.ask(&mut connection, &body.request).await;
            seen.times.push(begun.elapsed().as_secs_f64());
            seen.wrong += u64::from(status.as_ref().ok() != Some(&body.status));
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            *seen.statuses.entry(status).or_default() += 1;
        }
    }

    async fn ask(
        &self,
        connection: &mut Option<TcpStream>,
        request: &[u8],
    ) -> std::io::Result<u16> {
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        // A server may answer before it has read all, and close.
        let written = stream.write_all(request).await;
        let mut answer = Vec::with_capacity(4096);
        let (head, length) = loop {
            if stream.read_buf(&mut answer).await? == 0 {
                written?;
                return Err(std::io::Error::other("no answer"));
            }
            if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                let length: Option<usize> = length.and_then(|length| length.parse().ok());
                break (head, length.map(|length| end + 4 + length));
            }
        };
        while length.is_none_or(|length| answer.len() < length) {
            if stream.read_buf(&mut answer).await? == 0 {
                break;
            }
        }
        let stays = head.starts_with("http/1.1") && !head.contains("connection: close");
        if stays && length.is_some() && written.is_ok() {
            *connection = Some(stream);
        }
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        status.ok_or_else(|| std::io::Error::other("no status"))
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn report(mut seen: Seen, seconds: f64) -> Result<(), Box<dyn Error>> {
    seen.times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (share * seen.times.len() as f64) as usize;
        seen.times
            .get(index.min(seen.times.len().saturating_sub(1)))
            .copied()
    };
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat
        .split(' ')
        .skip(13)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok());
    let report = json!({
        "requests": seen.times.len(),
        "seconds": seconds,
        "rate": seen.times.len() as f64 / seconds,
        "p50": at(0.5),
        "p95": at(0.95),
        "p99": at(0.99),
        "largest": at(1.0),
        "wrong": seen.wrong,
        "statuses": seen.statuses,
        "cpu_seconds": ticks.sum::<f64>() / TICKS,
    });
    println!("{report}");
    Ok(())
}
