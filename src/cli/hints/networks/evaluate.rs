//! Errors of `evaluate`.

use crate::cli::hints::Advice;
use facepipe_evaluate::EvaluateError;

impl Advice for EvaluateError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Io(source) => return source.next_step(),
            Self::Stage(source) => return source.next_step(),
            Self::Data(source) => return source.next_step(),
            Self::Model(source) => return source.next_step(),
            Self::Card(source) => return source.next_step(),
            Self::Image(source) => return source.next_step(),
            Self::NoImages { .. } => "choose another side with `--split train`, `val` or `test`, \
                or give this one a larger share in `facepipe prepare`"
                .to_owned(),
            Self::UnknownLabel { .. } => {
                "give the data set that the model was trained on, or train on this one".to_owned()
            }
            Self::Detector(source) => return source.next_step(),
            Self::NoDetector(source) => return source.next_step(),
            Self::NoImpostorFolder(_) => "check the spelling of that path".to_owned(),
            Self::NoImpostors(_) | Self::NoImpostorFaces { .. } => {
                "give photos of people whom the model does not know, 100 faces or more".to_owned()
            }
            Self::KnownImpostor { folder, .. } => {
                format!("take `{}` out of the strangers", folder.display())
            }
            Self::Pairs { .. } | Self::PairValue { .. } | Self::NoPairs(_) => {
                "the list is a CSV file with the header `a,b,same` or `a,b,same,fold`: two photos, \
                 and 1 for one person or 0 for two"
                    .to_owned()
            }
            Self::Groups { .. } | Self::GroupOfPerson { .. } | Self::NoGroups(_) => {
                "the list is a CSV file with the header `person,group`: a label, or the name of a stranger's \
                    folder, and the group that the person belongs to"
                    .to_owned()
            }
            Self::NobodyOfGroups { .. } => "a person's name in the list has to be the label of the data set, \
                or the name of the folder of a stranger, letter by letter"
                .to_owned(),
            Self::MissingPhoto { .. } => "paths start from the list's folder; say with \
                `--pairs-root DIR` where else"
                .to_owned(),
            Self::OneSidedPairs(_) => "add pairs of the kind that is missing".to_owned(),
            Self::Interrupted(_) | Self::Picture(_) | Self::Table(_) => {
                return None;
            }
        })
    }

    fn is_interruption(&self) -> bool {
        match self {
            Self::Interrupted(_) => true,
            Self::Detector(source) => source.is_interruption(),
            _ => false,
        }
    }
}
