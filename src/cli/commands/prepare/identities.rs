//! Options of `prepare` and `run` about whose faces the labels' are.

use std::path::Path;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::switch::Switch;
use crate::cli::wiring;
use crate::cli::wiring::embedders::EmbedderOptions;
use facepipe_core::artifacts::image_folder::REPORT_FOLDER;
use facepipe_core::artifacts::jsonl;
use facepipe_core::artifacts::stage::{self, DISCARDED_FILE};
use facepipe_core::context::Context;
use facepipe_core::types::{Discarded, Reason, Stage};
use facepipe_core::words::counted;
use facepipe_faces::embed_images::ImageEmbedder;
use facepipe_prepare::{Decision, IDENTITIES_FILE, IdentityRecord, PrepareReport, Restored};

/// Faces that look like somebody else's that are named in the result.
const NAMED_FACES: usize = 3;

/// Whether faces that are not the person of their label are left out, and which are not.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Identities")]
pub(crate) struct IdentityOptions {
    /// Compare faces by their embeddings, too, to find one photo in other crops; `auto` does so for
    /// crops in a build with libtorch (looking for the faces of whole photos takes long)
    #[arg(
        long,
        value_enum,
        value_name = "on|off|auto",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(crate) embeddings: Switch,
    #[command(flatten)]
    pub(crate) embedder: EmbedderOptions,
    /// Leave out faces that are not the person of their label, judged by their
    /// embeddings, which it needs; `auto` does so for what `run` has downloaded
    #[arg(
        long,
        value_enum,
        value_name = "on|off|auto",
        num_args = 0..=1,
        require_equals = true,
        default_value = "auto",
        default_missing_value = "on",
        hide_possible_values = true
    )]
    pub(crate) clean_identities: Switch,
    /// Restore an image that was left out for its face, by its photo or its name in discarded.jsonl;
    /// can be given several times, and is remembered in OUT/restored.txt
    #[arg(long, value_name = "LABEL/FILE")]
    pub(crate) restore: Vec<String>,
}

impl IdentityOptions {
    /// Whether labels are cleaned.
    pub(crate) fn is_on(&self) -> bool {
        self.clean_identities == Switch::On
    }

    /// The embedder that compares the faces, where that is requested or, with `auto`, possible.
    pub(crate) fn image_embedder(
        &self,
        input: &Path,
        globals: &Globals,
        context: &Context,
    ) -> Result<Option<ImageEmbedder>, Failure> {
        match (self.embeddings, self.is_on()) {
            (Switch::Off, true) => Err(Failure::Usage {
                message: "--clean-identities compares faces, which --embeddings off turns off"
                    .to_owned(),
                hint: "leave one of both out".to_owned(),
            }),
            (Switch::Off, false) => Ok(None),
            (Switch::On, _) | (Switch::Auto, true) => {
                wiring::networks::image_embedder(&self.embedder.embedder, globals, context)
                    .map(Some)
            }
            (Switch::Auto, false) if !facepipe_prepare::knows_faces(input) => Ok(None),
            (Switch::Auto, false) if !wiring::networks::PRESENT => {
                context.progress.note(
                    "duplicates are found by pictures, not by faces: this facepipe was built without \
                     libtorch",
                );
                Ok(None)
            }
            (Switch::Auto, false) => {
                wiring::networks::image_embedder(&self.embedder.embedder, globals, context)
                    .map(Some)
            }
        }
    }

