//! One candidate: get its bytes, examine them, store them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;
use url::{Position, Url};

use super::download::Downloader;
use super::download_error::DownloadError;
use super::examine::{Keep, LeftOut, examine, of_decode_error};
use super::journal::{Item, ItemId, Outcome};
use facepipe_core::artifacts::atomic::TEMPORARY_SUFFIX;
use facepipe_core::artifacts::digest;
use facepipe_core::types::{Address, Candidate, Provenance, Reason};
use facepipe_imaging::image_io;

/// The state that all items of a run share.
pub(super) struct Tools {
    pub(super) downloader: Downloader,
    /// At most as many images are decoded at a time as there are threads.
    pub(super) decoders: Semaphore,
    pub(super) out: PathBuf,
    pub(super) keep: Keep,
    pub(super) max_bytes: u64,
}

/// A written file that keeps a temporary name until the journal has its item: only then does it
/// get its final name, so that a file with a final name is never requested again.
#[derive(Debug)]
pub(super) struct TemporaryFile(PathBuf);

/// The outcome of a candidate.
pub(super) struct Finished {
    pub(super) id: ItemId,
    /// `None`: a local file whose content was tried before.
    pub(super) item: Option<Item>,
    /// Bytes that were downloaded or read.
    pub(super) bytes: u64,
    /// The host of the request, with its port where it is unusual.
    pub(super) host: Option<String>,
    /// The image's file, unless it is there already.
    pub(super) file: Option<TemporaryFile>,
}

impl TemporaryFile {
    /// Writes the bytes of the image that will be `path`.
    fn write(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let process = std::process::id();
        let name = format!(".{name}.{process}-{number}{TEMPORARY_SUFFIX}");
        let temporary = Self(path.with_file_name(name));
        match fs_err::write(&temporary.0, bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = path.parent() {
                    fs_err::create_dir_all(folder)?;
                }
                fs_err::write(&temporary.0, bytes)?;
            }
            written => written?,
        }
        Ok(temporary)
    }

    /// Gives the file its name.
    pub(super) fn name(self, path: &Path) -> io::Result<()> {
        match fs_err::rename(&self.0, path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = path.parent() {
                    fs_err::create_dir_all(folder)?;
                }
                fs_err::rename(&self.0, path)
            }
            named => named,
        }
    }

    /// Removes the file where the same image is stored already.
    pub(super) fn remove(self) -> io::Result<()> {
        fs_err::remove_file(self.0)
    }
}

/// Gets, examines and stores a candidate. `known`: contents of its file that were tried before.
///
/// # Errors
/// The I/O error of the output folder; errors of the candidate itself are in the item.
pub(super) async fn fetch(
    tools: &Arc<Tools>,
    candidate: Candidate,
    order: (u32, u64),
    known: Vec<String>,
) -> io::Result<Finished> {
    let Candidate {
        address,
        label,
        provenance,
    } = candidate;
    match address {
        Address::Url(url) => from_url(tools, url, label, order, provenance).await,
        Address::File(path) => {
            let file = LocalFile {
                path,
                label,
                order,
                provenance,
                known,
            };
            on_worker(tools, move |tools| file.take(tools)).await
        }
    }
}

async fn from_url(
    tools: &Arc<Tools>,
    url: Url,
    label: String,
    order: (u32, u64),
    mut provenance: Provenance,
) -> io::Result<Finished> {
    let id = ItemId::new(&label, &provenance.image_url);
    let host = url[Position::BeforeHost..Position::AfterPort].to_owned();
    let (mut size, mut file) = (0, None);
    let outcome = match tools.downloader.get_image(url).await {
        Ok(download) => {
            size = download.bytes.len() as u64;
            provenance.final_url = download.final_url.map(String::from);
            provenance.http_status = Some(download.status);
            provenance.etag = download.etag;
            provenance.last_modified = download.last_modified;
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            provenance.fetched_at = now.ok().map(|time| time.as_secs());
            let bytes = download.bytes;
            let outcome = on_worker(tools, move |tools| store(tools, &bytes, &label)).await;
            // Held until here, so that no more images wait in memory than there are connections.
            drop(download.connection);
            let (outcome, stored) = outcome?;
            file = stored;
            outcome
        }
        Err(error) => Outcome::LeftOut(LeftOut {
            reason: error.reason(),
            message: error.to_string(),
            // Addresses in private networks may be allowed the next time.
            permanent: !error.is_transient() && !matches!(error, DownloadError::Private(_)),
        }),
    };
    Ok(Finished {
        id,
        item: Some(Item {
            order,
            provenance,
            outcome,
        }),
        bytes: size,
        host: Some(host),
        file,
    })
}

