//! Settings of a training.

use serde::{Serialize, Serializer};

use super::augment::Augmentation;
use super::schedule::Schedule;
use facepipe_core::artifacts::path_text::text_of_name;
use facepipe_core::types::{ChipForm, Head, InputSpec, Size};
use facepipe_nn::{Backbone, Precision, WeightsChoice};

/// Everything that decides the result of a training, but data and first weights themselves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// The network.
    pub backbone: Backbone,
    /// Where its first weights come from; on disk a file's name without its folder.
    #[serde(serialize_with = "weights_name")]
    pub weights: WeightsChoice,
    /// Side of the network's input in pixels.
    pub input_size: u32,
    /// Most epochs.
    pub epochs: u32,
    /// Whether that is the default for so many images: more of them, and with them another number, are no other
    /// settings.
    #[serde(skip)]
    pub epochs_follow_data: bool,
    /// In how many of these, the first, the trunk is frozen.
    pub freeze_epochs: u32,
    /// Share of each label that is spread over all labels, so that no answer has to be certain.
    pub label_smoothing: f64,
    /// How often such an epoch goes over the images: their features are computed once.
    pub frozen_passes: u32,
    /// How many views of each training image such an epoch has: as it is, mirrored, then changed by
    /// chance.
    pub frozen_views: u32,
    /// The head's highest learning rate in such an epoch.
    pub frozen_rate: f64,
    /// Images a step.
    pub batch: u32,
    /// The head's highest learning rate.
    pub learning_rate: f64,
    /// The trunk's learning rate as a share of the head's.
    pub trunk_rate: f64,
    /// The learning rate schedule.
    pub schedule: Schedule,
    /// Epochs without a lower loss on val after which the training ends; 0: never.
    pub patience: u32,
    /// Decay of weights (not of biases and normalisations) per step, times the learning rate.
    pub weight_decay: f64,
    /// Changes to the training images.
    pub augmentation: Augmentation,
    /// The seed of everything random.
    #[serde(serialize_with = "seed_for_toml")]
    pub seed: u64,
    /// How logits are made of features.
    pub head: Head,
    /// The factor of a cosine head's cosines.
    pub cosine_scale: f64,
    /// By how much the right label's cosine must be larger than the others' while a cosine head learns.
    pub cosine_margin: f64,
    /// The alpha of mixup: the larger, the more evenly images are mixed; 0: they are not.
    pub mixup: f64,
    /// The power by which a label's share of an epoch falls with the number of its images: at 0 each
    /// image comes once, at 1 each label equally often.
    pub balance: f64,
    /// The numbers in which the trunk calculates while it learns.
    pub precision: Precision,
    /// Batches whose mean gradient makes one step, once the trunk moves.
    pub accumulate: u32,
    /// The largest norm of a step's gradients; larger ones are scaled down to it.
    #[serde(serialize_with = "or_off")]
    pub clip: Option<f64>,
    /// The decay of the mean of weights that is judged and kept in place of the weights themselves.
    #[serde(serialize_with = "or_off")]
    pub ema: Option<f64>,
}

/// Training images from which on all layers learn by default, where the trunk was trained on faces.
/// Measured with the default network, three to five seeds each: of 36 to 60 training images (three and
/// five a label) it names up to three more test images wrong in all after all layers learned than before,
/// of 72 to 290 as many or up to three more, and of 960 (79 labels) fewer: 660 of 663 right and not 656.
/// It takes five times as long.
const IMAGES_TO_MOVE_A_FACE_TRUNK: usize = 500;

impl Settings {
    /// The network where none is named: it knows faces already. Over the data sets of
    /// docs/benchmarks.md it names most test images right.
    pub const BACKBONE: Backbone = Backbone::Sface;

    /// The same for a data set with this many training images: where a trunk that was trained on faces
    /// would lose by few of them, or win nothing, the training ends before it moves.
    #[must_use]
    pub fn for_data(self, train_images: usize) -> Self {
        let knows_faces = self.weights != WeightsChoice::None && self.backbone.knows_faces();
        let is_small = train_images < IMAGES_TO_MOVE_A_FACE_TRUNK;
        // Learnt from 960 images of 79 labels, SFace's last layer alone names as many right as all layers do (442 of
        // 442), in a fifth of the time.
        let stays = is_small || self.backbone == Backbone::Sface;
        Self {
            epochs: if knows_faces && stays {
                self.freeze_epochs
            } else {
                self.epochs
            },
            ..self
        }
    }

