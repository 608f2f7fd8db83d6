//! AdamW over a network's tensors, with moments that can be saved.
//!
//! I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019; the same
//! arithmetic as PyTorch's `AdamW`.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::nn::{Network, Role};

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

/// One parameter and what the optimizer remembers of it.
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
    /// What the losses were multiplied by.
    pub(super) loss_factor: f64,
    /// The largest norm of all gradients together; larger ones are scaled down to it.
    pub(super) clip: Option<f64>,
    /// Whether gradients that are not finite must be found.
    pub(super) check: bool,
}

/// Added to the norm of gradients that is divided by: PyTorch's `clip_grad_norm_`.
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
    /// whether it did: where gradients are looked at and are not all finite, nothing moves.
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

    /// Everything that it remembers, by name.
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

    /// Takes over what [`AdamW::tensors`] gave.
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
mod tests {
    use super::*;
    use tch::Kind;

    const UNCHANGED: Gradients = Gradients {
        loss_factor: 1.0,
        clip: None,
        check: false,
    };

    const INPUTS: [[f32; 2]; 3] = [[1.0, 2.0], [-0.5, 0.25], [3.0, -1.0]];

    fn slot(name: &str, numbers: &[f32], shape: &[i64], in_head: bool, decays: bool) -> Slot {
        let parameter = Tensor::from_slice(numbers)
            .view(shape)
            .set_requires_grad(true);
        Slot {
            name: name.to_owned(),
            in_head,
            decays,
            steps: 0,
            mean: parameter.detach().zeros_like(),
            mean_of_squares: parameter.detach().zeros_like(),
            gradient: None,
            parameter,
        }
    }

    fn optimizer() -> AdamW {
        AdamW {
            slots: vec![
                slot("weight", &[0.5, -1.25, 2.0, 0.0], &[2, 2], false, true),
                slot("bias", &[0.3, -0.7], &[2], true, false),
            ],
            weight_decay: 0.1,
            pending: 0,
        }
    }

    fn loss(optimizer: &AdamW, rows: &[[f32; 2]]) -> Tensor {
        let inputs = Tensor::from_slice(&rows.concat()).view([rows.len() as i64, 2]);
        let [weight, bias] = [0, 1].map(|index| optimizer.slots[index].parameter.shallow_clone());
        inputs
            .linear(&weight, Some(&bias))
            .square()
            .sum(Kind::Float)
    }

    const RATES: Rates = Rates {
        trunk: 0.01,
        head: 0.05,
    };

    fn step(optimizer: &mut AdamW) {
        optimizer.add_gradients(&loss(optimizer, &INPUTS));
        assert!(optimizer.step(RATES, UNCHANGED));
    }

    fn assert_close(tensor: &Tensor, expected: &[f64]) {
        for (index, expected) in expected.iter().enumerate() {
            let value = tensor.flatten(0, -1).double_value(&[index as i64]);
            assert!((value - expected).abs() < 2e-6, "{value} {expected}");
        }
    }

    /// The numbers are those of PyTorch 2.13's `torch.optim.AdamW` for the same problem: learning
    /// rate 0.01 and weight decay 0.1 for the weight, 0.05 and 0 for the bias.
    #[test]
    fn three_steps_are_pytorchs() {
        let mut optimizer = optimizer();
        for (weight, bias) in [
            (
                [0.489_500_016, -1.238_749_98, 1.988_000_04, 0.01],
                [0.25, -0.75],
            ),
            (
                [0.479_022_831, -1.227_511_53, 1.976_017, 0.019_989_864_9],
                [0.200_408_936, -0.799_942_672],
            ),
            (
                [0.468_577_296, -1.216_284_75, 1.964_054_11, 0.029_969_513_4],
                [0.151_632_935, -0.849_786_758],
            ),
        ] {
            step(&mut optimizer);
            assert_close(&optimizer.slots[0].parameter, &weight);
            assert_close(&optimizer.slots[1].parameter, &bias);
        }
    }

