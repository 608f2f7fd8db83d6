//! All formats of all networks, with random weights and inputs that are no squares.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use strum::VariantArray as _;

use tch::{CModule, Device, Kind, Tensor};

use super::check::{MAX_DIFFERENCE, Samples};
use super::content::{Content, embedded};
use super::files::Writer;
use super::{Format, onnx, pth, torchscript};
use facepipe_core::types::{
    ChipSpec, DataCard, Head, InputSpec, ModelCard, Size, TrainingCard, WeightsCard,
};
use facepipe_nn::{
    Backbone, Classifier, EXTRA_FOLDER, LabelMeans, ModelError, Network, Role, read_tensors,
};

fn card(backbone: Backbone, head: Head, size: Size) -> ModelCard {
    ModelCard {
        format_version: ModelCard::FORMAT_VERSION,
        made_by: "facepipe".to_owned(),
        name: "friends".to_owned(),
        architecture: backbone.to_string(),
        head,
        input: backbone.input(size),
        chip: ChipSpec::Whole,
        labels: ["ada", "bea", "çem"].map(str::to_owned).into(),
        weights: WeightsCard {
            origin: "none".to_owned(),
            sha256: None,
            license: None,
        },
        training: TrainingCard {
            epochs: 1,
            best_epoch: 1,
            best_val_loss: 0.5,
            seed: 7,
            precision: None,
        },
        data: DataCard {
            digests: BTreeMap::new(),
            images: BTreeMap::new(),
        },
        metrics: BTreeMap::new(),
        output: ModelCard::LOGITS.to_owned(),
        temperature: 1.7,
        calibrated: None,
        similarities: true,
        label_means: None,
        unknown: None,
        reference: None,
        exports: BTreeMap::new(),
    }
}

/// A network whose every tensor matters: scales, shifts and statistics are not what they begin with.
fn network(backbone: Backbone, head: Head) -> Network {
    facepipe_nn::use_threads(NonZeroUsize::MIN);
    tch::manual_seed(11);
    let network = Network::with_head(backbone, head, 3, Device::Cpu);
    let _guard = tch::no_grad_guard();
    for entry in network.state().entries() {
        let mut tensor = entry.tensor.shallow_clone();
        match entry.role {
            Role::Offset | Role::Buffer => drop(tensor.uniform_(0.5, 1.0)),
            Role::Counter => drop(tensor.fill_(70_000)),
            Role::Weight => {}
        }
    }
    network.freeze();
    network
}

/// Preprocessed noise.
fn images(input: &InputSpec) -> Tensor {
    let size = input.size;
    let shape = [5, 3, i64::from(size.height), i64::from(size.width)];
    let bytes = Tensor::randint(256, shape, (Kind::Float, Device::Cpu));
    let channel = |numbers: [f32; 3]| Tensor::from_slice(&numbers).view([3, 1, 1]);
    (bytes / f64::from(input.scale) - channel(input.mean)) / channel(input.std)
}

struct Model {
    network: Network,
    means: LabelMeans,
    card: ModelCard,
    samples: Samples,
}

impl Model {
    fn new(backbone: Backbone, size: Size) -> Self {
        Self::with_head(backbone, Head::Linear, size)
    }

    fn with_head(backbone: Backbone, head: Head, size: Size) -> Self {
        let (network, card) = (network(backbone, head), card(backbone, head, size));
        let images = images(&card.input);
        let features = network.head().0.size()[1];
        let means = LabelMeans::of(
            &Tensor::randn([6, features], (Kind::Float, Device::Cpu)),
            &Tensor::from_slice(&[0_i64, 1, 2, 2, 1, 0]),
            card.labels.len(),
        );
        let samples = Samples::of(images, &network, Some(&means), &card);
        Self {
            network,
            means,
            card,
            samples,
        }
    }

    fn writer(&self) -> Writer<'_> {
        Writer {
            network: &self.network,
            means: Some(&self.means),
            card: &self.card,
            samples: &self.samples,
            threads: NonZeroUsize::MIN,
        }
    }

    fn make(&self, format: Format, folder: &Path) -> PathBuf {
        let path = folder.join(format.file());
        let made = self.writer().make(format, &path);
        let made = made.unwrap_or_else(|error| panic!("{}: {error}", format.name()));
        assert!(made.max_difference <= MAX_DIFFERENCE);
        assert_eq!(made.bytes, fs_err::metadata(&path).expect("is there").len());
        path
    }
}

#[test]
fn every_format_of_every_network_gives_the_networks_answers() {
    let folder = tempfile::tempdir().expect("temporary folder");
    // The other formats hold no layers: one network of each kind shows that they work.
    let with_layers = [Format::Torchscript, Format::Onnx];
    for (backbone, size, formats) in [
        (Backbone::Resnet18, Size::new(64, 48), Format::VARIANTS),
        (Backbone::Resnet34, Size::new(33, 47), &with_layers),
        (Backbone::Resnet50, Size::new(64, 48), &with_layers),
        // Of sizes whose halves are filled up with rows, with columns, and with neither.
        (
            Backbone::DlibResnet29,
            Size::new(150, 120),
            Format::VARIANTS,
        ),
        (Backbone::DlibResnet29, Size::new(111, 138), &with_layers),
        (Backbone::Sface, Size::new(112, 112), Format::VARIANTS),
    ] {
        let model = Model::new(backbone, size);
        for format in formats {
            model.make(*format, folder.path());
        }
    }
}

#[test]
fn a_cosine_head_is_written_too() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let model = Model::with_head(Backbone::Resnet18, Head::Cosine, Size::new(64, 48));
    for format in Format::VARIANTS.iter().copied() {
        model.make(format, folder.path());
    }
}

