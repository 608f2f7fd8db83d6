//! Errors of networks, their weights and their devices.

use crate::cli::hints::Advice;
use facepipe_adapters::embedders::onnx::OnnxEmbedderError;
use facepipe_models::onnx::OnnxError;
use facepipe_nn::tensor_file::TensorFileError;
use facepipe_nn::{
    LoaderError, ModelError, NoCuda, PrecisionError, PthReadError, SFaceError, WeightsError,
};

impl Advice for NoCuda {
    fn next_step(&self) -> Option<String> {
        Some(match self.count {
            0 => "use `--device cpu`; for a GPU, run \
                `FACEPIPE_CUDA=1 ./scripts/setup.sh` and build again"
                .to_owned(),
            count => format!("use `cuda:0` to `cuda:{}`", count - 1),
        })
    }
}

impl Advice for PrecisionError {
    fn next_step(&self) -> Option<String> {
        Some("use `--precision auto`, or `bf16`, or give a GPU with `--device cuda`".to_owned())
    }
}

impl Advice for LoaderError {
    fn next_step(&self) -> Option<String> {
        Some("something changed the data set meanwhile; run the same command again".to_owned())
    }
}

impl Advice for WeightsError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Io(source)
            | Self::File(TensorFileError::Io(source))
            | Self::Pth(PthReadError::Io(source)) => return source.next_step(),
            Self::DefaultMissing { backbone, .. } => format!(
                "run `facepipe models pull {backbone}`, or start from random weights with \
                 `--weights none`"
            ),
            Self::Dlib(source) => return source.next_step(),
            Self::SFace(source) => return source.next_step(),
            Self::File(_) | Self::Pth(_) => "give a `.safetensors` file or a state dict \
                saved with `torch.save(model.state_dict(), \"file.pth\")`"
                .to_owned(),
            Self::Missing { .. } | Self::Unknown { .. } | Self::Shape { .. } => {
                "choose the `--backbone` that the weights belong to".to_owned()
            }
        })
    }
}

impl Advice for SFaceError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("run `facepipe models pull sface`".to_owned()),
            Self::Read(OnnxError::Io(source)) => source.next_step(),
            Self::Read(_) | Self::NotSFace { .. } => {
                Some("run `facepipe models verify`, then `facepipe models pull sface`".to_owned())
            }
            Self::Torch(_) => None,
        }
    }
}

impl Advice for OnnxEmbedderError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Io(source) | Self::Read(OnnxError::Io(source)) => return source.next_step(),
            Self::NoFile(_) | Self::Read(_) => "give an ONNX file of a network for faces".to_owned(),
            Self::NoDescription { .. } | Self::Description { .. } => "the description says what the network takes, \
                such as `alignment = \"arcface\"`, `size = [112, 112]`, `channels = \"RGB\"`, \
                `mean = [127.5, 127.5, 127.5]`, `std = [127.5, 127.5, 127.5]`, and the `distance` below which two faces are \
                one person, such as 1.13; see docs/embedders.md"
                .to_owned(),
            Self::Engine { .. } => "the network needs something that the engine (rten) does not have; try to export \
                it with another opset, without training nodes"
                .to_owned(),
            Self::NotAsDescribed { .. } => {
                "give the file of a network that makes embeddings of faces, and describe it as it is in the TOML file \
                 beside it"
                    .to_owned()
            }
        })
    }
}

impl Advice for ModelError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Card(source) => return source.next_step(),
            Self::Weights(source) if matches!(source, WeightsError::Io(_)) => {
                return source.next_step();
            }
            Self::Io(source) => return source.next_step(),
            Self::Weights(_) | Self::LabelMeans(_) | Self::Labels { .. } | Self::Differs { .. } => {
                "the model's files don't belong together: \
                train it again with `--force`"
                    .to_owned()
            }
            Self::NoScript { .. } | Self::NoCard { .. } => "give a model's folder, or a file that \
                `facepipe export` made of it"
                .to_owned(),
            Self::Preprocesses { .. } => "give `model.pt` or the model's folder".to_owned(),
            Self::NoFeatures => "give the folder that `facepipe train` made instead of an \
                exported file"
                .to_owned(),
            Self::Contradiction(_) => {
                "mend the card if you changed it; otherwise train the model again with `--force`"
                    .to_owned()
            }
            Self::NotKnown { .. } => "use the version of facepipe that made the model".to_owned(),
            Self::Torch(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use facepipe_nn::Backbone;

    #[test]
    fn devices_and_precisions_are_chosen_otherwise() {
        let none = NoCuda {
            number: 0,
            count: 0,
        };
        let step = none.next_step();
        assert!(step.is_some_and(|step| step.contains("--device cpu")));
        let two = NoCuda {
            number: 2,
            count: 2,
        };
        let step = two.next_step();
        assert!(step.is_some_and(|step| step.contains("`cuda:1`")));
        let step = PrecisionError.next_step();
        assert!(step.is_some_and(|step| step.contains("--precision")));
    }

    #[test]
    fn weights_are_fetched_or_saved_again() {
        let missing = WeightsError::DefaultMissing {
            backbone: Backbone::Resnet18,
            path: PathBuf::from("weights"),
        };
        let step = missing.next_step();
        assert!(step.is_some_and(|step| step.contains("models pull resnet18")));
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a.safetensors");
        fs_err::write(&path, "no tensors").expect("writes");
        let error = facepipe_nn::read_tensors(&path).expect_err("no tensors");
        let step = error.next_step();
        assert!(step.is_some_and(|step| step.contains("state_dict")));
    }
}
