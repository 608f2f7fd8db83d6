//! A network's named tensors: trained, saved, loaded and exchanged.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

/// The role of a tensor in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A layer's weight: trained, with weight decay.
    Weight,
    /// A bias, or a scale or shift of a normalisation: trained, without weight decay.
    Offset,
    /// A running statistic: not trained, but saved.
    Buffer,
    /// How many batches a normalisation has seen; PyTorch's strict load wants it, nothing reads it.
    Counter,
}

/// One named tensor.
#[derive(Debug)]
pub struct Entry {
    /// Its name, as torchvision has it.
    pub name: String,
    /// The tensor that the layer computes with.
    pub tensor: Tensor,
    /// What it is.
    pub role: Role,
}

impl Entry {
    /// Whether an optimizer changes it.
    #[must_use]
    pub const fn is_parameter(&self) -> bool {
        matches!(self.role, Role::Weight | Role::Offset)
    }
}

/// All tensors of a network, in the order in which its layers were made.
#[derive(Debug)]
pub struct State {
    device: Device,
    entries: Vec<Entry>,
}

impl State {
    /// A state without tensors.
    #[must_use]
    pub const fn new(device: Device) -> Self {
        Self {
            device,
            entries: Vec::new(),
        }
    }

    /// The device of the tensors.
    #[must_use]
    pub const fn device(&self) -> Device {
        self.device
    }

    /// All tensors.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A layer's weight, normally distributed with mean 0.
    pub(super) fn normal_weight(&mut self, name: &str, shape: &[i64], deviation: f64) -> Tensor {
        let mut tensor = self.empty(shape);
        let _ = tensor.normal_(0.0, deviation);
        self.add(name, tensor, Role::Weight)
    }

    /// A weight or bias, evenly distributed between `-bound` and `bound`.
    pub(super) fn uniform(&mut self, name: &str, shape: &[i64], bound: f64, role: Role) -> Tensor {
        let mut tensor = self.empty(shape);
        let _ = tensor.uniform_(-bound, bound);
        self.add(name, tensor, role)
    }

    /// A tensor that is `value` everywhere.
    pub(super) fn constant(&mut self, name: &str, shape: &[i64], value: f64, role: Role) -> Tensor {
        let tensor = Tensor::full(shape, value, (Kind::Float, self.device));
        self.add(name, tensor, role)
    }

    /// A count of batches, from 0.
    pub(super) fn counter(&mut self, name: &str) -> Tensor {
        let tensor = Tensor::zeros([0_i64; 0], (Kind::Int64, self.device));
        self.add(name, tensor, Role::Counter)
    }

    fn empty(&self, shape: &[i64]) -> Tensor {
        Tensor::empty(shape, (Kind::Float, self.device))
    }

    fn add(&mut self, name: &str, tensor: Tensor, role: Role) -> Tensor {
        let mut entry = Entry {
            name: name.to_owned(),
            tensor,
            role,
        };
        let _ = entry.tensor.requires_grad_(entry.is_parameter());
        let shared = entry.tensor.shallow_clone();
        self.entries.push(entry);
        shared
    }

    /// All tensors by name; they share their memory with the network's.
    #[must_use]
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        self.entries
            .iter()
            .map(|entry| (entry.name.clone(), entry.tensor.detach()))
            .collect()
    }

    /// Copies of all tensors, by name.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, Tensor> {
        let copy = |(name, tensor): (String, Tensor)| (name, tensor.copy());
        self.tensors().into_iter().map(copy).collect()
    }
}
