//! What a model file is for, where a run with the usual options does without it.

use crate::cli::wiring::networks;

/// What uses a file that only some options need; `None`: nearly everything does.
pub(super) fn only_for(name: &str) -> Option<&'static str> {
    let in_general = match name {
        "seeta" if networks::PRESENT => "only `--detector seeta` needs it",
        "mtcnn-pnet" | "mtcnn-rnet" => "only `--detector mtcnn` and `mtcnn-thorough` need it",
        "yunet-n" => "only `--detector yunet-n` needs it",
        "dlib-mmod" => "only `--detector mmod` needs it",
        "dlib-resnet29" => "only `--embedder dlib` and `--backbone dlib-resnet29` need it",
        "resnet18" => "only `--backbone resnet18` needs it",
        "resnet34" => "only `--backbone resnet34` needs it",
        "resnet50" => "only `--backbone resnet50` needs it",
        "orl" => "only the demo needs it",
        // These of the usual options are networks.
        "yunet" | "mtcnn-onet" | "sface" if !networks::PRESENT => {
            "only a build with libtorch needs it"
        }
        _ => return None,
    };
    Some(in_general)
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_models::files::Registry;

    #[test]
    fn what_is_not_required_is_for_something() {
        let registry = Registry::embedded().expect("reads");
        for entry in registry.entries {
            assert!(
                entry.required || only_for(&entry.name).is_some(),
                "{}",
                entry.name
            );
        }
    }
}
