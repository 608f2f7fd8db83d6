//! dlib's five landmarks: a cascade of regression trees on differences of pixels.
//!
//! V. Kazemi and J. Sullivan, "One millisecond face alignment with an ensemble of regression
//! trees", CVPR 2014, as dlib's `shape_predictor.h` has it.

use std::path::Path;

use image::RgbImage;

use super::error::{ModelFileError, read_file};
use super::reader::{MIN_FLOAT_BYTES, MIN_INTEGER_BYTES, ReadError, Reader};
use super::similarity::Similarity;
use facepipe_core::types::EyeCornersNose;

/// Landmarks of a face.
const POINTS: usize = 5;
/// Numbers of a shape: x and y of each landmark.
const COORDINATES: usize = 2 * POINTS;
/// Cascades of the model: each one improves the shape of the previous one.
const CASCADES: usize = 15;
/// Trees of a cascade.
const TREES: usize = 500;
/// Splits of a tree of depth 4.
const SPLITS: usize = 15;
/// Leaves of a tree of depth 4.
const LEAVES: usize = 16;
/// Pixels that a cascade compares.
const FEATURES: usize = 800;
/// The version of the file's layout.
const VERSION: i64 = 1;
/// Bytes that a list takes at least: its count.
const MIN_LIST_BYTES: usize = MIN_INTEGER_BYTES;
/// Bytes that a split takes at least: two indices and a threshold.
const MIN_SPLIT_BYTES: usize = 2 * MIN_INTEGER_BYTES + MIN_FLOAT_BYTES;
/// Bytes that a leaf takes at least: two sizes and its numbers.
const MIN_LEAF_BYTES: usize = 2 * MIN_INTEGER_BYTES + COORDINATES * MIN_FLOAT_BYTES;
/// Bytes that a tree takes at least.
const MIN_TREE_BYTES: usize =
    2 * MIN_LIST_BYTES + SPLITS * MIN_SPLIT_BYTES + LEAVES * MIN_LEAF_BYTES;

/// A rectangle as dlib has it: all four edges belong to it, and it may reach over the image's edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InclusiveRect {
    /// First column.
    pub left: i64,
    /// First row.
    pub top: i64,
    /// Last column.
    pub right: i64,
    /// Last row.
    pub bottom: i64,
}

/// A shape relative to the face's rectangle: (0, 0) is its top left corner, (1, 1) its bottom right.
type Shape = [f32; COORDINATES];

#[derive(Debug, Clone, Copy, Default)]
struct Split {
    first: u16,
    second: u16,
    threshold: f32,
}

#[derive(Debug)]
struct Tree {
    splits: [Split; SPLITS],
    leaves: [Shape; LEAVES],
}

/// The position of a pixel: an offset from a landmark.
#[derive(Debug, Clone, Copy)]
struct Feature {
    landmark: usize,
    delta: [f32; 2],
}

#[derive(Debug)]
struct Cascade {
    trees: Vec<Tree>,
    features: Vec<Feature>,
}

/// The model of `shape_predictor_5_face_landmarks.dat`.
#[derive(Debug)]
pub struct ShapePredictor {
    initial: Shape,
    cascades: Vec<Cascade>,
}

impl ShapePredictor {
    /// Reads the model's file.
    ///
    /// # Errors
    /// [`ModelFileError`].
    pub fn open(path: &Path) -> Result<Self, ModelFileError> {
        read_file(path, Self::read)
    }

    /// Reads the model.
    ///
    /// # Errors
    /// [`ReadError`] where the bytes are not those of a model with five landmarks.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        reader.exactly(VERSION, "the version of a landmark model")?;
        let initial = reader.column("the mean shape")?;
        reader.count_of(CASCADES, MIN_LIST_BYTES, "cascades")?;
        let mut cascades = Vec::with_capacity(CASCADES);
        for _ in 0..CASCADES {
            reader.count_of(TREES, MIN_TREE_BYTES, "trees")?;
            let trees = (0..TREES)
                .map(|_| Tree::read(reader))
                .collect::<Result<_, _>>()?;
            cascades.push(Cascade {
                trees,
                features: Vec::with_capacity(FEATURES),
            });
        }
        reader.count_of(CASCADES, MIN_LIST_BYTES, "lists of landmarks beside pixels")?;
        for cascade in &mut cascades {
            read_anchors(reader, &mut cascade.features)?;
        }
        reader.count_of(CASCADES, MIN_LIST_BYTES, "lists of pixels")?;
        for cascade in &mut cascades {
            read_deltas(reader, &mut cascade.features)?;
        }
        Ok(Self { initial, cascades })
    }

    /// The landmarks of the face in a rectangle of an image; the same whole numbers as dlib's.
    ///
    /// Pixels outside the image count as black. Landmarks may lie outside the image.
    #[must_use]
    pub fn landmarks(&self, photo: &RgbImage, face: InclusiveRect) -> EyeCornersNose {
        let mut shape = self.initial;
        let mut values = [0.0; FEATURES];
        for cascade in &self.cascades {
            self.look(photo, face, &shape, &cascade.features, &mut values);
            for tree in &cascade.trees {
                let leaf = tree.leaf(&values);
                for (number, change) in shape.iter_mut().zip(leaf) {
                    *number += change;
                }
            }
        }
        EyeCornersNose(std::array::from_fn(|index| {
            let pixel = to_pixel(face, [shape[2 * index], shape[2 * index + 1]]);
            pixel.map(|coordinate| coordinate as i32)
        }))
    }

    /// The brightness of the pixels that a cascade compares, for the shape so far.
    fn look(
        &self,
        photo: &RgbImage,
        face: InclusiveRect,
        shape: &Shape,
        features: &[Feature],
        values: &mut [f32; FEATURES],
    ) {
        let similarity = Similarity::between(&points(&self.initial), &points(shape));
        let (a, b) = (similarity.a as f32, similarity.b as f32);
        for (value, feature) in values.iter_mut().zip(features) {
            let [x, y] = feature.delta;
            let landmark = feature.landmark;
            let pixel = to_pixel(
                face,
                [
                    (a * x + -b * y) + shape[2 * landmark],
                    (b * x + a * y) + shape[2 * landmark + 1],
                ],
            );
            *value = brightness(photo, pixel);
        }
    }
}

