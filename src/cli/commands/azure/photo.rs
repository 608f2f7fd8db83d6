//! A photo of the command line on its way to the service, or the address of one.

use std::path::Path;

use serde_json::json;

use facepipe_azure::{Body, Picture, PictureError, Request};
use facepipe_core::types::Size;

/// An image to send.
pub(super) enum Photo {
    /// A file, as it is sent.
    File { picture: Picture, size: Size },
    /// An address that the service fetches itself.
    Address(String),
}

/// Whether an argument is an address rather than a file.
pub(super) fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

impl Photo {
    /// The photo or address that an argument names.
    pub(super) fn named(text: &str) -> Result<Self, PictureError> {
        if is_address(text) {
            return Ok(Self::Address(text.to_owned()));
        }
        Self::read(Path::new(text))
    }

    /// A file, upright, as JPEG without anything but its pixels, within the service's limits.
    pub(super) fn read(path: &Path) -> Result<Self, PictureError> {
        let (picture, size) = Picture::read(path)?;
        Ok(Self::File { picture, size })
    }

    /// The content of the request.
    pub(super) fn body(&self) -> Body {
        match self {
            Self::File { picture, .. } => Body::Image(picture.jpeg.clone()),
            Self::Address(url) => Body::Json(json!({"url": url}).to_string()),
        }
    }

    /// Pixels of the photo for one pixel of the sent image, from left to right and from top to bottom.
    pub(super) fn scale(&self) -> (f32, f32) {
        match self {
            Self::File { picture, .. } => (picture.scale_x, picture.scale_y),
            Self::Address(_) => (1.0, 1.0),
        }
    }

    /// The photo's size, where it is a file.
    pub(super) fn size(&self) -> Option<Size> {
        match self {
            Self::File { size, .. } => Some(*size),
            Self::Address(_) => None,
        }
    }

    /// A request that adds the photo's face, which `target` singles out.
    pub(super) fn added_by(&self, request: Request, target: Option<[f64; 4]>) -> Request {
        let (x, y) = self.scale();
        let (x, y) = (f64::from(x), f64::from(y));
        let target = target.map(|[left, top, width, height]| {
            let sent = [left / x, top / y, width / x, height / y];
            let sent = sent.map(|number| format!("{:.0}", number.max(0.0)));
            sent.join(",")
        });
        request.maybe_query("targetFace", target).body(self.body())
    }
}
