//! The network in training, with its optimizer and its averaged copy.

use tch::Tensor;

use super::ema::Ema;
use super::optimizer::{AdamW, Gradients, Rates};
use super::scaler::LossScaler;
use super::settings::Settings;
use facepipe_nn::{Network, Precision};

/// The network and everything that changes with it.
#[derive(Debug)]
pub(super) struct Learner {
    /// The network that gradients move.
    pub(super) network: Network,
    /// Moves it.
    pub(super) optimizer: AdamW,
    /// Its mean over many steps, once the trunk moves and where it is requested.
    pub(super) ema: Option<Ema>,
    /// The factor of the loss, in fp16.
    pub(super) scaler: Option<LossScaler>,
    clip: Option<f64>,
    cosine_scale: f64,
}

/// The gradients of a step are no numbers, and a smaller factor of the loss does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotFinite;

impl Learner {
    /// Around a network before its first step.
    pub(super) fn new(network: Network, settings: &Settings) -> Self {
        Self {
            optimizer: AdamW::new(&network, settings.weight_decay),
            network,
            ema: None,
            scaler: (settings.precision == Precision::Fp16).then(LossScaler::default),
            clip: settings.clip,
            cosine_scale: settings.cosine_scale,
        }
    }

    /// The network to judge and to keep as the best: the averaged one where there is one.
    pub(super) fn judged(&self) -> &Network {
        self.ema.as_ref().map_or(&self.network, |ema| &ema.network)
    }

    /// Begins to average, where it is requested and not yet done.
    pub(super) fn start_ema(&mut self, settings: &Settings) {
        if let (None, Some(decay)) = (&self.ema, settings.ema) {
            self.ema = Some(Ema::new(&self.network, decay));
        }
    }

    /// Adds the gradients of a loss to those that wait for the next step.
    pub(super) fn add(&mut self, loss: &Tensor) {
        match self.scaler {
            Some(scaler) => self.optimizer.add_gradients(&(loss * scaler.factor)),
            None => self.optimizer.add_gradients(loss),
        }
    }

    /// Moves the network by the added gradients.
    ///
    /// # Errors
    /// [`NotFinite`]; the network has not moved then.
    pub(super) fn step(&mut self, rates: Rates) -> Result<(), NotFinite> {
        let gradients = Gradients {
            loss_factor: self.scaler.map_or(1.0, |scaler| scaler.factor),
            clip: self.clip,
            check: self.scaler.is_some(),
        };
        let moved = self.optimizer.step(rates, gradients);
        let goes_on = self
            .scaler
            .as_mut()
            .map_or(moved, |scaler| scaler.after_step(moved));
        if !goes_on {
            return Err(NotFinite);
        }
        self.network.project_head(self.cosine_scale);
        if let (true, Some(ema)) = (moved, &mut self.ema) {
            ema.update(&self.network);
            ema.network.project_head(self.cosine_scale);
        }
        Ok(())
    }
}
