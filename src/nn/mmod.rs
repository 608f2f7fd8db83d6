//! dlib's CNN face detector: one score for each place of an 80x80 window, at all scales at once.
//!
//! D. E. King, "Max-margin object detection", arXiv:1502.00046 (2015); layers from dlib's
//! `examples/dnn_mmod_face_detection_ex.cpp`.

use std::path::Path;

use image::RgbImage;
use tch::{Device, Kind, Tensor};

use super::dlib_resnet::DlibResNet;
use facepipe_core::types::Size;
use facepipe_models::dlib::mmod_file::{self, SAME_FACE_IOU, UnitView};
use facepipe_models::dlib::tiled_pyramid::{Tile, TiledPyramid};
use facepipe_models::dlib::{InclusiveRect, ModelFileError};

/// Pixels of the tiled picture from one score to the next.
const STEP: f64 = 8.0;
/// Where the first score's window has its centre, in pixels of the tiled picture.
const FIRST_CENTRE: f64 = 14.0;
/// From a window's centre to its last pixel.
const HALF_WINDOW: f64 = 39.5;

/// A convolution with its normalisation folded in.
#[derive(Debug)]
struct Unit {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
}

impl Unit {
    fn new(unit: &UnitView<'_>, device: Device) -> Self {
        let convolution = &unit.convolution;
        let filters = convolution.filters;
        let parameters = convolution.parameters.values();
        let (weight, bias) = parameters.split_at(parameters.len() - filters[0]);
        let mut weight = Tensor::from_slice(weight).view(filters.map(|side| side as i64));
        let mut bias = Tensor::from_slice(bias);
        if let Some([scales, shifts]) = &unit.scales_and_shifts {
            let scales = Tensor::from_slice(scales);
            weight *= scales.view([-1, 1, 1, 1]);
            bias = bias * scales + Tensor::from_slice(shifts);
        }
        Self {
            weight: weight.to_device(device),
            bias: bias.to_device(device),
            stride: convolution.stride as i64,
            padding: convolution.padding as i64,
        }
    }

    fn forward(&self, input: &Tensor) -> Tensor {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        input.conv2d(&self.weight, Some(&self.bias), stride, padding, [1, 1], 1)
    }

    fn shared(&self) -> Self {
        Self {
            weight: self.weight.shallow_clone(),
            bias: self.bias.shallow_clone(),
            ..*self
        }
    }
}

/// A window that the network takes for a face, in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    score: f32,
}

impl Window {
    fn area(&self) -> f64 {
        if self.right < self.left || self.bottom < self.top {
            return 0.0;
        }
        (self.right - self.left + 1.0) * (self.bottom - self.top + 1.0)
    }

    fn iou(&self, other: &Self) -> f64 {
        let both = Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
            score: 0.0,
        }
        .area();
        both / (self.area() + other.area() - both)
    }

    fn rect(&self) -> InclusiveRect {
        InclusiveRect {
            left: self.left.round() as i64,
            top: self.top.round() as i64,
            right: self.right.round() as i64,
            bottom: self.bottom.round() as i64,
        }
    }
}

/// The detector's network.
#[derive(Debug)]
pub struct Mmod {
    units: Vec<Unit>,
}

impl Mmod {
    /// Reads the file that dlib publishes.
    ///
    /// # Errors
    /// [`ModelFileError`].
    pub fn open(path: &Path, device: Device) -> Result<Self, ModelFileError> {
        let _guard = tch::no_grad_guard();
        mmod_file::open(path, |units| Self {
            units: units.iter().map(|unit| Unit::new(unit, device)).collect(),
        })
    }

    /// The same network with the same weights in memory, for another thread.
    #[must_use]
    pub fn shared(&self) -> Self {
        Self {
            units: self.units.iter().map(Unit::shared).collect(),
        }
    }