    /// Records which images are restored.
    pub(crate) fn remember_restored(&self, input: &Path, out: &Path) -> Result<(), Failure> {
        if self.restore.is_empty() {
            return Ok(());
        }
        let refused = |message: String, hint: &str| Failure::Usage {
            message,
            hint: hint.to_owned(),
        };
        if !self.is_on() {
            return Err(refused(
                "--restore applies to images that --clean-identities left out, and it is not given"
                    .to_owned(),
                "add `--clean-identities`",
            ));
        }
        let stamp = stage::read_stamp(out)?;
        if stamp.is_none_or(|stamp| !stamp.is_of(Stage::Prepare)) {
            return Err(refused(
                format!(
                    "nothing was left out yet: `{}` is no data set",
                    out.display()
                ),
                "run the command without `--restore` first",
            ));
        }
        let discarded = out.join(DISCARDED_FILE);
        let discarded = if discarded.exists() {
            jsonl::read::<Discarded>(&discarded)?
        } else {
            Vec::new()
        };
        let judged = out.join(IDENTITIES_FILE);
        let judged = if judged.exists() {
            jsonl::read::<IdentityRecord>(&judged)?
        } else {
            Vec::new()
        };
        let mut items = Vec::new();
        for name in &self.restore {
            let item = relative(name, input);
            let of_photo = of_photo(&item, &judged);
            if !of_photo.is_empty() {
                items.extend(of_photo);
                continue;
            }
            if !input.join(&item).is_file() {
                return Err(refused(
                    format!("there is no image `{item}` in `{}`", input.display()),
                    "give the photo, or the name from the field `item` in discarded.jsonl: LABEL/FILE",
                ));
            }
            let other = discarded.iter().find(|image| {
                let by_face = [Reason::Stranger, Reason::NearerToOtherLabel];
                image.item == item && !by_face.contains(&image.reason)
            });
            if let Some(image) = other {
                return Err(refused(
                    format!(
                        "`{item}` was left out for another reason: {}",
                        image.message
                    ),
                    "only images that were left out for their face can be restored with `--restore`",
                ));
            }
            items.push(item);
        }
        Ok(Restored::add(out, &items)?)
    }
}

/// The faces of a photo that were left out for what they look like, or are restored already.
fn of_photo(photo: &str, judged: &[IdentityRecord]) -> Vec<String> {
    let is_of_it = |record: &&IdentityRecord| {
        let is_kept = matches!(record.decision, Decision::Kept | Decision::Doubtful);
        record.photo.as_deref() == Some(photo) && !is_kept
    };
    let faces = judged.iter().filter(is_of_it);
    faces.map(|record| record.item.clone()).collect()
}

/// A name as it is in the lists: below the input folder, with `/`.
fn relative(name: &str, input: &Path) -> String {
    let name = name.replace('\\', "/");
    let below = Path::new(&name).strip_prefix(input).ok();
    let name = below.map_or(name.clone(), |below| below.to_string_lossy().into_owned());
    name.trim_start_matches("./").to_owned()
}

/// The result, as a line of text.
pub(crate) fn lines(report: &PrepareReport) -> Option<String> {
    if let [worst, ..] = report.look_like_others.as_slice() {
        let others = report.look_like_others.iter().take(NAMED_FACES);
        let names: Vec<String> = others
            .map(|face| format!("`{}`", face.shown_name()))
            .collect();
        return Some(format!(
            "{} of {} {} like somebody else's: {}{} ({}); `--clean-identities` sets such aside",
            report.look_like_others.len(),
            counted(report.images.kept, "face"),
            if report.look_like_others.len() == 1 {
                "looks"
            } else {
                "look"
            },
            names.join(", "),
            if report.look_like_others.len() > names.len() {
                " …"
            } else {
                ""
            },
            worst.message
        ));
    }
    let labels = report.identities.as_ref()?;
    let count = |wanted: &[Decision]| -> u64 {
        let counts = labels.values().flat_map(|label| &label.decisions);
        counts
            .filter(|(decision, _)| wanted.contains(decision))
            .map(|(_, count)| count)
            .sum()
    };
    Some(format!(
        "{} set aside as another person's, {} doubtful kept, {} restored; look at `{}`, and restore \
         others with `--restore LABEL/FILE`",
        counted(
            count(&[Decision::Stranger, Decision::NearerToOtherLabel]),
            "face"
        ),
        count(&[Decision::Doubtful]),
        count(&[Decision::Restored]),
        report.out.join(REPORT_FOLDER).display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_listed_or_as_paths() {
        for name in [
            "ada/1.png",
            "./ada/1.png",
            "data/crops/ada/1.png",
            "ada\\1.png",
        ] {
            assert_eq!(relative(name, Path::new("data/crops")), "ada/1.png");
        }
    }
}
