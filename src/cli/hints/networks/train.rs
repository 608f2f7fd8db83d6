//! Errors of `train`.

use crate::cli::hints::Advice;
use facepipe_nn::tensor_file::TensorFileError;
use facepipe_train::TrainError;

impl Advice for TrainError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Io(source)
            | Self::Checkpoint(TensorFileError::Io(source))
            | Self::Keep {
                source: TensorFileError::Io(source),
                ..
            } => return source.next_step(),
            Self::Stage(source) => return source.next_step(),
            Self::Data(source) => return source.next_step(),
            Self::Weights(source) => return source.next_step(),
            Self::Model(source) => return source.next_step(),
            Self::Image(source) => return source.next_step(),
            Self::TooFewLabels { .. } => "add photos of another person in a folder of their own, then \
                run `facepipe run` (or `crop`, `prepare` and `train`) again"
                .to_owned(),
            Self::TooFewImages { split, .. } => format!(
                "add photos, or give {split} a larger share: `facepipe prepare CROPS --out DATA \
                 --{split} SHARE --force`"
            ),
            Self::NotFinite { .. } | Self::WeightsNotFinite { .. } => {
                "the earlier checkpoint is kept in `checkpoints`; start again with a lower `--lr` (a \
                 tenth, say) and `--force`, or with `--clip 1`"
                    .to_owned()
            }
            Self::OutOfMemory { batch, fits, .. } => match fits {
                Some(fits) => format!(
                    "{fits} fit: use `--batch {fits} --accumulate {}`, which learns from as many images \
                     a step, or a smaller `--input-size`",
                    batch.div_ceil(*fits)
                ),
                None => "not even one fits: use a smaller `--input-size` or `--backbone`".to_owned(),
            },
            Self::OtherLabels { .. } => {
                "leave out `--resume` to train with these labels".to_owned()
            }
            Self::Torch(_) => "run `facepipe doctor`, which checks libtorch".to_owned(),
            Self::Keep { .. } | Self::Checkpoint(_) | Self::DamagedCheckpoint { .. } => {
                "start the training again with `--force`".to_owned()
            }
            Self::NothingToResume(_) => "leave `--resume` out to start a training".to_owned(),
            Self::Interrupted(_) | Self::Config(_) => return None,
        })
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}
