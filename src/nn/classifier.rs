//! A trained model, opened for use: its card and its network.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tch::{CModule, Device, IValue, Kind, TchError, Tensor};

use super::label_means::{LabelMeans, LabelMeansError};
use super::network::{Backbone, Network};
use super::reference::{check_reference, reference_of};
use super::torch_error::TorchError;
use super::weights::{HeadWeights, WeightsError, load_weights, read_tensors};
use facepipe_core::artifacts::model_folder::{self, BEST_FILE, CARD_FILE, CardError};
use facepipe_core::types::{ChipSpec, ModelCard};
use facepipe_faces::preprocess::{CHANNELS, INTERPOLATION};

/// Why a model can't be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Its card can't be used.
    #[error(transparent)]
    Card(#[from] CardError),
    /// Its weights can't be used.
    #[error("cannot use the weights of the model")]
    Weights(#[from] WeightsError),
    /// The means of its labels' features can't be used.
    #[error("cannot use the means of the model's labels")]
    LabelMeans(#[from] LabelMeansError),
    /// The file can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is no TorchScript archive.
    #[error("`{}` is not a TorchScript file", .path.display())]
    NoScript {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The archive holds no model card.
    #[error("the TorchScript file `{}` holds no model card", .path.display())]
    NoCard {
        /// The file.
        path: PathBuf,
    },
    /// The program takes chips as bytes and gives probabilities.
    #[error("`{}` has its preprocessing inside: it is for other programs", .path.display())]
    Preprocesses {
        /// The file.
        path: PathBuf,
    },
    /// The card names a network or a form of input or output that this version does not have.
    #[error("the model's {what} `{value}` is not known to this version")]
    NotKnown {
        /// Which of them.
        what: &'static str,
        /// Its value.
        value: String,
    },
    /// The card contradicts itself.
    #[error("the model's card can't be right: {0}")]
    Contradiction(String),
    /// The network and the card disagree.
    #[error("the network does not have one output for each of the card's {labels} labels")]
    Labels {
        /// How many labels the card has.
        labels: usize,
    },
    /// Features are requested from a file that gives only logits.
    #[error("a TorchScript file gives no features, only what its labels' logits are")]
    NoFeatures,
    /// The network's answer differs from its card's.
    #[error(
        "the network's answer to the reference picture differs from its card's by {difference:.1e}"
    )]
    Differs {
        /// By how much, as a share of the largest logit.
        difference: f64,
    },
    /// libtorch failed while the network ran.
    #[error("libtorch failed in the model's network")]
    Torch(#[source] TorchError),
}

impl From<TchError> for ModelError {
    fn from(error: TchError) -> Self {
        Self::Torch(error.into())
    }
}

/// What a model gives for a batch of images, on the CPU but for its features.
#[derive(Debug)]
pub struct Outputs {
    /// `[batch, labels]`.
    pub logits: Tensor,
    /// How alike each image is to those of each label, `[batch, labels]`; see [`LabelMeans::similarities`]. `None`
    /// unless the model's card says that it gives them.
    pub similarities: Option<Tensor>,
    /// See [`Classifier::features`], on the model's device; `None` for a TorchScript file.
    pub features: Option<Tensor>,
}

/// What a model says of a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The probability of each label.
    pub probabilities: Vec<f32>,
    /// How alike the face is to the images of each label, from -1 to 1; empty where the model does not say that.
    pub similarities: Vec<f32>,
}

/// The method of a TorchScript file that gives the similarities beside the result of `forward`.
pub const WITH_SIMILARITIES: &str = "with_similarities";

/// A model that is ready for predictions.
#[derive(Debug)]
pub struct Classifier {
    card: ModelCard,
    body: Body,
    /// The means of the labels of a folder that has them; a file has them inside.
    means: Option<LabelMeans>,
    device: Device,
}

#[derive(Debug)]
enum Body {
    Network(Box<Network>),
    Script(CModule),
}

impl Classifier {
    /// Opens a `models/<name>` folder, or a TorchScript file made of one.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn open(path: &Path, device: Device) -> Result<Self, ModelError> {
        if path.is_file() {
            Self::open_script(path, device)
        } else {
            let card = checked(model_folder::read_card(path)?)?;
            let network = open_network(path, &card, device)?;
            let means = open_label_means(path, &card, &network)?;
            Ok(Self {
                card,
                body: Body::Network(Box::new(network)),
                means: means.map(|means| means.to_device(device)),
                device,
            })
        }
    }

    fn open_script(path: &Path, device: Device) -> Result<Self, ModelError> {
        let card = card_in_archive(path)?;
        if card.output == ModelCard::PROBABILITIES {
            return Err(ModelError::Preprocesses {
                path: path.to_owned(),
            });
        }
        let card = checked(card)?;
        let mut script =
            CModule::load_on_device(path, device).map_err(|source| ModelError::NoScript {
                path: path.to_owned(),
                source: TorchError::from(source).into(),
            })?;
        script.f_set_eval()?;
        Ok(Self {
            card,
            body: Body::Script(script),
            means: None,
            device,
        })
    }

    /// The model's card.
    #[must_use]
    pub const fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Where it runs.
    #[must_use]
    pub const fn device(&self) -> Device {
        self.device
    }

    /// What it says of each image. Probabilities are the softmax of the logits at the card's temperature.
    ///
    /// # Shapes
    /// `images` is `[batch, 3, height, width]`.
    ///
    /// # Errors
    /// [`ModelError::Torch`], [`ModelError::Labels`].
    pub fn answers(&self, images: &Tensor) -> Result<Vec<Answer>, ModelError> {
        let Outputs {
            logits,
            similarities,
            ..
        } = self.outputs(images)?;
        let probabilities = (logits / self.card.temperature).f_softmax(-1, Kind::Float)?;
        let probabilities = Vec::<Vec<f32>>::try_from(probabilities)?;
        let similarities = match similarities {
            Some(similarities) => Vec::<Vec<f32>>::try_from(similarities)?,
            None => vec![Vec::new(); probabilities.len()],
        };
        let rows = probabilities.into_iter().zip(similarities);
        let answer = |(probabilities, similarities)| Answer {
            probabilities,
            similarities,
        };
        Ok(rows.map(answer).collect())
    }

    /// The logits of each image, and its similarity with the images of each label where the model gives that.
    ///
    /// # Shapes
    /// `images` is `[batch, 3, height, width]`.
    ///
    /// # Errors
    /// [`ModelError::Torch`], [`ModelError::Labels`].
    pub fn outputs(&self, images: &Tensor) -> Result<Outputs, ModelError> {
        let images = images.to_device(self.device);
        let (logits, similarities, features) = tch::no_grad(|| match &self.body {
            Body::Network(network) => {
                let features = network.features(&images, false);
                let means = self.means.as_ref();
                let similarities = means.map(|means| means.similarities(&features));
                Ok((network.classify(&features), similarities, Some(features)))
            }
            Body::Script(script) if self.card.similarities => {
                let both = script.method_is(WITH_SIMILARITIES, &[IValue::Tensor(images)])?;
                let (logits, similarities) = <(Tensor, Tensor)>::try_from(both)?;
                Ok((logits, Some(similarities), None))
            }
            Body::Script(script) => Ok::<_, TchError>((script.forward_ts(&[images])?, None, None)),
        })?;
        let labels = self.card.labels.len();
        let fits = |output: &Tensor| output.size().last() == Some(&(labels as i64));
        if !(fits(&logits) && similarities.as_ref().is_none_or(fits)) {
            return Err(ModelError::Labels { labels });
        }
        Ok(Outputs {
            logits: logits.to_device(Device::Cpu),
            similarities: similarities.map(|rows| rows.to_device(Device::Cpu)),
            features,
        })
    }

    /// Runs the network on the picture whose answer its card holds; returns `false` where the card,
    /// of an earlier version, holds none.
    ///
    /// # Errors
    /// [`ModelError::Differs`], and those of [`outputs`](Self::outputs).
    pub fn check(&self) -> Result<bool, ModelError> {
        let found = reference_of(&self.card.input, |images| Ok(self.outputs(images)?.logits))?;
        check_reference(self.card.reference.as_ref(), &found)
    }

    /// The features of each image, before the head makes logits of them, on the CPU: near
    /// directions are one person, also for people whom it was not trained on.
    ///
    /// # Shapes
    /// `images` is `[batch, 3, height, width]`, the result `[batch, features]`.
    ///
    /// # Errors
    /// [`ModelError::NoFeatures`] for a TorchScript file.
    pub fn features(&self, images: &Tensor) -> Result<Tensor, ModelError> {
        let Body::Network(network) = &self.body else {
            return Err(ModelError::NoFeatures);
        };
        let images = images.to_device(self.device);
        let features = tch::no_grad(|| network.features(&images, false));
        Ok(features.to_device(Device::Cpu))
    }
}