    /// The defaults. From weights of others the trunk is
    /// first frozen and then moves slowly; from random ones everything moves, and for longer. A trunk
    /// that was trained on faces moves a tenth as fast as one of ImageNet: at more it loses what it
    /// knows, and five labels of 15 photos each fall from 100 % right to 43 %. Its labels come equally
    /// often: where half of twelve people have two training images and the others twenty-four, that
    /// names 192 of 201 test images right and not 180.
    #[must_use]
    pub fn defaults(backbone: Backbone, weights: WeightsChoice, seed: u64) -> Self {
        let pretrained = weights != WeightsChoice::None;
        let knows_faces = pretrained && backbone.knows_faces();
        let is_sface = pretrained && backbone == Backbone::Sface;
        Self {
            backbone,
            weights,
            input_size: backbone.default_input_side(),
            epochs: match (pretrained, knows_faces) {
                (_, true) => 10,
                (true, false) => 20,
                (false, false) => 40,
            },
            epochs_follow_data: true,
            freeze_epochs: if pretrained { 3 } else { 0 },
            label_smoothing: if pretrained { 0.1 } else { 0.0 },
            frozen_passes: 10,
            // A mirrored face is nearly the same to SFace: a second view wins nothing.
            frozen_views: if is_sface { 1 } else { 2 },
            frozen_rate: 1e-2,
            batch: 32,
            learning_rate: if knows_faces { 1e-4 } else { 1e-3 },
            trunk_rate: if pretrained { 0.1 } else { 1.0 },
            schedule: Schedule::Cosine,
            patience: 10,
            weight_decay: 0.05,
            augmentation: Augmentation::light(),
            seed,
            // SFace was trained for the angles of its features: with a linear head 7 of 335 test images of
            // twelve people are named wrong, and none with this one.
            head: if is_sface { Head::Cosine } else { Head::Linear },
            cosine_scale: 32.0,
            cosine_margin: 0.1,
            mixup: 0.0,
            balance: if knows_faces { 1.0 } else { 0.0 },
            precision: Precision::F32,
            accumulate: 1,
            clip: None,
            ema: None,
        }
    }

    /// The form of the network's input.
    #[must_use]
    pub fn input(&self) -> InputSpec {
        self.backbone
            .input(Size::new(self.input_size, self.input_size))
    }

    /// The chip that the network takes.
    #[must_use]
    pub fn chip_form(&self) -> ChipForm {
        ChipForm {
            alignment: self.backbone.alignment(),
            size: self.input().size,
        }
    }

    /// Whether the trunk is frozen in an epoch, counted from 1.
    #[must_use]
    pub const fn trunk_is_frozen(&self, epoch: u32) -> bool {
        epoch <= self.freeze_epochs
    }
}

/// A file by its name only: its folder belongs to this machine, its content is among the inputs.
fn weights_name<S: Serializer>(choice: &WeightsChoice, serializer: S) -> Result<S::Ok, S::Error> {
    match choice {
        WeightsChoice::None => serializer.serialize_str("none"),
        WeightsChoice::Default => serializer.serialize_str("default"),
        WeightsChoice::File(path) => serializer.serialize_str(&text_of_name(path)),
    }
}

/// TOML has no word for nothing.
#[expect(clippy::ref_option, reason = "serde's form")]
fn or_off<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.serialize_f64(*value),
        None => serializer.serialize_str("off"),
    }
}

/// TOML's integers have 63 bits; a larger seed becomes text.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn seed_for_toml<S: Serializer>(seed: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    match i64::try_from(*seed) {
        Ok(seed) => serializer.serialize_i64(seed),
        Err(_) => serializer.serialize_str(&seed.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_faces_keep_a_trunk_that_knows_faces_frozen() {
        let epochs = |backbone, weights, images| {
            let settings = Settings::defaults(backbone, weights, 0).for_data(images);
            (settings.freeze_epochs, settings.epochs)
        };
        let face = Backbone::DlibResnet29;
        assert_eq!(epochs(face, WeightsChoice::Default, 499), (3, 3));
        assert_eq!(epochs(face, WeightsChoice::Default, 500), (3, 10));
        assert_eq!(epochs(face, WeightsChoice::None, 499), (0, 40));
        assert_eq!(
            epochs(Backbone::Sface, WeightsChoice::Default, 5000),
            (3, 3)
        );
        assert_eq!(
            epochs(Backbone::Resnet18, WeightsChoice::Default, 499),
            (3, 20)
        );
    }

    #[test]
    fn settings_are_toml_without_folders_for_any_seed() {
        for (seed, line) in [
            (7, "seed = 7"),
            (u64::MAX, "seed = \"18446744073709551615\""),
        ] {
            let weights = WeightsChoice::File("/home/user/face.pth".into());
            let settings = Settings::defaults(Backbone::Resnet18, weights, seed);
            let text = toml::to_string(&settings).expect("serializes");
            assert!(text.contains("weights = \"face.pth\"\n"), "{text}");
            assert!(text.contains(line), "{text}");
        }
    }
}
