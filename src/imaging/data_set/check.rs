//! Decodes every image once before work starts, so that damaged ones are known from then on.

use super::{DataFolder, Example};
use crate::image_io::{self, DecodeError};
use facepipe_core::artifacts::digest::{md5_hex, sha256_hex};
use facepipe_core::context::{Context, Interrupted};
use facepipe_core::parallel;
use facepipe_core::types::{Discarded, ItemKind, PhotoFaceName, Reason, Split};

/// The result of checking one side.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Images that can be used, in the data set's order.
    pub usable: Vec<Example>,
    /// The others, and what is no image of a label at all.
    pub discarded: Vec<Discarded>,
    /// SHA-256 over contents and labels of the usable images.
    pub digest: String,
}

/// Decodes all images of one side.
///
/// # Errors
/// [`Interrupted`] by the user.
pub fn check(data: &DataFolder, split: Split, context: &Context) -> Result<Checked, Interrupted> {
    let examples = data.side(split);
    let task = context
        .progress
        .start(&format!("check {split}"), Some(examples.len() as u64));
    let mut checked = Checked {
        discarded: data.passed_over.get(&split).cloned().unwrap_or_default(),
        ..Checked::default()
    };
    let mut contents = Vec::new();
    let mut order = examples.iter();
    parallel::for_each_in_order(
        examples,
        context.threads,
        || Ok(()),
        |(), _, example| content_md5(example),
        |result| {
            context.interrupt.check()?;
            task.advance(1);
            let Some(example) = order.next() else {
                return Ok(());
            };
            let label = data.labels.get(example.label);
            let name = data.names.get(&example.file);
            match result {
                Ok(md5) => {
                    contents.push(format!("{}\t{md5}\n", label.map_or("", String::as_str)));
                    checked.usable.push(example.clone());
                }
                Err(error) => checked.discarded.push(Discarded {
                    photo: name.map(|name| name.photo().to_owned()),
                    face: name.and_then(PhotoFaceName::face),
                    item: example.file.clone(),
                    kind: ItemKind::Image,
                    label: label.cloned(),
                    reason: Reason::Unreadable,
                    message: error.to_string(),
                    related: Vec::new(),
                    distance: None,
                }),
            }
            Ok(())
        },
    )?;
    contents.sort();
    checked.digest = sha256_hex(contents.concat().as_bytes());
    Ok(checked)
}

/// The MD5 of an image's bytes, if they can be decoded.
fn content_md5(example: &Example) -> Result<String, DecodeError> {
    let bytes = image_io::read_bytes(&example.path)?;
    image_io::decode(&bytes)?;
    Ok(md5_hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::context::Interrupt;
    use facepipe_core::ports::SilentProgress;
    use image::{Rgb, RgbImage};
    use std::num::NonZeroUsize;
    use std::sync::Arc;

    #[test]
    fn damaged_images_are_reported_and_do_not_count() {
        let root = tempfile::tempdir().expect("temporary folder");
        let folder = root.path().join("test/ada");
        fs_err::create_dir_all(&folder).expect("makes");
        let png = |red| {
            let image = RgbImage::from_pixel(64, 48, Rgb([red, 0, 0]));
            image_io::encode_png(&image).expect("encodes")
        };
        fs_err::write(folder.join("1.png"), png(1)).expect("writes");
        fs_err::write(folder.join("2.png"), b"no picture").expect("writes");
        fs_err::write(root.path().join("test/stray.jpg"), png(2)).expect("writes");
        let context = |threads| Context {
            progress: Arc::new(SilentProgress),
            interrupt: Interrupt::default(),
            threads: NonZeroUsize::new(threads).expect("not zero"),
            seed: 0,
            remake: facepipe_core::context::Remake::default(),
        };
        let data = super::super::read(root.path()).expect("reads");
        let first = check(&data, Split::Test, &context(1)).expect("not interrupted");
        assert_eq!(first.usable.len(), 1);
        let items: Vec<&str> = first.discarded.iter().map(|one| &*one.item).collect();
        assert_eq!(items, ["test/stray.jpg", "test/ada/2.png"]);
        fs_err::write(folder.join("3.png"), png(3)).expect("writes");
        let data = super::super::read(root.path()).expect("reads");
        let second = check(&data, Split::Test, &context(2)).expect("not interrupted");
        assert_ne!(first.digest, second.digest);
        let interrupted = context(1);
        interrupted.interrupt.raise();
        assert!(check(&data, Split::Test, &interrupted).is_err());
    }
}