/// A candidate on this machine.
struct LocalFile {
    path: PathBuf,
    label: String,
    order: (u32, u64),
    provenance: Provenance,
    known: Vec<String>,
}

impl LocalFile {
    fn take(self, tools: &Tools) -> io::Result<Finished> {
        let path = &self.provenance.image_url;
        let mut id = ItemId::new(&self.label, path);
        let (mut size, mut file) = (0, None);
        let outcome = match read(&self.path, tools.max_bytes) {
            Ok(bytes) => {
                let md5 = digest::md5_hex(&bytes);
                id = ItemId::of_file(&self.label, path, &md5);
                if self.known.contains(&md5) {
                    return Ok(Finished {
                        id,
                        item: None,
                        bytes: 0,
                        host: None,
                        file: None,
                    });
                }
                size = bytes.len() as u64;
                let (outcome, stored) = store(tools, &bytes, &self.label)?;
                file = stored;
                outcome
            }
            Err(left_out) => Outcome::LeftOut(left_out),
        };
        Ok(Finished {
            id,
            item: Some(Item {
                order: self.order,
                provenance: self.provenance,
                outcome,
            }),
            bytes: size,
            host: None,
            file,
        })
    }
}

fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, LeftOut> {
    let unreadable = |error: io::Error| LeftOut {
        reason: Reason::Unreadable,
        // Only the kind: the whole error names the place of the folder on this machine.
        message: format!("cannot read the file: {}", error.kind()),
        permanent: false,
    };
    let bytes = fs_err::metadata(path).map_err(unreadable)?.len();
    if bytes > max_bytes {
        let message = format!("more than {max_bytes} bytes");
        return Err(LeftOut {
            reason: Reason::TooLarge,
            message,
            permanent: false,
        });
    }
    image_io::read_bytes(path).map_err(|error| match error {
        image_io::DecodeError::Io(error) => unreadable(error),
        error => of_decode_error(&error),
    })
}

/// Examines bytes and writes them into the output folder, where they are worth it.
fn store(tools: &Tools, bytes: &[u8], label: &str) -> io::Result<(Outcome, Option<TemporaryFile>)> {
    let examined = match examine(bytes, label, &tools.keep) {
        Ok(examined) => examined,
        Err(left_out) => return Ok((Outcome::LeftOut(left_out), None)),
    };
    let (stored, bytes) = (
        examined.stored,
        examined.smaller.as_deref().unwrap_or(bytes),
    );
    let path = tools.out.join(&stored.file);
    let is_there = fs_err::metadata(&path).is_ok_and(|metadata| metadata.len() == stored.bytes);
    let file = if is_there {
        None
    } else {
        Some(TemporaryFile::write(&path, bytes)?)
    };
    Ok((Outcome::Stored(stored), file))
}

/// Runs work on a blocking thread, at most as many at a time as there are decoders.
async fn on_worker<T: Send + 'static>(
    tools: &Arc<Tools>,
    work: impl FnOnce(&Tools) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let _turn = tools.decoders.acquire().await.map_err(io::Error::other)?;
    let tools = tools.clone();
    tokio::task::spawn_blocking(move || work(&tools))
        .await
        .map_err(io::Error::other)?
}
