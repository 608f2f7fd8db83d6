//! Picture formats that are recognised but not decoded, so that an error can name them.

use std::fmt;

/// A format that is not decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherFormat {
    /// HEIF with HEVC: what iPhones store.
    Heic,
    /// HEIF with AV1.
    Avif,
    /// What the sensor of a camera saw, before it is a picture: NEF, CR2, CR3, ARW, DNG and others.
    CameraRaw,
    /// JPEG XL.
    JpegXl,
    /// JPEG 2000.
    Jpeg2000,
    /// Photoshop's own format.
    Photoshop,
    /// A drawing, in SVG.
    Svg,
    /// A document.
    Pdf,
    /// A film.
    Video,
}

impl fmt::Display for OtherFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Heic => "HEIC",
            Self::Avif => "AVIF",
            Self::CameraRaw => "camera raw",
            Self::JpegXl => "JPEG XL",
            Self::Jpeg2000 => "JPEG 2000",
            Self::Photoshop => "Photoshop (PSD)",
            Self::Svg => "SVG",
            Self::Pdf => "PDF",
            Self::Video => "video",
        })
    }
}

impl OtherFormat {
    /// By the first bytes, and of a TIFF by its tags.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        const STARTS: [(&[u8], OtherFormat); 13] = [
            (b"\xff\x0a", OtherFormat::JpegXl),
            (b"\0\0\0\x0cJXL ", OtherFormat::JpegXl),
            (b"\0\0\0\x0cjP  ", OtherFormat::Jpeg2000),
            (b"\xff\x4f\xff\x51", OtherFormat::Jpeg2000),
            (b"8BPS", OtherFormat::Photoshop),
            (b"%PDF-", OtherFormat::Pdf),
            (b"\x1a\x45\xdf\xa3", OtherFormat::Video),
            (b"FUJIFILMCCD-RAW", OtherFormat::CameraRaw),
            (b"IIRO", OtherFormat::CameraRaw),
            (b"IIRS", OtherFormat::CameraRaw),
            (b"IIU\0", OtherFormat::CameraRaw),
            (b"FOVb", OtherFormat::CameraRaw),
            (b"\0MRM", OtherFormat::CameraRaw),
        ];
        let by_start = STARTS.iter().find(|(start, _)| bytes.starts_with(start));
        if let Some((_, format)) = by_start {
            return Some(*format);
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            return Self::of_brands(bytes);
        }
        if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"AVI ") {
            return Some(Self::Video);
        }
        if tiff_tags::are_of_camera_raw(bytes) {
            return Some(Self::CameraRaw);
        }
        let text = &bytes[..bytes.len().min(1024)];
        (text.trim_ascii_start().starts_with(b"<") && memchr::memmem::find(text, b"<svg").is_some())
            .then_some(Self::Svg)
    }

    /// Of the container that HEIF and films share (ISO/IEC 14496-12): its brands name what is in it.
    fn of_brands(bytes: &[u8]) -> Option<Self> {
        let length = u32::from_be_bytes(bytes.first_chunk().copied()?) as usize;
        let brands = bytes
            .get(8..length.min(bytes.len()))
            .filter(|brands| brands.len() >= 4)?;
        // The major brand, its version, then the others.
        let has = |wanted: &[&[u8; 4]]| {
            let mut all = brands
                .chunks_exact(4)
                .enumerate()
                .filter(|(at, _)| *at != 1);
            all.any(|(_, brand)| wanted.iter().any(|wanted| wanted[..] == *brand))
        };
        Some(if has(&[b"crx "]) {
            Self::CameraRaw
        } else if has(&[b"avif", b"avis"]) {
            Self::Avif
        } else if has(&[
            b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1",
        ]) {
            Self::Heic
        } else {
            Self::Video
        })
    }
}

/// The tags of TIFF, which most camera raw formats are: the first picture in them is a thumbnail.
mod tiff_tags {
    const PHOTOMETRIC: u16 = 262;
    const SUB_DIRECTORIES: u16 = 330;
    const DNG_VERSION: u16 = 50_706;
    /// Values of [`PHOTOMETRIC`]: a mosaic of colour filters, and the same made linear (DNG 1.7, chapter 4).
    const OF_SENSORS: [u32; 2] = [32_803, 34_892];
    /// Bytes of an entry of a directory.
    const ENTRY: usize = 12;
    /// Most directories that are looked at: no camera writes that many.
    const MOST_DIRECTORIES: usize = 32;

    pub(super) fn are_of_camera_raw(bytes: &[u8]) -> bool {
        let reader = match bytes.get(..4) {
            Some(b"II*\0") => Reader {
                bytes,
                little_endian: true,
            },
            Some(b"MM\0*") => Reader {
                bytes,
                little_endian: false,
            },
            _ => return false,
        };
        // Canon's CR2 says so behind the header.
        bytes.get(8..10) == Some(b"CR") || reader.has_sensor_data()
    }

