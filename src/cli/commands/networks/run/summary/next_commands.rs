//! Commands that go on from a finished run, ready to be pasted.

use std::path::PathBuf;

use super::Ended;
use crate::cli::options::shell::quoted_path;
use facepipe_core::types::Split;

/// Stands for a path that only the user knows.
const STRANGERS: &str = "STRANGERS";

/// The commands, each behind its purpose.
pub(super) fn of(ended: &Ended<'_>) -> Vec<[String; 2]> {
    let model = match ended.is_its_main_model {
        true => quoted_path(ended.project),
        false => quoted_path(ended.model),
    };
    let data_set = quoted_path(ended.data_set);
    let photo = a_photo(ended).map_or_else(|| "PHOTO".to_owned(), |photo| quoted_path(&photo));
    let side = match ended.side {
        Split::Test => String::new(),
        side => format!(" --split {side}"),
    };
    let weights = ended.weights();
    let command =
        |purpose: &str, words: String| [purpose.to_owned(), format!("facepipe {words}{weights}")];
    vec![
        command(
            "name the people on a photo",
            format!("predict {model} {photo}"),
        ),
        command(
            &format!(
                "measure what happens to strangers ({STRANGERS}: a folder with photos of other people)"
            ),
            format!("evaluate {model} --data {data_set}{side} --impostors {STRANGERS}"),
        ),
        command(
            "answer over HTTP, with a page to try it on",
            format!("serve {model}"),
        ),
    ]
}

/// A photo that the model was not trained on, if there is one.
fn a_photo(ended: &Ended<'_>) -> Option<PathBuf> {
    let side = format!("{}/", ended.side);
    let mut fates = ended.fates.iter();
    let unseen = fates.find(|fate| fate.faces.iter().any(|face| face.starts_with(&side)));
    let photo = unseen.or(ended.fates.iter().find(|fate| fate.kept))?;
    Some(ended.photos.join(&photo.photo))
}
