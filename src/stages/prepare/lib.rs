//! Removes duplicates and splits into train, val and test without leakage.

mod cache;
mod candidates;
mod duplicates;
mod embeddings;
mod error;
mod explain;
mod faces;
mod features;
mod identities;
mod identity_record;
mod identity_sheet;
mod items;
mod lists;
mod near_embeddings;
mod page;
mod placing;
mod proof;
mod relations;
mod report;
mod restored;
mod settings;
mod shards;
mod side_size;
mod split;
mod union_find;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use facepipe_core::artifacts::apart::ensure_apart;
use facepipe_core::artifacts::digest::{content_name, sha256_of_file};
use facepipe_core::artifacts::stage::{
    self, Begin, DISCARDED_FILE, MANIFEST_FILE, OpenStage, REPORT_FILE, Request,
};
use facepipe_core::artifacts::{atomic, given_split, jsonl};
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::types::{
    ChipSpec, DataSet, Discarded, ItemKind, Reason, Split, SplitRecord, Stage,
};
use facepipe_core::words::counted;
use facepipe_faces::embed_images::ImageEmbedder;

use cache::Cache;
use embeddings::{Embeddings, Source};
use items::Item;
use placing::Placing;
use split::{Earlier, Placed};

pub use error::PrepareError;
pub use explain::{Explanation, ImageFacts, Step, explain};
pub use facepipe_core::artifacts::given_split::CACHE_FOLDER;
pub use identities::IDENTITIES_FILE;
pub use identity_record::{Decision, IdentityRecord, LabelIdentity};
pub use items::knows_faces;
pub use lists::{FOLDS_FILE, SPLITS_FILE};
pub use page::PAGE_FILE;
pub use proof::{
    CHECK_PAGE_FILE, Check, LeakedSet, Measure, Nearest, PROOF_FILE, Pair, PlacedImage, Proof,
    check,
};
pub use relations::Why;
pub use report::PrepareReport;
pub use restored::{RESTORED_FILE, Restored};
pub use settings::{Conflicts, LinkMode, Settings};
pub use side_size::SideSize;
pub use split::{GivenSplit, Leak, MovedImage, SIDES_FILE, SplitBy, SplitReport};

/// In the stamp: how embeddings are made, where the faces are compared.
const EMBEDDER_INPUT: &str = "embedder";
/// The name of the list of restored images among the stage's inputs.
const RESTORED_INPUT: &str = "restored";

/// Below this many images a label's figures mean little, and the user is warned.
const FEW_IMAGES: usize = 5;

/// The name of the split of another data set among the stage's inputs.
const KEPT_SPLIT_INPUT: &str = "kept split";

