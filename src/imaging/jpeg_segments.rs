//! The segments of a JPEG, from marker to marker (ITU-T T.81, annex B).

/// Markers (table B.1), without their first byte, 0xff.
pub(super) mod marker {
    pub(crate) const TEMPORARY: u8 = 0x01;
    pub(crate) const PROGRESSIVE: u8 = 0xc2;
    pub(crate) const PROGRESSIVE_ARITHMETIC: u8 = 0xca;
    pub(crate) const RESTARTS: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;
    pub(crate) const START_OF_IMAGE: u8 = 0xd8;
    pub(crate) const END_OF_IMAGE: u8 = 0xd9;
    pub(crate) const START_OF_SCAN: u8 = 0xda;
    pub(crate) const ADOBE: u8 = 0xee;
    pub(crate) const COMMENT: u8 = 0xfe;
}

/// A marker with what its segment holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    /// The marker's second byte.
    pub(super) code: u8,
    /// Where that byte is.
    pub(super) at: usize,
    /// Without the length; empty for markers that stand alone.
    pub(super) content: &'a [u8],
}

/// All segments up to one that is cut: they are skipped by their length, and within a scan all is data but markers.
pub(super) fn segments(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let (code, at) = next_marker(bytes, from)?;
        let after = at + 1;
        let stands_alone = matches!(
            code,
            marker::TEMPORARY | marker::START_OF_IMAGE | marker::END_OF_IMAGE
        ) || marker::RESTARTS.contains(&code);
        let content = if stands_alone {
            from = after;
            &[]
        } else {
            let length = bytes.get(after..)?.first_chunk().copied()?;
            from = after + usize::from(u16::from_be_bytes(length)).max(2);
            bytes.get(after + 2..from)?
        };
        Some(Segment { code, at, content })
    })
}

/// The next marker's second byte, and where it is. Fill bytes (0xff) may stand before it, and a 0xff of a scan's data
/// has a zero behind it.
fn next_marker(bytes: &[u8], from: usize) -> Option<(u8, usize)> {
    memchr::memchr_iter(0xff, bytes.get(from..)?).find_map(|start| {
        let at = from + start + 1;
        match bytes.get(at)? {
            0 | 0xff => None,
            code => Some((*code, at)),
        }
    })
}
