//! Networks and their heads.

use super::*;

fn images(seed: i64) -> Tensor {
    tch::manual_seed(seed);
    Tensor::rand([2, 3, 48, 64], (Kind::Float, Device::Cpu))
}

/// Numbers of parameters with 1000 classes, from torchvision's documentation of the weights.
#[test]
fn parameter_counts_are_torchvisions() {
    for (backbone, parameters) in [
        (Backbone::Resnet18, 11_689_512),
        (Backbone::Resnet34, 21_797_672),
        (Backbone::Resnet50, 25_557_032),
    ] {
        let network = Network::new(backbone, 1000, Device::Cpu);
        let parameters_here: usize = network
            .state()
            .entries()
            .iter()
            .filter(|entry| entry.is_parameter())
            .map(|entry| entry.tensor.numel())
            .sum();
        assert_eq!(parameters_here, parameters, "{backbone}");
    }
}

#[test]
fn names_and_shapes_are_torchvisions() {
    let network = Network::new(Backbone::Resnet50, 7, Device::Cpu);
    let shapes: std::collections::BTreeMap<_, _> = network
        .state()
        .entries()
        .iter()
        .map(|entry| (entry.name.as_str(), entry.tensor.size()))
        .collect();
    for (name, shape) in [
        ("conv1.weight", vec![64, 3, 7, 7]),
        ("bn1.running_mean", vec![64]),
        ("layer1.0.downsample.0.weight", vec![256, 64, 1, 1]),
        ("layer1.0.downsample.1.num_batches_tracked", vec![]),
        ("layer2.0.conv2.weight", vec![128, 128, 3, 3]),
        ("layer4.2.bn3.bias", vec![2048]),
        ("fc.weight", vec![7, 2048]),
        ("fc.bias", vec![7]),
    ] {
        assert_eq!(shapes.get(name), Some(&shape), "{name}");
    }
    // ResNet-50's state dict in torchvision has this many entries.
    assert_eq!(shapes.len(), 320);
}

#[test]
fn a_cosine_head_sees_only_directions() {
    tch::manual_seed(4);
    let network = Network::with_head(Backbone::Resnet18, Head::Cosine, 3, Device::Cpu);
    network.project_head(16.0);
    let (weight, bias) = network.head();
    let features = tch::no_grad(|| weight.select(0, 1).unsqueeze(0) * 0.01);
    let logits = tch::no_grad(|| network.classify(&features));
    assert!((logits.double_value(&[0, 1]) - 16.0).abs() < 1e-4);
    assert!(logits.abs().max().double_value(&[]) < 16.001);
    let longer = tch::no_grad(|| network.classify(&(features * 50.0)));
    assert!((longer - logits).abs().max().double_value(&[]) < 1e-4);
    assert_eq!(bias.abs().max().double_value(&[]), 0.0);
    let linear = Network::new(Backbone::Resnet18, 3, Device::Cpu);
    let before = linear.head().0.copy();
    linear.project_head(16.0);
    assert_eq!(linear.head().0, before);
}

#[test]
fn a_frozen_trunk_keeps_its_statistics_and_its_weights() {
    crate::use_threads(std::num::NonZeroUsize::MIN);
    let network = Network::new(Backbone::Resnet18, 3, Device::Cpu);
    let before = network.state().snapshot();
    network.set_trunk_trainable(false);
    let logits = network.classify(&network.features(&images(1), false));
    assert_eq!(logits.size(), [2, 3]);
    logits.sum(Kind::Float).backward();
    for entry in network.state().entries() {
        assert_eq!(entry.tensor, before[&entry.name], "{}", entry.name);
        let gets_gradient = entry.tensor.grad().defined();
        assert_eq!(
            gets_gradient,
            entry.name.starts_with("fc."),
            "{}",
            entry.name
        );
    }
    network.set_trunk_trainable(true);
    let _ = network.features(&images(1), true);
    let moved = network.state().snapshot();
    assert_ne!(moved["bn1.running_mean"], before["bn1.running_mean"]);
    assert_eq!(
        moved["layer4.1.bn2.num_batches_tracked"].int64_value(&[]),
        1
    );
}
