//! The end of a training: the card, sample images, the report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::error::TrainError;
use super::fit::Fitted;
use super::frozen::FrozenFeatures;
use super::progress::{Best, Progress};
use super::strangers::{self, Known};
use super::{Training, alike_labels};
use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::model_folder::{self, CARD_FILE, SAMPLES_FILE, SAMPLES_TENSOR};
use facepipe_core::artifacts::path_text::text_of_name;
use facepipe_core::artifacts::stage::{OpenStage, REPORT_FILE, made_by};
use facepipe_core::types::{BoundBasis, DataCard, ModelCard, Split, TrainingCard, WeightsCard};
use facepipe_core::words::counted;
use facepipe_imaging::data_set::Example;
use facepipe_models::calibration::{Answers, choose_temperature};
use facepipe_nn::{
    LabelMeans, Loader, LoaderError, ModelError, WeightsChoice, open_network, reference_of,
    tensor_file,
};

/// How many images of the data set are kept to check exported files with.
const SAMPLES: usize = 50;

/// The result of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The model's folder, as it was given.
    #[serde(with = "facepipe_core::artifacts::path_text::as_text")]
    pub model: PathBuf,
    /// The network.
    pub backbone: String,
    /// Class names.
    pub labels: Vec<String>,
    /// Images used, by side.
    pub images: BTreeMap<String, u64>,
    /// Images left out because they can't be read.
    pub unreadable: u64,
    /// Epochs run.
    pub epochs: u32,
    /// The epoch whose weights the model has.
    pub best: Best,
    /// Time that the last call of the stage took, in seconds.
    pub seconds: f64,
}

/// The report of an earlier, complete training.
pub(super) fn report_of_before(model: &Path) -> Result<Report, TrainError> {
    let path = model.join(REPORT_FILE);
    let bytes = fs_err::read(&path)?;
    let report: Report = serde_json::from_slice(&bytes).map_err(std::io::Error::from)?;
    Ok(Report {
        model: model.to_owned(),
        ..report
    })
}

