//! Units of many sizes against sums that are written down plainly, with all kinds of vectors.

use super::*;

/// Numbers from -1 to 1, the same at each run.
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    fn many(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }
}

/// All kinds of vectors that this processor has.
pub(crate) fn kinds() -> Vec<Arch> {
    let mut kinds = vec![Arch::new(), Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    kinds.extend(pulp::x86::V3::try_new().map(Arch::V3));
    kinds
}

/// Both convolutions of `[height][width][inputs]`, in plain loops: `[height][width][outputs]`.
fn plainly(
    input: &[f32],
    [height, width, inputs, outputs]: [usize; 4],
    [mixing, mixing_bias, spreading, spreading_bias]: &[Vec<f32>; 4],
    rectified: bool,
) -> Vec<f32> {
    let mut mixed = vec![0.0; height * width * outputs];
    for (pixel, mixed) in input.chunks(inputs).zip(mixed.chunks_mut(outputs)) {
        for (output, mixed) in mixed.iter_mut().enumerate() {
            let weights = &mixing[output * inputs..][..inputs];
            *mixed =
                mixing_bias[output] + pixel.iter().zip(weights).map(|(a, b)| a * b).sum::<f32>();
        }
    }
    let mut result = vec![0.0; height * width * outputs];
    for y in 0..height {
        for x in 0..width {
            for channel in 0..outputs {
                let mut sum = spreading_bias[channel];
                for (dy, dx) in (0..3).flat_map(|dy| (0..3).map(move |dx| (dy, dx))) {
                    let (row, column) = (y + dy, x + dx);
                    if (1..=height).contains(&row) && (1..=width).contains(&column) {
                        let at = ((row - 1) * width + column - 1) * outputs + channel;
                        sum += mixed[at] * spreading[channel * 9 + dy * 3 + dx];
                    }
                }
                result[(y * width + x) * outputs + channel] =
                    if rectified { sum.max(0.0) } else { sum };
            }
        }
    }
    result
}

fn padded(numbers: &[f32], channels: usize) -> Vec<f32> {
    let all = channels.next_multiple_of(16);
    let pixels = numbers.chunks(channels);
    pixels
        .flat_map(|pixel| {
            let padding = std::iter::repeat_n(0.0, all - channels);
            pixel.iter().copied().chain(padding)
        })
        .collect()
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-4,
            "{what}: {found}, not {expected}"
        );
    }
}

fn convolutions(numbers: &mut Numbers, inputs: usize, outputs: usize) -> [Vec<f32>; 4] {
    [inputs * outputs, outputs, 9 * outputs, outputs].map(|count| {
        let scale = if count == outputs { 1.0 } else { 0.25 };
        numbers
            .many(count)
            .iter()
            .map(|number| number * scale)
            .collect()
    })
}

fn unit(numbers: &[Vec<f32>; 4], rectified: bool, pooled: bool) -> Unit {
    let [mixing, mixing_bias, spreading, spreading_bias] = numbers;
    Unit {
        pointwise: Pointwise::new(mixing, mixing_bias),
        depthwise: Depthwise::new(spreading, spreading_bias, rectified),
        pooled,
    }
}

#[test]
fn units_of_all_widths() {
    let mut numbers = Numbers(1);
    let mut memory = Memory::default();
    let channels = [1, 3, 10, 16, 17, 32, 48, 64, 80, 128];
    for (inputs, outputs) in channels.iter().flat_map(|a| channels.map(|b| (*a, b))) {
        for [height, width] in [[1, 1], [1, 7], [2, 2], [5, 3], [3, 23], [4, 32], [2, 45]] {
            let convolutions = convolutions(&mut numbers, inputs, outputs);
            let input = numbers.many(height * width * inputs);
            let rectified = width % 2 == 0;
            let sides = [height, width, inputs, outputs];
            let expected = plainly(&input, sides, &convolutions, rectified);
            let expected = padded(&expected, outputs);
            let all = inputs.next_multiple_of(16);
            let map = Map::of(height, width, all, &padded(&input, inputs));
            let unit = unit(&convolutions, rectified, false);
            for arch in kinds() {
                let found = unit.forward(arch, Source::Map(&map), &mut memory);
                let found_channels = found.channels;
                let what = format!("{arch:.0?} {sides:?}");
                let what = &what[..what.len().min(200)];
                // Padded channels are 0 or what ReLU makes of it.
                assert_eq!(found_channels, outputs.next_multiple_of(16));
                assert_close(&found.values, &expected, what);
                memory.give(found.values);
            }
        }
    }
}

