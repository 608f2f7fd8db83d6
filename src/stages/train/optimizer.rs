//! AdamW over a network's tensors, with moments that can be saved.
//!
//! I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019; the same
//! arithmetic as PyTorch's `AdamW`.

use std::collections::BTreeMap;

use tch::Tensor;

use facepipe_nn::{Network, Role};

/// Decay of the mean of gradients: the authors' and PyTorch's default.
const BETA1: f64 = 0.9;
/// Decay of the mean of squared gradients: the authors' and PyTorch's default.
const BETA2: f64 = 0.999;
/// Added to the denominator: the authors' and PyTorch's default.
const EPSILON: f64 = 1e-8;

/// Learning rates of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rates {
    /// The trunk's.
    pub(super) trunk: f64,
    /// The head's.
    pub(super) head: f64,
}

/// One parameter and its state.
#[derive(Debug)]
struct Slot {
    name: String,
    parameter: Tensor,
    in_head: bool,
    decays: bool,
    /// Steps that this parameter took part in: a frozen one takes none.
    steps: i64,
    mean: Tensor,
    mean_of_squares: Tensor,
    /// The sum of gradients that wait for the next step.
    gradient: Option<Tensor>,
}

/// How gradients are changed before a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gradients {
    /// The factor of the losses.
    pub(super) loss_factor: f64,
    /// The largest norm of all gradients together; larger ones are scaled down to it.
    pub(super) clip: Option<f64>,
    /// Whether gradients that are not finite must be found.
    pub(super) check: bool,
}

/// Added to the norm of gradients in the denominator: PyTorch's `clip_grad_norm_`.
const CLIP_EPSILON: f64 = 1e-6;

/// The optimizer of a whole network, frozen parts included.
#[derive(Debug)]
pub(super) struct AdamW {
    slots: Vec<Slot>,
    weight_decay: f64,
    /// Losses whose gradients wait for the next step.
    pending: u32,
}

impl AdamW {
    /// Moments of zero for each parameter.
    pub(super) fn new(network: &Network, weight_decay: f64) -> Self {
        let parameters = network.state().entries().iter();
        let slots = parameters
            .filter(|entry| entry.is_parameter())
            .map(|entry| Slot {
                name: entry.name.clone(),
                parameter: entry.tensor.shallow_clone(),
                in_head: entry.name.starts_with(Network::HEAD),
                decays: entry.role == Role::Weight,
                steps: 0,
                mean: entry.tensor.detach().zeros_like(),
                mean_of_squares: entry.tensor.detach().zeros_like(),
                gradient: None,
            })
            .collect();
        Self {
            slots,
            weight_decay,
            pending: 0,
        }
    }

    /// Computes the gradients of `loss` for every parameter that is not frozen, and adds them to those
    /// that wait for the next step.
    pub(super) fn add_gradients(&mut self, loss: &Tensor) {
        let mut slots: Vec<&mut Slot> = self
            .slots
            .iter_mut()
            .filter(|slot| slot.parameter.requires_grad())
            .collect();
        let parameters: Vec<&Tensor> = slots.iter().map(|slot| &slot.parameter).collect();
        let gradients = Tensor::run_backward(&[loss], &parameters, false, false);
        for (slot, gradient) in slots.iter_mut().zip(gradients) {
            match &mut slot.gradient {
                Some(sum) => *sum += gradient,
                // Convolutions give them with channels last; parameters have them first.
                none => *none = Some(gradient.contiguous()),
            }
        }
        self.pending += 1;
    }

    /// How many losses wait for the next step.
    pub(super) const fn pending(&self) -> u32 {
        self.pending
    }

    /// Moves every parameter that has gradients, by their mean over the losses that were added. Returns
    /// whether it did: where gradients are checked and are not all finite, nothing moves.
    pub(super) fn step(&mut self, rates: Rates, gradients: Gradients) -> bool {
        let _guard = tch::no_grad_guard();
        let mut factor = 1.0 / (gradients.loss_factor * f64::from(self.pending.max(1)));
        self.pending = 0;
        if gradients.check || gradients.clip.is_some() {
            let norm = self.gradient_norm() * factor;
            if !norm.is_finite() {
                self.slots.iter_mut().for_each(|slot| slot.gradient = None);
                return false;
            }
            if let Some(clip) = gradients.clip {
                factor *= (clip / (norm + CLIP_EPSILON)).min(1.0);
            }
        }
        for slot in &mut self.slots {
            let Some(mut gradient) = slot.gradient.take() else {
                continue;
            };
            if factor != 1.0 {
                let _ = gradient.g_mul_scalar_(factor);
            }
            let rate = if slot.in_head {
                rates.head
            } else {
                rates.trunk
            };
            let decay = if slot.decays { self.weight_decay } else { 0.0 };
            slot.update(&gradient, rate, decay);
        }
        true
    }