fn points(shape: &Shape) -> [[f64; 2]; POINTS] {
    std::array::from_fn(|index| [f64::from(shape[2 * index]), f64::from(shape[2 * index + 1])])
}

/// The pixel of a point relative to the face's rectangle. dlib scales by the distance of the edges,
/// which is one less than the width.
fn to_pixel(face: InclusiveRect, [x, y]: [f32; 2]) -> [i64; 2] {
    let pixel = |start: i64, end: i64, along: f32| {
        (start as f64 + f64::from(along) * (end - start) as f64 + 0.5).floor() as i64
    };
    [
        pixel(face.left, face.right, x),
        pixel(face.top, face.bottom, y),
    ]
}

/// The mean of the channels as a whole number, 0 outside the image.
fn brightness(photo: &RgbImage, [x, y]: [i64; 2]) -> f32 {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
        return 0.0;
    };
    photo.get_pixel_checked(x, y).map_or(0.0, |pixel| {
        let sum: u16 = pixel.0.iter().copied().map(u16::from).sum();
        f32::from(sum / 3)
    })
}

impl Tree {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        reader.count_of(SPLITS, MIN_SPLIT_BYTES, "splits of a tree")?;
        let mut splits = [Split::default(); SPLITS];
        for split in &mut splits {
            *split = Split {
                first: read_index(reader, FEATURES, "a pixel's number")? as u16,
                second: read_index(reader, FEATURES, "a pixel's number")? as u16,
                threshold: reader.finite_f32("a threshold")?,
            };
        }
        reader.count_of(LEAVES, MIN_LEAF_BYTES, "leaves of a tree")?;
        let mut leaves = [[0.0; COORDINATES]; LEAVES];
        for leaf in &mut leaves {
            *leaf = reader.column("a leaf")?;
        }
        Ok(Self { splits, leaves })
    }

    fn leaf(&self, values: &[f32; FEATURES]) -> &Shape {
        let mut node = 0;
        while let Some(split) = self.splits.get(node) {
            let difference = values[usize::from(split.first)] - values[usize::from(split.second)];
            node = 2 * node + if difference > split.threshold { 1 } else { 2 };
        }
        &self.leaves[node - SPLITS]
    }
}

fn read_index(reader: &mut Reader<'_>, below: usize, what: &str) -> Result<usize, ReadError> {
    let start = reader.offset();
    let index = reader.unsigned(what)?;
    if index < below {
        return Ok(index);
    }
    let expected = format!("{what} below {below}");
    Err(Reader::unexpected(start, expected, index))
}

fn read_anchors(reader: &mut Reader<'_>, features: &mut Vec<Feature>) -> Result<(), ReadError> {
    reader.count_of(FEATURES, MIN_INTEGER_BYTES, "landmarks beside pixels")?;
    for _ in 0..FEATURES {
        let landmark = read_index(reader, POINTS, "a landmark's number")?;
        features.push(Feature {
            landmark,
            delta: [0.0; 2],
        });
    }
    Ok(())
}

fn read_deltas(reader: &mut Reader<'_>, features: &mut [Feature]) -> Result<(), ReadError> {
    reader.count_of(FEATURES, 2 * MIN_FLOAT_BYTES, "pixels")?;
    for feature in features {
        feature.delta = [
            reader.finite_f32("a pixel's x")?,
            reader.finite_f32("a pixel's y")?,
        ];
    }
    Ok(())
}

#[cfg(test)]
#[path = "shape_predictor_tests.rs"]
pub(super) mod tests;