/// The index of the largest probability; of equal ones the first.
#[must_use]
pub fn most_probable(probabilities: &[f32]) -> usize {
    let mut best = 0;
    for (index, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = index;
        }
    }
    best
}

/// The network of a model's folder with its best weights, frozen.
pub fn open_network(model: &Path, card: &ModelCard, device: Device) -> Result<Network, ModelError> {
    let backbone: Backbone = card
        .architecture
        .parse()
        .map_err(|_| not_known("architecture", &card.architecture))?;
    let network = Network::with_head(backbone, card.head, card.labels.len(), device);
    let path = model.join(BEST_FILE);
    let head = load_weights(&network, read_tensors(&path)?, &path)?;
    if head != HeadWeights::Taken {
        return Err(ModelError::Labels {
            labels: card.labels.len(),
        });
    }
    network.freeze();
    Ok(network)
}

/// The means of the labels' features of a model's folder, on the CPU; `None` where its card says that it has none.
///
/// # Errors
/// [`ModelError::LabelMeans`].
pub fn open_label_means(
    model: &Path,
    card: &ModelCard,
    network: &Network,
) -> Result<Option<LabelMeans>, ModelError> {
    if !card.similarities {
        return Ok(None);
    }
    let (weight, _) = network.head();
    let shape = weight.size2()?.into();
    let sha256 = card.label_means.as_deref();
    Ok(Some(LabelMeans::read(model, sha256, shape)?))
}