    /// The norm of all waiting gradients, taken as one long vector.
    fn gradient_norm(&self) -> f64 {
        let gradients = self.slots.iter().filter_map(|slot| slot.gradient.as_ref());
        let norms: Vec<Tensor> = gradients.map(Tensor::norm).collect();
        if norms.is_empty() {
            return 0.0;
        }
        Tensor::stack(&norms, 0).norm().double_value(&[])
    }

    /// Its state, by name.
    pub(super) fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = BTreeMap::new();
        for slot in &self.slots {
            let mut add = |part, tensor| tensors.insert(format!("{}.{part}", slot.name), tensor);
            add(MEAN, slot.mean.shallow_clone());
            add(MEAN_OF_SQUARES, slot.mean_of_squares.shallow_clone());
            add(STEPS, Tensor::from(slot.steps));
            if let Some(gradient) = &slot.gradient {
                add(GRADIENT, gradient.shallow_clone());
            }
        }
        tensors.insert(PENDING.to_owned(), Tensor::from(i64::from(self.pending)));
        tensors
    }

    /// Restores the state that [`AdamW::tensors`] gave.
    ///
    /// # Errors
    /// The name of a tensor that is missing or has another shape.
    pub(super) fn restore(&mut self, tensors: &BTreeMap<String, Tensor>) -> Result<(), String> {
        for slot in &mut self.slots {
            let find = |part: &str, shape: &[i64]| {
                let name = format!("{}.{part}", slot.name);
                match tensors.get(&name) {
                    Some(tensor) if tensor.size() == shape => Ok(tensor),
                    _ => Err(name),
                }
            };
            let shape = slot.parameter.size();
            let mean = find(MEAN, &shape)?;
            let mean_of_squares = find(MEAN_OF_SQUARES, &shape)?;
            slot.steps = find(STEPS, &[])?.int64_value(&[]);
            slot.mean.copy_(mean);
            slot.mean_of_squares.copy_(mean_of_squares);
            let gradient = tensors.get(&format!("{}.{GRADIENT}", slot.name));
            slot.gradient = gradient.map(|tensor| tensor.to_device(slot.mean.device()).copy());
        }
        let pending = tensors.get(PENDING).ok_or_else(|| PENDING.to_owned())?;
        self.pending = pending.int64_value(&[]).unsigned_abs() as u32;
        Ok(())
    }
}

const MEAN: &str = "mean";
const MEAN_OF_SQUARES: &str = "mean_of_squares";
const STEPS: &str = "steps";
const GRADIENT: &str = "gradient";
const PENDING: &str = "pending";

impl Slot {
    /// PyTorch's arithmetic with as few passes over memory as libtorch's operations allow.
    fn update(&mut self, gradient: &Tensor, rate: f64, decay: f64) {
        self.steps += 1;
        let _ = self.mean.lerp_(gradient, 1.0 - BETA1);
        let _ = self.mean_of_squares.lerp_(&gradient.square(), 1.0 - BETA2);
        if rate == 0.0 {
            return;
        }
        if decay > 0.0 {
            let _ = self.parameter.g_mul_scalar_(1.0 - rate * decay);
        }
        let unbias = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        // parameter -= rate / unbias(BETA1) * mean / (root / unbias(BETA2).sqrt() + EPSILON)
        let size = -rate / unbias(BETA1);
        let mut denominator = self.mean_of_squares.sqrt();
        let _ = denominator.g_mul_scalar_(1.0 / (unbias(BETA2).sqrt() * size));
        let _ = denominator.g_add_scalar_(EPSILON / size);
        let _ = self.parameter.addcdiv_(&self.mean, &denominator);
    }
}

#[cfg(test)]
#[path = "optimizer_tests.rs"]
mod tests;
