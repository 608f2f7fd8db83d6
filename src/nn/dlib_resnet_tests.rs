//! Tests of the network.

use super::*;

#[test]
fn it_has_dlibs_parameters_and_gives_128_numbers_of_any_size() {
    crate::use_threads(std::num::NonZeroUsize::MIN);
    tch::manual_seed(3);
    let mut state = State::new(Device::Cpu);
    let network = DlibResNet::new(&mut state);
    let parameters: usize = state
        .entries()
        .iter()
        .map(|entry| entry.tensor.numel())
        .sum();
    assert_eq!(parameters, 5_614_592);
    let images = Tensor::randint(256, [2, 150, 120, 3], (Kind::Uint8, Device::Cpu));
    let images = DlibResNet::input(&images);
    assert_eq!(images.size(), [2, 3, 150, 120]);
    let embeddings = network.forward(&images);
    assert_eq!(embeddings.size(), [2, 128]);
    embeddings.sum(Kind::Float).backward();
    for entry in state.entries() {
        assert!(entry.tensor.grad().defined(), "{} is trained", entry.name);
    }
}

#[test]
fn the_smallest_input_is_the_documented_one() {
    crate::use_threads(std::num::NonZeroUsize::MIN);
    let network = DlibResNet::new(&mut State::new(Device::Cpu));
    let _guard = tch::no_grad_guard();
    let smallest = i64::from(*crate::Backbone::DlibResnet29.input_sides().start());
    let images = |side| Tensor::zeros([1, 3, side, side], (Kind::Float, Device::Cpu));
    assert_eq!(network.forward(&images(smallest)).size(), [1, 128]);
    let smaller = facepipe_imaging::image_io::contain(|| network.forward(&images(smallest - 1)));
    assert!(smaller.is_err());
}

#[test]
fn folding_scales_and_shifts_changes_nothing() {
    crate::use_threads(std::num::NonZeroUsize::MIN);
    tch::manual_seed(4);
    let mut state = State::new(Device::Cpu);
    let network = DlibResNet::new(&mut state);
    let _guard = tch::no_grad_guard();
    for entry in state.entries() {
        if entry.role == Role::Offset {
            let _ = entry.tensor.shallow_clone().uniform_(0.5, 1.5);
        }
    }
    let images = Tensor::rand([2, 3, 150, 150], (Kind::Float, Device::Cpu));
    let folded = network.each(Unit::folded, Tensor::shallow_clone);
    let (one, other) = (network.forward(&images), folded.forward(&images));
    let difference = (&one - &other).abs().max().double_value(&[]);
    let largest = one.abs().max().double_value(&[]);
    assert!(difference < 1e-4 * largest, "{difference} of {largest}");
}

#[test]
fn pixels_keep_their_place_and_lose_their_channels_mean() {
    let pixels = Tensor::from_slice(&[10_u8, 20, 30, 40, 50, 60]).view([1, 1, 2, 3]);
    let input = DlibResNet::input(&pixels);
    assert_eq!(input.size(), [1, 3, 1, 2]);
    let expected = (60.0 - 104.298_f32) / 256.0;
    assert_eq!(input.double_value(&[0, 2, 0, 1]) as f32, expected);
}