    /// The faces of a picture, best first, with their scores (above 0): the same boxes as dlib's.
    /// Faces are found from about 80 pixels on. The picture must not be empty.
    #[must_use]
    pub fn faces(&self, picture: &RgbImage) -> Vec<(InclusiveRect, f32)> {
        let _guard = tch::no_grad_guard();
        let pyramid = TiledPyramid::new(Size::of(picture));
        let scores = self.scores(&self.tiled(picture, &pyramid));
        let mut windows = windows(&scores, &pyramid);
        windows.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut faces: Vec<Window> = Vec::new();
        for window in windows {
            if faces.iter().all(|face| face.iou(&window) <= SAME_FACE_IOU) {
                faces.push(window);
            }
        }
        faces.iter().map(|face| (face.rect(), face.score)).collect()
    }

    /// All levels of the pyramid in one picture; each is made from the previous one.
    ///
    /// # Shapes
    /// `[1, 3, pyramid.height, pyramid.width]`.
    fn tiled(&self, picture: &RgbImage, pyramid: &TiledPyramid) -> Tensor {
        let device = self
            .units
            .first()
            .map_or(Device::Cpu, |unit| unit.weight.device());
        let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
        let pixels = Tensor::from_slice(picture.as_raw()).view([1, height, width, 3]);
        let mut level = DlibResNet::input(&pixels.to_device(device));
        let tiled = Tensor::zeros([1, 3, pyramid.height, pyramid.width], (Kind::Float, device));
        for (number, tile) in pyramid.tiles.iter().enumerate() {
            let Tile {
                left,
                top,
                width,
                height,
            } = *tile;
            if number > 0 {
                level = level.upsample_bilinear2d([height, width], true, None, None);
            }
            tiled
                .narrow(2, top, height)
                .narrow(3, left, width)
                .copy_(&level);
        }
        tiled
    }

    /// # Shapes
    /// `[1, 3, height, width]` to `[rows, columns]` on the CPU.
    fn scores(&self, tiled: &Tensor) -> Tensor {
        let mut output = tiled.shallow_clone();
        for (number, unit) in self.units.iter().enumerate() {
            output = unit.forward(&output);
            if number + 1 < self.units.len() {
                let _ = output.relu_();
            }
        }
        output
            .squeeze_dim(0)
            .squeeze_dim(0)
            .to_device(Device::Cpu)
            .contiguous()
    }
}

/// The windows with a score above 0.
fn windows(scores: &Tensor, pyramid: &TiledPyramid) -> Vec<Window> {
    let columns = scores.size()[1] as usize;
    let mut values = vec![0.0_f32; scores.numel()];
    let count = values.len();
    scores.copy_data(&mut values, count);
    let positive = values
        .into_iter()
        .enumerate()
        .filter(|(_, score)| *score > 0.0);
    positive
        .map(|(index, score)| {
            let centre = [index % columns, index / columns]
                .map(|number| STEP * number as f64 + FIRST_CENTRE);
            let corner =
                |half: f64| pyramid.to_picture(centre, centre.map(|coordinate| coordinate + half));
            let ([left, top], [right, bottom]) = (corner(-HALF_WINDOW), corner(HALF_WINDOW));
            Window {
                left,
                top,
                right,
                bottom,
                score,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_become_windows_at_their_place() {
        let pyramid = TiledPyramid::new(Size::new(640, 480));
        let scores = Tensor::zeros([40, 60], (Kind::Float, Device::Cpu));
        let _ = scores.get(10).get(20).fill_(1.5);
        let found = windows(&scores, &pyramid);
        assert_eq!(found.len(), 1);
        // Row 10 is at 8 * 10 + 14, less the 11 pixels around the tiles.
        assert_eq!((found[0].left, found[0].top), (123.5, 43.5));
        assert_eq!((found[0].right, found[0].bottom), (202.5, 122.5));
        assert_eq!(found[0].score, 1.5);
        assert_eq!(found[0].rect().left, 124);
    }
}
