//! One photo: decode, detect, choose faces, cut, save.

use std::io;
use std::path::Path;

use image::RgbImage;

use super::origins::{self, Origin};
use super::outcomes::PhotoOutcome;
use super::{CropError, FaceChoice, Settings};
use facepipe_core::artifacts::digest::{content_name, md5_hex};
use facepipe_core::artifacts::{atomic, image_folder::LabelledFile};
use facepipe_core::ports::{EmbedderError, FaceDetector, FaceEmbedder};
use facepipe_core::types::{
    CropRecord, DetectedFace, Discarded, FaceQuality, ItemKind, PhotoFaceName, Reason, Size,
    SourcePhoto,
};
use facepipe_faces::face_chip::{self, FaceCut};
use facepipe_faces::face_cutter::{CutFace, FaceCutter};
use facepipe_faces::quality;
use facepipe_imaging::image_io;
use facepipe_imaging::perceptual_hash::PerceptualHash;

/// The tools of a worker thread.
pub(super) struct Worker {
    pub(super) detector: Box<dyn FaceDetector>,
    pub(super) judge: Option<Box<dyn FaceEmbedder>>,
}

/// Cuts the faces out of one photo and saves them below `out`.
///
/// A photo that can't be used is an outcome; a failure of the output is an error, and so is one that would
/// affect every other photo as well.
pub(super) fn crop(
    file: &LabelledFile,
    origin: Option<&Origin>,
    out: &Path,
    settings: &Settings,
    worker: &mut Worker,
    cutter: FaceCutter<'_>,
) -> Result<PhotoOutcome, CropError> {
    let mut work = PhotoWork {
        file,
        out,
        settings,
        cutter,
        outcome: nothing(file),
    };
    let decoded = image_io::read_bytes(&file.path).and_then(|bytes| {
        let made = origins::date(&bytes, origin);
        Ok((md5_hex(&bytes), made, image_io::decode(&bytes)?.rgb))
    });
    let (md5, made, photo) = match decoded {
        Ok(decoded) => decoded,
        Err(error) => {
            work.discard(ItemKind::Image, Reason::Unreadable, error.to_string(), None);
            return Ok(work.outcome);
        }
    };
    let source = SourcePhoto {
        file: file.relative.clone(),
        md5,
        width: photo.width(),
        height: photo.height(),
        phash: PerceptualHash::of(&photo).to_string(),
        origin: origin.and_then(|origin| origin.name.clone()),
        made,
        also_labels: origin.map_or_else(Vec::new, |origin| origin.also_labels.clone()),
    };
    match worker.detector.detect(&photo) {
        Ok(faces) => work.keep_faces(&faces, &photo, &source, worker)?,
        Err(error) if error.concerns_all_photos() => return Err(error.into()),
        Err(error) => {
            work.discard(
                ItemKind::Image,
                Reason::DetectorFailed,
                error.to_string(),
                None,
            );
        }
    }
    Ok(work.outcome)
}

fn nothing(file: &LabelledFile) -> PhotoOutcome {
    PhotoOutcome {
        photo: file.relative.clone(),
        faces: 0,
        crops: Vec::new(),
        discarded: Vec::new(),
    }
}

/// The length of a face's embedding; `None` for a face that is not aligned.
fn norm(cut: &FaceCut, judge: &mut dyn FaceEmbedder) -> Result<Option<f64>, EmbedderError> {
    let Some(place) = &cut.place else {
        return Ok(None);
    };
    let chips = face_chip::chips(&cut.pixels, place, judge.forms());
    let embeddings = judge.embed(&[chips])?;
    Ok(embeddings
        .first()
        .map(|embedding| f64::from(embedding.length())))
}

struct PhotoWork<'work> {
    file: &'work LabelledFile,
    out: &'work Path,
    settings: &'work Settings,
    cutter: FaceCutter<'work>,
    outcome: PhotoOutcome,
}

