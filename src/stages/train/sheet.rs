//! Training images as they are and as they are changed, for people to look at.

use std::path::Path;

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::error::TrainError;
use super::order::{Purpose, generator};
use super::settings::Settings;
use facepipe_core::artifacts::atomic;
use facepipe_imaging::data_set::Example;
use facepipe_imaging::image_io;
use facepipe_nn::Picture;

/// The file in the model's folder.
pub(super) const SHEET_FILE: &str = "augmentation.png";
/// How many images are shown, one a row.
const ROWS: usize = 6;
/// How many changed ones are shown beside each.
const CHANGED: usize = 9;
/// Side of the square in which an image is shown, in pixels.
const TILE: u32 = 112;
/// Space between images and at the edges, in pixels.
const GAP: u32 = 6;
const BACKGROUND: Rgb<u8> = Rgb([255, 255, 255]);

/// Writes the sheet, if the training shows changed images at all: each row begins with an image as it
/// is, and continues with changed ones as the first epochs see it.
pub(super) fn write(
    model: &Path,
    settings: &Settings,
    examples: &[Example],
) -> Result<(), TrainError> {
    let only_features = settings.trunk_is_frozen(settings.epochs) && settings.frozen_views <= 2;
    if only_features || examples.is_empty() {
        return Ok(());
    }
    let sheet = draw(settings, examples)?;
    let png = image_io::encode_png(&sheet).map_err(std::io::Error::other)?;
    Ok(atomic::write(&model.join(SHEET_FILE), &png)?)
}

fn draw(settings: &Settings, examples: &[Example]) -> Result<RgbImage, TrainError> {
    let rows = ROWS.min(examples.len());
    let side = |tiles: usize| GAP + tiles as u32 * (TILE + GAP);
    let mut sheet = RgbImage::from_pixel(side(CHANGED + 1), side(rows), BACKGROUND);
    for row in 0..rows {
        let position = row * examples.len() / rows;
        let picture = Picture::read(&examples[position], settings.chip_form())?;
        for column in 1..=CHANGED {
            let epoch = column as u32;
            let mut random = generator(settings.seed, Purpose::Augmentation, epoch, position);
            let changed = settings.augmentation.apply(&picture, &mut random);
            paste(&mut sheet, &changed, row, column);
        }
        paste(&mut sheet, &picture.chip(), row, 0);
    }
    Ok(sheet)
}

fn paste(sheet: &mut RgbImage, image: &RgbImage, row: usize, column: usize) {
    let tile = imageops::resize(image, TILE, TILE, FilterType::Triangle);
    let at = |number: usize| i64::from(GAP) + number as i64 * i64::from(TILE + GAP);
    imageops::replace(sheet, &tile, at(column), at(row));
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_nn::{Backbone, WeightsChoice};

    #[test]
    fn rows_begin_with_the_image_as_it_is_and_frozen_trainings_have_no_sheet() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("1.png");
        let image = RgbImage::from_fn(64, 48, |x, y| Rgb([x as u8 * 3, y as u8 * 4, 90]));
        let png = image_io::encode_png(&image).expect("encodes");
        fs_err::write(&path, png).expect("writes");
        let example = Example {
            label: 0,
            file: "train/a/1.png".to_owned(),
            path,
            place: None,
        };
        let settings = Settings::defaults(Backbone::Resnet18, WeightsChoice::None, 3);
        let frozen = Settings {
            freeze_epochs: 40,
            ..settings.clone()
        };
        let sheet = folder.path().join(SHEET_FILE);
        write(folder.path(), &frozen, std::slice::from_ref(&example)).expect("nothing to do");
        assert!(!sheet.exists());
        write(folder.path(), &settings, &[example]).expect("writes");
        let bytes = fs_err::read(&sheet).expect("is there");
        let drawn = image_io::decode(&bytes).expect("is a picture").rgb;
        assert_eq!(drawn.dimensions(), (10 * 118 + 6, 124));
        let tile =
            |column: u32| imageops::crop_imm(&drawn, 6 + column * 118, 6, TILE, TILE).to_image();
        let whole = imageops::resize(&image, TILE, TILE, FilterType::Triangle);
        assert_eq!(tile(0), whole);
        assert_ne!(tile(1), whole);
        assert_ne!(tile(1), tile(2));
    }
}
