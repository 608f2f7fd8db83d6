//! Which network makes embeddings, and what their distances mean.

/// A network that makes embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedderModel {
    /// Its name on the command line, or its file.
    pub name: String,
    /// The files of its weights.
    pub files: Vec<ModelFile>,
    /// How many numbers an embedding has.
    pub length: usize,
    /// What the distances of its embeddings mean.
    pub distances: Distances,
}

/// A file of weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// Its name.
    pub file: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

impl std::fmt::Display for EmbedderModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.name)?;
        for ModelFile { file, sha256 } in &self.files {
            write!(formatter, ", {file} {sha256}")?;
        }
        Ok(())
    }
}

/// What Euclidean distances of an embedder's embeddings mean. Each embedder states where its numbers come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distances {
    /// Two faces nearer than this are one person.
    pub same_person: f32,
    /// Standard deviation of one person's faces around their common centre, over all directions together: half of
    /// the pairs of one person are nearer than this times the square root of 2.
    pub spread: f64,
    /// Faces nearer than this count as neighbours in the search for the densest place of a label: of all pairs of
    /// two people fewer than one in a thousand are as near, of the pairs of one person most.
    pub neighbour: f64,
    /// From this much below the limit on, a face is kept, but doubtful: few of the right faces are there or beyond,
    /// and half of the strangers that are within the limit.
    pub doubtful_zone: f64,
    /// A face well within the limit is only set aside if it is this much nearer to another identity: less is within
    /// the noise of the centre of ten faces.
    pub clearly_nearer: f64,
    /// Two centres, each of five faces or more, nearer than this are one person.
    pub same_identity: f64,
    /// A group is two people's if the centres of its halves are further apart than this after what chance adds.
    pub two_people: f64,
    /// Two faces may be cut from one photo up to this distance.
    pub one_photo: f32,
    /// Two faces of different images nearer than this should be looked at: they may be from one photo.
    pub alike: f64,
}

impl Distances {
    /// Those of an embedder of which only the distance of one person is known: all others are as much larger.
    #[must_use]
    pub fn with_same_person(self, same_person: f32) -> Self {
        let ratio = f64::from(same_person / self.same_person);
        Self {
            same_person,
            spread: self.spread * ratio,
            neighbour: self.neighbour * ratio,
            doubtful_zone: self.doubtful_zone * ratio,
            clearly_nearer: self.clearly_nearer * ratio,
            same_identity: self.same_identity * ratio,
            two_people: self.two_people * ratio,
            one_photo: (f64::from(self.one_photo) * ratio) as f32,
            alike: self.alike * ratio,
        }
    }
}