    struct Reader<'a> {
        bytes: &'a [u8],
        little_endian: bool,
    }

    impl Reader<'_> {
        fn u16(&self, at: usize) -> Option<u16> {
            let value = self.bytes.get(at..)?.first_chunk().copied()?;
            Some(if self.little_endian {
                u16::from_le_bytes(value)
            } else {
                u16::from_be_bytes(value)
            })
        }

        fn u32(&self, at: usize) -> Option<u32> {
            let value = self.bytes.get(at..)?.first_chunk().copied()?;
            Some(if self.little_endian {
                u32::from_le_bytes(value)
            } else {
                u32::from_be_bytes(value)
            })
        }

        /// Whether one of the directories is of a sensor's data. One that the file ends before is passed over.
        fn has_sensor_data(&self) -> bool {
            let mut directories: Vec<usize> =
                self.u32(4).map(|at| at as usize).into_iter().collect();
            for _ in 0..MOST_DIRECTORIES {
                let Some(directory) = directories.pop() else {
                    break;
                };
                if self.is_of_sensor(directory, &mut directories) == Some(true) {
                    return true;
                }
            }
            false
        }

        /// Whether one directory is of a sensor's data; adds those that it names to `others`. `None` where the file
        /// ends before.
        fn is_of_sensor(&self, directory: usize, others: &mut Vec<usize>) -> Option<bool> {
            let entries = usize::from(self.u16(directory)?);
            for entry in (0..entries).map(|entry| directory + 2 + entry * ENTRY) {
                // Tag, type, number of values, and the value or where the values are.
                let (tag, count) = (self.u16(entry)?, self.u32(entry + 4)? as usize);
                match tag {
                    DNG_VERSION => return Some(true),
                    PHOTOMETRIC if OF_SENSORS.contains(&self.u16(entry + 8)?.into()) => {
                        return Some(true);
                    }
                    SUB_DIRECTORIES => {
                        let list = match count {
                            1 => entry + 8,
                            _ => self.u32(entry + 8)? as usize,
                        };
                        let places = (0..count.min(MOST_DIRECTORIES)).map(|at| list + 4 * at);
                        others.extend(places.filter_map(|at| Some(self.u32(at)? as usize)));
                    }
                    _ => {}
                }
            }
            match self.u32(directory + 2 + entries * ENTRY)? as usize {
                0 => {}
                next => others.push(next),
            }
            Some(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_named_by_their_first_bytes() {
        for (bytes, format) in [
            (
                &b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf"[..],
                Some(OtherFormat::Heic),
            ),
            (
                b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiafMA1B",
                Some(OtherFormat::Avif),
            ),
            (
                b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
                Some(OtherFormat::CameraRaw),
            ),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", Some(OtherFormat::Video)),
            (b"<?xml version=\"1.0\"?>\n<svg>", Some(OtherFormat::Svg)),
            (b"<html></html>", None),
            (b"\0\0\0\x1cftyp", None),
            (b"", None),
        ] {
            assert_eq!(OtherFormat::of(bytes), format, "{bytes:?}");
        }
    }

    /// A TIFF with one directory, whose entries are (tag, value).
    fn tiff(entries: &[(u16, u32)], next: u32) -> Vec<u8> {
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend((entries.len() as u16).to_le_bytes());
        for (tag, value) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(4_u16.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(next.to_le_bytes());
        bytes
    }

    #[test]
    fn a_tiff_with_a_sensors_data_is_camera_raw() {
        assert_eq!(OtherFormat::of(&tiff(&[(262, 2)], 0)), None);
        assert_eq!(
            OtherFormat::of(&tiff(&[(262, 32_803)], 0)),
            Some(OtherFormat::CameraRaw)
        );
        assert_eq!(
            OtherFormat::of(&tiff(&[(50_706, 1)], 0)),
            Some(OtherFormat::CameraRaw)
        );
        // In a directory below the first, also where the next one is cut off.
        for next in [0, u32::MAX] {
            let mut below = tiff(&[(262, 2), (330, 38)], next);
            below.extend(&tiff(&[(262, 32_803)], 0)[8..]);
            assert_eq!(OtherFormat::of(&below), Some(OtherFormat::CameraRaw));
        }
    }

    #[test]
    fn directories_that_lead_in_a_circle_end() {
        assert_eq!(OtherFormat::of(&tiff(&[(330, 8), (330, 8)], 8)), None);
        assert_eq!(OtherFormat::of(&tiff(&[(330, u32::MAX)], u32::MAX)), None);
    }
}