impl Training<'_> {
    /// Writes the remaining files, the stamp last.
    pub(super) fn finish(
        &self,
        folder: OpenStage,
        fitted: &Fitted,
        started: Instant,
    ) -> Result<Report, TrainError> {
        let progress = &fitted.progress;
        let best = progress.best.ok_or_else(|| TrainError::DamagedCheckpoint {
            path: folder.path(model_folder::LAST_FILE),
            what: "it has no best epoch".to_owned(),
        })?;
        self.write_samples(&folder.path(SAMPLES_FILE))?;
        let mut card = self.card(progress, best);
        self.look_again(&folder.root, &mut card, best, fitted.frozen.as_ref())?;
        let network = open_network(&folder.root, &card, tch::Device::Cpu)?;
        card.reference = Some(reference_of(&card.input, |images| {
            Ok(network.forward(images))
        })?);
        self.tell_of_measured_bound(&folder.root);
        model_folder::write_card(&folder.root, &card)?;
        let images = self.images();
        let unreadable = self.sides.iter().map(|side| side.discarded.len() as u64);
        let report = Report {
            model: self.places.out.to_owned(),
            backbone: self.settings.backbone.to_string(),
            labels: self.data.labels.clone(),
            unreadable: unreadable.sum(),
            epochs: progress.epoch,
            best,
            seconds: started.elapsed().as_secs_f64(),
            images: images.clone(),
        };
        atomic::write_json(&folder.path(REPORT_FILE), &report)?;
        let mut counts = images;
        counts.insert("unreadable".to_owned(), report.unreadable);
        counts.insert("epochs".to_owned(), u64::from(report.epochs));
        folder.finish(counts)?;
        Ok(report)
    }

    /// Says that a bound which was measured on strangers is that of the model of before.
    fn tell_of_measured_bound(&self, model: &Path) {
        let before = fs_err::read(model.join(CARD_FILE)).ok();
        let before = before.and_then(|bytes| serde_json::from_slice::<ModelCard>(&bytes).ok());
        let Some(unknown) = before.and_then(|card| card.unknown) else {
            return;
        };
        if unknown.impostors > 0 && unknown.found_by == BoundBasis::Strangers {
            self.context.progress.note(&format!(
                "the bound for strangers was measured with {} for the model of before: this one has an estimate, until it is \
                 evaluated with photos of strangers again",
                counted(unknown.impostors, "face")
            ));
        }
    }

    fn images(&self) -> BTreeMap<String, u64> {
        let count = |(split, side): (Split, &facepipe_imaging::data_set::Checked)| {
            (split.to_string(), side.usable.len() as u64)
        };
        Split::ALL.into_iter().zip(&self.sides).map(count).collect()
    }

    fn card(&self, progress: &Progress, best: Best) -> ModelCard {
        let settings = self.settings;
        let (origin, license) = match &settings.weights {
            WeightsChoice::None => ("none".to_owned(), None),
            WeightsChoice::Default => (
                settings.backbone.default_weights_file().to_owned(),
                Some(settings.backbone.default_weights_license().to_owned()),
            ),
            WeightsChoice::File(path) => (text_of_name(path).into_owned(), None),
        };
        let digests = Split::ALL
            .into_iter()
            .zip(&self.sides)
            .map(|(split, side)| (split.to_string(), side.digest.clone()));
        let val = [("loss", best.val_loss), ("top1", best.val_accuracy)];
        ModelCard {
            format_version: ModelCard::FORMAT_VERSION,
            made_by: made_by(),
            name: name_of(self.places.out),
            architecture: settings.backbone.to_string(),
            input: settings.input(),
            chip: self
                .data
                .chip
                .aligned_as(self.settings.backbone.alignment()),
            labels: self.data.labels.clone(),
            weights: WeightsCard {
                origin,
                sha256: self.inputs.weights_sha256.clone(),
                license,
            },
            training: TrainingCard {
                epochs: progress.epoch,
                best_epoch: best.epoch,
                best_val_loss: best.val_loss,
                seed: settings.seed,
                precision: Some(settings.precision.to_string()),
            },
            data: DataCard {
                digests: digests.collect(),
                images: self.images(),
            },
            metrics: BTreeMap::from([(
                Split::Val.to_string(),
                val.map(|(name, value)| (name.to_owned(), value)).into(),
            )]),
            output: ModelCard::LOGITS.to_owned(),
            temperature: 1.0,
            calibrated: None,
            similarities: false,
            label_means: None,
            unknown: None,
            head: settings.head,
            reference: None,
            exports: BTreeMap::new(),
        }
    }

    /// Completes the card by what the best weights say of the images of train and val: the means of the labels'
    /// features, which are written, the bound for strangers, and the temperature for the answers on val.
    fn look_again(
        &self,
        model: &Path,
        card: &mut ModelCard,
        best: Best,
        frozen: Option<&FrozenFeatures>,
    ) -> Result<(), TrainError> {
        let network = open_network(model, card, self.places.device)?;
        let [train, val] = self.final_features(&network, frozen)?;
        let logits = tch::no_grad(|| network.classify(&val.features));
        let logits = Vec::<Vec<f32>>::try_from(logits.to_device(tch::Device::Cpu));
        let truths: Vec<usize> = self.sides[1].usable.iter().map(|one| one.label).collect();
        let chosen = choose_temperature(Answers {
            logits: &logits.map_err(ModelError::from)?,
            truths: &truths,
        });
        card.temperature = chosen.temperature;
        card.calibrated = Some(chosen.calibrated);
        let means = LabelMeans::of(
            &Tensor::cat(&[&train.features, &val.features], 0),
            &Tensor::cat(&[&train.labels, &val.labels], 0),
            card.labels.len(),
        );
        let known = Known {
            network: match self.settings.weights {
                WeightsChoice::Default => self.settings.backbone.other_people(),
                WeightsChoice::None | WeightsChoice::File(_) => None,
            },
            learnt: !self.settings.trunk_is_frozen(best.epoch),
        };
        if let (false, Some(least)) = (known.learnt, self.settings.backbone.one_person())
            && self.settings.weights == WeightsChoice::Default
        {
            alike_labels::tell(&card.labels, &means, least, self.context);
        }
        card.unknown = strangers::bound(&train, &val, &means, card.labels.len(), &known);
        card.label_means = Some(means.write(model)?);
        card.similarities = true;
        Ok(())
    }

    /// Keeps some preprocessed images: of test, and where it has too few of val and of train too.
    fn write_samples(&self, path: &Path) -> Result<(), TrainError> {
        let [train, val, test] = &self.sides;
        let mut chosen: Vec<Example> = Vec::new();
        for side in [test, val, train] {
            let count = side.usable.len();
            let wanted = (SAMPLES - chosen.len()).min(count);
            let evenly = (0..wanted).map(|index| side.usable[index * count / wanted].clone());
            chosen.extend(evenly);
        }
        let loader = Loader {
            input: &self.settings.input(),
            alignment: self.settings.backbone.alignment(),
            threads: self.context.threads,
            device: tch::Device::Cpu,
        };
        let mut samples = BTreeMap::new();
        let all = [(0..chosen.len()).collect()];
        loader.each(
            &chosen,
            &all,
            |_, image| image,
            |batch| {
                samples.insert(SAMPLES_TENSOR.to_owned(), batch.images);
                Ok::<(), LoaderError>(())
            },
        )?;
        Ok(tensor_file::write(path, &samples, None)?)
    }
}

/// The model's name: its folder's.
fn name_of(model: &Path) -> String {
    let whole = fs_err::canonicalize(model).unwrap_or_else(|_| model.to_owned());
    text_of_name(&whole).into_owned()
}
