//! The sections of the page.

use maud::{Markup, html};

use super::{Page, faces, interval, tables};
use crate::gallery::Galleries;
use crate::separation::ScoreKind;
use crate::{ENOUGH_PEOPLE, KnownFound, rate_text, threshold_text};
use facepipe_core::types::{BoundBasis, Calibrated, Split};
use facepipe_core::words::{counted, counted_as};
use facepipe_drawing::page::{number, percent};

impl Page<'_> {
    pub(super) fn head(&self) -> Markup {
        let (report, card) = (self.report, self.card);
        html! {
            header {
                h1 { (card.name) }
                p.soft {
                    (card.architecture) ", " (counted(card.labels.len(), "label")) ", " (counted(report.metrics.images, "image")) " of "
                    b { (report.split) }
                    @if report.unreadable > 0 { "; " (report.unreadable) " could not be read" }
                    "."
                    @if report.split == Split::Train {
                        " The model was trained on these images: the figures say little about others."
                    }
                    @if report.split == Split::Val {
                        " The best epoch and the temperature were chosen on these images: the figures flatter a little."
                    }
                }
            }
        }
    }

    pub(super) fn numbers(&self) -> Markup {
        let metrics = &self.report.metrics;
        let calibration = &self.report.calibration;
        html! {
            div.numbers {
                (number("accuracy", &percent(metrics.top1), &format!("{} of {}; 95 % interval {}",
                    metrics.right, metrics.images, interval(metrics.top1_interval))))
                (number("balanced accuracy", &percent(metrics.balanced_accuracy),
                    &format!("each label counts the same; {}", interval(metrics.balanced_accuracy_interval))))
                (number("F1, mean of labels", &percent(metrics.macro_f1),
                    &format!("95 % interval {}", interval(metrics.macro_f1_interval))))
                @if let (Some(top5), Some(ends)) = (metrics.top5, metrics.top5_interval) {
                    (number("among the first five", &percent(top5), &format!("95 % interval {}", interval(ends))))
                }
                @if calibration.too_few {
                    (number("calibration error (ECE)", "–", "too few images to measure it"))
                } @else {
                    (number("calibration error (ECE)", &percent(calibration.calibrated.ece),
                        &format!("{} without the temperature", percent(calibration.uncalibrated.ece))))
                }
                @if let Some(open_set) = &self.report.open_set {
                    @let chosen = &open_set.decisive().chosen;
                    (number("known people found", &percent(chosen.true_accept_rate),
                        &format!("where {} of strangers are accepted; {}", rate_text(chosen.false_accept_rate),
                            interval(chosen.interval))))
                }
                @if let Some(verification) = &self.report.verification {
                    (number("pairs answered rightly", &percent(verification.accuracy.share),
                        &format!("area below the ROC curve {:.4}", verification.roc_auc)))
                }
            }
        }
    }

    pub(super) fn mistakes(&self, galleries: &Galleries) -> Markup {
        let metrics = &self.report.metrics;
        let wrong = metrics.images - metrics.right;
        html! {
            h2 { "Mistakes" }
            @if wrong == 0 {
                p { "Every image was named right." }
            } @else {
                p {
                    (wrong) " of " (counted(metrics.images, "image")) " got a wrong name. The surest first: look for wrong \
                    labels and for faces that are hardly to be seen. On the right of each pair is the training image \
                    of the given name that the network finds most alike."
                }
                (faces::gallery(&galleries.mistakes))
                (tables::confusions(metrics))
            }
            @if !galleries.ambiguous.is_empty() {
                h2 { "Least decided" }
                p { "The answers in which the two most probable labels are nearest to each other." }
                (faces::gallery(&galleries.ambiguous))
            }
        }
    }

    pub(super) fn labels(&self) -> Markup {
        html! {
            h2 { "Labels" }
            p {
                "Precision: how many of the images that got the name are of the person. Recall: how many of the \
                 person's images got the name. Labels with the lowest recall first."
            }
            (tables::labels(&self.report.metrics, &self.report.one_vs_rest))
            (self.plots(&["confusion"]))
        }
    }

    pub(super) fn calibration(&self) -> Markup {
        let temperature = self.report.calibration.calibrated.temperature;
        html! {
            h2 { "Can probabilities be believed?" }
            p {
                "Of answers given with 90 %, nine in ten should be right. "
                @match self.report.calibration.how {
                    Some(Calibrated::TooFew) => { "No temperature was fitted, since val has too few images to tell one. " }
                    Some(Calibrated::NoBetter) => {
                        "No temperature is used: one that was fitted on a part of val was no better on the rest. "
                    }
                    Some(Calibrated::Fitted) | None => {
                        "Logits are divided by a temperature of " (format!("{temperature:.3}"))
                        ", which was fitted on val at the end of the training; probabilities "
                        "and thresholds everywhere are after it. "
                    }
                }
                "With few images of a kind the bars are rough."
            }
            (self.plots(&["reliability", "reliability_uncalibrated"]))
            (tables::calibration(&self.report.calibration))
            @if self.report.open_set.is_none() { (self.plots(&["confidence"])) }
        }
    }

    pub(super) fn strangers(&self, galleries: &Galleries) -> Markup {
        let Some(open_set) = &self.report.open_set else {
            return html! {
                h2 { "Strangers" }
                @match &self.report.known_found {
                    Some(known) => { (known_found(known)) }
                    None => { p { "The model has no bound for strangers, and names everybody." } }
                }
                p {
                    "The model was not tried on people whom it does not know. An evaluation with photos of strangers "
                    "measures how many of them get a name, and finds the bound by them."
                }
            };
        };
        let (decisive, other) = (open_set.decisive(), open_set.other());
        let chosen = &decisive.chosen;
        html! {
            h2 { "Strangers" }
            p {
                @match open_set.decided_by {
                    ScoreKind::Probability => { "Faces whose most probable label has less than " }
                    ScoreKind::Similarity => { "Faces whose similarity with the images of their label is below " }
                }
                b { (threshold_text(chosen.threshold)) }
                " are unknown from now on. Of " (counted(open_set.impostors, "face")) " of strangers"
                @if let Some(people) = open_set.impostor_people { " (" (counted_as(people, "person", "people")) ")" }
                ", " (rate_text(chosen.false_accepts)) " reach it; of " (counted(open_set.genuine, "face")) " of known people "
                (percent(chosen.true_accept_rate)) " do, with the right name."
                @if let Some(share) = decisive.cross_checked_false_accepts {
                    " With the threshold chosen on four fifths of the strangers, " (rate_text(share))
                    " of the others were accepted: expect that of new ones."
                }
            }
            @if chosen.too_few {
                p.note {
                    "These are too few strangers for a false-accept rate of " (rate_text(chosen.false_accept_rate))
                    ": the threshold is above all of them, and the true rate may be higher. It takes "
                    (format!("{:.0}", (1.0 / chosen.false_accept_rate).ceil())) " faces or more to tell."
                }
            }
            (tables::rates(&decisive.rates, chosen, "known faces accepted and rightly named"))
            @if let Some((kind, other)) = other {
                p {
                    "By " (kind) " alone, " (percent(other.chosen.true_accept_rate)) " of the known faces would be "
                    "accepted where " (rate_text(other.chosen.false_accept_rate)) " of the strangers are: the better of "
                    "the two decides."
                }
            }
            (self.plots(&["confidence", "open_set"]))
            @if !galleries.strangers.is_empty() {
                p { "The strangers who are most surely taken for somebody. Is one of them no stranger?" }
                (faces::gallery(&galleries.strangers))
            }
        }
    }

    pub(super) fn pairs(&self) -> Markup {
        let Some(verification) = &self.report.verification else {
            return html! {};
        };
        let accuracy = &verification.accuracy;
        html! {
            h2 { "One person or two?" }
            p {
                (counted(verification.pairs, "pair")) " of photos, " (verification.same) " of them of one person, compared by \
                the cosine of what the network knows before it tells labels. "
                b { (percent(accuracy.share)) } " are answered rightly (95 % interval " (interval(accuracy.interval)) "), "
                @if accuracy.cross_checked { "each part of the list with the threshold of the others" }
                @else { "with the best threshold for these very pairs, which flatters" }
                "; equal error rate " (percent(verification.equal_error_rate)) ", area below the ROC curve "
                (format!("{:.4}", verification.roc_auc)) "."
                @if verification.lost > 0 {
                    " In " (counted(verification.lost, "pair")) " a face was not found, which counts as wrong."
                }
            }
            (tables::rates(&verification.rates, &verification.rates[0], "pairs of one person accepted"))
            (self.plots(&["pairs", "verification"]))
        }
    }

    pub(super) fn groups(&self) -> Markup {
        let Some(groups) = &self.report.groups else {
            return html! {};
        };
        html! {
            h2 { "Groups of people" }
            p {
                @if let Some(bound) = &groups.comparison {
                    "All pairs of faces (" (bound.pairs_of_one + bound.pairs_of_two) "), compared by the cosine of \
                     what the network knows before it tells labels: two faces of "
                    b { (threshold_text(bound.cosine)) } " and more are taken for one person, in all groups alike. Of all \
                    pairs of two people " (rate_text(bound.false_accept_rate)) " may be."
                    @if bound.too_few { " (The pairs are too few for that rate: none is.)" }
                    " FNMR: pairs of one person below it. FMR: pairs of two people of the same group at it or above."
                }
                @match groups.recognition {
                    Some(bound) => {
                        " FNIR: faces of known people that get a wrong name, or none because their " (bound.score)
                        " is below " (threshold_text(bound.threshold)) ". FPIR: faces of strangers that get a name."
                    }
                    None => { " FNIR: faces of known people that get a wrong name." }
                }
                " A group does worse only if the intervals of the groups lie apart; with few people they are wide, and of fewer than "
                (ENOUGH_PEOPLE) " they say little."
            }
            (tables::groups(groups))
            @if !groups.without_group.is_empty() {
                small { (counted_as(groups.without_group.len(), "person is", "people are")) " in no group, and counted for everyone. " }
            }
            @if !groups.without_images.is_empty() {
                small { (counted_as(groups.without_images.len(), "person of the list has", "people of the list have")) " no images here." }
            }
        }
    }

    pub(super) fn curves(&self) -> Markup {
        html! {
            h2 { "Each label against the rest" }
            (self.plots(&["roc", "precision_recall"]))
        }
    }

    pub(super) fn training(&self) -> Markup {
        html! {
            @if self.plots.iter().any(|plot| plot.name == "training_loss") {
                h2 { "Training" }
                p {
                    "Epoch " (self.card.training.best_epoch) " of " (self.card.training.epochs)
                    " was the best on val; the model has its weights."
                }
                (self.plots(&["training_loss", "training_accuracy"]))
            }
        }
    }
}

/// What the bound does that the model has without photos of strangers.
fn known_found(known: &KnownFound) -> Markup {
    let share = known.found as f64 / known.images.max(1) as f64;
    html! {
        p {
            @match known.bound.score {
                ScoreKind::Probability => { "Faces whose most probable label has less than " }
                ScoreKind::Similarity => { "Faces whose similarity with their label is below " }
            }
            b { (threshold_text(known.bound.threshold)) } " are unknown. "
            @match (known.found_by, known.false_accept_rate) {
                (BoundBasis::Strangers, Some(rate)) => {
                    (rate_text(rate)) " of the strangers whom it was measured on reach it."
                }
                (_, Some(rate)) => {
                    "About " (rate_text(rate)) " of strangers would reach it, by how alike other people's faces are "
                    "to a label's."
                }
                (_, None) => { "How many strangers would reach it is not known." }
            }
            " Of " (counted(known.images, "face")) " of known people " (known.found) " are found with it ("
            (percent(share)) ", 95 % interval " (interval(known.interval)) "); " (known.lost)
            " with the right name are below it."
        }
    }
}
