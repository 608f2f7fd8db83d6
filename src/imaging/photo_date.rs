//! When photos were made: by the camera's EXIF data, or by the file system.

use std::io::Cursor;
use std::path::Path;
use std::time::UNIX_EPOCH;

use exif::{DateTime, Exif, In, Reader, Tag, Value};
use jiff::civil;
use jiff::tz::Offset;

use crate::image_io;
use facepipe_core::types::{DateSource, PhotoDate};

/// Earliest plausible year of a camera's date: EXIF is of 1995; clocks that were never set show
/// 1970, 1980 or 0000.
const EARLIEST_YEAR: u16 = 1990;

/// When a photo was made: by the camera or, without a plausible date, by the file's time of change.
#[must_use]
pub fn of_photo(bytes: &[u8], path: &Path) -> Option<PhotoDate> {
    by_camera(bytes).or_else(|| by_file(path))
}

/// When a photo was made, by its EXIF data.
#[must_use]
pub fn by_camera(bytes: &[u8]) -> Option<PhotoDate> {
    let read = || {
        let exif = Reader::new()
            .read_from_container(&mut Cursor::new(bytes))
            .ok()?;
        let dates = [
            (Tag::DateTimeOriginal, Tag::OffsetTimeOriginal),
            (Tag::DateTimeDigitized, Tag::OffsetTimeDigitized),
            (Tag::DateTime, Tag::OffsetTime),
        ];
        dates
            .into_iter()
            .find_map(|(date, offset)| seconds(&exif, date, offset))
    };
    let seconds = image_io::contain(read).ok().flatten()?;
    let by = DateSource::Exif;
    Some(PhotoDate { seconds, by })
}

/// When a file was last changed.
#[must_use]
pub fn by_file(path: &Path) -> Option<PhotoDate> {
    let changed = fs_err::metadata(path).ok()?.modified().ok()?;
    let seconds = changed.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(PhotoDate {
        seconds: i64::try_from(seconds).ok()?,
        by: DateSource::File,
    })
}

fn seconds(exif: &Exif, date: Tag, offset: Tag) -> Option<i64> {
    let text = |tag: Tag| match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(texts) => texts.first(),
        _ => None,
    };
    let mut date = DateTime::from_ascii(text(date)?).ok()?;
    if let Some(offset) = text(offset) {
        // An unreadable time zone is no reason to lose the date.
        let _ = date.parse_offset(offset);
    }
    if date.year < EARLIEST_YEAR {
        return None;
    }
    let [month, day, hour, minute, second] =
        [date.month, date.day, date.hour, date.minute, date.second].map(|number| number as i8);
    let civil = civil::DateTime::new(date.year as i16, month, day, hour, minute, second, 0).ok()?;
    // Without a time zone, the camera's clock counts as UTC.
    let offset = Offset::from_seconds(i32::from(date.offset.unwrap_or(0)) * 60).ok()?;
    Some(offset.to_timestamp(civil).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG whose EXIF data has one date.
    fn jpeg(date: &str) -> Vec<u8> {
        let picture = image::RgbImage::from_pixel(64, 48, image::Rgb([9, 8, 7]));
        let jpeg = image_io::encode_jpeg(&picture, 90).expect("encodes");
        let mut tiff = b"MM\0*\0\0\0\x08".to_vec();
        // One directory with a pointer to the EXIF directory, which has DateTimeOriginal.
        tiff.extend(b"\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0");
        tiff.extend(b"\0\x01\x90\x03\0\x02\0\0\0\x14\0\0\0\x2c\0\0\0\0");
        tiff.extend(date.as_bytes());
        tiff.push(0);
        let length = (2 + 6 + tiff.len()) as u16;
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1];
        bytes.extend(length.to_be_bytes());
        bytes.extend(b"Exif\0\0");
        bytes.extend(&tiff);
        bytes.extend(&jpeg[2..]);
        bytes
    }

    #[test]
    fn the_cameras_date_is_read() {
        let date = by_camera(&jpeg("2020:02:29 12:30:15")).expect("a date");
        assert_eq!((date.seconds, date.by), (1_582_979_415, DateSource::Exif));
        for (text, seconds) in [
            ("2000:01:01 00:00:00", 946_684_800),
            ("1999:12:31 23:59:59", 946_684_799),
            ("2024:03:01 00:00:00", 1_709_251_200),
        ] {
            let date = by_camera(&jpeg(text)).expect("a date");
            assert_eq!(date.seconds, seconds, "{text}");
        }
    }

    #[test]
    fn clocks_that_were_never_set_are_ignored() {
        for text in [
            "0000:00:00 00:00:00",
            "1980:01:01 00:00:00",
            "2020:13:01 00:00:00",
            "2021:02:29 00:00:00",
            "2020:02:29 24:00:00",
            "last summer in june",
        ] {
            assert_eq!(by_camera(&jpeg(text)), None, "{text}");
        }
        assert_eq!(by_camera(b"no photo"), None);
        let cut = &jpeg("2020:02:29 12:30:15")[..40];
        assert_eq!(by_camera(cut), None);
    }

    #[test]
    fn files_have_their_time_of_change() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("1.png");
        fs_err::write(&path, "x").expect("writes");
        let date = of_photo(b"x", &path).expect("a date");
        assert_eq!(date.by, DateSource::File);
        assert!(date.seconds > 1_700_000_000);
    }
}
