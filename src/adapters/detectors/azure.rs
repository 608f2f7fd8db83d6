//! Azure's Face service as a detector: photos leave the machine, and each call is billed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once};

use image::RgbImage;

use facepipe_azure::{
    AzureError, Body, Client, DetectOptions, FoundFace, Picture, TIER_NAME, Tier, detect,
};
use facepipe_core::errors::BoxedError;
use facepipe_core::ports::{DetectorError, FaceDetector, FaceDetectorFactory, Progress};
use facepipe_core::types::{DetectedFace, FaceBox, Landmarks, Landmarks5, Size};

/// The detector's name on the command line.
pub const NAME: &str = "azure";
/// The service gives no score: every face that it finds has this one.
const SCORE: f32 = 1.0;
/// Photos in a row that may fail through no fault of their own before the service is considered out
/// of order.
const MOST_FAILURES_IN_A_ROW: u32 = 3;
/// The service's names of our five landmarks, in our order.
const FIVE_LANDMARKS: [&str; 5] = [
    "pupilLeft",
    "pupilRight",
    "noseTip",
    "mouthLeft",
    "mouthRight",
];

/// Makes detectors that share one client, and so one quota.
pub struct AzureFactory {
    shared: Arc<Shared>,
    progress: Arc<dyn Progress>,
    announced: Once,
}

struct Shared {
    client: Client,
    failures_in_a_row: AtomicU32,
}

impl AzureFactory {
    /// Detectors that send photos through `client`. `progress` gets a note, before the first photo,
    /// where photos are sent, and when the factory is dropped, how many calls there were.
    #[must_use]
    pub fn new(client: Client, progress: Arc<dyn Progress>) -> Self {
        let shared = Shared {
            client,
            failures_in_a_row: AtomicU32::new(0),
        };
        Self {
            shared: Arc::new(shared),
            progress,
            announced: Once::new(),
        }
    }

    fn announce_destination(&self) {
        let credentials = self.shared.client.credentials();
        let (calls, window) = credentials.tier.quota();
        let more = match credentials.tier {
            Tier::F0 => format!("; with a paid resource set {TIER_NAME}=s0"),
            Tier::S0 => String::new(),
        };
        self.progress.note(&format!(
            "photos are sent to `{}` (Azure Face), which bills each call; at most {calls} calls in {} s{more}",
            credentials.endpoint.host(),
            window.as_secs(),
        ));
    }
}

impl FaceDetectorFactory for AzureFactory {
    fn name(&self) -> &str {
        NAME
    }

    fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
        self.announced.call_once(|| self.announce_destination());
        Ok(Box::new(AzureDetector {
            shared: Arc::clone(&self.shared),
        }))
    }
}

impl Drop for AzureFactory {
    fn drop(&mut self) {
        if self.announced.is_completed() {
            let calls = self.shared.client.calls();
            self.progress.note(&format!("calls of Azure Face: {calls}"));
        }
    }
}

struct AzureDetector {
    shared: Arc<Shared>,
}

impl FaceDetector for AzureDetector {
    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
        self.shared
            .faces(photo)
            .map_err(|error| match error.concerns_all_requests() {
                true => DetectorError::Unusable(BoxedError::new(error)),
                false => DetectorError::FailedOnPhoto(BoxedError::new(error)),
            })
    }
}

impl Shared {
    fn faces(&self, photo: &RgbImage) -> Result<Vec<DetectedFace>, AzureError> {
        let Some(picture) = Picture::of(photo)? else {
            return Ok(Vec::new());
        };
        let options = DetectOptions {
            landmarks: true,
            ..DetectOptions::default()
        };
        let found = detect(&self.client, Body::Image(picture.jpeg.clone()), &options);
        match self.judged(found) {
            Ok(found) => Ok(in_photo(&found, &picture, Size::of(photo))),
            Err(error) => Err(error),
        }
    }

    /// An error of the service that repeats itself is not the photos' fault.
    fn judged(
        &self,
        found: Result<Vec<FoundFace>, AzureError>,
    ) -> Result<Vec<FoundFace>, AzureError> {
        let error = match found {
            Err(error) if !error.concerns_all_requests() && !error.is_about_the_image() => error,
            other => {
                self.failures_in_a_row.store(0, Ordering::Relaxed);
                return other;
            }
        };
        let times = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if times < MOST_FAILURES_IN_A_ROW {
            return Err(error);
        }
        let source = Box::new(error);
        Err(AzureError::KeepsFailing { times, source })
    }
}

/// Faces in the photo's pixels, inside it, largest first.
fn in_photo(found: &[FoundFace], picture: &Picture, photo: Size) -> Vec<DetectedFace> {
    let (x, y) = (picture.scale_x, picture.scale_y);
    let faces = found.iter().filter_map(|face| {
        let [left, top, width, height] = face.face_rectangle.scaled((x, y));
        let rect = FaceBox {
            left,
            top,
            right: left + width,
            bottom: top + height,
        };
        Some(DetectedFace {
            rect: rect.clamped(photo)?,
            score: SCORE,
            landmarks: five_landmarks(face, x, y).map(Landmarks::EyesNoseMouth),
        })
    });
    let mut faces: Vec<_> = faces.collect();
    faces.sort_by_key(|face| std::cmp::Reverse(face.rect.size().area()));
    faces
}

/// Our five of the service's 27 landmarks; `None` where one is missing.
fn five_landmarks(face: &FoundFace, x: f32, y: f32) -> Option<Landmarks5> {
    let points = face.face_landmarks.as_ref()?;
    let mut five = [[0.0; 2]; 5];
    for (place, name) in five.iter_mut().zip(FIVE_LANDMARKS) {
        let point = points.get(name)?;
        *place = [point.x * x, point.y * y];
    }
    Some(Landmarks5(five))
}

#[cfg(test)]
#[path = "azure_tests.rs"]
mod tests;
