//! Measures of a chip's pixels.

use image::Pixel;

use super::FaceView;
use facepipe_core::types::ChipSpec;
use facepipe_models::dlib::face_chip::CHIP_SIDE;

/// First row and column of the face itself in a chip, without the space around it.
const FACE_START: u32 =
    (CHIP_SIDE as f64 * ChipSpec::PADDING / (1.0 + 2.0 * ChipSpec::PADDING)) as u32;
/// One past the last row and column of the face itself.
const FACE_END: u32 = CHIP_SIDE - FACE_START;
/// How far inside the photo a pixel has to be to be measured, in pixels of the chip: nearer to the
/// edge the blur before halving has no input, and the chip is black.
const EDGE: f64 = 4.0;
/// The largest luma of a pixel.
const WHITE: f64 = 255.0;

/// The measures of a face's pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measures {
    pub(super) sharpness: f64,
    pub(super) brightness: f64,
    pub(super) contrast: f64,
    pub(super) outside: f64,
}

/// Measures the part of the face inside the photo; all is 0 where there is none.
///
/// Sharpness is the variance of the Laplacian: J. L. Pech-Pacheco and others, "Diatom
/// autofocusing in brightfield microscopy: a comparative study", ICPR 2000.
pub(super) fn measure(view: FaceView<'_>) -> Measures {
    let map = PhotoMap::of(view);
    let luma = |x: u32, y: u32| f64::from(view.chip.get_pixel(x, y).to_luma().0[0]);
    let (mut light, mut edges) = (Spread::default(), Spread::default());
    for y in FACE_START..FACE_END {
        for x in FACE_START..FACE_END {
            if !map.is_inside(x, y, EDGE) {
                continue;
            }
            let middle = luma(x, y);
            light.add(middle);
            let around = luma(x - 1, y) + luma(x + 1, y) + luma(x, y - 1) + luma(x, y + 1);
            edges.add(around - 4.0 * middle);
        }
    }
    Measures {
        sharpness: edges.variance(),
        brightness: light.mean() / WHITE,
        contrast: light.variance().sqrt() / WHITE,
        outside: outside(&map),
    }
}

/// The share of the whole chip that lies outside the photo.
fn outside(map: &PhotoMap) -> f64 {
    let rows = (0..CHIP_SIDE).flat_map(|y| (0..CHIP_SIDE).map(move |x| (x, y)));
    let count = rows.filter(|(x, y)| !map.is_inside(*x, *y, 0.0)).count();
    count as f64 / f64::from(CHIP_SIDE * CHIP_SIDE)
}

/// The chip's place in the photo.
struct PhotoMap {
    start: [f64; 2],
    /// From one column of the chip to the next.
    along: [f64; 2],
    /// From one row of the chip to the next.
    down: [f64; 2],
    /// Pixels of the photo for one of the chip.
    scale: f64,
    /// The photo's width and height.
    sides: [f64; 2],
}

impl PhotoMap {
    fn of(view: FaceView<'_>) -> Self {
        let [start, along, down, _] = view.square.corners();
        let step = |end: [f64; 2]| {
            let steps = f64::from(CHIP_SIDE) - 1.0;
            [(end[0] - start[0]) / steps, (end[1] - start[1]) / steps]
        };
        let along = step(along);
        Self {
            start,
            along,
            down: step(down),
            scale: along[0].hypot(along[1]),
            sides: [f64::from(view.photo.width), f64::from(view.photo.height)],
        }
    }

    /// Whether a pixel of the chip lies inside the photo, at least `edge` pixels of the chip from
    /// its edge.
    fn is_inside(&self, x: u32, y: u32, edge: f64) -> bool {
        let margin = edge * self.scale - 0.5;
        (0..2).all(|axis| {
            let place =
                self.start[axis] + f64::from(x) * self.along[axis] + f64::from(y) * self.down[axis];
            place >= margin && place < self.sides[axis] - 1.0 - margin
        })
    }
}

/// Running sums for a mean and variance.
#[derive(Debug, Default)]
struct Spread {
    count: u32,
    sum: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, number: f64) {
        self.count += 1;
        self.sum += number;
        self.squares += number * number;
    }

    fn mean(&self) -> f64 {
        self.sum / f64::from(self.count.max(1))
    }

    fn variance(&self) -> f64 {
        let mean = self.mean();
        (self.squares / f64::from(self.count.max(1)) - mean * mean).max(0.0)
    }
}
