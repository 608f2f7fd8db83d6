//! Content hashes, as hexadecimal text.

use std::io::{self, Read};
use std::path::Path;

use md5::Md5;
use sha2::{Digest, Sha256};

/// Hexadecimal digits of the MD5 that name a file: 64 bits, so that a collision among a million
/// images has a chance below one in ten million.
const NAME_DIGITS: usize = 16;

/// MD5 of some bytes.
#[must_use]
pub fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// MD5 of some bytes, as bytes.
#[must_use]
pub fn md5_bytes(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// SHA-256 of some bytes.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file, read in pieces.
///
/// # Errors
/// The I/O error, with its path.
pub fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&piece[..count]);
    }
}

/// The name of an image by its content: `<first 16 of md5>.<extension>`.
#[must_use]
pub fn content_name(md5: &str, extension: &str) -> String {
    format!("{}.{extension}", &md5[..NAME_DIGITS.min(md5.len())])
}

/// The name of a group of images, by the MD5 of its first member.
#[must_use]
pub fn group_name(md5: &str) -> String {
    md5[..NAME_DIGITS.min(md5.len())].to_owned()
}

/// Whether a file name has the form of [`content_name`].
#[must_use]
pub fn is_content_name(name: &str) -> bool {
    name.split_once('.').is_some_and(|(stem, extension)| {
        stem.len() == NAME_DIGITS
            && stem
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            && !extension.is_empty()
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        assert_eq!(md5_hex(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn names_by_content_are_recognised() {
        assert!(is_content_name(&content_name(&md5_hex(b"x"), "png")));
        assert!(!is_content_name("holiday.jpg"));
        assert!(!is_content_name("0123456789abcdeX.png"));
    }
}
