//! A drawn picture and a network's answer to it, to check opened models with.

use image::{Rgb, RgbImage};
use tch::{Device, Kind, Tensor};

use super::classifier::ModelError;
use super::input_tensor::input_tensor;
use facepipe_core::types::{InputSpec, ReferenceCard, Size};
use facepipe_faces::preprocess::preprocess;

/// The largest difference of a logit that passes, as a share of the largest logit (or of 1, where
/// that is smaller). Single precision's rounding stays orders of magnitude below; GPUs that multiply in
/// TF32 keep 10 bits (1e-3 a product), of which a few add up over the layers. Other weights differ by
/// about 1.
const MAX_DIFFERENCE: f64 = 2e-2;

/// The picture [`ReferenceCard::WAVES`]: waves of three lengths, different in each channel.
#[must_use]
pub fn reference_picture(size: Size) -> RgbImage {
    RgbImage::from_fn(size.width, size.height, |x, y| {
        let across = f64::from(x) / f64::from(size.width);
        let down = f64::from(y) / f64::from(size.height);
        let wave = |times: f64| {
            let height = (across * times * 7.0).sin() + (down * times * 5.0).cos();
            (127.5 + 60.0 * height).round() as u8
        };
        Rgb([wave(1.0), wave(2.0), wave(3.0)])
    })
}

/// A network's answer to the picture.
///
/// # Shapes
/// `logits` takes `[1, 3, height, width]` and gives `[1, labels]`.
///
/// # Errors
/// Those of `logits`, or of libtorch.
pub fn reference_of(
    input: &InputSpec,
    logits: impl FnOnce(&Tensor) -> Result<Tensor, ModelError>,
) -> Result<ReferenceCard, ModelError> {
    let picture = preprocess(&reference_picture(input.size), input);
    let images = input_tensor(&[picture], input);
    let logits = tch::no_grad(|| logits(&images))?;
    let logits = logits.to_device(Device::Cpu).to_kind(Kind::Float);
    Ok(ReferenceCard {
        picture: ReferenceCard::WAVES.to_owned(),
        logits: Vec::try_from(logits.f_view(-1)?)?,
    })
}

/// Whether a network gives its card's answer to the picture; `false` where the card holds none that
/// this version can compare.
///
/// # Errors
/// [`ModelError::Differs`], also where an answer is not a number.
pub(super) fn check_reference(
    expected: Option<&ReferenceCard>,
    found: &ReferenceCard,
) -> Result<bool, ModelError> {
    if let Some(wrong) = found.logits.iter().find(|logit| !logit.is_finite()) {
        let difference = f64::from(*wrong);
        return Err(ModelError::Differs { difference });
    }
    let Some(expected) = expected.filter(|card| card.picture == found.picture) else {
        return Ok(false);
    };
    let largest = expected
        .logits
        .iter()
        .fold(1.0_f32, |largest, logit| largest.max(logit.abs()));
    let differences = expected.logits.iter().zip(&found.logits);
    let difference = differences
        .map(|(one, other)| f64::from((one - other).abs() / largest))
        .fold(0.0, f64::max);
    if expected.logits.len() != found.logits.len() || difference > MAX_DIFFERENCE {
        return Err(ModelError::Differs { difference });
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(logits: &[f32]) -> ReferenceCard {
        ReferenceCard {
            picture: ReferenceCard::WAVES.to_owned(),
            logits: logits.to_vec(),
        }
    }

    #[test]
    fn the_picture_is_the_same_always() {
        let picture = reference_picture(Size::new(64, 48));
        assert_eq!(picture.dimensions(), (64, 48));
        assert_eq!(picture.get_pixel(0, 0), &Rgb([188, 188, 188]));
        assert_eq!(picture.get_pixel(32, 24), &Rgb([58, 184, 96]));
    }

    #[test]
    fn rounding_passes_and_another_network_does_not() {
        let expected = card(&[30.0, -2.0, 0.5]);
        let check = |logits: &[f32]| check_reference(Some(&expected), &card(logits));
        assert!(matches!(check(&[30.1, -2.1, 0.4]), Ok(true)));
        for wrong in [
            &[30.0, -2.0, 2.0][..],
            &[30.0, -2.0],
            &[30.0, f32::NAN, 0.5],
            &[f32::INFINITY, -2.0, 0.5],
        ] {
            let error = check(wrong).expect_err("differs");
            assert!(matches!(error, ModelError::Differs { .. }), "{wrong:?}");
        }
    }

    #[test]
    fn cards_without_the_picture_have_nothing_to_compare() {
        let found = card(&[1.0]);
        assert!(matches!(check_reference(None, &found), Ok(false)));
        let other = ReferenceCard {
            picture: "stripes".to_owned(),
            logits: vec![7.0],
        };
        assert!(matches!(check_reference(Some(&other), &found), Ok(false)));
        assert!(check_reference(None, &card(&[f32::NAN])).is_err());
    }
}