    #[test]
    fn a_frozen_parameter_stays_and_starts_counting_when_it_moves() {
        let mut optimizer = optimizer();
        let mut weight = optimizer.slots[0].parameter.shallow_clone();
        let _ = weight.requires_grad_(false);
        step(&mut optimizer);
        assert_close(&weight, &[0.5, -1.25, 2.0, 0.0]);
        let _ = weight.requires_grad_(true);
        step(&mut optimizer);
        let steps: Vec<i64> = optimizer.slots.iter().map(|slot| slot.steps).collect();
        assert_eq!(steps, [1, 2]);
        assert_close(&weight, &[0.489_5, -1.238_75, 1.988, 0.01]);
    }

    #[test]
    fn moments_that_were_saved_go_on_bit_by_bit() {
        let mut whole = optimizer();
        (0..3).for_each(|_| step(&mut whole));
        let mut first = optimizer();
        step(&mut first);
        let mut second = optimizer();
        second.restore(&first.tensors()).expect("all there");
        for (from, to) in first.slots.iter().zip(&mut second.slots) {
            tch::no_grad(|| to.parameter.copy_(&from.parameter));
        }
        (0..2).for_each(|_| step(&mut second));
        for (whole, second) in whole.slots.iter().zip(&second.slots) {
            assert_eq!(whole.parameter, second.parameter);
            assert_eq!(whole.mean_of_squares, second.mean_of_squares);
        }
        let mut lacking = first.tensors();
        lacking.remove("bias.mean");
        assert_eq!(second.restore(&lacking), Err("bias.mean".to_owned()));
    }

    #[test]
    fn gradients_of_several_losses_move_by_their_mean() {
        let (mut whole, mut parts) = (optimizer(), optimizer());
        whole.add_gradients(&(loss(&whole, &INPUTS) / 3.0));
        assert!(whole.step(RATES, UNCHANGED));
        for row in INPUTS {
            parts.add_gradients(&loss(&parts, &[row]));
        }
        // Saved in between, they go on with what waits.
        let mut resumed = optimizer();
        resumed.restore(&parts.tensors()).expect("all there");
        assert_eq!(resumed.pending(), 3);
        for mut optimizer in [parts, resumed] {
            assert!(optimizer.step(RATES, UNCHANGED));
            assert_eq!(optimizer.pending(), 0);
            for (slot, whole) in optimizer.slots.iter().zip(&whole.slots) {
                let difference = (&slot.mean - &whole.mean).abs().max().double_value(&[]);
                assert!(difference < 1e-6, "{}: {difference}", slot.name);
            }
        }
    }

    /// Expected: `torch.nn.utils.clip_grad_norm_(parameters, 2.0)` of PyTorch 2.13, which found a norm of
    /// 42.9273605.
    #[test]
    fn large_gradients_are_scaled_down_to_the_norm() {
        let mut clipped = optimizer();
        // The factor of the loss is taken back first.
        clipped.add_gradients(&(loss(&clipped, &INPUTS) * 1024.0));
        let gradients = Gradients {
            loss_factor: 1024.0,
            clip: Some(2.0),
            check: true,
        };
        assert!(clipped.step(RATES, gradients));
        let mean = |index: usize| (&clipped.slots[index].mean / (1.0 - BETA1)).detach();
        assert_close(
            &mean(0),
            &[0.706_425_905, -0.607_130_289, 1.681_911_11, -0.291_189_611],
        );
        assert_close(&mean(1), &[0.101_333_961, 0.456_585_258]);
        let mut small = optimizer();
        small.add_gradients(&loss(&small, &INPUTS));
        let wide = Gradients {
            clip: Some(1e6),
            ..UNCHANGED
        };
        assert!(small.step(RATES, wide));
        assert_close(&small.slots[0].parameter, &[0.489_500_016, -1.238_749_98]);
    }

    #[test]
    fn gradients_that_are_not_finite_move_nothing() {
        let mut optimizer = optimizer();
        optimizer.add_gradients(&(loss(&optimizer, &INPUTS) * f64::INFINITY));
        let checked = Gradients {
            check: true,
            ..UNCHANGED
        };
        assert!(!optimizer.step(RATES, checked));
        assert_close(&optimizer.slots[0].parameter, &[0.5, -1.25, 2.0, 0.0]);
        assert_eq!(optimizer.slots[0].steps, 0);
        step(&mut optimizer);
        assert_close(&optimizer.slots[0].parameter, &[0.489_500_016]);
    }
}