/// The card, if this version supports what it says of input and output.
fn checked(card: ModelCard) -> Result<ModelCard, ModelError> {
    for (what, value, known) in [
        ("channel order", &card.input.channels, CHANNELS),
        ("interpolation", &card.input.interpolation, INTERPOLATION),
        ("output", &card.output, ModelCard::LOGITS),
    ] {
        if value != known {
            return Err(not_known(what, value));
        }
    }
    if let ChipSpec::Aligned {
        landmarks, padding, ..
    } = &card.chip
    {
        let known = card.chip.aligned_as(card.chip.alignment());
        if !matches!(&known, ChipSpec::Aligned { landmarks: known, .. } if known == landmarks) {
            return Err(not_known("landmarks", landmarks));
        }
        if known != card.chip {
            return Err(not_known("padding", &padding.to_string()));
        }
    }
    if !(card.temperature.is_finite() && card.temperature > 0.0) {
        return Err(not_known("temperature", &card.temperature.to_string()));
    }
    let is_divisor = |number: f32| number.is_finite() && number != 0.0;
    if !(card.input.std.into_iter().all(is_divisor) && is_divisor(card.input.scale)) {
        let text = format!("{:?} of {}", card.input.std, card.input.scale);
        return Err(not_known("scale of channels", &text));
    }
    let mut labels = BTreeSet::new();
    if let Some(label) = card.labels.iter().find(|label| !labels.insert(*label)) {
        let problem = format!("it names the label `{label}` twice");
        return Err(ModelError::Contradiction(problem));
    }
    if let Some(unknown) = &card.unknown {
        // The bound that lets no stranger in is just above the largest probability.
        let largest = 1.0_f64.next_up();
        let similarity = unknown.similarity.map(|bound| (bound.below, -1.0));
        for (below, least) in [Some((unknown.below, 0.0)), similarity]
            .into_iter()
            .flatten()
        {
            if !(least..=largest).contains(&below) {
                let problem = format!("no score is `{below}`, below which a face is to be unknown");
                return Err(ModelError::Contradiction(problem));
            }
        }
    }
    if card.input.size.area() == 0 {
        return Err(not_known("input size", &card.input.size.to_string()));
    }
    Ok(card)
}

fn not_known(what: &'static str, value: &str) -> ModelError {
    ModelError::NotKnown {
        what,
        value: value.to_owned(),
    }
}

/// The folder, inside an archive's one top folder, in which PyTorch's `_extra_files` looks for
/// files.
pub const EXTRA_FOLDER: &str = "extra";
/// Largest card that is read from an archive, in bytes.
const MAX_CARD_BYTES: u64 = 16 << 20;

/// The card that an exported archive of PyTorch's form holds.
pub fn card_in_archive(path: &Path) -> Result<ModelCard, ModelError> {
    let no_script = |source: zip::result::ZipError| ModelError::NoScript {
        path: path.to_owned(),
        source: source.into(),
    };
    let file = fs_err::File::open(path)?;
    let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).map_err(no_script)?;
    let ending = format!("/{EXTRA_FOLDER}/{CARD_FILE}");
    let index = archive
        .file_names_raw()
        .position(|name| name.ends_with(ending.as_bytes()));
    let Some(index) = index else {
        return Err(ModelError::NoCard {
            path: path.to_owned(),
        });
    };
    let mut bytes = Vec::new();
    archive
        .by_index(index)
        .map_err(no_script)?
        .take(MAX_CARD_BYTES)
        .read_to_end(&mut bytes)?;
    Ok(model_folder::parse_card(&bytes, path)?)
}
