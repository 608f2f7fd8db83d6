//! `.pth`: a state dict as `torch.save(model.state_dict(), …)` writes it.

use std::path::Path;

use tch::Device;

use super::archive::{self, Archive};
use super::pickle::Pickle;
use super::{Content, ExportError};
use facepipe_nn::{Network, load_weights, read_tensors};

/// The version of the archive's form: `torch.save`'s since 1.6.
const VERSION: &[u8] = b"3\n";

/// Writes the file: all tensors of the network, counters of batches among them.
pub(super) fn write(path: &Path, content: &Content<'_>) -> Result<(), ExportError> {
    let entries = content.network.state().entries().iter();
    let tensors = entries.map(|entry| (entry.name.clone(), entry.tensor.shallow_clone()));
    let tensors = archive::stored(path, tensors)?;
    let mut pickle = Pickle::new();
    pickle.ordered_dict(|pickle| {
        for stored in &tensors {
            pickle.text(&stored.name);
            pickle.tensor(&stored.key, stored.class, &stored.tensor);
        }
    });
    let mut archive = Archive::create(path)?;
    archive.add("data.pkl", &pickle.finish())?;
    archive.add(".format_version", b"1")?;
    archive.add(".storage_alignment", b"64")?;
    archive.add_tensors(&tensors)?;
    archive.add("version", VERSION)?;
    archive.add_card(content)?;
    archive.finish()
}

/// The network that a file of tensors makes: a new one, of the same backbone, head and labels.
pub(super) fn open(path: &Path, content: &Content<'_>) -> Result<Network, ExportError> {
    let again = Network::with_head(
        content.network.backbone(),
        content.network.head_kind(),
        content.card.labels.len(),
        Device::Cpu,
    );
    load_weights(&again, read_tensors(path)?, path)?;
    again.freeze();
    Ok(again)
}
