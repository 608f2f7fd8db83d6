use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use image::GrayImage;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::super::duplicates::{SortedOut, sort_out};
use super::super::features::Features;
use super::super::relations::Why;
use super::super::settings::Conflicts;
use super::super::view::ViewHashes;
use super::*;
use facepipe_core::artifacts::digest::md5_hex;
use facepipe_core::context::Interrupt;
use facepipe_core::ports::SilentProgress;
use facepipe_core::types::{PhotoFaceName, Size};
use facepipe_imaging::perceptual_hash::Reduced;

const SEEDS: u64 = 60;
const ROUNDS: usize = 5;

fn context() -> Context {
    Context {
        progress: Arc::new(SilentProgress),
        interrupt: Interrupt::default(),
        threads: NonZeroUsize::MIN,
        seed: 0,
        remake: facepipe_core::context::Remake::default(),
    }
}

fn item(label: &str, number: usize) -> Item {
    let picture = Reduced::of(&GrayImage::new(64, 48));
    let name = format!("{label}/{number:05}.png");
    Item {
        label: label.to_owned(),
        path: name.clone().into(),
        name: PhotoFaceName::of_file(name.as_str()),
        features: Features {
            md5: md5_hex(name.as_bytes()),
            pixel_digest: String::new(),
            extension: "png".to_owned(),
            size: Size::new(64, 48),
            phash: picture.hash(),
            view: ViewHashes::of(&picture),
            turned: Vec::new(),
        },
        relative: name,
        photo: None,
        also_labels: Vec::new(),
    }
}

/// Images of four labels that are added round by round; some are of one photo with others, of any label.
struct Growing {
    items: BTreeMap<String, Item>,
    one_photo: Vec<[String; 2]>,
}

impl Growing {
    fn grow(&mut self, random: &mut ChaCha8Rng) {
        for _ in 0..random.random_range(5..60) {
            let label = ["ada", "bea", "cem", "dan"][random.random_range(0..4)];
            let new = item(label, self.items.len());
            let name = new.relative.clone();
            let links = if random.random_bool(0.3) {
                random.random_range(1..3)
            } else {
                0
            };
            for _ in 0..links.min(self.items.len()) {
                let at = random.random_range(0..self.items.len());
                let other = self.items.keys().nth(at).cloned();
                self.one_photo
                    .extend(other.map(|other| [name.clone(), other]));
            }
            self.items.insert(name, new);
        }
    }

    fn links(&self) -> Vec<Link> {
        let names: Vec<&String> = self.items.keys().collect();
        let index = |name: &String| names.binary_search(&name).expect("is there");
        let link = |[a, b]: &[String; 2]| Link {
            a: index(a).min(index(b)),
            b: index(a).max(index(b)),
            why: Why::SamePhoto,
        };
        self.one_photo.iter().map(link).collect()
    }
}

/// The result of one round: image, label, group, side and fold.
type Made = BTreeMap<String, (String, usize, Split, Option<u32>)>;

fn prepare(growing: &Growing, out: &Path, settings: &Settings) -> (Made, SplitReport) {
    let (context, links) = (context(), growing.links());
    let items: Vec<Item> = growing.items.values().cloned().collect();
    let SortedOut { kept, sets, .. } = sort_out(&items, &links, None, settings);
    let earlier = Earlier::read(out, settings).expect("reads");
    let source = Source {
        input: out,
        items: &items,
        links: &links,
        sets: &sets,
        given: None,
        earlier: &earlier,
        settings,
        context: &context,
    };
    let division = divide(kept, source).expect("divides");
    let made = division.images.iter().map(|placed| {
        let item = placed.image.item;
        let place = (
            item.label.clone(),
            placed.image.set,
            placed.side,
            placed.fold,
        );
        (item.relative.clone(), place)
    });
    let made = made.collect();
    earlier
        .write(out, settings, division.known)
        .expect("writes");
    (made, division.report)
}

#[test]
fn groups_stay_together_and_images_where_they_are_whatever_comes() {
    let (mut kept, mut moved) = (0, 0);
    for seed in 0..SEEDS {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let folder = tempfile::tempdir().expect("temporary folder");
        let settings = Settings {
            seed,
            conflicts: Conflicts::Keep,
            min_per_side: random.random_range(0..4),
            folds: Some(random.random_range(2..6)),
            ..Settings::default()
        };
        let mut growing = Growing {
            items: BTreeMap::new(),
            one_photo: Vec::new(),
        };
        let mut before = Made::new();
        for _ in 0..ROUNDS {
            growing.grow(&mut random);
            let (made, report) = prepare(&growing, folder.path(), &settings);
            let mut places: BTreeMap<usize, BTreeSet<(Split, Option<u32>)>> = BTreeMap::new();
            let mut counts: BTreeMap<&String, BTreeMap<Split, usize>> = BTreeMap::new();
            for (label, set, side, fold) in made.values() {
                assert_eq!(fold.is_none(), *side == Split::Test);
                places.entry(*set).or_default().insert((*side, *fold));
                *counts.entry(label).or_default().entry(*side).or_default() += 1;
            }
            assert!(
                places.values().all(|places| places.len() == 1),
                "seed {seed}"
            );
            for (label, counts) in counts.iter().filter(|_| settings.min_per_side > 0) {
                let least = Split::ALL.map(|side| counts.get(&side).copied().unwrap_or_default());
                let holds = least.iter().all(|count| *count >= settings.min_per_side);
                assert!(holds, "seed {seed}: {label} has {least:?}");
            }
            let reported: BTreeMap<&String, &MovedImage> = report
                .moved
                .iter()
                .map(|moved| (&moved.item, moved))
                .collect();
            for (name, (_, _, was, _)) in &before {
                let Some((_, _, is, _)) = made.get(name) else {
                    continue;
                };
                if was == is {
                    kept += 1;
                    continue;
                }
                moved += 1;
                assert!(is < was, "seed {seed}: {name} went from {was} to {is}");
                let moved = reported[name];
                assert_eq!((moved.from, moved.to), (*was, *is));
                assert!(!moved.because.is_empty());
            }
            let again = prepare(&growing, folder.path(), &settings);
            assert_eq!(again.0, made, "seed {seed}: again");
            assert_eq!(
                again.1.moved, report.moved,
                "moves are reported from then on"
            );
            before = made;
        }
    }
    assert!(kept > 10_000 && moved > 100, "{kept} kept, {moved} moved");
}
