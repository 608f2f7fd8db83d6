//! Embeds face chips and says how long it took: what `scripts/bench/embedding.py` compares with dlib.
//!
//! `time_embeddings WEIGHTS dlib|sface THREADS CHIP…` prints `{"seconds": s, "embeddings": [[numbers]…]}`;
//! reading the model and the chips does not count. Chips of another size than the network's are resized first.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use facepipe_adapters::embedders::{dlib_embedder, sface_embedder};
use facepipe_core::parallel;
use facepipe_core::ports::{EmbedderError, FaceEmbedderFactory};
use facepipe_faces::face_chip::chip;
use facepipe_imaging::image_io;
use facepipe_nn::use_threads;
use image::RgbImage;
use tch::Device;

#[expect(clippy::print_stdout, reason = "the result of a program")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let [Some(weights), Some(name), Some(threads)] = std::array::from_fn(|_| arguments.next())
    else {
        return Err("usage: time_embeddings WEIGHTS dlib|sface THREADS CHIP…".into());
    };
    let threads: NonZeroUsize = threads.parse()?;
    use_threads(NonZeroUsize::MIN);
    let folder = Path::new(&weights);
    let factory: Box<dyn FaceEmbedderFactory> = match name.as_str() {
        sface_embedder::NAME => Box::new(sface_embedder::factory(folder, Device::Cpu)?),
        dlib_embedder::NAME => Box::new(dlib_embedder::factory(folder, Device::Cpu)?),
        _ => return Err(format!("there is no embedder `{name}`").into()),
    };
    let size = factory.create().forms()[0].size;
    let chips = arguments
        .map(|path| {
            let picture = image_io::decode(&image_io::read_bytes(Path::new(&path))?)?.rgb;
            Ok(vec![chip(&picture, None, size).into_owned()])
        })
        .collect::<Result<Vec<Vec<RgbImage>>, image_io::DecodeError>>()?;
    factory.create().embed(&chips[..chips.len().min(1)])?;

    let shares: Vec<&[Vec<RgbImage>]> = chips
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
