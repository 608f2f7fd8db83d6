//! What is done for one candidate: get its bytes, examine them, store them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;
use url::Url;

use super::download::Downloader;
use super::examine::{LeftOut, examine, of_decode_error};
use super::memory::{Item, ItemId, Outcome};
use crate::artifacts::{atomic, digest};
use crate::image_io;
use crate::ports::SourceRequest;
use crate::types::{Address, Candidate, Provenance, Reason};

/// What all items of a run share.
pub(super) struct Tools {
    pub(super) downloader: Downloader,
    /// As many images are decoded at a time as there are threads.
    pub(super) decoders: Semaphore,
    pub(super) out: PathBuf,
    pub(super) min_size: u32,
    pub(super) max_bytes: u64,
}

/// What became of a candidate.
pub(super) struct Finished {
    pub(super) id: ItemId,
    /// `None`: a local file whose content was tried before.
    pub(super) item: Option<Item>,
    /// Bytes that were downloaded or read.
    pub(super) bytes: u64,
}

/// Gets, examines and stores a candidate. `known`: contents of its file that were tried before.
///
/// # Errors
/// The I/O error of the output folder; what is wrong with the candidate is in the item.
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
    let request = SourceRequest::new(url);
    let mut size = 0;
    let outcome = match tools.downloader.get(&request).await {
        Ok(download) => {
            size = download.bytes.len() as u64;
            provenance.final_url = download.final_url.map(String::from);
            provenance.http_status = Some(download.status);
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            provenance.fetched_at = now.ok().map(|time| time.as_secs());
            let bytes = download.bytes;
            let outcome = on_worker(tools, move |tools| store(tools, &bytes, &label)).await;
            // Held until here, so that no more images wait in memory than there are connections.
            drop(download.connection);
            outcome?
        }
        Err(error) => Outcome::LeftOut(LeftOut {
            reason: error.reason(),
            message: error.to_string(),
            permanent: !error.is_transient(),
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
        let mut size = 0;
        let outcome = match read(&self.path, tools.max_bytes) {
            Ok(bytes) => {
                let md5 = digest::md5_hex(&bytes);
                id = ItemId::of_file(&self.label, path, &md5);
                if self.known.contains(&md5) {
                    return Ok(Finished {
                        id,
                        item: None,
                        bytes: 0,
                    });
                }
                size = bytes.len() as u64;
                store(tools, &bytes, &self.label)?
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
        })
    }
}

fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, LeftOut> {
    let unreadable = |error: io::Error| LeftOut {
        reason: Reason::Unreadable,
        // The kind alone: the whole error names the place of the folder on this machine.
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
fn store(tools: &Tools, bytes: &[u8], label: &str) -> io::Result<Outcome> {
    let stored = match examine(bytes, label, tools.min_size) {
        Ok(stored) => stored,
        Err(left_out) => return Ok(Outcome::LeftOut(left_out)),
    };
    let path = tools.out.join(&stored.file);
    let is_there = fs_err::metadata(&path).is_ok_and(|metadata| metadata.len() == stored.bytes);
    if !is_there {
        fs_err::create_dir_all(tools.out.join(label))?;
        atomic::write_bulk(&path, bytes)?;
    }
    Ok(Outcome::Stored(stored))
}

/// Runs work on a thread that may block, as many at a time as there are decoders.
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
