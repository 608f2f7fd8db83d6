//! What the drawn networks of these tests have in common.

use std::sync::LazyLock;

use facepipe_core::types::{Alignment, ChipForm, Distances, EmbedderModel, Size};

/// How many numbers an embedding has.
pub(super) const DRAWN_LENGTH: usize = 128;

/// The chip that they take.
pub(super) const DRAWN_FORM: ChipForm = ChipForm {
    alignment: Alignment::Dlib,
    size: Size::new(150, 150),
};

/// Their name, and what their distances mean: the same as those of dlib's.
pub(super) fn drawn_model() -> &'static EmbedderModel {
    static MODEL: LazyLock<EmbedderModel> = LazyLock::new(|| EmbedderModel {
        name: "drawn".to_owned(),
        files: Vec::new(),
        length: DRAWN_LENGTH,
        distances: Distances {
            same_person: 0.6,
            spread: 0.30,
            neighbour: 0.5,
            doubtful_zone: 0.07,
            clearly_nearer: 0.05,
            same_identity: 0.28,
            two_people: 0.36,
            one_photo: 0.35,
            alike: 0.2,
        },
    });
    &MODEL
}