/// Makes a data set in `out` from the images below `input` (a folder for each label, or folders of sides with
/// those inside): crops, or whole photos.
///
/// `embedder` is needed only where the settings have embeddings or clean identities.
///
/// # Errors
/// [`PrepareError`]; running it again reads what is in the [`CACHE_FOLDER`] from there and ends the same.
pub fn run(
    input: &Path,
    out: &Path,
    settings: &Settings,
    embedder: Option<&ImageEmbedder>,
    context: &Context,
) -> Result<PrepareReport, PrepareError> {
    let started = Instant::now();
    if !input.is_dir() {
        return Err(PrepareError::NoInput(input.to_owned()));
    }
    ensure_apart(input, out)?;
    stage::ensure_finished(input)?;
    let (folder, sides) = given_split::list(input)?;
    if folder.files.is_empty() {
        return Err(PrepareError::NoImages(input.to_owned()));
    }
    for note in folder.notes() {
        context.progress.note(&note);
    }
    let mut inputs = BTreeMap::from([("images", folder.fingerprint()?.digest)]);
    let manifest = input.join(MANIFEST_FILE);
    if manifest.exists() {
        inputs.insert("manifest", sha256_of_file(&manifest)?);
    }
    let kept_split = split::digest(out, settings)?;
    inputs.extend(kept_split.map(|digest| (KEPT_SPLIT_INPUT, digest)));
    let restored = Restored::read(out)?;
    inputs.extend(restored.digest().map(|digest| (RESTORED_INPUT, digest)));
    if settings.needs_embeddings() {
        inputs.extend(embedder.map(|embedder| (EMBEDDER_INPUT, embedder.made_by())));
    }
    let request = Request {
        stage: Stage::Prepare,
        settings,
        inputs: &inputs,
        tools: &[EMBEDDER_INPUT],
    };
    let open = match stage::begin(out, &request, context.remake)? {
        Begin::UpToDate(_) => {
            return Ok(PrepareReport {
                out: out.to_owned(),
                ..PrepareReport::read(&out.join(REPORT_FILE))?
            });
        }
        Begin::Work(open) => open,
    };
    if let Some(update) = open.update() {
        context.progress.note(&update);
    }
    tell_similar_labels(&folder.labels, context);
    let earlier = Earlier::read(out, settings)?;
    let (cache, cache_file) = Cache::open(out, settings.rotations)?;
    let cache_file = Some(cache_file);
    let read = items::read(
        &folder,
        &manifest,
        &cache,
        cache_file,
        settings.rotations,
        context,
    )?;
    drop(cache);
    let given = split::given(sides, &read.items, settings);
    context.interrupt.check()?;
    let source = Source::new(settings, embedder, |tools| Source::Kept(tools, out))?;
    let embeddings = Embeddings::find(&read.items, source, context)?;
    let links = relations::find(&read.items, &embeddings, settings, context)?;
    let sorted_out = duplicates::sort_out(&read.items, &links, given.as_ref(), settings);
    let mut discarded = read.discarded;
    discarded.extend(folder.discarded());
    discarded.extend(sorted_out.discarded);
    let mut look_like_others = Vec::new();
    let (kept, identities) = if settings.clean_identities {
        let cleaned = identities::clean(sorted_out.kept, &restored, &open, &embeddings, context)?;
        discarded.extend(cleaned.discarded);
        (cleaned.kept, Some(cleaned.labels))
    } else {
        identities::remove_traces(&open)?;
        if settings.needs_embeddings() {
            look_like_others = identities::look_like_others(&sorted_out.kept, &embeddings, context);
        }
        (sorted_out.kept, None)
    };
    let source = split::Source {
        input,
        items: &read.items,
        links: &links,
        sets: &sorted_out.sets,
        given: given.as_ref(),
        earlier: &earlier,
        settings,
        context,
    };
    let division = split::divide(kept, source)?;
    discarded.extend(division.discarded);
    if division.images.is_empty() {
        jsonl::write(&open.path(DISCARDED_FILE), &discarded)?;
        page::remove(&open)?;
        return Err(PrepareError::NothingLeft {
            out: out.to_owned(),
        });
    }
    let chip = chip_of(input)?;
    let placing = Placing::new(settings.link);
    let (data_set, manifest) = write(
        &open,
        &division.images,
        chip,
        &placing,
        &mut discarded,
        context,
    )?;
    lists::write(&open.root, &manifest, settings.folds.is_some())?;
    let shards = shards::write(&open, &manifest, &data_set, settings, context)?;
    placing.note(context);
    division.report.note(context);
    warn(&data_set, context);
    tell_labels_without_images(&folder.labels, &data_set, &discarded, context);
    let shown = page::Shown {
        items: &read.items,
        links: &links,
        images: &division.images,
        discarded: &discarded,
        data_set: &data_set,
        identities: identities.as_ref(),
        look_like_others: &look_like_others,
        embeddings: &embeddings,
    };
    let proof = page::write(&open, &shown, settings, context)?;
    let seconds = started.elapsed().as_secs_f64();
    let report = PrepareReport {
        from_cache: read.known,
        embeddings: settings.needs_embeddings(),
        identities,
        look_like_others,
        split: division.report,
        shards,
        leaks: proof.leaks.len(),
        verdict: proof.verdict,
        ..PrepareReport::new(out, &data_set, &discarded, seconds)
    };
    atomic::write_json(&open.path(REPORT_FILE), &report)?;
    earlier.write(out, settings, division.known)?;
    open.finish(report.counts())?;
    Ok(report)
}

