//! A server of this machine that answers as Azure's Face service does: status codes, bodies, headers,
//! trainings that take a while, pages, throttling, missing approvals, slow and lost answers.

mod answers;
mod photo;
mod resources;
mod searches;
pub mod state;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::http_server::{HttpServer, ReceivedRequest, Reply};

pub use photo::OnPhoto;
pub use state::State;

/// The key that it accepts.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";
/// The token that it accepts as well.
pub const TOKEN: &str = "a-token-of-entra-id";

/// A received request.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub method: String,
    pub path: String,
    pub headers: String,
    pub body: Vec<u8>,
}

/// How an answer is disturbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is sent after this time; the request is executed at once.
    After(Duration),
    /// It is lost: the request is executed, and the connection breaks.
    Lost,
    /// Another one is sent, and nothing is executed: status, header line, body.
    Instead(u16, &'static str, &'static str),
}

/// Decides how the answer to a request is disturbed, by the request and the number of earlier ones.
type Faults = dyn Fn(&ReceivedRequest, usize) -> Option<Fate> + Send + Sync;

/// The running server.
pub struct AzureServer {
    http: HttpServer,
    state: Arc<Mutex<State>>,
    log: Arc<Mutex<Vec<Recorded>>>,
}

impl AzureServer {
    /// An empty resource.
    pub fn start() -> Self {
        Self::with(State::default(), |_, _| None)
    }

    /// A resource in some state, whose answers are disturbed by `faults`.
    pub fn with(
        state: State,
        faults: impl Fn(&ReceivedRequest, usize) -> Option<Fate> + Send + Sync + 'static,
    ) -> Self {
        let state = Arc::new(Mutex::new(state));
        let log = Arc::new(Mutex::new(Vec::new()));
        let (of_server, log_of_server) = (Arc::clone(&state), Arc::clone(&log));
        let faults: Box<Faults> = Box::new(faults);
        let http = HttpServer::start(move |request| {
            let before = {
                let mut log = log_of_server.lock().expect("no panic");
                log.push(Recorded {
                    method: request.method.clone(),
                    path: request.path.clone(),
                    headers: request.headers.clone(),
                    body: request.body.clone(),
                });
                log.len() - 1
            };
            let fate = faults(request, before);
            if let Some(Fate::Instead(status, header, body)) = fate {
                let reply = Reply::new(status, body);
                return if header.is_empty() {
                    reply
                } else {
                    reply.header(header)
                };
            }
            let reply = of_server.lock().expect("no panic").answer(request);
            match fate {
                Some(Fate::After(delay)) => reply.after(delay),
                Some(Fate::Lost) => reply.declaring(Some(1 << 20)),
                _ => reply,
            }
        });
        Self { http, state, log }
    }

    /// The resource's endpoint.
    pub fn endpoint(&self) -> String {
        self.http.url("/")
    }

    /// All requests so far.
    pub fn log(&self) -> Vec<Recorded> {
        self.log.lock().expect("no panic").clone()
    }

    /// Reads or changes the resource's state.
    pub fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().expect("no panic"))
    }
}
