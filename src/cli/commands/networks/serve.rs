//! `facepipe serve`

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::INTERRUPTED;
use crate::cli::commands::networks::unknown_options::UnknownOptions;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::model_path;
use crate::cli::output::result::{Outcome, write_json_line};
use crate::cli::wiring;
use crate::cli::wiring::embedders::EmbedderOptions;
use crate::cli::wiring::networks::in_one_line;
use facepipe_core::context::{Context, Interrupt};
use facepipe_core::errors::with_causes;
use facepipe_net::credentials::Places;
use facepipe_predict::Naming;
use facepipe_serve::{
    ApiKey, Batching, Certificate, Limits, Origin, Service, Settings, bind, listen,
};

/// Where the key of the server is looked for: in the environment, `v.env` and `.env`.
const KEY_NAME: &str = "FACEPIPE_SERVE_KEY";
/// How often the server checks whether it is to end.
const LOOK_FOR_END: Duration = Duration::from_millis(20);
/// How long the operating system's threads of the runtime are waited for at the end.
const LAST_TASKS: Duration = Duration::from_secs(1);
/// Bytes of a megabyte.
const MEGABYTE: usize = 1_000_000;
/// Pixels of a megapixel.
const MEGAPIXEL: u64 = 1_000_000;

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe serve models/friends\n  \
    facepipe serve models/friends/export/model.pt --bind 127.0.0.1:9000\n  \
    curl -F image=@party.jpg http://127.0.0.1:8080/predict_json\n  \
    FACEPIPE_SERVE_KEY=... facepipe serve models/friends --bind 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem\n\n\
    http://127.0.0.1:8080/ is a page for people, /docs lists all routes for programs.\n\n\
    With FACEPIPE_SERVE_KEY in the environment or in `v.env`, requests need it as `Authorization: Bearer \
    KEY` or `X-API-Key: KEY`; pages and health checks don't.\n\n\
    SIGTERM or Ctrl-C: no more requests are taken, those that are there are answered; a second one ends at \
    once. SIGHUP: the model and the certificate are read again, and no request is dropped; a model that \
    can't be used leaves the one before in its place.")]
pub(crate) struct ServeArgs {
    /// The model's folder, a project with one, or a TorchScript file that `export` made
    model: PathBuf,
    /// Where it listens; 0.0.0.0 for other machines as well
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = facepipe_serve::DEFAULT_ADDRESS)]
    bind: SocketAddr,
    /// Images are faces already, and none is searched for; a request can differ with ?detect=true
    #[arg(long)]
    chips: bool,
    #[command(flatten)]
    embedder: EmbedderOptions,
    #[command(flatten)]
    unknown: UnknownOptions,
    /// Report the N most probable labels of each face only [default: all]
    #[arg(long, value_name = "N")]
    top: Option<NonZeroUsize>,
    /// Faces in one batch of the model, at most
    #[arg(help_heading = "Load", long, value_name = "N", default_value_t = Batching::default().faces)]
    max_batch: NonZeroUsize,
    /// How long faces wait at most for others, in milliseconds; a single client never waits
    #[arg(help_heading = "Load", long, value_name = "MS", default_value_t = Batching::default().delay.as_millis() as u64)]
    max_delay: u64,
    /// Requests that wait or are worked on, at most; more are refused and may be sent again (429)
    #[arg(help_heading = "Load", long, value_name = "N", default_value = Limits::default().queue.to_string())]
    queue: NonZeroUsize,
    /// Largest body of a request, in megabytes (413)
    #[arg(help_heading = "Load", long, value_name = "MB", default_value = (Limits::default().body_bytes / MEGABYTE).to_string())]
    max_body: NonZeroUsize,
    /// Largest photo, in megapixels (422)
    #[arg(help_heading = "Load", long, value_name = "MP", default_value = (Limits::default().pixels / MEGAPIXEL).to_string())]
    max_megapixels: NonZeroU64,
    /// Longest time for a body to arrive (408), and for an answer (503), in seconds
    #[arg(help_heading = "Load", long, value_name = "S", default_value = Limits::default().time.as_secs().to_string())]
    time_limit: NonZeroUsize,
    /// How long requests are still answered at the end, in seconds
    #[arg(help_heading = "Load", long, value_name = "S", default_value_t = Limits::default().drain.as_secs())]
    drain: u64,
    /// Let pages of this origin send requests from a browser, such as https://photos.example.org; may be repeated
    /// [default: none]
    #[arg(help_heading = "Access", long, value_name = "ORIGIN")]
    cors: Vec<String>,
    /// Answer to this name as well, such as a proxy's; may be repeated [default: addresses and localhost
    /// where it listens for this machine only and has no key, else any]
    #[arg(help_heading = "Access", long, value_name = "NAME")]
    host: Vec<String>,
    /// Encrypt: the certificate, with those that signed it, in PEM
    #[arg(
        help_heading = "Access",
        long,
        value_name = "FILE",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// Encrypt: the certificate's private key in PEM
    #[arg(
        help_heading = "Access",
        long,
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Form of the log on stderr: a line a request, without anything of the photo
    #[arg(long, value_enum, default_value = "text")]
    log: LogForm,
}

/// Forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogForm {
    /// For people
    Text,
    /// A JSON object a line
    Json,
}

pub(crate) fn run(
    args: &ServeArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    start_log(args.log, globals);
    let settings = settings(args, context)?;
    let needs_key = settings.key.is_some();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(context.threads.get())
        .enable_all()
        .build()?;
    // Checked before the model, which takes longer to read.
    let tls = runtime.block_on(certificate(args))?;
    let open = {
        let model = model_path::resolved(&args.model, context)?;
        let (chips, unknown) = (args.chips, args.unknown);
        let embedder = args.embedder.embedder.clone();
        let (globals, context) = (globals.clone(), context.clone());
        move || -> Result<_, Failure> {
            let opened =
                wiring::networks::served_model(&model, chips, &embedder, &globals, &context)?;
            unknown.bounds(&opened.card)?;
            Ok(opened)
        }
    };
    let opened = open()?;
    let reopen = move || open().map_err(|failure| in_one_line(&failure).into());
    let service = Arc::new(Service::start(opened, Box::new(reopen), settings)?);
    let engine = service.engine();
    if !engine.was_compared() {
        context.progress.note(
            "the model's card, of an earlier version, has no answer to the reference \
             picture: only that the model answers was checked",
        );
    }
    drop(engine);
    if !needs_key && !args.bind.ip().is_loopback() {
        context.progress.note(&format!(
            "every client that reaches {} is served: set {KEY_NAME} to require a key",
            args.bind
        ));
    }
    let served = runtime.block_on(async {
        serve(args, globals, context, &service, tls).await?;
        let ended = tokio::task::spawn_blocking(|| service.end()).await;
        match ended.map_err(io::Error::other).flatten() {
            Ok(()) => tracing::info!("ended"),
            Err(error) => tracing::warn!(%error, "ended"),
        }
        Ok::<(), Failure>(())
    });
    runtime.shutdown_timeout(LAST_TASKS);
    served?;
    Ok(Outcome::default())
}

/// A certificate's files, and the certificate read from them.
type Tls = (Certificate, RustlsConfig);

async fn certificate(args: &ServeArgs) -> Result<Option<Tls>, Failure> {
    let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) else {
        return Ok(None);
    };
    let files = Certificate {
        certificate: certificate.clone(),
        key: key.clone(),
    };
    let tls = files.open().await?;
    Ok(Some((files, tls)))
}

async fn serve(
    args: &ServeArgs,
    globals: &Globals,
    context: &Context,
    service: &Arc<Service>,
    certificate: Option<Tls>,
) -> Result<(), Failure> {
    let tls = certificate.as_ref().map(|(_, tls)| tls.clone());
    let listener = bind(args.bind)?;
    let address = listener.local_addr()?;
    interrupt_on_signals(context.interrupt.clone())?;
    let reloads = reload_on_hangup(service.clone(), certificate)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    announce(scheme, address, service, globals).map_err(Failure::of_output)?;
    let served = listen(
        service.clone(),
        listener,
        tls,
        end(context.interrupt.clone()),
    )
    .await;
    reloads.abort();
    // Its handle on the service is dropped when it has ended.
    let _ = reloads.await;
    Ok(served?)
}

/// Prints the server's address.
fn announce(
    scheme: &str,
    address: SocketAddr,
    service: &Service,
    globals: &Globals,
) -> io::Result<()> {
    let url = format!("{scheme}://{address}/");
    let engine = service.engine();
    let name = &engine.card().name;
    let mut stdout = io::stdout().lock();
    if globals.json {
        return write_json_line(&mut stdout, &json!({"url": url, "model": name}));
    }
    writeln!(stdout, "serving `{name}` at {url}")?;
    stdout.flush()
}

