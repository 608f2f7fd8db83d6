//! YuNet's network: the units of an ONNX file, one after the other.

use std::path::Path;

use pulp::Arch;

use crate::kernels::{First, Map, Memory, Source, Unit, pool};
use crate::reader::{self, YunetError};

/// Pixels from one cell to the next, of the three levels.
pub const STRIDES: [usize; 3] = [8, 16, 32];
/// What is known of each cell: face or not, how well the box fits, the box, and the landmarks.
pub const HEADS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];
/// Bytes of a pixel.
const COLOURS: usize = 3;

/// An operation with its numbers.
#[derive(Debug)]
pub(crate) enum Operation {
    /// A unit, and what comes before it.
    Unit(Box<Unit>, Input),
    /// The largest of each two by two of a value.
    Pool(usize),
}

/// What a unit takes.
#[derive(Debug)]
pub(crate) enum Input {
    /// The first convolution of the picture.
    Picture(First),
    /// A value.
    Value(usize),
    /// A value plus one of half its sides, each point of which counts for two by two.
    Sum(usize, usize),
}

/// What the network says of the cells of one level, before any sigmoid.
///
/// # Shapes
/// Each is `[rows][columns][numbers]`, in the order class, fit, box, landmarks.
pub type Level = [Map; HEADS.len()];

/// The four heads of a level, as one unit that gives their numbers one after the other.
#[derive(Debug)]
pub(crate) struct Heads {
    pub(crate) unit: Unit,
    pub(crate) input: usize,
}

/// The layers.
#[derive(Debug)]
pub struct Network {
    /// Value `n` is the result of step `n`.
    pub(crate) steps: Vec<Operation>,
    /// The step after which a value is not needed any more.
    pub(crate) last_use: Vec<usize>,
    pub(crate) heads: [Heads; STRIDES.len()],
}

impl Network {
    /// Reads a file.
    ///
    /// # Errors
    /// [`YunetError`].
    pub fn read(path: &Path) -> Result<Self, YunetError> {
        reader::read(path)
    }

    /// What the network says of a picture's cells, level by level.
    ///
    /// # Shapes
    /// `picture` is `[height][width][3]` of red, green and blue, both sides multiples of 32.
    ///
    /// # Panics
    /// When `picture` has another length, or a side is no multiple of 32 or 0.
    pub fn forward(
        &self,
        arch: Arch,
        picture: &[u8],
        [height, width]: [usize; 2],
        memory: &mut Memory,
    ) -> [Level; STRIDES.len()] {
        let step = STRIDES[STRIDES.len() - 1];
        assert!(height.is_multiple_of(step) && width.is_multiple_of(step));
        assert!(!picture.is_empty() && picture.len() == height * width * COLOURS);
        let mut values: Vec<Option<Map>> = Vec::with_capacity(self.steps.len());
        for (at, step) in self.steps.iter().enumerate() {
            let value =
                |number: usize| values[number].as_ref().expect("is kept until its last use");
            let output = match step {
                Operation::Pool(input) => pool(arch, value(*input), memory),
                Operation::Unit(unit, input) => {
                    let source = match input {
                        Input::Picture(first) => Source::Picture {
                            first,
                            bytes: picture,
                            height,
                            width,
                        },
                        Input::Value(input) => Source::Map(value(*input)),
                        Input::Sum(fine, coarse) => Source::Sum(value(*fine), value(*coarse)),
                    };
                    unit.forward(arch, source, memory)
                }
            };
            values.push(Some(output));
            for (value, last) in values.iter_mut().zip(&self.last_use) {
                if *last == at
                    && let Some(map) = value.take()
                {
                    memory.give(map.values);
                }
            }
        }
        let levels = self.heads.each_ref().map(|heads| {
            let input = values[heads.input].as_ref().expect("is kept for the heads");
            let all = heads.unit.forward(arch, Source::Map(input), memory);
            let level = split(&all);
            memory.give(all.values);
            level
        });
        for map in values.into_iter().flatten() {
            memory.give(map.values);
        }
        levels
    }
}

