//! Labels that look like one person: a person's photos in two folders spoil both.

use facepipe_core::context::Context;
use facepipe_nn::LabelMeans;
use tch::Device;

/// Most pairs of labels that are told one by one.
const TOLD: usize = 5;

/// Tells pairs of labels whose centres are as alike as those of one person's images; `one_person` is the least cosine of
/// these.
pub(super) fn tell(labels: &[String], centres: &LabelMeans, one_person: f64, context: &Context) {
    let pairs = alike(centres, one_person);
    for (one, other, cosine) in pairs.iter().take(TOLD) {
        context.progress.note(&format!(
            "labels `{}` and `{}` look like one person: the cosine of their centres is {cosine:.2}",
            labels[*one], labels[*other]
        ));
    }
    if pairs.len() > TOLD {
        let more = pairs.len() - TOLD;
        context
            .progress
            .note(&format!("and {more} more pairs of labels do"));
    }
}

/// Pairs of labels, the most alike first.
fn alike(centres: &LabelMeans, least: f64) -> Vec<(usize, usize, f64)> {
    let centres = centres.tensor().to_device(Device::Cpu);
    let cosines = centres.matmul(&centres.tr());
    let count = centres.size()[0];
    let mut pairs = Vec::new();
    for one in 0..count {
        for other in one + 1..count {
            let cosine = cosines.double_value(&[one, other]);
            if cosine >= least {
                pairs.push((one as usize, other as usize, cosine));
            }
        }
    }
    pairs.sort_by(|one, other| other.2.total_cmp(&one.2));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    #[test]
    fn only_centres_in_nearly_one_direction_are_alike_and_labels_without_images_are_not() {
        let features = Tensor::from_slice(&[1.0_f32, 0.0, 0.0, 1.0, 0.8, 0.6, 1.0, 0.1]);
        let labels = Tensor::from_slice(&[0_i64, 1, 2, 3]);
        let centres = LabelMeans::of(&features.view([4, 2]), &labels, 5);
        let found = alike(&centres, 0.78);
        let pairs: Vec<_> = found.iter().map(|(one, other, _)| (*one, *other)).collect();
        assert_eq!(pairs, [(0, 3), (2, 3), (0, 2)]);
        assert!(found[2].2 > 0.79 && found[2].2 < 0.81);
    }
}