/// Raises the flag at Ctrl-C and SIGTERM; at the second one the process ends.
#[cfg(unix)]
fn interrupt_on_signals(interrupt: Interrupt) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut keys, mut terms) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = keys.recv() => {}
                _ = terms.recv() => {}
            }
            raise(&interrupt);
        }
    });
    Ok(())
}

/// The same at Ctrl-C only.
#[cfg(not(unix))]
fn interrupt_on_signals(interrupt: Interrupt) -> io::Result<()> {
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            raise(&interrupt);
        }
    });
    Ok(())
}

fn raise(interrupt: &Interrupt) {
    if interrupt.raise() {
        #[expect(
            clippy::exit,
            reason = "the user asked twice; a server writes no files"
        )]
        std::process::exit(i32::from(INTERRUPTED));
    }
}

/// Ready once the user wants the program to end.
async fn end(interrupt: Interrupt) {
    while interrupt.check().is_ok() {
        tokio::time::sleep(LOOK_FOR_END).await;
    }
}

type Reloads = tokio::task::JoinHandle<()>;

#[cfg(unix)]
fn reload_on_hangup(service: Arc<Service>, tls: Option<Tls>) -> io::Result<Reloads> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut hangups = signal(SignalKind::hangup())?;
    Ok(tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            service.reload().await;
            if let Some((certificate, config)) = &tls
                && let Err(error) = certificate.reload(config).await
            {
                let error = with_causes(&error);
                tracing::error!(
                    error,
                    "the certificate can't be read again; the one before stays"
                );
            }
        }
    }))
}

/// There are no such signals elsewhere.
#[cfg(not(unix))]
fn reload_on_hangup(_: Arc<Service>, _: Option<Tls>) -> io::Result<Reloads> {
    Ok(tokio::spawn(async {}))
}

fn settings(args: &ServeArgs, context: &Context) -> Result<Settings, Failure> {
    let cors = args.cors.iter().map(|origin| Origin::new(origin));
    Ok(Settings {
        limits: Limits {
            queue: args.queue.get(),
            body_bytes: args.max_body.get().saturating_mul(MEGABYTE),
            pixels: args.max_megapixels.get().saturating_mul(MEGAPIXEL),
            time: Duration::from_secs(args.time_limit.get() as u64),
            drain: Duration::from_secs(args.drain),
        },
        batching: Batching {
            faces: args.max_batch,
            delay: Duration::from_millis(args.max_delay),
        },
        naming: Naming {
            unknown: args.unknown.requested(),
            top: args.top.map(usize::from),
        },
        threads: context.threads,
        chips: args.chips,
        key: key()?,
        cors: cors.collect::<Result<_, _>>()?,
        hosts: args.host.clone(),
    })
}

/// The key that requests have to have. One that is set and can't be used lets no client in by mistake: the server
/// does not start.
fn key() -> Result<Option<ApiKey>, Failure> {
    let environment = |name: &str| {
        let value = std::env::var_os(name)?;
        // Bytes that are no text can't be in a request's header either.
        Some(value.into_string().unwrap_or_default())
    };
    let places = Places::read(environment, Path::new("."))?;
    match places.find(&[KEY_NAME]) {
        Some((key, _)) => Ok(Some(ApiKey::new(&key))),
        None if places.have(KEY_NAME) => Err(Failure::Usage {
            message: format!("{KEY_NAME} is set, but is empty or no text"),
            hint:
                "give a key, such as `openssl rand -hex 32` makes, or remove the variable to let \
                in every client"
                    .to_owned(),
        }),
        None => Ok(None),
    }
}

fn start_log(form: LogForm, globals: &Globals) {
    let level = match (globals.quiet, globals.verbose) {
        (true, _) => tracing::Level::ERROR,
        (false, 0) => tracing::Level::INFO,
        (false, _) => tracing::Level::DEBUG,
    };
    let log = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false);
    // Where a logger is set already, that one stays.
    let _ = match form {
        LogForm::Text => log.try_init(),
        LogForm::Json => log.json().flatten_event(true).try_init(),
    };
}
