use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::*;

/// Of the centres of two people, and of one person's faces around their centre, as measured on photos.
const BETWEEN_PEOPLE: f64 = 0.75;
const WITHIN_PERSON: f64 = 0.29;

/// How many numbers the drawn embeddings have.
const LENGTH: usize = 128;

/// Those of embeddings by dlib's network.
pub(super) const DISTANCES: Distances = Distances {
    same_person: 0.6,
    spread: 0.30,
    neighbour: 0.5,
    doubtful_zone: 0.07,
    clearly_nearer: 0.05,
    same_identity: 0.28,
    two_people: 0.36,
    one_photo: 0.35,
    alike: 0.2,
};

/// Draws people and faces.
struct Drawing {
    random: ChaCha8Rng,
}

impl Drawing {
    fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Numbers with a mean of 0; the length of all is about `length`.
    fn numbers(&mut self, length: f64) -> [f64; LENGTH] {
        let deviation = length / (LENGTH as f64).sqrt();
        std::array::from_fn(|_| {
            let sum: f64 = (0..12).map(|_| self.random.random::<f64>()).sum();
            (sum - 6.0) * deviation
        })
    }

    fn person(&mut self) -> [f64; LENGTH] {
        self.numbers(BETWEEN_PEOPLE / 2.0_f64.sqrt())
    }

    fn face(&mut self, person: &[f64; LENGTH]) -> Embedding {
        let offset = self.numbers(WITHIN_PERSON);
        let numbers = person.iter().zip(offset);
        Embedding::new(
            numbers
                .map(|(person, offset)| (person + offset) as f32)
                .collect::<Vec<f32>>(),
        )
    }

    fn faces(&mut self, person: &[f64; LENGTH], count: usize) -> Vec<Embedding> {
        (0..count).map(|_| self.face(person)).collect()
    }

    /// Faces of one person, and then of strangers who are all different.
    fn with_strangers(&mut self, own: usize, strangers: usize) -> Vec<Embedding> {
        let person = self.person();
        let mut faces = self.faces(&person, own);
        for _ in 0..strangers {
            let stranger = self.person();
            faces.push(self.face(&stranger));
        }
        faces
    }
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("not zero")
}

fn faces(embeddings: &[Embedding]) -> Vec<Face<'_>> {
    let face = |embedding| Face {
        embedding,
        photo: None,
    };
    embeddings.iter().map(face).collect()
}

fn judge_all(labels: &[Vec<Embedding>]) -> Vec<JudgedLabel> {
    let labels: Vec<_> = labels.iter().map(|label| faces(label)).collect();
    judge(&labels, &DISTANCES, threads(1))
}

fn judge_one(label: &[Embedding]) -> JudgedLabel {
    judge(&[faces(label)], &DISTANCES, threads(1)).remove(0)
}

/// How many faces of a range are set aside.
fn set_aside(label: &JudgedLabel, range: std::ops::Range<usize>) -> usize {
    let faces = label.faces[range].iter();
    faces.filter(|face| face.verdict.is_set_aside()).count()
}

#[test]
fn strangers_who_are_all_different_are_set_aside_up_to_just_under_half() {
    for seed in 0..5 {
        for (own, strangers) in [(10, 1), (10, 4), (10, 8), (60, 49), (200, 160)] {
            let faces = Drawing::new(seed).with_strangers(own, strangers);
            let judged = judge_one(&faces);
            assert!(judged.is_evident);
            assert_eq!(set_aside(&judged, 0..own), 0, "{own} {strangers}");
            assert_eq!(set_aside(&judged, own..own + strangers), strangers);
            let far = judged.faces[own..]
                .iter()
                .all(|face| face.distance > face.limit);
            assert!(far, "{:?}", &judged.faces[own..]);
        }
    }
}

#[test]
fn strangers_who_are_one_person_are_set_aside_while_they_are_fewer() {
    for seed in 0..5 {
        for (own, strangers) in [(5, 3), (10, 8), (30, 25), (100, 82)] {
            let mut drawing = Drawing::new(seed);
            let (person, stranger) = (drawing.person(), drawing.person());
            let mut faces = drawing.faces(&person, own);
            faces.extend(drawing.faces(&stranger, strangers));
            let judged = judge_one(&faces);
            assert_eq!(set_aside(&judged, 0..own), 0, "{own} {strangers}");
            assert_eq!(set_aside(&judged, own..own + strangers), strangers);
        }
    }
}

