//! All crops of a label on one picture, from best to worst: `report/<label>/crops.png`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::Path;

use image::imageops;
use image::{Rgb, RgbImage};

use super::CropError;
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::image_folder::report_file;
use facepipe_core::artifacts::sweep;
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::types::{CropRecord, FaceQuality, PhotoFaceName, Size};
use facepipe_core::words::counted;
use facepipe_drawing::text::{SIZE, Weight, fitted, fitted_in_middle, width, write_small};
use facepipe_drawing::thumbnail::thumbnail;
use facepipe_faces::quality;
use facepipe_imaging::image_io;

/// The file of a label's sheet.
pub const SHEET_FILE: &str = "crops.png";
/// Most crops on a sheet, so that it stays a picture that opens at once (about 1200 x 3000 pixels).
/// Of more, the best and the worst half are shown: the rest is between them.
const MOST_CROPS: usize = 200;
/// Crops beside each other.
const COLUMNS: usize = 10;
/// Side of the square in which a crop is shown, in pixels.
const TILE: u32 = 112;
/// Space between tiles and at the edges, in pixels.
const GAP: u32 = 6;
/// Height of a line of text with the space below it, in pixels.
const LINE: u32 = SIZE + 3;
/// Lines below a crop.
const LINES: u32 = FIGURES + 1;
/// Those with figures, below the name of the photo.
const FIGURES: u32 = 3;
/// Space between a crop and its text, in pixels.
const TEXT_GAP: u32 = 2;
/// From one tile to the next beside it, in pixels.
const ACROSS: u32 = TILE + GAP;
/// From one row of tiles to the next, in pixels.
const DOWN: u32 = TILE + TEXT_GAP + LINES * LINE + GAP;
/// The widest that a title makes the sheet, in pixels; a longer one is cut off.
const TITLE_WIDTH: u32 = 800;
/// The text below the crops names their figures, in this order.
const LEGEND: &str = "photo, quality, size of the face, detector's score, what takes most away";
/// The same where the embedding decides the quality.
const LEGEND_OF_NORM: &str =
    "photo, quality, size of the face, detector's score, length of the embedding";
/// A part of the quality that leaves at least this share is not named.
const ALL_RIGHT: f64 = 0.9;

const BACKGROUND: Rgb<u8> = Rgb([255, 255, 255]);
const INK: Rgb<u8> = Rgb([20, 20, 20]);
const PALE_INK: Rgb<u8> = Rgb([120, 120, 120]);

/// Writes the sheets of all labels that have crops, and removes those of other runs.
///
/// The same crops give the same sheets.
///
/// # Errors
/// [`CropError::Io`] for a crop that can't be read or a sheet that can't be written;
/// [`CropError::Interrupted`].
pub(super) fn write_all(
    root: &Path,
    crops: &[CropRecord],
    context: &Context,
) -> Result<(), CropError> {
    let mut labels: BTreeMap<&str, Vec<&CropRecord>> = BTreeMap::new();
    for crop in crops {
        labels.entry(&crop.label).or_default().push(crop);
    }
    let sheets: BTreeSet<String> = labels.keys().map(|label| file_of(label)).collect();
    sweep::sweep_reports(root, SHEET_FILE, &sheets)?;
    let labels: Vec<(&str, Vec<&CropRecord>)> = labels.into_iter().collect();
    let bar = context
        .progress
        .start("contact sheets", Some(labels.len() as u64));
    parallel::for_each(
        &labels,
        context.threads,
        || Ok(()),
        |(), (label, crops)| write(root, label, crops),
        |_, written| {
            context.interrupt.check()?;
            bar.advance(1);
            Ok(written?)
        },
    )
}

/// A label's sheet below the folder of crops.
fn file_of(label: &str) -> String {
    report_file(label, SHEET_FILE)
}

fn write(root: &Path, label: &str, crops: &[&CropRecord]) -> io::Result<()> {
    let mut crops = crops.to_vec();
    crops.sort_by(|one, other| {
        let overall = |crop: &CropRecord| crop.quality.map_or(-1.0, |quality| quality.overall);
        overall(other)
            .total_cmp(&overall(one))
            .then_with(|| one.file.cmp(&other.file))
    });
    let files = crops.iter().map(|crop| crop.file.as_str());
    let names: HashMap<&str, PhotoFaceName> = files.zip(CropRecord::names(&crops)).collect();
    let shown = Shown::of(crops.len());
    let mut tiles = Vec::with_capacity(shown.best + shown.worst);
    for crop in crops[..shown.best]
        .iter()
        .chain(&crops[crops.len() - shown.worst..])
    {
        let decoded = image_io::read_bytes(&root.join(&crop.file))
            .and_then(|bytes| image_io::decode(&bytes))
            .map_err(|error| io::Error::other(format!("`{}`: {error}", crop.file)))?;
        tiles.push(Tile {
            name: fitted_in_middle(&names[crop.file.as_str()].below(label), SIZE, TILE),
            picture: thumbnail(&decoded.rgb, crop.place.as_ref(), TILE),
            quality: crop.quality,
        });
    }
    let sheet = draw(label, &tiles, &shown);
    let bytes = image_io::encode_png(&sheet).map_err(io::Error::other)?;
    let path = root.join(file_of(label));
    fs_err::create_dir_all(path.with_file_name(""))?;
    atomic::write_bulk(&path, &bytes)
}