/// The heads' numbers, each in its own map.
fn split(all: &Map) -> Level {
    let mut from = 0;
    HEADS.map(|(_, numbers)| {
        let mut values = Vec::with_capacity(all.height * all.width * numbers);
        for cell in all.values.chunks_exact(all.channels) {
            values.extend_from_slice(&cell[from..][..numbers]);
        }
        from += numbers;
        Map::of(all.height, all.width, numbers, &values)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::kinds;
    use facepipe_test_support::found;

    /// Mean and last number of each head for [`waves`], by onnxruntime 1.32 on the same weights as floats.
    const BY_ONNXRUNTIME: [(&str, [[f64; 2]; 12]); 2] = [
        (
            "face_detection_yunet_2023mar_int8bq.onnx",
            [
                [0.522_173_1, 0.229_318_3],
                [-14.025_601_4, -9.087_669_4],
                [0.761_415_0, 0.885_068_2],
                [0.479_078_0, 0.744_582_5],
                [0.154_759_8, 0.045_712_0],
                [-11.944_728_9, -9.658_821_1],
                [0.246_781_1, -0.047_324_5],
                [0.411_362_0, 0.582_009_1],
                [0.048_825_4, 0.115_092_6],
                [-8.446_129_8, -8.583_519_9],
                [0.700_143_3, 0.809_486_3],
                [0.765_874_9, 0.935_281_6],
            ],
        ),
        (
            "yunet_n_dynamic.onnx",
            [
                [0.284_418_4, 0.396_295_6],
                [-12.595_189_1, -11.190_561_3],
                [0.818_269_3, 0.815_141_4],
                [0.455_252_5, 0.707_719_0],
                [0.585_838_3, 0.608_465_0],
                [-9.404_050_8, -9.388_991_4],
                [0.920_172_2, 1.115_241_5],
                [0.764_123_3, 0.711_366_5],
                [0.415_744_5, 0.345_603_6],
                [-9.581_145_3, -9.556_331_6],
                [0.670_663_1, 0.875_110_9],
                [0.499_342_2, 0.877_644_2],
            ],
        ),
    ];

    /// A picture of 96 x 64 pixels: `(7 x + 13 y + 50 c) mod 256` of red, green and blue.
    fn waves() -> Vec<u8> {
        let points = (0..64).flat_map(|y| (0..96).map(move |x| (x, y)));
        points
            .flat_map(|(x, y)| [0, 50, 100].map(|colour| ((7 * x + 13 * y + colour) % 256) as u8))
            .collect()
    }

    #[test]
    fn both_networks_answer_as_in_onnxruntime() {
        let paths = [
            found::weights(BY_ONNXRUNTIME[0].0),
            // It can only be fetched from its authors' address.
            found::shared(&format!("models/{}", BY_ONNXRUNTIME[1].0)),
        ];
        for (path, (file, expected)) in paths.into_iter().zip(BY_ONNXRUNTIME) {
            let Some(path) = path else { continue };
            let network = Network::read(&path).expect("is the network");
            let mut memory = Memory::default();
            for arch in kinds() {
                let levels = network.forward(arch, &waves(), [64, 96], &mut memory);
                for (at, (head, [mean, last])) in levels.iter().flatten().zip(expected).enumerate()
                {
                    let numbers: Vec<f64> = head
                        .values
                        .iter()
                        .map(|number| f64::from(*number))
                        .collect();
                    let found = numbers.iter().sum::<f64>() / numbers.len() as f64;
                    assert!(
                        (found - mean).abs() < 1e-4,
                        "{file}, head {at}: mean {found}, not {mean}"
                    );
                    let found = numbers[numbers.len() - 1];
                    assert!(
                        (found - last).abs() < 1e-4,
                        "{file}, head {at}: last {found}, not {last}"
                    );
                }
            }
        }
    }
}