#[test]
fn a_stranger_who_looks_alike_is_recognised() {
    for seed in 0..5 {
        let mut drawing = Drawing::new(seed);
        let person = drawing.person();
        // The centres are 0.45 apart: less than a face may be from its own.
        let offset = drawing.numbers(0.45);
        let alike = std::array::from_fn(|index| person[index] + offset[index]);
        let mut faces = drawing.faces(&person, 30);
        faces.extend(drawing.faces(&alike, 24));
        let judged = judge_one(&faces);
        assert!(set_aside(&judged, 0..30) <= 1, "{seed}");
        assert!(set_aside(&judged, 30..54) >= 23, "{seed}");
    }
}

#[test]
fn where_two_people_are_on_as_many_photos_all_are_kept_and_doubtful() {
    let mut drawing = Drawing::new(3);
    let (one, other) = (drawing.person(), drawing.person());
    let mut faces = drawing.faces(&one, 6);
    faces.extend(drawing.faces(&other, 6));
    let judged = judge_one(&faces);
    assert!(!judged.is_evident);
    let doubtful = |face: &Judgement| face.verdict == Verdict::Doubtful && face.distance.is_none();
    assert!(judged.faces.iter().all(doubtful));
}

#[test]
fn another_label_says_which_of_two_people_it_is() {
    let mut drawing = Drawing::new(4);
    let (one, other) = (drawing.person(), drawing.person());
    // More photos of the other person than of the label's; neither is on half of them.
    let mut mixed = drawing.faces(&one, 8);
    mixed.extend(drawing.faces(&other, 10));
    mixed.extend(drawing.with_strangers(0, 3));
    let alone = judge_one(&mixed);
    assert_eq!(set_aside(&alone, 0..8), 8, "nothing speaks for the one");
    let judged = judge_all(&[mixed, drawing.faces(&other, 20)]);
    assert_eq!(set_aside(&judged[0], 0..8), 0);
    assert_eq!(set_aside(&judged[0], 18..21), 3);
    for face in &judged[0].faces[8..18] {
        assert_eq!(face.verdict, Verdict::NearerToOtherLabel);
        assert_eq!(face.nearest_other.map(|(label, _)| label), Some(1));
    }
    assert_eq!(set_aside(&judged[1], 0..20), 0);
}

#[test]
fn a_larger_label_of_somebody_alike_takes_no_majority_away() {
    let mut drawing = Drawing::new(12);
    let (person, stranger) = (drawing.person(), drawing.person());
    let offset = drawing.numbers(0.2);
    let alike = std::array::from_fn(|index| person[index] + offset[index]);
    let mut mixed = drawing.faces(&person, 20);
    mixed.extend(drawing.faces(&stranger, 16));
    let judged = judge_all(&[mixed, drawing.faces(&alike, 35)]);
    assert_eq!(judged[0].same_person_as, [1]);
    assert_eq!(set_aside(&judged[0], 0..20), 0);
    assert_eq!(set_aside(&judged[0], 20..36), 16);
}

#[test]
fn one_person_under_two_labels_stays_under_both() {
    let mut drawing = Drawing::new(5);
    let (one, other) = (drawing.person(), drawing.person());
    let labels = [&one, &other, &one].map(|person| drawing.faces(person, 12));
    let judged = judge_all(&labels);
    assert_eq!(judged[0].same_person_as, [2]);
    assert!(judged[1].same_person_as.is_empty());
    assert_eq!(judged[2].same_person_as, [0]);
    for label in &judged {
        assert_eq!(set_aside(label, 0..12), 0);
    }
}

#[test]
fn small_labels_lose_only_evident_strangers() {
    let mut drawing = Drawing::new(6);
    let person = drawing.person();
    let kept = |label: &JudgedLabel| label.faces.iter().all(|f| f.verdict == Verdict::Kept);
    let one = judge_one(&drawing.faces(&person, 1));
    assert!(one.is_evident && kept(&one));
    assert_eq!(one.faces[0].distance, None);
    assert!(judge_all(&[vec![]])[0].faces.is_empty());
    // Two faces of one person agree; of two people it is unclear who is meant.
    let again = drawing.face(&person);
    let mut near = drawing.faces(&person, 1);
    near.push(Embedding::new(std::array::from_fn::<_, LENGTH, _>(
        |index| {
            near[0].numbers()[index] + (again.numbers()[index] - near[0].numbers()[index]) * 0.9
        },
    )));
    assert!(kept(&judge_one(&near)));
    for (own, strangers) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        let judged = judge_one(&drawing.with_strangers(own, strangers));
        assert!(!judged.is_evident, "{own} {strangers}");
        assert_eq!(set_aside(&judged, 0..own + strangers), 0);
    }
    for (own, strangers) in [(3, 1), (4, 2), (5, 4)] {
        let judged = judge_one(&drawing.with_strangers(own, strangers));
        assert_eq!(set_aside(&judged, 0..own), 0, "{own} {strangers}");
        assert_eq!(set_aside(&judged, own..own + strangers), strangers);
    }
}