/// Settings and tools that differ from those that a data set was made with, one text each.
///
/// # Errors
/// [`PrepareError::Stage`].
pub fn changed_settings(
    out: &Path,
    settings: &Settings,
    embedder: Option<&ImageEmbedder>,
) -> Result<Vec<String>, PrepareError> {
    let embedder = embedder.filter(|_| settings.needs_embeddings());
    let inputs: BTreeMap<&str, String> = embedder
        .map(|embedder| (EMBEDDER_INPUT, embedder.made_by()))
        .into_iter()
        .collect();
    let request = Request {
        stage: Stage::Prepare,
        settings,
        inputs: &inputs,
        tools: &[EMBEDDER_INPUT],
    };
    Ok(request.changed_settings(out)?)
}

/// Images that stay, with the group they belong to.
#[derive(Debug, Clone)]
struct Grouped<'items> {
    item: &'items Item,
    /// Name of the group: the content of its first member.
    group: String,
    /// The group by the index of its first member among all images, also those that are left out.
    set: usize,
}

/// Names that differ in case only are one folder on some file systems, and mostly one person.
fn tell_similar_labels(labels: &[String], context: &Context) {
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    for label in labels {
        if let Some(before) = seen.insert(label.to_lowercase(), label) {
            context.progress.note(&format!(
                "labels `{before}` and `{label}` differ in case only: are they one person?"
            ));
        }
    }
}

/// Leaves out the labels that have fewer images than requested.
fn without_small_classes(
    kept: Vec<Grouped<'_>>,
    min_per_class: usize,
) -> (Vec<Grouped<'_>>, Vec<Discarded>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for image in &kept {
        *counts.entry(&image.item.label).or_default() += 1;
    }
    let (stay, leave): (Vec<_>, Vec<_>) = kept
        .iter()
        .cloned()
        .partition(|image| counts[image.item.label.as_str()] >= min_per_class);
    let discarded = leave.iter().map(|image| {
        let count = counts[image.item.label.as_str()];
        let message = format!(
            "its label has {}, less than {min_per_class}",
            counted(count, "image")
        );
        image
            .item
            .discarded(Reason::ClassTooSmall, message, Vec::new())
    });
    (stay, discarded.collect())
}

/// How the images were cut out of photos: from the stamp of the crop stage, where there is one.
fn chip_of(input: &Path) -> Result<ChipSpec, PrepareError> {
    let settings = stage::read_stamp(input)?
        .filter(|stamp| stamp.is_of(Stage::Crop))
        .map(|stamp| stamp.settings);
    let chip = settings.and_then(|settings| {
        let detector = settings.get("detector")?.as_str()?;
        if settings.get("align")?.as_bool()? {
            return Some(ChipSpec::aligned(detector));
        }
        Some(ChipSpec::Box {
            margin: settings.get("margin")?.as_f64()? as f32,
            detector: detector.to_owned(),
        })
    });
    Ok(chip.unwrap_or(ChipSpec::Whole))
}

