//! AdamW over a network's tensors, with moments that can be saved.
//!
//! I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019; the same
//! arithmetic as PyTorch's `AdamW`.

use std::collections::BTreeMap;

use tch::{Kind, Tensor};

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
}

/// The optimizer of a whole network, frozen parts included.
#[derive(Debug)]
pub(super) struct AdamW {
    slots: Vec<Slot>,
    weight_decay: f64,
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
            })
            .collect();
        Self {
            slots,
            weight_decay,
        }
    }

    /// Computes the gradients of `loss` and moves every parameter that is not frozen.
    pub(super) fn step(&mut self, loss: &Tensor, rates: Rates) {
        let mut slots: Vec<&mut Slot> = self
            .slots
            .iter_mut()
            .filter(|slot| slot.parameter.requires_grad())
            .collect();
        let parameters: Vec<&Tensor> = slots.iter().map(|slot| &slot.parameter).collect();
        let gradients = Tensor::run_backward(&[loss], &parameters, false, false);
        tch::no_grad(|| {
            for (slot, gradient) in slots.iter_mut().zip(gradients) {
                let rate = if slot.in_head {
                    rates.head
                } else {
                    rates.trunk
                };
                let decay = if slot.decays { self.weight_decay } else { 0.0 };
                slot.update(&gradient, rate, decay);
            }
        });
    }

    /// Everything that it remembers, by name.
    pub(super) fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = BTreeMap::new();
        for slot in &self.slots {
            let mut add = |part, tensor| tensors.insert(format!("{}.{part}", slot.name), tensor);
            add(MEAN, slot.mean.shallow_clone());
            add(MEAN_OF_SQUARES, slot.mean_of_squares.shallow_clone());
            add(STEPS, Tensor::from(slot.steps));
        }
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
        }
        Ok(())
    }
}

const MEAN: &str = "mean";
const MEAN_OF_SQUARES: &str = "mean_of_squares";
const STEPS: &str = "steps";

impl Slot {
    fn update(&mut self, gradient: &Tensor, rate: f64, decay: f64) {
        self.steps += 1;
        let _ = self.parameter.g_mul_scalar_(1.0 - rate * decay);
        let _ = self.mean.lerp_(gradient, 1.0 - BETA1);
        let _ = self.mean_of_squares.g_mul_scalar_(BETA2);
        let _ = self
            .mean_of_squares
            .g_add_(&(gradient.square() * (1.0 - BETA2)));
        let unbias = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let mut denominator = self.mean_of_squares.sqrt();
        let _ = denominator.g_div_scalar_(unbias(BETA2).sqrt());
        let _ = denominator.g_add_scalar_(EPSILON);
        let change = &self.mean / denominator * (rate / unbias(BETA1));
        let _ = self.parameter.g_sub_(&change.to_kind(Kind::Float));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        }
    }

    fn step(optimizer: &mut AdamW) {
        let inputs = Tensor::from_slice(&INPUTS.concat()).view([3, 2]);
        let [weight, bias] = [0, 1].map(|index| optimizer.slots[index].parameter.shallow_clone());
        let loss = inputs
            .linear(&weight, Some(&bias))
            .square()
            .sum(Kind::Float);
        let rates = Rates {
            trunk: 0.01,
            head: 0.05,
        };
        optimizer.step(&loss, rates);
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
}
