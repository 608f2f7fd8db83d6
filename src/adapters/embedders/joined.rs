//! Two networks' embeddings as one: the errors that only one of them makes count half.

use image::RgbImage;

use facepipe_core::ports::{EmbedderError, FaceEmbedder, FaceEmbedderFactory};
use facepipe_core::types::{ChipForm, Distances, EmbedderModel, Embedding};

/// The length of each half, so that the whole has length 1.
const HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Of dlib's network and SFace, measured on the photos of [`super::sface_embedder::DISTANCES`].
pub const DISTANCES: Distances = Distances {
    // 0.17 % of LFW's pairs of two people are nearer, and 0.9 % of the pairs of one person are not.
    same_person: 0.86,
    // Half of LFW's pairs of one person are nearer than 0.609.
    spread: 0.43,
    // Of all pairs of two people one in ten thousand is as near, of the pairs of one person 73 % even in hard
    // pose and light.
    neighbour: 0.80,
    // 0.5 % of the right faces of LFW and 3 % of the harder ones are there or beyond, and nine of ten
    // strangers that are within the limit.
    doubtful_zone: 0.05,
    // The centre of ten faces is uncertain by 0.14.
    clearly_nearer: 0.07,
    // The centres of five faces each of one person are 0.38 apart at most in 99 of 100 draws, and 0.50 in all;
    // those of the most alike two people, 0.57.
    same_identity: 0.53,
    // Halves of one person's faces 0.39 at most; two people who are alike, 0.57 and more.
    two_people: 0.48,
    // Faces from one photo are 0.08 to 0.52 apart, 99 of 100 within 0.39.
    one_photo: 0.50,
    // Of LFW's pairs of different photos of one person five are nearer, of faces from one photo half.
    alike: 0.26,
};

/// Makes the embeddings of two factories, brings each to one length, and puts one behind the other.
pub struct JoinedFactory {
    parts: [Box<dyn FaceEmbedderFactory>; 2],
    model: EmbedderModel,
}

impl JoinedFactory {
    /// Joins two factories; `name` and `distances` are those of the result.
    #[must_use]
    pub fn new(name: &str, parts: [Box<dyn FaceEmbedderFactory>; 2], distances: Distances) -> Self {
        let models = parts.each_ref().map(|part| part.model());
        let model = EmbedderModel {
            name: name.to_owned(),
            files: models
                .iter()
                .flat_map(|model| model.files.clone())
                .collect(),
            length: models.iter().map(|model| model.length).sum(),
            distances,
        };
        Self { parts, model }
    }
}

impl FaceEmbedderFactory for JoinedFactory {
    fn model(&self) -> &EmbedderModel {
        &self.model
    }

    fn create(&self) -> Box<dyn FaceEmbedder> {
        let parts = self.parts.each_ref().map(|part| part.create());
        let forms = parts.iter().flat_map(|part| part.forms()).copied();
        Box::new(Joined {
            forms: forms.collect(),
            parts,
        })
    }
}

struct Joined {
    parts: [Box<dyn FaceEmbedder>; 2],
    forms: Vec<ChipForm>,
}

impl FaceEmbedder for Joined {
    fn forms(&self) -> &[ChipForm] {
        &self.forms
    }

    fn embed(&mut self, faces: &[Vec<RgbImage>]) -> Result<Vec<Embedding>, EmbedderError> {
        let of_first = self.parts[0].forms().len();
        let expected = self.forms.len();
        if let Some(face) = faces.iter().find(|face| face.len() != expected) {
            let found = face.len();
            return Err(EmbedderError::Chips { found, expected });
        }
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for face in faces {
            let (one, other) = face.split_at(of_first);
            first.push(one.to_vec());
            second.push(other.to_vec());
        }
        let [one, other] = &mut self.parts;
        let halves = one.embed(&first)?.into_iter().zip(other.embed(&second)?);
        let join = |(one, other): (Embedding, Embedding)| {
            let [one, other] = [one, other].map(|half| half.of_length(HALF));
            Embedding::new([one.numbers(), other.numbers()].concat())
        };
        Ok(halves.map(join).collect())
    }
}
