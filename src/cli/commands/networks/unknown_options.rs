//! When a face is unknown: the bounds that a user sets in the place of the model's own.

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::options::image_limits::share;
use facepipe_core::types::ModelCard;
use facepipe_predict::UnknownBelow;

/// The bounds.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct UnknownOptions {
    /// Call a face unknown whose most probable label has a smaller probability, 0 to 1; 0: never
    /// [default: the model's own bound, if it has one]
    #[arg(long, value_name = "P", value_parser = share)]
    unknown_below: Option<f64>,
    /// Call a face unknown that is less similar to the images of its most probable label, -1 to 1
    /// [default: the model's own bound, if it has one]
    #[arg(long, value_name = "S", value_parser = cosine, allow_negative_numbers = true)]
    unknown_below_similarity: Option<f64>,
}

impl UnknownOptions {
    /// The bounds that are set; `None`: the model's own apply.
    pub(crate) fn requested(&self) -> Option<UnknownBelow> {
        let bounds = UnknownBelow {
            probability: self.unknown_below,
            similarity: self.unknown_below_similarity,
        };
        bounds.is_some().then_some(bounds)
    }

    /// The same for a model, which may give no similarities.
    pub(crate) fn bounds(&self, card: &ModelCard) -> Result<Option<UnknownBelow>, Failure> {
        if self.unknown_below_similarity.is_some() && !card.similarities {
            return Err(Failure::Usage {
                message: format!(
                    "the model `{}` gives no similarities, so --unknown-below-similarity can't be used",
                    card.name
                ),
                hint:
                    "train it again (a TorchScript file: export it again), or use --unknown-below"
                        .to_owned(),
            });
        }
        Ok(self.requested())
    }
}

/// A cosine.
fn cosine(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (-1.0..=1.0).contains(&value) => Ok(value),
        _ => Err("not a number from -1 to 1".to_owned()),
    }
}