impl PhotoWork<'_> {
    /// Saves the faces that the settings ask for, and says why the others are left out.
    fn keep_faces(
        &mut self,
        faces: &[DetectedFace],
        photo: &RgbImage,
        source: &SourcePhoto,
        worker: &mut Worker,
    ) -> Result<(), CropError> {
        self.outcome.faces = faces.len() as u64;
        let min_face = self.settings.min_face;
        let mut unfit: Vec<(u32, Reason, String)> = Vec::new();
        let fits = |face: &DetectedFace| face.rect.size().square_side() >= min_face;
        // Where that one is unfit, the next is most likely another person.
        let only = self.settings.faces.only(faces, Size::of(photo), fits);
        for (index, face) in (0..).zip(faces) {
            let number = PhotoFaceName::number_of(index);
            if !fits(face) {
                let side = face.rect.size().square_side();
                let message = format!("face {number} has {side} pixels, less than {min_face}");
                unfit.push((index, Reason::TooSmall, message));
                continue;
            }
            if only.is_some_and(|only| only != index as usize) {
                let (reason, word) = match self.settings.faces {
                    FaceChoice::Main => (Reason::NotMain, "main one"),
                    FaceChoice::Largest | FaceChoice::All => (Reason::NotLargest, "largest"),
                };
                let message = format!("face {number} is not the {word} of the photo");
                unfit.push((index, reason, message));
                continue;
            }
            let CutFace { cut, points } = self.cutter.cut(photo, face);
            let mut quality = quality::measure(photo, face, points.as_ref());
            if let Some(judge) = &mut worker.judge
                && let Some(norm) = norm(&cut, judge.as_mut())?
            {
                quality = quality::with_norm(quality, norm);
            }
            let violations = self.settings.limits.violations(&quality);
            if violations.is_empty() {
                self.save(&cut, source, Some((index, face, quality)))?;
            } else {
                let message = format!("face {number}: {}", violations.join(", "));
                unfit.push((index, Reason::LowQuality, message));
            }
        }
        let nothing_kept = self.outcome.crops.is_empty();
        if nothing_kept && self.settings.keep_no_face {
            return Ok(self.save(&face_chip::whole(photo), source, None)?);
        }
        if !nothing_kept {
            for (index, reason, message) in unfit {
                self.discard(ItemKind::Face, reason, message, Some(index));
            }
            return Ok(());
        }
        let messages: Vec<&str> = unfit
            .iter()
            .map(|(_, _, message)| message.as_str())
            .collect();
        // Of several reasons the one of the face that came furthest.
        let reason = [Reason::LowQuality, Reason::TooSmall]
            .into_iter()
            .find(|reason| unfit.iter().any(|(_, other, _)| other == reason));
        match reason {
            Some(reason) => self.discard(ItemKind::Image, reason, messages.join("; "), None),
            None => {
                let message = "no face was found".to_owned();
                self.discard(ItemKind::Image, Reason::NoFace, message, None);
            }
        }
        Ok(())
    }

    fn save(
        &mut self,
        cut: &FaceCut,
        source: &SourcePhoto,
        face: Option<(u32, &DetectedFace, FaceQuality)>,
    ) -> io::Result<()> {
        let bytes = image_io::encode_png(&cut.pixels).map_err(io::Error::other)?;
        let md5 = md5_hex(&bytes);
        let file = format!("{}/{}", self.file.label, content_name(&md5, "png"));
        atomic::write_bulk(&self.out.join(&file), &bytes)?;
        self.outcome.crops.push(CropRecord {
            file,
            label: self.file.label.clone(),
            md5,
            source: source.clone(),
            face: face.map(|(index, ..)| index),
            rect: face.map(|(_, face, _)| face.rect),
            score: face.map(|(_, face, _)| face.score),
            landmarks: face.and_then(|(_, face, _)| face.landmarks),
            chip: cut.rect,
            place: cut.place,
            quality: face.map(|(.., quality)| quality),
        });
        Ok(())
    }

    fn discard(&mut self, kind: ItemKind, reason: Reason, message: String, face: Option<u32>) {
        self.outcome.discarded.push(Discarded {
            item: self.file.relative.clone(),
            kind,
            label: Some(self.file.label.clone()),
            reason,
            message,
            related: Vec::new(),
            distance: None,
            photo: None,
            face,
        });
    }
}
