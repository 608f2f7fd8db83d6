//! The names of the stages: in stamps, progress and on the command line.

/// A stage of the pipeline, in their order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "lowercase")]
pub enum Stage {
    /// From queries, lists and folders to photos by label.
    Fetch,
    /// From photos to crops of faces.
    Crop,
    /// From crops to a data set with a side for each image.
    Prepare,
    /// From a data set to a model.
    Train,
    /// From a model and a data set to a report.
    Evaluate,
    /// From a model to files for other programs.
    Export,
}

impl Stage {
    /// The name in stamps and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}
