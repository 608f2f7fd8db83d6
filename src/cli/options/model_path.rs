//! The model that a path of the command line means: a model's folder or file, or a project with models.

use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::cli::options::project_file::ProjectFile;
use crate::cli::options::shell::quoted_path;
use facepipe_core::artifacts::model_folder::CARD_FILE;
use facepipe_core::artifacts::path_text::text_of_name;
use facepipe_core::artifacts::stage;
use facepipe_core::context::Context;

/// Where a project has its models.
const MODELS: &str = "models";
/// Extensions of exported files that only other programs open.
const FOR_OTHERS: [&str; 3] = ["onnx", "pth", "safetensors"];
/// Where a project has its crops.
pub(crate) const CROPS: &str = "data/crops";
/// Where a project has its data set.
pub(crate) const DATA_SET: &str = "data/final";

/// The model's folder: of a project its only one or, of several, the one that has the project's name.
///
/// Anything else is left as it is, for its reader to report.
pub(crate) fn resolved(given: &Path, context: &Context) -> Result<PathBuf, Failure> {
    if given.join(CARD_FILE).exists() {
        return Ok(given.to_owned());
    }
    let extension = given.extension().and_then(std::ffi::OsStr::to_str);
    if given.is_file() && extension.is_some_and(|one| FOR_OTHERS.contains(&one)) {
        return Err(Failure::Usage {
            message: format!("`{}` is a file for other programs", given.display()),
            hint: "give the model's folder, or its TorchScript file (model.pt)".to_owned(),
        });
    }
    let models = models_of(given)?;
    let project = std::path::absolute(given)?;
    let of_its_name = given
        .join(MODELS)
        .join(project.file_name().unwrap_or_default());
    let model = match models.as_slice() {
        [] => return Ok(given.to_owned()),
        [only] => only,
        several => match several.iter().find(|model| **model == of_its_name) {
            Some(model) => model,
            None => return Err(ambiguous(given, several)),
        },
    };
    (context.progress).note(&format!("the project's model: `{}`", model.display()));
    if is_behind(given)? {
        context.progress.note(&format!(
            "the project was changed since: `facepipe run {}` brings the model up to date",
            quoted_path(given)
        ));
    }
    Ok(model.clone())
}

/// Whether people or photos of a project were changed since its last run.
fn is_behind(project: &Path) -> Result<bool, Failure> {
    let Some(file) = ProjectFile::read(project)? else {
        return Ok(false);
    };
    let now = file.selection()?.digest();
    let stamp = stage::read_stamp(&project.join(CROPS))?;
    let then = stamp.map(|stamp| stamp.inputs.get("selection").cloned());
    let then = then.map(|digest| digest.and_then(|one| one.as_str().map(str::to_owned)));
    Ok(then.is_some_and(|then| then != now))
}

/// The data set of the project that a model's folder is in.
pub(crate) fn data_of(model: &Path) -> Result<PathBuf, Failure> {
    let whole = std::path::absolute(model)?;
    let project = whole.parent().and_then(Path::parent);
    let data = project.map(|project| project.join(DATA_SET));
    data.filter(|data| data.is_dir())
        .ok_or_else(|| Failure::Usage {
            message: format!("`{}` is in no project with a data set", model.display()),
            hint: "name the data set with `--data DIR`".to_owned(),
        })
}

/// The folders of models of a project, by name.
fn models_of(project: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = project.join(MODELS);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut models = Vec::new();
    for entry in fs_err::read_dir(&folder)? {
        let path = entry?.path();
        if path.join(CARD_FILE).is_file() {
            models.push(path);
        }
    }
    models.sort();
    Ok(models)
}

fn ambiguous(project: &Path, models: &[PathBuf]) -> Failure {
    let names: Vec<String> = models
        .iter()
        .map(|model| format!("`{}`", text_of_name(model)))
        .collect();
    let first = models.first().map(|model| model.display().to_string());
    Failure::Usage {
        message: format!(
            "`{}` has several models, and none has its name: {}",
            project.display(),
            names.join(", ")
        ),
        hint: format!("give one of them, such as `{}`", first.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroUsize;
    use std::sync::Arc;

    use facepipe_core::context::Interrupt;
    use facepipe_core::ports::SilentProgress;

    fn context() -> Context {
        Context {
            progress: Arc::new(SilentProgress),
            interrupt: Interrupt::default(),
            threads: NonZeroUsize::MIN,
            seed: 0,
            remake: facepipe_core::context::Remake::default(),
        }
    }

    fn project(models: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temporary folder");
        for name in models {
            let model = root.path().join("friends/models").join(name);
            fs_err::create_dir_all(&model).expect("makes");
            fs_err::write(model.join(CARD_FILE), "{}").expect("writes");
        }
        // One without a card, whose training did not end.
        let unfinished = root.path().join("friends/models/unfinished");
        fs_err::create_dir_all(unfinished).expect("makes");
        root
    }

    fn found(root: &Path, given: &str) -> Result<String, String> {
        match resolved(&root.join(given), &context()) {
            Ok(path) => {
                let below = path.strip_prefix(root).expect("below the root");
                Ok(below.to_string_lossy().into_owned())
            }
            Err(Failure::Usage { message, .. }) => Err(message),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_project_stands_for_its_model() {
        let one = project(&["old"]);
        assert_eq!(
            found(one.path(), "friends"),
            Ok("friends/models/old".into())
        );
        assert_eq!(
            found(one.path(), "friends/"),
            Ok("friends/models/old".into())
        );
        let several = project(&["old", "friends", "new"]);
        assert_eq!(
            found(several.path(), "friends"),
            Ok("friends/models/friends".into())
        );
        let unclear = project(&["old", "new"]);
        let message = found(unclear.path(), "friends").expect_err("is unclear");
        assert!(
            message.ends_with("none has its name: `new`, `old`"),
            "{message}"
        );
    }

    #[test]
    fn models_files_and_what_is_neither_are_left_as_they_are() {
        let one = project(&["old"]);
        for given in [
            "friends/models/old",
            "friends/models/old/model.pt",
            "nowhere",
            "",
        ] {
            let kept = found(one.path(), given).map(|path| path.trim_end_matches('/').to_owned());
            assert_eq!(kept, Ok(given.to_owned()));
        }
        let none = project(&[]);
        assert_eq!(found(none.path(), "friends"), Ok("friends".into()));
    }
}
