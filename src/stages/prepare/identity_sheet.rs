//! All faces of a label on one picture, by the decisions about them:
//! `report/<label>/identities.png`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use image::imageops;
use image::{Rgb, RgbImage};
use url::Url;

use super::PrepareError;
use super::identity_record::{Decision, IdentityRecord};
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::image_folder::{REPORT_FOLDER, report_file};
use facepipe_core::artifacts::sweep;
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::types::{CropPlace, Size};
use facepipe_core::words::counted;
use facepipe_drawing::text::{SIZE, Weight, fitted, fitted_in_middle, width, write_small};
use facepipe_drawing::thumbnail::thumbnail;
use facepipe_imaging::image_io;

/// The file of a label's sheet.
const SHEET_FILE: &str = "identities.png";
/// Faces beside each other.
const COLUMNS: usize = 8;
/// Side of the square in which a face is shown, in pixels: the name of a crop fits below it.
const TILE: u32 = 128;
/// Width of the frame around a face, in pixels.
const FRAME: u32 = 4;
/// Space between faces and at the edges, in pixels.
const GAP: u32 = 10;
/// Height of a line of text with the space below it, in pixels.
const LINE: u32 = SIZE + 3;
/// Lines below a face.
const LINES: u32 = 4;
/// From one face to the next beside it, in pixels.
const ACROSS: u32 = TILE + 2 * FRAME + GAP;
/// From one row of faces to the next, in pixels.
const DOWN: u32 = TILE + 2 * FRAME + 2 + LINES * LINE + GAP;
/// Height of the line above a part of the sheet, in pixels.
const PART_HEAD: u32 = LINE + GAP;

const BACKGROUND: Rgb<u8> = Rgb([255, 255, 255]);
const INK: Rgb<u8> = Rgb([20, 20, 20]);
const PALE_INK: Rgb<u8> = Rgb([120, 120, 120]);

/// A part of the sheet.
struct Part {
    title: &'static str,
    decisions: &'static [Decision],
    frame: Rgb<u8>,
    /// Most faces that are shown, so that the sheet stays a picture that opens at once.
    most: usize,
}

/// What should be checked by eye comes first.
const PARTS: [Part; 4] = [
    Part {
        title: "set aside, nearest first",
        decisions: &[Decision::Stranger, Decision::NearerToOtherLabel],
        frame: Rgb([210, 40, 40]),
        most: 96,
    },
    Part {
        title: "kept, but doubtful, furthest first",
        decisions: &[Decision::Doubtful],
        frame: Rgb([240, 170, 0]),
        most: 64,
    },
    Part {
        title: "restored",
        decisions: &[Decision::Restored],
        frame: Rgb([50, 110, 230]),
        most: 64,
    },
    Part {
        title: "kept, furthest first",
        decisions: &[Decision::Kept],
        frame: Rgb([40, 160, 70]),
        most: 64,
    },
];

/// An image and the decision about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'images> {
    pub(super) path: &'images Path,
    pub(super) place: Option<&'images CropPlace>,
    pub(super) record: &'images IdentityRecord,
}