/// How many crops are on a sheet.
struct Shown {
    best: usize,
    /// Those at the other end, where not all have room.
    worst: usize,
    left_out: usize,
}

impl Shown {
    fn of(crops: usize) -> Self {
        if crops <= MOST_CROPS {
            return Self {
                best: crops,
                worst: 0,
                left_out: 0,
            };
        }
        Self {
            best: MOST_CROPS / 2,
            worst: MOST_CROPS / 2,
            left_out: crops - MOST_CROPS,
        }
    }
}

/// One crop on the sheet.
struct Tile {
    /// Of its photo, as short as there is room for it.
    name: String,
    picture: RgbImage,
    quality: Option<FaceQuality>,
}

impl Tile {
    /// The figures below its name.
    fn lines(&self) -> [(String, Rgb<u8>); FIGURES as usize] {
        let Some(quality) = self.quality else {
            return ["no face", "", ""].map(|text| (text.to_owned(), PALE_INK));
        };
        let FaceQuality {
            overall,
            size,
            score,
            ..
        } = quality;
        [
            (format!("{overall:.2}, {size} px"), INK),
            (format!("score {score:.2}"), PALE_INK),
            (
                quality
                    .norm
                    .map_or_else(|| weakness(&quality), |norm| format!("length {norm:.1}")),
                PALE_INK,
            ),
        ]
    }
}

/// The part that lowers a face's quality most, with the share that it leaves; nothing for a face
/// that is all right.
fn weakness(quality: &FaceQuality) -> String {
    quality::parts(quality)
        .into_iter()
        .filter(|(_, left)| *left < ALL_RIGHT)
        .min_by(|(_, one), (_, other)| one.total_cmp(other))
        .map_or_else(String::new, |(word, left)| format!("{word} {left:.2}"))
}

/// Draws the sheet: a title, the best, a line about those left out, the worst.
fn draw(label: &str, tiles: &[Tile], shown: &Shown) -> RgbImage {
    let total = tiles.len() + shown.left_out;
    let title = format!("{label}: {}, best to worst", counted(total, "crop"));
    let rows = |tiles: usize| tiles.div_ceil(COLUMNS) as u32;
    let (best, worst) = tiles.split_at(shown.best);
    let separator = if worst.is_empty() { 0 } else { LINE + GAP };
    let head = GAP + 2 * LINE + GAP;
    let columns = tiles.len().min(COLUMNS) as u32;
    let title = fitted(&title, SIZE, TITLE_WIDTH);
    let has_norm = |tile: &Tile| tile.quality.is_some_and(|quality| quality.norm.is_some());
    let legend = if tiles.iter().any(has_norm) {
        LEGEND_OF_NORM
    } else {
        LEGEND
    };
    let text_width =
        [&title, legend].map(|text| width(text, SIZE as f32, Weight::Regular).ceil() as u32);
    let mut sheet = RgbImage::from_pixel(
        (GAP + columns * ACROSS).max(2 * GAP + text_width[0].max(text_width[1])),
        head + (rows(best.len()) + rows(worst.len())) * DOWN + separator,
        BACKGROUND,
    );
    write_small(&mut sheet, GAP, GAP, &title, INK);
    write_small(&mut sheet, GAP, GAP + LINE, legend, PALE_INK);
    place(&mut sheet, head, best);
    if !worst.is_empty() {
        let top = head + rows(best.len()) * DOWN;
        let text = format!("... {} between these are not shown ...", shown.left_out);
        write_small(&mut sheet, GAP, top, &text, INK);
        place(&mut sheet, top + separator, worst);
    }
    sheet
}

/// Places tiles in rows from `top` on.
fn place(sheet: &mut RgbImage, top: u32, tiles: &[Tile]) {
    for (index, tile) in tiles.iter().enumerate() {
        let left = GAP + (index % COLUMNS) as u32 * ACROSS;
        let top = top + (index / COLUMNS) as u32 * DOWN;
        let Size { width, height } = Size::of(&tile.picture);
        let (x, y) = (left + (TILE - width) / 2, top + (TILE - height) / 2);
        imageops::replace(sheet, &tile.picture, x.into(), y.into());
        let text_top = top + TILE + TEXT_GAP;
        write_small(sheet, left, text_top, &tile.name, INK);
        for ((text, ink), line) in tile.lines().iter().zip(1..) {
            write_small(sheet, left, text_top + line * LINE, text, *ink);
        }
    }
}

#[cfg(test)]
mod tests;
