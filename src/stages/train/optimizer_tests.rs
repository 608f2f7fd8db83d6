//! The optimizer against PyTorch's numbers.

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
fn a_frozen_parameter_stays_and_counts_its_steps_from_its_first_move() {
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
fn saved_moments_continue_bit_by_bit() {
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
    // Saved in between, they continue with the gradients that wait.
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
    // The factor of the loss is divided out first.
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