#[test]
fn the_same_model_is_the_same_bytes() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let model = Model::new(Backbone::Resnet18, Size::new(64, 48));
    for format in Format::VARIANTS.iter().copied() {
        let path = model.make(format, folder.path());
        let first = fs_err::read(&path).expect("reads");
        model.make(format, folder.path());
        assert!(
            first == fs_err::read(&path).expect("reads"),
            "{}",
            format.name()
        );
    }
}

#[test]
fn a_state_dict_holds_every_tensor_bit_by_bit_on_aligned_places() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let model = Model::new(Backbone::Resnet18, Size::new(64, 48));
    let path = model.make(Format::Pth, folder.path());
    let tensors = read_tensors(&path).expect("reads");
    assert_eq!(tensors, model.network.state().tensors());
    let counter = &tensors["bn1.num_batches_tracked"];
    assert_eq!((counter.kind(), counter.dim()), (Kind::Int64, 0));
    assert_eq!(counter.int64_value(&[]), 70_000);
    let file = fs_err::File::open(&path).expect("opens");
    let mut archive = zip::ZipArchive::new(file).expect("an archive");
    assert_eq!(archive.len(), 122 + 7);
    for index in 0..archive.len() {
        let entry = archive.by_index(index).expect("an entry");
        assert_eq!(entry.data_start().expect("a place") % 64, 0, "{index}");
        assert_eq!(entry.compressed_size(), entry.size());
    }
}

#[test]
fn damaged_files_are_errors_and_never_crashes() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let model = Model::new(Backbone::Resnet18, Size::new(64, 48));
    let card = embedded(&model.card);
    let content = Content {
        network: &model.network,
        means: None,
        graph: model.network.graph(None),
        card: &card,
    };
    for format in [Format::Torchscript, Format::Onnx, Format::Pth] {
        let path = model.make(format, folder.path());
        let whole = fs_err::read(&path).expect("reads");
        for length in [0, 3, 100, whole.len() / 2, whole.len() - 1] {
            fs_err::write(&path, &whole[..length]).expect("cuts");
            let opens = match format {
                Format::Torchscript => torchscript::open(&path).is_ok(),
                Format::Onnx => onnx::Opened::open(&path, NonZeroUsize::MIN)
                    .and_then(|opened| {
                        opened.ask(
                            &path,
                            &Tensor::zeros([1, 3, 48, 64], (Kind::Float, Device::Cpu)),
                        )
                    })
                    .is_ok(),
                _ => pth::open(&path, &content).is_ok(),
            };
            assert!(!opens, "{} of {length} bytes", format.name());
        }
    }
}

#[test]
fn a_file_with_preprocessing_is_not_mistaken_for_one_without() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let model = Model::new(Backbone::Resnet18, Size::new(64, 48));
    let path = model.make(Format::TorchscriptU8, folder.path());
    let error = Classifier::open(&path, Device::Cpu).expect_err("it takes bytes");
    assert!(matches!(error, ModelError::Preprocesses { .. }), "{error}");
    let program = CModule::load(&path).expect("loads");
    let chips = Tensor::randint(256, [2, 48, 64, 3], (Kind::Uint8, Device::Cpu));
    let probabilities = program.forward_ts(&[chips]).expect("answers");
    assert_eq!(probabilities.size(), [2, 3]);
    let sums = probabilities.sum_dim_intlist([-1_i64].as_slice(), false, Kind::Float);
    assert!((sums - 1.0).abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn a_model_without_means_is_written_without_similarities() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut model = Model::new(Backbone::Resnet18, Size::new(64, 48));
    let images = images(&model.card.input);
    model.card.similarities = false;
    model.samples = Samples::of(images.copy(), &model.network, None, &model.card);
    for format in [Format::Torchscript, Format::TorchscriptU8, Format::Onnx] {
        let path = folder.path().join(format.file());
        let writer = Writer {
            means: None,
            ..model.writer()
        };
        writer.make(format, &path).expect("writes");
    }
    let classifier = Classifier::open(&folder.path().join("model.pt"), Device::Cpu);
    let answers = classifier
        .expect("opens")
        .answers(&images)
        .expect("answers");
    assert!(answers.iter().all(|answer| answer.similarities.is_empty()));
}

/// Files of the first versions were traces, with the card appended.
#[test]
fn a_traced_file_still_opens() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let model = Model::new(Backbone::Resnet18, Size::new(64, 48));
    let path = folder.path().join("model.pt");
    let images = Tensor::rand([2, 3, 48, 64], (Kind::Float, Device::Cpu));
    let mut forward = |inputs: &[Tensor]| vec![model.network.forward(&inputs[0])];
    let traced = tch::no_grad(|| {
        CModule::create_by_tracing("FaceClassifier", "forward", &[images.copy()], &mut forward)
    });
    traced.expect("traces").save(&path).expect("writes");
    let file = fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path);
    let mut archive = zip::ZipWriter::new_append(file.expect("opens")).expect("an archive");
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let name = format!("model/{EXTRA_FOLDER}/model_card.json");
    archive.start_file(name, options).expect("begins");
    let card = ModelCard {
        similarities: false,
        ..model.card
    };
    let text = serde_json::to_vec(&card).expect("JSON");
    std::io::Write::write_all(&mut archive, &text).expect("writes");
    archive.finish().expect("finishes");
    let classifier = Classifier::open(&path, Device::Cpu).expect("opens");
    assert_eq!(classifier.card(), &card);
    let logits = classifier.outputs(&images).expect("answers").logits;
    let difference = logits - model.network.forward(&images);
    assert!(difference.abs().max().double_value(&[]) < 1e-4);
}
