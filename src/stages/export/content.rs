//! The content of an exported file.

use std::collections::BTreeMap;

use facepipe_core::types::ModelCard;
use facepipe_nn::graph::Graph;
use facepipe_nn::{LabelMeans, Network};

use super::ExportError;

/// A network and its card.
#[derive(Debug)]
pub(super) struct Content<'a> {
    /// The trained network.
    pub(super) network: &'a Network,
    /// The means of its labels, in a file that gives similarities.
    pub(super) means: Option<&'a LabelMeans>,
    /// Its layers.
    pub(super) graph: Graph,
    /// The card as it is in the file.
    pub(super) card: &'a ModelCard,
}

impl Content<'_> {
    /// The class names as a JSON list, in the order of the outputs.
    pub(super) fn labels_json(&self) -> Result<String, ExportError> {
        let text = serde_json::to_string(&self.card.labels);
        Ok(text.map_err(std::io::Error::from)?)
    }

    /// The card as JSON.
    pub(super) fn card_json(&self) -> Result<String, ExportError> {
        let text = serde_json::to_string_pretty(self.card);
        Ok(text.map_err(std::io::Error::from)?)
    }
}

/// The card as it is in an exported file, which can't hold its own digest.
pub(super) fn embedded(card: &ModelCard) -> ModelCard {
    ModelCard {
        exports: BTreeMap::new(),
        ..card.clone()
    }
}

/// The same in a file that holds nothing but the network's tensors: it gives no similarities.
pub(super) fn embedded_with_tensors(card: &ModelCard) -> ModelCard {
    let mut card = embedded(card);
    card.similarities = false;
    if let Some(unknown) = &mut card.unknown {
        unknown.similarity = None;
    }
    card
}

/// The same in a file that gives probabilities.
pub(super) fn embedded_with_preprocessing(card: &ModelCard) -> ModelCard {
    ModelCard {
        output: ModelCard::PROBABILITIES.to_owned(),
        ..embedded(card)
    }
}