/// Writes the sheets of all labels, and removes those of other runs.
pub(super) fn write_all(
    root: &Path,
    images: &[Shown<'_>],
    context: &Context,
) -> Result<(), PrepareError> {
    let mut labels: BTreeMap<&str, Vec<Shown<'_>>> = BTreeMap::new();
    for image in images {
        labels.entry(&image.record.label).or_default().push(*image);
    }
    remove_others(root, &labels.keys().map(|label| file_of(label)).collect())?;
    let labels: Vec<(&str, Vec<Shown<'_>>)> = labels.into_iter().collect();
    let bar = context.progress.start("sheets", Some(labels.len() as u64));
    parallel::for_each(
        &labels,
        context.threads,
        || Ok(()),
        |(), (label, images)| write(root, label, images),
        |_, written| {
            context.interrupt.check()?;
            bar.advance(1);
            Ok(written?)
        },
    )
}

/// Removes the sheets that are not in `keep`.
pub(super) fn remove_others(root: &Path, keep: &BTreeSet<String>) -> io::Result<()> {
    sweep::sweep_reports(root, SHEET_FILE, keep)
}

/// A label's sheet below the output folder.
fn file_of(label: &str) -> String {
    report_file(label, SHEET_FILE)
}

/// The address of a label's sheet for a page in the output folder.
pub(super) fn address_of(label: &str) -> String {
    let mut address = Url::parse("file:///").ok();
    if let Some(Ok(mut parts)) = address.as_mut().map(Url::path_segments_mut) {
        parts.extend([REPORT_FOLDER, label, SHEET_FILE]);
    }
    let path = address.map(|address| address.path().to_owned());
    path.unwrap_or_default().trim_start_matches('/').to_owned()
}

fn write(root: &Path, label: &str, images: &[Shown<'_>]) -> io::Result<()> {
    let sheet = draw(label, images, |image| {
        let decoded = image_io::read_bytes(image.path)
            .and_then(|bytes| image_io::decode(&bytes))
            .map_err(|error| io::Error::other(format!("`{}`: {error}", image.record.item)))?;
        Ok(thumbnail(&decoded.rgb, image.place, TILE))
    })?;
    let bytes = image_io::encode_png(&sheet).map_err(io::Error::other)?;
    let path = root.join(file_of(label));
    fs_err::create_dir_all(path.with_file_name(""))?;
    atomic::write_bulk(&path, &bytes)
}

/// Draws the sheet: a title, and the parts that have faces.
fn draw(
    label: &str,
    images: &[Shown<'_>],
    picture: impl Fn(&Shown<'_>) -> io::Result<RgbImage>,
) -> io::Result<RgbImage> {
    let parts: Vec<(&Part, Vec<&Shown<'_>>)> = (PARTS.iter())
        .map(|part| (part, part.members(images)))
        .filter(|(_, members)| !members.is_empty())
        .collect();
    let title = format!("{label}: {}", counted(images.len(), "face"));
    let legend = "photo, distance from the person of the label and its limit, nearest other label, name of the crop";
    let height_of = |(part, members): &(&Part, Vec<&Shown<'_>>)| {
        let rows = members.len().min(part.most).div_ceil(COLUMNS) as u32;
        PART_HEAD + rows * DOWN
    };
    let head = GAP + 2 * LINE + GAP;
    let mut sheet = RgbImage::from_pixel(
        GAP + COLUMNS as u32 * ACROSS,
        head + parts.iter().map(height_of).sum::<u32>(),
        BACKGROUND,
    );
    write_small(&mut sheet, GAP, GAP, &title, INK);
    write_small(&mut sheet, GAP, GAP + LINE, legend, PALE_INK);
    let mut top = head;
    for group in &parts {
        let (part, members) = group;
        write_small(&mut sheet, GAP, top, &part.headline(members.len()), INK);
        for (index, member) in members.iter().take(part.most).enumerate() {
            let left = GAP + (index % COLUMNS) as u32 * ACROSS;
            let tile_top = top + PART_HEAD + (index / COLUMNS) as u32 * DOWN;
            frame(&mut sheet, left, tile_top, part.frame);
            place(&mut sheet, left, tile_top, &picture(member)?, member.record);
        }
        top += height_of(group);
    }
    Ok(sheet)
}

impl Part {
    /// Its faces in their order: the most doubtful first.
    fn members<'a, 'images>(&self, images: &'a [Shown<'images>]) -> Vec<&'a Shown<'images>> {
        let is_member = |image: &&Shown<'_>| self.decisions.contains(&image.record.decision);
        let mut members: Vec<&Shown<'_>> = images.iter().filter(is_member).collect();
        let nearest_first = self.decisions.contains(&Decision::Stranger);
        members.sort_by(|one, other| {
            let distance = |image: &Shown<'_>| image.record.distance.unwrap_or(0.0);
            let order = distance(one).total_cmp(&distance(other));
            let order = if nearest_first {
                order
            } else {
                order.reverse()
            };
            order.then_with(|| one.record.item.cmp(&other.record.item))
        });
        members
    }

    /// The line above it.
    fn headline(&self, members: usize) -> String {
        let title = self.title;
        if members <= self.most {
            return format!("{members} {title}");
        }
        format!("{members} {title}; {} are not shown", members - self.most)
    }
}

/// A coloured square behind a face.
fn frame(sheet: &mut RgbImage, left: u32, top: u32, colour: Rgb<u8>) {
    let side = TILE + 2 * FRAME;
    let square = RgbImage::from_pixel(side, side, colour);
    imageops::replace(sheet, &square, left.into(), top.into());
    let inside = RgbImage::from_pixel(TILE, TILE, BACKGROUND);
    imageops::replace(sheet, &inside, (left + FRAME).into(), (top + FRAME).into());
}

/// A face, and its caption.
fn place(sheet: &mut RgbImage, left: u32, top: u32, picture: &RgbImage, record: &IdentityRecord) {
    let Size { width, height } = Size::of(picture);
    let x = left + FRAME + (TILE - width.min(TILE)) / 2;
    let y = top + FRAME + (TILE - height.min(TILE)) / 2;
    imageops::replace(sheet, picture, x.into(), y.into());
    let text_top = top + TILE + 2 * FRAME + 2;
    for ((text, ink), line) in lines(record).iter().zip(0..) {
        write_small(sheet, left + FRAME, text_top + line * LINE, text, *ink);
    }
}

/// The caption of a face.
fn lines(record: &IdentityRecord) -> [(String, Rgb<u8>); LINES as usize] {
    let of_label = format!("{}/", record.label);
    let name = record.shown_name();
    let photo = name.strip_prefix(&of_label).unwrap_or(name);
    let item = record.item.rsplit('/').next().unwrap_or_default();
    let item = item.rsplit_once('.').map_or(item, |(stem, _)| stem);
    // A file of the user's own has no other name.
    let item = if name == record.item { "" } else { item };
    let distance = match (record.distance, record.limit) {
        (Some(distance), Some(limit)) => {
            let sign = if distance > limit { '>' } else { '<' };
            format!("{distance:.2} {sign} {limit:.2}")
        }
        _ => "not compared".to_owned(),
    };
    let other = match (&record.other_label, record.other_distance) {
        (Some(label), Some(distance)) => {
            let distance = format!(" {distance:.2}");
            fitted(label, SIZE, TILE.saturating_sub(text_width(&distance))) + &distance
        }
        _ => String::new(),
    };
    [
        (fitted_in_middle(photo, SIZE, TILE), INK),
        (distance, INK),
        (other, PALE_INK),
        (fitted(item, SIZE, TILE), PALE_INK),
    ]
}

/// The width of a text in pixels.
fn text_width(text: &str) -> u32 {
    width(text, SIZE as f32, Weight::Regular).ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u32, decision: Decision, distance: f64) -> IdentityRecord {
        IdentityRecord {
            item: format!("ada/{number:016x}.png"),
            name: format!("ada/a_long_name_of_a_photo_{number}.jpg"),
            photo: None,
            face: None,
            label: "ada".to_owned(),
            decision,
            distance: Some(distance),
            limit: Some(0.52),
            other_label: Some("grace_hopper_the_admiral".to_owned()),
            other_distance: Some(0.7),
            message: String::new(),
        }
    }

    fn sheet(records: &[IdentityRecord]) -> RgbImage {
        let shown: Vec<Shown<'_>> = records
            .iter()
            .map(|record| Shown {
                path: Path::new("unused"),
                place: None,
                record,
            })
            .collect();
        // Each face has the colour of its distance.
        let picture = |shown: &Shown<'_>| {
            let distance = shown.record.distance.unwrap_or(0.0);
            Ok(RgbImage::from_pixel(
                64,
                48,
                Rgb([(distance * 100.0) as u8, 7, 7]),
            ))
        };
        draw("ada", &shown, picture).expect("draws")
    }

    /// Frame and face of the tile at a place of the sheet.
    fn tile(sheet: &RgbImage, left: u32, top: u32) -> (Rgb<u8>, u8) {
        let middle = FRAME + TILE / 2;
        let face = sheet.get_pixel(left + middle, top + middle);
        (*sheet.get_pixel(left + 1, top + 1), face.0[0])
    }

    #[test]
    fn each_part_has_its_colour_and_order() {
        let sheet = sheet(&[
            record(1, Decision::Kept, 0.2),
            record(2, Decision::Stranger, 0.9),
            record(3, Decision::NearerToOtherLabel, 0.6),
            record(4, Decision::Kept, 0.4),
        ]);
        let first = GAP + 2 * LINE + GAP + PART_HEAD;
        let red = PARTS[0].frame;
        assert_eq!(tile(&sheet, GAP, first), (red, 60));
        assert_eq!(tile(&sheet, GAP + ACROSS, first), (red, 90));
        let second = first + DOWN + PART_HEAD;
        let green = PARTS[3].frame;
        assert_eq!(tile(&sheet, GAP, second), (green, 40));
        assert_eq!(tile(&sheet, GAP + ACROSS, second), (green, 20));
        assert_eq!(sheet.height(), second + DOWN);
    }

    #[test]
    fn a_label_of_any_letters_has_an_address() {
        assert_eq!(address_of("ada"), "report/ada/identities.png");
        assert_eq!(
            address_of("ñ #1? \"50%\""),
            "report/%C3%B1%20%231%3F%20%2250%25%22/identities.png"
        );
    }

    #[test]
    fn of_very_many_some_are_shown_and_the_rest_is_counted() {
        let most = PARTS[3].most;
        let many: Vec<_> = (0..500).map(|n| record(n, Decision::Kept, 0.3)).collect();
        let rows = most.div_ceil(COLUMNS) as u32;
        let head = GAP + 2 * LINE + GAP + PART_HEAD;
        assert_eq!(sheet(&many).height(), head + rows * DOWN);
        assert!(
            PARTS[3]
                .headline(500)
                .ends_with(&format!("{} are not shown", 500 - most))
        );
    }

    #[test]
    fn the_caption_of_a_face_has_what_restoring_it_needs() {
        let lines = lines(&record(255, Decision::Stranger, 0.613)).map(|(text, _)| text);
        assert_eq!(
            lines,
            [
                "a_long_na…to_255.jpg",
                "0.61 > 0.52",
                "grace_hopper_t… 0.70",
                "00000000000000ff"
            ]
        );
        assert!(lines.iter().all(|line| text_width(line) <= TILE));
    }
}
