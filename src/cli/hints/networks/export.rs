//! Errors of `export`.

use crate::cli::hints::Advice;
use facepipe_export::ExportError;
use facepipe_nn::tensor_file::TensorFileError;

impl Advice for ExportError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Io(source) | Self::Tensors(TensorFileError::Io(source)) => {
                return source.next_step();
            }
            Self::Stage(source) => return source.next_step(),
            Self::Card(source) => return source.next_step(),
            Self::Model(source) => return source.next_step(),
            Self::Samples { .. } => "run the same `facepipe train` again with `--force`".to_owned(),
            Self::Differs { .. } | Self::CardDiffers { .. } | Self::Onnx { .. } => "files of an \
                earlier export are as they were; please report this with the model's \
                `config.toml`"
                .to_owned(),
            _ => return None,
        })
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}
