//! A second network that follows the first one slowly: the mean of its weights over many steps.

use tch::Kind;

use facepipe_nn::{Network, Role};

/// The mean reaches back over all steps at first: after `n` of them the decay is at most
/// `(1 + n) / (10 + n)`. Source: TensorFlow's `ExponentialMovingAverage` with `num_updates`.
const WARM_UP_STEPS: f64 = 10.0;

/// The averaged network.
#[derive(Debug)]
pub(super) struct Ema {
    /// The network with the averaged weights and running statistics.
    pub(super) network: Network,
    decay: f64,
    updates: u64,
}

impl Ema {
    /// Begins with the network as it is.
    pub(super) fn new(network: &Network, decay: f64) -> Self {
        let classes = network.head().0.size()[0] as usize;
        let device = network.state().device();
        let followed = Network::with_head(network.backbone(), network.head_kind(), classes, device);
        followed.freeze();
        let mut ema = Self {
            network: followed,
            decay,
            updates: 0,
        };
        ema.move_by(network, 1.0);
        ema
    }

    /// Continues after `updates` steps; the network's tensors are filled in by the caller.
    pub(super) const fn set_updates(&mut self, updates: u64) {
        self.updates = updates;
    }

    /// How many steps it has followed.
    pub(super) const fn updates(&self) -> u64 {
        self.updates
    }

    /// Follows one step.
    pub(super) fn update(&mut self, network: &Network) {
        self.updates += 1;
        let steps = self.updates as f64;
        let decay = self.decay.min((1.0 + steps) / (WARM_UP_STEPS + steps));
        self.move_by(network, 1.0 - decay);
    }

    fn move_by(&mut self, network: &Network, share: f64) {
        let _guard = tch::no_grad_guard();
        let pairs = self.network.state().entries().iter();
        for (mean, now) in pairs.zip(network.state().entries()) {
            let mut tensor = mean.tensor.shallow_clone();
            if now.role == Role::Counter || share >= 1.0 {
                tensor.copy_(&now.tensor);
            } else {
                debug_assert_eq!(tensor.kind(), Kind::Float);
                let _ = tensor.lerp_(&now.tensor, share);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_nn::Backbone;
    use tch::Device;

    #[test]
    fn it_follows_with_a_decay_that_warms_up() {
        tch::set_num_threads(1);
        let network = Network::new(Backbone::Resnet18, 3, Device::Cpu);
        let set = |value: f64| tch::no_grad(|| network.head().1.fill_(value));
        let _ = set(1.0);
        let mut ema = Ema::new(&network, 0.5);
        let mean = |ema: &Ema| ema.network.head().1.double_value(&[2]);
        assert_eq!(mean(&ema), 1.0);
        let _ = set(0.0);
        let mut expected = 1.0;
        for step in 1..=12 {
            ema.update(&network);
            let step = f64::from(step);
            expected *= f64::min(0.5, (1.0 + step) / (10.0 + step));
            assert!((mean(&ema) - expected).abs() < 1e-6, "step {step}");
        }
        assert_eq!(ema.updates(), 12);
        assert!(!ema.network.head().0.requires_grad());
    }
}
