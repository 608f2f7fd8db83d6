//! Embeds face chips and says how long it took: what `scripts/bench/embedding.py` compares with dlib.
//!
//! `time_embeddings WEIGHTS THREADS CHIP…` prints `{"seconds": s, "embeddings": [[128 numbers]…]}`;
//! reading the model and the chips does not count.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use facepipe_adapters::embedders::dlib_embedder::DlibEmbedderFactory;
use facepipe_core::parallel;
use facepipe_core::ports::{EmbedderError, FaceEmbedderFactory};
use facepipe_imaging::image_io;
use facepipe_nn::use_threads;
use image::RgbImage;
use tch::Device;

#[expect(clippy::print_stdout, reason = "the result of a program")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(weights), Some(threads)) = (arguments.next(), arguments.next()) else {
        return Err("usage: time_embeddings WEIGHTS THREADS CHIP…".into());
    };
    let threads: NonZeroUsize = threads.parse()?;
    let chips = arguments
        .map(|path| Ok(image_io::decode(&image_io::read_bytes(Path::new(&path))?)?.rgb))
        .collect::<Result<Vec<RgbImage>, image_io::DecodeError>>()?;
    use_threads(NonZeroUsize::MIN);
    let factory = DlibEmbedderFactory::new(Path::new(&weights), Device::Cpu)?;
    factory.create().embed(&chips[..chips.len().min(1)])?;

    let shares: Vec<&[RgbImage]> = chips
        .chunks(chips.len().div_ceil(threads.get()).max(1))
        .collect();
    let mut embeddings = Vec::with_capacity(chips.len());
    let start = Instant::now();
    parallel::for_each_in_order(
        &shares,
        threads,
        || {
            use_threads(NonZeroUsize::MIN);
            Ok(factory.create())
        },
        |embedder, _, share| embedder.embed(share),
        |share| {
            embeddings.extend(share?);
            Ok::<(), EmbedderError>(())
        },
    )?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{}",
        serde_json::json!({ "seconds": seconds, "embeddings": embeddings })
    );
    Ok(())
}