#[test]
fn pools_and_sums() {
    let mut numbers = Numbers(2);
    let mut memory = Memory::default();
    for channels in [16, 48, 64] {
        for [height, width] in [[2, 2], [2, 14], [8, 20]] {
            let convolutions = convolutions(&mut numbers, channels, channels);
            let fine = numbers.many(height * width * channels);
            let coarse = numbers.many(height / 2 * (width / 2) * channels);
            let sum: Vec<f32> = (0..fine.len())
                .map(|at| {
                    let (y, x, channel) =
                        (at / channels / width, at / channels % width, at % channels);
                    fine[at] + coarse[(y / 2 * (width / 2) + x / 2) * channels + channel]
                })
                .collect();
            let plain = plainly(
                &sum,
                [height, width, channels, channels],
                &convolutions,
                false,
            );
            let expected: Vec<f32> = (0..coarse.len())
                .map(|at| {
                    let row = at / channels / (width / 2);
                    let column = at / channels % (width / 2);
                    let of = |y: usize, x: usize| {
                        plain[((2 * row + y) * width + 2 * column + x) * channels + at % channels]
                    };
                    of(0, 0).max(of(0, 1)).max(of(1, 0)).max(of(1, 1))
                })
                .collect();
            let fine = Map::of(height, width, channels, &fine);
            let coarse = Map::of(height / 2, width / 2, channels, &coarse);
            for arch in kinds() {
                let source = Source::Sum(&fine, &coarse);
                let unpooled = unit(&convolutions, false, false).forward(arch, source, &mut memory);
                assert_close(&unpooled.values, &plain, "sum");
                assert_close(
                    &pool(arch, &unpooled, &mut memory).values,
                    &expected,
                    "pool",
                );
                let pooled = unit(&convolutions, false, true).forward(arch, source, &mut memory);
                assert_close(&pooled.values, &expected, "sum and pool");
            }
        }
    }
}

#[test]
fn the_first_convolution() {
    let mut numbers = Numbers(3);
    let mut memory = Memory::default();
    for outputs in [8, 16, 32] {
        for [height, width] in [[2, 2], [2, 10], [6, 4], [4, 70]] {
            let weights: Vec<f32> = numbers
                .many(27 * outputs)
                .iter()
                .map(|n| n / 255.0)
                .collect();
            let bias = numbers.many(outputs);
            let bytes: Vec<u8> = (0..height * width * 3)
                .map(|_| (127.5 * (numbers.next() + 1.0)) as u8)
                .collect();
            let mut seen = Vec::new();
            for (y, x) in (0..height / 2).flat_map(|y| (0..width / 2).map(move |x| (y, x))) {
                for output in 0..outputs {
                    let mut sum = bias[output];
                    for at in 0..27 {
                        let (colour, dy, dx) = (at / 9, at / 3 % 3, at % 3);
                        let (row, column) = (2 * y + dy, 2 * x + dx);
                        if row > 0 && column > 0 {
                            let byte = bytes[((row - 1) * width + column - 1) * 3 + colour];
                            sum += f32::from(byte) * weights[output * 27 + at];
                        }
                    }
                    seen.push(sum.max(0.0));
                }
            }
            let convolutions = convolutions(&mut numbers, outputs, 16);
            let sides = [height / 2, width / 2, outputs, 16];
            let expected = plainly(&seen, sides, &convolutions, true);
            let first = First::new(&weights, &bias);
            let source = Source::Picture {
                first: &first,
                bytes: &bytes,
                height,
                width,
            };
            for arch in kinds() {
                let found = unit(&convolutions, true, false).forward(arch, source, &mut memory);
                assert_close(&found.values, &expected, "first");
            }
        }
    }
}