#[test]
fn a_label_without_an_evident_person_loses_only_faces_of_other_labels() {
    let mut drawing = Drawing::new(7);
    let mut crowd = drawing.with_strangers(0, 12);
    let person = drawing.person();
    crowd.extend(drawing.faces(&person, 2));
    let judged = judge_all(&[crowd, drawing.faces(&person, 15)]);
    assert!(!judged[0].is_evident);
    assert_eq!(set_aside(&judged[0], 0..12), 0);
    assert_eq!(set_aside(&judged[0], 12..14), 2);
    assert_eq!(set_aside(&judged[1], 0..15), 0);
}

#[test]
fn two_faces_of_one_photo_are_one_vote() {
    let mut drawing = Drawing::new(8);
    let (person, twin) = (drawing.person(), drawing.person());
    let mut embeddings = drawing.faces(&person, 5);
    // A sheet of passport photos of another person.
    embeddings.extend(drawing.faces(&twin, 8));
    let names = ["a", "b", "c", "d", "e"];
    let face = |(index, embedding)| Face {
        embedding,
        photo: Some(names.get(index).copied().unwrap_or("sheet")),
    };
    let faces: Vec<_> = embeddings.iter().enumerate().map(face).collect();
    let judged = judge(&[faces], &DISTANCES, threads(1)).remove(0);
    assert_eq!(set_aside(&judged, 0..5), 0);
    assert_eq!(set_aside(&judged, 5..13), 8);
}

#[test]
fn equal_faces_are_kept_and_all_figures_are_numbers() {
    let mut drawing = Drawing::new(9);
    let person = drawing.person();
    let face = drawing.face(&person);
    let mut same = vec![face; 7];
    let judged = judge_one(&same);
    assert!(
        judged
            .faces
            .iter()
            .all(|face| face.verdict == Verdict::Kept)
    );
    assert!(judged.faces.iter().all(|face| face.distance == Some(0.0)));
    same.extend(vec![Embedding::new([0.0; LENGTH]); 3]);
    let judged = judge_one(&same);
    assert_eq!(set_aside(&judged, 0..7), 0);
    assert_eq!(set_aside(&judged, 7..10), 3);
    for face in judged.faces {
        assert!(face.distance.is_some_and(f64::is_finite));
        assert!(face.limit.is_some_and(f64::is_finite));
    }
}

#[test]
fn neither_order_nor_threads_change_anything() {
    let mut drawing = Drawing::new(10);
    let labels: Vec<Vec<Embedding>> = (0..7)
        .map(|label| drawing.with_strangers(12 + label, 9))
        .collect();
    let expected = judge_all(&labels);
    let given: Vec<_> = labels.iter().map(|label| faces(label)).collect();
    for count in [2, 3, 16] {
        assert_eq!(judge(&given, &DISTANCES, threads(count)), expected);
    }
    let reversed: Vec<Vec<Embedding>> = labels
        .iter()
        .map(|label| label.iter().rev().cloned().collect())
        .collect();
    for (label, expected) in judge_all(&reversed).into_iter().zip(&expected) {
        let back: Vec<Judgement> = label.faces.into_iter().rev().collect();
        assert_eq!(back, expected.faces);
    }
}

#[test]
fn a_huge_label_is_judged_by_a_sample_and_all_its_faces_get_a_verdict() {
    let mut drawing = Drawing::new(11);
    let (own, strangers) = (3_500, 2_200);
    let faces = drawing.with_strangers(own, strangers);
    assert!(faces.len() > thresholds::MOST_FACES);
    let judged = judge_one(&faces);
    assert_eq!(judged.faces.len(), own + strangers);
    assert!(set_aside(&judged, 0..own) <= own / 200);
    assert!(set_aside(&judged, own..own + strangers) >= strangers - strangers / 200);
}
