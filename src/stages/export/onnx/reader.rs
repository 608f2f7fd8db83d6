//! Opens a written ONNX file again, with an engine that is not libtorch.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use prost::Message;
use rten::{Model, RunOptions, ThreadPool, Value};
use tch::{Kind, Tensor};

use super::{CARD_KEY, CHIPS, IMAGES, LOGITS, PROBABILITIES, SIMILARITIES};
use crate::ExportError;
use facepipe_models::onnx::messages::{GraphProto, ModelProto};

/// An opened ONNX file that can be run.
pub(crate) struct Opened {
    model: Model,
    threads: Arc<ThreadPool>,
    /// Names of its outputs.
    outputs: Vec<String>,
    /// The model card that the file holds.
    pub(crate) card: Option<String>,
}

impl Opened {
    /// Opens a file.
    pub(crate) fn open(path: &Path, threads: NonZeroUsize) -> Result<Self, ExportError> {
        let bytes = fs_err::read(path)?;
        let message = ModelProto::decode(&*bytes).map_err(|source| damaged(path, source))?;
        let is_card =
            |entry: &&super::StringStringEntryProto| entry.key.as_deref() == Some(CARD_KEY);
        let card = message.metadata_props.iter().find(is_card);
        Ok(Self {
            outputs: message.graph.iter().flat_map(output_names).collect(),
            card: card.and_then(|entry| entry.value.clone()),
            model: Model::load(bytes).map_err(|source| damaged(path, source))?,
            threads: Arc::new(ThreadPool::with_num_threads(threads.get())),
        })
    }

    /// All outputs that the file has, by name, each `[batch, labels]`.
    ///
    /// # Shapes
    /// `input` is `[batch, 3, height, width]` of floats, or `[batch, height, width, 3]` of bytes.
    pub(crate) fn ask(
        &self,
        path: &Path,
        input: &Tensor,
    ) -> Result<BTreeMap<&'static str, Tensor>, ExportError> {
        let of_engine = |source| damaged(path, source);
        let (name, value) = if input.kind() == Kind::Uint8 {
            let bytes = Vec::<u8>::try_from(input.flatten(0, -1))?;
            (
                CHIPS,
                Value::from_shape(shape(input), bytes).map_err(|source| damaged(path, source))?,
            )
        } else {
            let floats = Vec::<f32>::try_from(input.flatten(0, -1))?;
            (
                IMAGES,
                Value::from_shape(shape(input), floats).map_err(|source| damaged(path, source))?,
            )
        };
        let known = [PROBABILITIES, LOGITS, SIMILARITIES];
        let has = |name: &&'static str| self.outputs.iter().any(|output| output == name);
        let names: Vec<&'static str> = known.into_iter().filter(has).collect();
        let outputs = names.iter().map(|name| self.model.node_id(name));
        let outputs = outputs.collect::<Result<Vec<_>, _>>().map_err(of_engine)?;
        let inputs = vec![(self.model.node_id(name).map_err(of_engine)?, value.into())];
        let options = RunOptions::default().with_thread_pool(Some(self.threads.clone()));
        let results = self
            .model
            .run(inputs, &outputs, Some(options))
            .map_err(of_engine)?;
        let mut tensors = BTreeMap::new();
        for (name, result) in names.into_iter().zip(results) {
            let (shape, numbers) = result
                .into_shape_vec::<f32, 2>()
                .map_err(|source| damaged(path, source))?;
            let tensor = Tensor::from_slice(&numbers).view(shape.map(|side| side as i64));
            tensors.insert(name, tensor);
        }
        Ok(tensors)
    }
}

fn output_names(graph: &GraphProto) -> Vec<String> {
    let outputs = graph.output.iter();
    outputs.filter_map(|output| output.name.clone()).collect()
}

fn shape(tensor: &Tensor) -> Vec<usize> {
    tensor.size().iter().map(|side| *side as usize).collect()
}

fn damaged(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> ExportError {
    ExportError::Onnx {
        path: path.to_owned(),
        source: Box::new(source),
    }
}
