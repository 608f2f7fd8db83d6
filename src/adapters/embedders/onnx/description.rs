//! What an ONNX file does not say of itself: the TOML file beside it.

use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::OnnxEmbedderError;
use crate::embedders::sface_embedder;
use facepipe_core::types::{Alignment, ChipForm, Distances, Size};

/// Sides that a chip may have, in pixels.
const SIDES: std::ops::RangeInclusive<u32> = 16..=1024;
/// The largest distance of two embeddings of length 1.
const FARTHEST: f32 = 2.0;

/// What the network takes and gives.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// How the face lies in the chip.
    pub alignment: Alignment,
    /// Width and height of the chip in pixels.
    #[serde(deserialize_with = "exactly")]
    pub size: [u32; 2],
    /// The order of the channels; `mean` and `std` are in this order.
    pub channels: Channels,
    /// Subtracted from the values of each channel, which are from 0 to 255.
    #[serde(deserialize_with = "exactly")]
    pub mean: [f32; 3],
    /// What each channel is divided by then.
    #[serde(deserialize_with = "exactly")]
    pub std: [f32; 3],
    /// Two faces nearer than this are one person: a Euclidean distance, after `normalise`.
    pub distance: f32,
    /// Whether embeddings are brought to length 1 before they are compared.
    #[serde(default = "yes")]
    pub normalise: bool,
    /// The name of the output; any value of the graph. Needed where there are several outputs.
    pub output: Option<String>,
}

/// A list of as many values as are wanted: arrays pass over what is too much.
fn exactly<'de, D, T, const N: usize>(deserializer: D) -> Result<[T; N], D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let values = Vec::<T>::deserialize(deserializer)?;
    let found = values.len();
    <[T; N]>::try_from(values)
        .map_err(|_| D::Error::custom(format!("{found} values where {N} are wanted")))
}

const fn yes() -> bool {
    true
}

/// The order of a chip's channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Channels {
    /// Red, green, blue.
    #[serde(rename = "RGB")]
    Rgb,
    /// Blue, green, red.
    #[serde(rename = "BGR")]
    Bgr,
}

impl Description {
    /// The file beside an ONNX file: of the same name, with the ending `toml`.
    pub(super) fn path_beside(onnx: &Path) -> PathBuf {
        onnx.with_extension("toml")
    }

    /// Reads the file beside an ONNX file.
    pub(super) fn read_beside(onnx: &Path) -> Result<Self, OnnxEmbedderError> {
        let path = Self::path_beside(onnx);
        if !path.is_file() {
            let onnx = onnx.to_owned();
            return Err(OnnxEmbedderError::NoDescription { onnx, path });
        }
        let unusable = |problem: String| OnnxEmbedderError::Description {
            path: path.clone(),
            problem,
        };
        let text = String::from_utf8(fs_err::read(&path)?)
            .map_err(|_| unusable("it is no UTF-8 text".to_owned()))?;
        let description: Self =
            toml::from_str(&text).map_err(|error| unusable(error.to_string()))?;
        description.check().map_err(unusable)?;
        Ok(description)
    }

    fn check(&self) -> Result<(), String> {
        let [width, height] = self.size;
        if !(SIDES.contains(&width) && SIDES.contains(&height)) {
            return Err(format!(
                "`size` is [{width}, {height}]: sides have 16 to 1024 pixels"
            ));
        }
        let numbers = self.mean.iter().chain(&self.std);
        if numbers.into_iter().any(|number| !number.is_finite())
            || self.std.iter().any(|number| *number <= 0.0)
        {
            return Err("`mean` and `std` have to be finite numbers, and `std` above 0".to_owned());
        }
        let farthest = if self.normalise { FARTHEST } else { f32::MAX };
        if !(self.distance > 0.0 && self.distance <= farthest) {
            return Err(format!(
                "`distance` is {}: it has to be above 0, and 2 at most between embeddings of length 1",
                self.distance
            ));
        }
        Ok(())
    }

    /// The chip that it takes.
    pub(super) const fn form(&self) -> ChipForm {
        let [width, height] = self.size;
        ChipForm {
            alignment: self.alignment,
            size: Size::new(width, height),
        }
    }

    /// All distances: those of SFace, as much larger as the distance of one person is.
    pub(super) fn distances(&self) -> Distances {
        sface_embedder::DISTANCES.with_same_person(self.distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "alignment = \"arcface\"\nsize = [112, 112]\nchannels = \"BGR\"\n\
        mean = [127.5, 127.5, 127.5]\nstd = [128, 128, 128]\ndistance = 1.2\n";

    fn read(text: &str) -> Result<Description, String> {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs_err::write(folder.path().join("a.toml"), text).expect("writes");
        Description::read_beside(&folder.path().join("a.onnx")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_description_is_complete_and_sane() {
        let description = read(TEXT).expect("reads");
        assert_eq!(description.channels, Channels::Bgr);
        assert!(description.normalise && description.output.is_none());
        assert_eq!(description.form().size, Size::new(112, 112));
        assert_eq!(description.distances().same_person, 1.2);
        for (from, to, named) in [
            ("arcface", "eyes", "eyes"),
            ("[112, 112]", "[112, 4]", "112, 4"),
            ("BGR", "bgr", "bgr"),
            ("128, 128, 128", "128, 0, 128", "std"),
            ("128, 128, 128", "128, nan, 128", "std"),
            ("128, 128, 128", "128, 128, 128, 128", "4 values"),
            ("[112, 112]", "[112, 112, 3]", "3 values"),
            ("1.2", "2.5", "2.5"),
            ("1.2", "0", "distance"),
            ("distance", "distanze", "distanze"),
            ("distance = 1.2", "", "distance"),
        ] {
            let error = read(&TEXT.replace(from, to)).expect_err("a fault");
            assert!(error.contains(named) && error.contains("a.toml"), "{error}");
        }
        let long = format!(
            "{}normalise = false\noutput = \"fc1\"\n",
            TEXT.replace("1.2", "9.5")
        );
        let description = read(&long).expect("reads");
        assert_eq!(
            (description.distance, description.output.as_deref()),
            (9.5, Some("fc1"))
        );
    }
}