/// Places the images on their sides and writes manifest, discarded list and `dataset.json`.
fn write(
    open: &OpenStage,
    images: &[Placed<'_>],
    chip: ChipSpec,
    placing: &Placing,
    discarded: &mut [Discarded],
    context: &Context,
) -> Result<(DataSet, Vec<SplitRecord>), PrepareError> {
    let labels = images.iter().map(|placed| placed.image.item.label.clone());
    let labels: BTreeSet<String> = labels.collect();
    let folders = || {
        Split::ALL
            .iter()
            .flat_map(|side| labels.iter().map(move |label| (side, label)))
    };
    for (side, label) in folders() {
        fs_err::create_dir_all(open.root.join(side.folder()).join(label))?;
    }
    let bar = context.progress.start("copy", Some(images.len() as u64));
    let records: Vec<(&Item, SplitRecord)> = images
        .iter()
        .map(|placed| (placed.image.item, record(placed)))
        .collect();
    parallel::for_each(
        &records,
        context.threads,
        || Ok(()),
        |(), (item, record)| placing.place(item, &open.path(&record.file)),
        |_, placed| {
            context.interrupt.check()?;
            bar.advance(1);
            placed
        },
    )?;
    let mut manifest: Vec<SplitRecord> = records.into_iter().map(|(_, record)| record).collect();
    manifest.sort_by(|a, b| a.file.cmp(&b.file));
    discarded.sort_by(|a, b| (&a.item, a.reason).cmp(&(&b.item, b.reason)));
    open.sweep(&manifest.iter().map(|record| record.file.clone()).collect())?;
    for (side, label) in folders() {
        // An empty class keeps its folder, so that other programs number the classes alike.
        fs_err::create_dir_all(open.root.join(side.folder()).join(label))?;
    }
    jsonl::write(&open.path(MANIFEST_FILE), &manifest)?;
    jsonl::write(&open.path(DISCARDED_FILE), discarded)?;
    let data_set = DataSet {
        labels: labels.into_iter().collect(),
        chip,
        images: counts(&manifest),
    };
    atomic::write_json(&open.path(DataSet::FILE), &data_set)?;
    Ok((data_set, manifest))
}

fn record(placed: &Placed<'_>) -> SplitRecord {
    let (item, split) = (placed.image.item, placed.side);
    let name = content_name(&item.features.md5, &item.features.extension);
    SplitRecord {
        file: format!("{split}/{}/{name}", item.label),
        label: item.label.clone(),
        split,
        md5: item.features.md5.clone(),
        phash: item.features.phash.to_string(),
        group: placed.image.group.clone(),
        source: item.relative.clone(),
        photo: item.photo.as_ref().map(|photo| photo.file.clone()),
        face: item.photo.as_ref().and_then(|photo| photo.face),
        photo_md5: item.photo.as_ref().map(|photo| photo.md5.clone()),
        photo_phash: item.photo.as_ref().map(|photo| photo.phash.to_string()),
        origin: placed.origin.name.clone(),
        made: placed.origin.made,
        fold: placed.fold,
        place: item.photo.as_ref().and_then(|photo| photo.place),
    }
}

fn counts(manifest: &[SplitRecord]) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for side in Split::ALL {
        let of_side = counts.entry(side.folder().to_owned()).or_default();
        for record in manifest.iter().filter(|record| record.split == side) {
            *of_side.entry(record.label.clone()).or_default() += 1;
        }
    }
    counts
}

/// Tells labels of which no image is left, with the reasons.
fn tell_labels_without_images(
    labels: &[String],
    data_set: &DataSet,
    discarded: &[Discarded],
    context: &Context,
) {
    for label in labels
        .iter()
        .filter(|label| !data_set.labels.contains(label))
    {
        let of_label = discarded
            .iter()
            .filter(|one| one.label.as_ref() == Some(label));
        let of_label: Vec<Discarded> = of_label.cloned().collect();
        let reasons = Discarded::count_reasons(&of_label);
        let reasons: Vec<String> = reasons
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        let first = of_label
            .first()
            .map_or("it has no photos", |one| &*one.message);
        context.progress.note(&format!(
            "label `{label}` has no images left, and nobody of that name is recognised: {} ({first})",
            reasons.join(", ")
        ));
    }
}

/// Warns of what will cause trouble later.
fn warn(data_set: &DataSet, context: &Context) {
    if let [label] = data_set.labels.as_slice() {
        context.progress.note(&format!(
            "`{label}` is the only label: training needs at least two (add another person)"
        ));
    }
    for label in &data_set.labels {
        let images: u64 = data_set
            .images
            .values()
            .filter_map(|side| side.get(label))
            .sum();
        if images < FEW_IMAGES as u64 {
            context.progress.note(&format!(
                "label `{label}` has only {}",
                counted(images, "image")
            ));
        }
    }
}

impl Item {
    fn discarded(&self, reason: Reason, message: String, related: Vec<String>) -> Discarded {
        Discarded {
            item: self.relative.clone(),
            kind: ItemKind::Image,
            label: Some(self.label.clone()),
            reason,
            message,
            related,
            distance: None,
            photo: self.photo.as_ref().map(|photo| photo.file.clone()),
            face: self.photo.as_ref().and_then(|photo| photo.face),
        }
    }
}
