//! Stage stamps (`stage.json`): which stage made a folder, from what, and whether it is complete.
//!
//! A rerun with the same settings and input does nothing; an interrupted one continues; one of other input brings the
//! folder up to date; one with other settings is refused with what changed, unless forced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::atomic::{self, TEMPORARY_SUFFIX};
use super::lock::{Lock, LockError, of_process};
use super::path_text::relative_path;
use super::{jsonl, sweep};
use crate::context::Remake;
use crate::types::Stage;
use crate::words::counted;

/// The stamp's file name.
pub const STAMP_FILE: &str = "stage.json";
/// One record per kept item.
pub const MANIFEST_FILE: &str = "manifest.jsonl";
/// One record per item left out.
pub const DISCARDED_FILE: &str = "discarded.jsonl";
/// Counts and times; the only file of a stage that differs between two equal runs.
pub const REPORT_FILE: &str = "report.json";
/// The journal of an unfinished stage.
pub const JOURNAL_FILE: &str = "journal.jsonl";
/// Held while a stage writes to its folder; removed with the lock.
const LOCK_FILE: &str = ".facepipe-lock";

/// The contents of `stage.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    /// The stage's name, such as `crop`; text, since a later version may have other stages.
    pub stage: String,
    /// The program and version that wrote it.
    pub made_by: String,
    /// All resolved settings.
    pub settings: Value,
    /// Fingerprints of the inputs, by name.
    pub inputs: Value,
    /// Items by outcome; empty until complete.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
    /// Whether the stage ran to its end.
    pub complete: bool,
    /// While it is not complete: files that are named as the stage names its own, and were there before without
    /// being in its manifest. They are the user's, and stay.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_ours: BTreeSet<String>,
}

impl Stamp {
    /// Whether a stage wrote it.
    #[must_use]
    pub fn is_of(&self, stage: Stage) -> bool {
        self.stage == stage.name()
    }
}

/// `facepipe 0.1.0`
#[must_use]
pub fn made_by() -> String {
    concat!("facepipe ", env!("CARGO_PKG_VERSION")).to_owned()
}

/// The work that an output folder needs.
#[derive(Debug)]
pub enum Begin {
    /// Nothing: it is complete, with these settings and inputs.
    UpToDate(Stamp),
    /// The work, from the start or from the journal.
    Work(OpenStage),
}

/// How the work in an output folder begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// From nothing: nothing is kept of what is there.
    Anew,
    /// The folder was made of other data, with the same settings: what did not change may be kept. The changes, one
    /// text each.
    Update(Vec<String>),
    /// Where an interrupted run stopped.
    Continued,
}

/// An output folder whose stage is running; no other process can open it meanwhile.
#[derive(Debug)]
pub struct OpenStage {
    /// The output folder.
    pub root: PathBuf,
    /// What there was before.
    pub begun: Begun,
    stamp: Stamp,
    _lock: Lock,
}

/// Why an output folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// It can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It holds files and no stamp: they are the user's.
    #[error("`{}` is not empty and was not made by the stage `{stage}`", .root.display())]
    Foreign {
        /// The folder.
        root: PathBuf,
        /// The stage that was to write there.
        stage: Stage,
    },
    /// Its stamp is damaged.
    #[error("cannot understand `{}`", .path.display())]
    Stamp {
        /// The stamp.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It was made with other settings or from other input.
    #[error("`{}` was made differently: {}", .root.display(), .changes.join("; "))]
    Changed {
        /// The folder.
        root: PathBuf,
        /// What differs, one text each.
        changes: Vec<String>,
    },
    /// Another process writes there.
    #[error("another run{} is writing to `{}`", of_process(*.process), .root.display())]
    Busy {
        /// The folder.
        root: PathBuf,
        /// The other run's process id, where it is known.
        process: Option<u32>,
    },
    /// The stage that makes the input did not run to its end.
    #[error("`{}` is not complete: its `{stage}` was interrupted, or is still running", .root.display())]
    Unfinished {
        /// The input folder.
        root: PathBuf,
        /// The stage.
        stage: String,
    },
    /// The output is a file.
    #[error("the output `{}` is a file, not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// The output and an input are not apart.
    #[error("the output `{}` and the input `{}` lie inside each other", .out.display(), .input.display())]
    Overlap {
        /// The output folder.
        out: PathBuf,
        /// The input folder.
        input: PathBuf,
    },
}

/// Locks a stage's output folder, which is there.
///
/// # Errors
/// [`StageError::Busy`], [`StageError::Io`].
pub fn lock(root: &Path, file: &str) -> Result<Lock, StageError> {
    Lock::take(&root.join(file)).map_err(|error| match error {
        LockError::Io(error) => error.into(),
        LockError::Taken(process) => StageError::Busy {
            root: root.to_owned(),
            process,
        },
    })
}

/// What a stage is about to make.
#[derive(Debug)]
pub struct Request<'a, S, I> {
    /// Which stage.
    pub stage: Stage,
    /// All resolved settings.
    pub settings: &'a S,
    /// Fingerprints of the inputs, by name.
    pub inputs: &'a I,
    /// The inputs that are no data, but tools: another one is a change of settings.
    pub tools: &'a [&'a str],
}

impl<S: Serialize, I: Serialize> Request<'_, S, I> {
    fn stamp(&self) -> io::Result<Stamp> {
        Ok(Stamp {
            stage: self.stage.name().to_owned(),
            made_by: made_by(),
            settings: serde_json::to_value(self.settings)?,
            inputs: serde_json::to_value(self.inputs)?,
            counts: BTreeMap::new(),
            complete: false,
            not_ours: BTreeSet::new(),
        })
    }

    /// Settings that differ from those with which a folder was made, one text each; none where the stage did not
    /// make it.
    ///
    /// # Errors
    /// [`StageError::Io`], [`StageError::Stamp`].
    pub fn changed_settings(&self, root: &Path) -> Result<Vec<String>, StageError> {
        Ok(match read_stamp(root)? {
            Some(old) if old.is_of(self.stage) => {
                Changes::between(&old, &self.stamp()?, self.tools).settings
            }
            _ => Vec::new(),
        })
    }
}

/// What is to be done in an output folder.
enum Need {
    Nothing(Stamp),
    Work(Begun),
}

/// Opens an output folder for a stage and returns whether there is work to do.
///
/// # Errors
/// [`StageError`]; nothing has been changed on the disk then.
pub fn begin<S: Serialize, I: Serialize>(
    root: &Path,
    request: &Request<'_, S, I>,
    remake: Remake,
) -> Result<Begin, StageError> {
    let stamp = request.stamp()?;
    let need = || need(root, request.stage, &stamp, request.tools, remake);
    if let Need::Nothing(old) = need()? {
        // A folder without a lock is only read: it may be on a medium that can't be written.
        if !root.join(LOCK_FILE).exists() {
            return Ok(Begin::UpToDate(old));
        }
    }
    fs::create_dir_all(root)?;
    let lock = lock(root, LOCK_FILE)?;
    let not_ours = not_ours(root, || in_manifest(root))?;
    // Again: another run may have ended meanwhile.
    let begun = match need()? {
        Need::Nothing(old) => {
            remove_leftovers(root)?;
            return Ok(Begin::UpToDate(old));
        }
        Need::Work(begun) => begun,
    };
    let is_new = begun != Begun::Continued;
    if is_new {
        // Before the stamp, which would make it the journal of this run.
        atomic::remove_if_there(&root.join(JOURNAL_FILE))?;
    }
    let open = OpenStage {
        root: root.to_owned(),
        begun,
        stamp: Stamp { not_ours, ..stamp },
        _lock: lock,
    };
    atomic::write_json(&open.path(STAMP_FILE), &open.stamp)?;
    if is_new {
        forget_results(root)?;
    }
    Ok(Begin::Work(open))
}

fn need(
    root: &Path,
    stage: Stage,
    stamp: &Stamp,
    tools: &[&str],
    remake: Remake,
) -> Result<Need, StageError> {
    let foreign = || StageError::Foreign {
        root: root.to_owned(),
        stage,
    };
    let old = match read_stamp(root)? {
        Some(old) if old.is_of(stage) => old,
        None if is_empty(root)? => return Ok(Need::Work(Begun::Anew)),
        _ => return Err(foreign()),
    };
    if remake == Remake::Everything {
        return Ok(Need::Work(Begun::Anew));
    }
    let Changes { settings, inputs } = Changes::between(&old, stamp, tools);
    let allowed = match (settings.is_empty(), inputs.is_empty()) {
        (true, true) => Remake::Nothing,
        (true, false) => Remake::OtherData,
        (false, _) => Remake::OtherSettings,
    };
    if remake < allowed {
        return Err(StageError::Changed {
            root: root.to_owned(),
            changes: [settings, inputs].concat(),
        });
    }
    Ok(match allowed {
        Remake::Nothing if old.complete => Need::Nothing(old),
        Remake::Nothing => Need::Work(Begun::Continued),
        Remake::OtherData => Need::Work(Begun::Update(inputs)),
        Remake::OtherSettings | Remake::Everything => Need::Work(Begun::Anew),
    })
}

/// What differs between the stamp of a folder and a request.
struct Changes {
    /// Settings and tools.
    settings: Vec<String>,
    /// Data.
    inputs: Vec<String>,
}

impl Changes {
    fn between(old: &Stamp, new: &Stamp, tools: &[&str]) -> Self {
        let mut settings = differences("", &old.settings, &new.settings);
        for tool in tools {
            let of = |inputs: &Value| inputs.get(tool).cloned().unwrap_or_default();
            settings.extend(differences(
                &format!("{tool} "),
                &of(&old.inputs),
                &of(&new.inputs),
            ));
        }
        Self {
            settings,
            inputs: changed_inputs(&old.inputs, &new.inputs, tools),
        }
    }
}

/// The stamp of a folder; `None` where it has none.
///
/// # Errors
/// [`StageError::Io`], [`StageError::Stamp`].
pub fn read_stamp(root: &Path) -> Result<Option<Stamp>, StageError> {
    let path = root.join(STAMP_FILE);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| StageError::Stamp { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl OpenStage {
    /// What an update is made for, in words; `None` where the work is none.
    #[must_use]
    pub fn update(&self) -> Option<String> {
        let Begun::Update(changes) = &self.begun else {
            return None;
        };
        let (root, changes) = (self.root.display(), changes.join("; "));
        Some(format!("`{root}` is brought up to date: {changes}"))
    }

    /// A file of the stage by name.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Removes what killed and earlier runs left beside the files in `keep`; see [`sweep::sweep_others`].
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn sweep(&self, keep: &BTreeSet<String>) -> io::Result<()> {
        let not_ours = &self.stamp.not_ours;
        sweep::sweep_others(&self.root, |file| {
            keep.contains(file) || not_ours.contains(file)
        })
    }

    /// Marks the stage complete, as its last act, and removes its journal.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn finish(mut self, counts: BTreeMap<String, u64>) -> io::Result<Stamp> {
        self.stamp.counts = counts;
        self.stamp.complete = true;
        self.stamp.not_ours.clear();
        atomic::write_json(&self.path(STAMP_FILE), &self.stamp)?;
        atomic::remove_if_there(&self.path(JOURNAL_FILE))?;
        Ok(self.stamp)
    }
}

/// Checks that the stage which made an input, if one did, ran to its end.
///
/// # Errors
/// [`StageError::Unfinished`], [`StageError::Io`], [`StageError::Stamp`].
pub fn ensure_finished(input: &Path) -> Result<(), StageError> {
    match read_stamp(input)? {
        Some(stamp) if !stamp.complete => Err(StageError::Unfinished {
            root: input.to_owned(),
            stage: stamp.stage,
        }),
        _ => Ok(()),
    }
}

/// The user's files in a folder in which a stage begins again: what has a name as of a stage's own, and is not
/// `ours`, by the path below the root. If the run before did not end, what it found when it began.
///
/// # Errors
/// [`StageError::Io`], [`StageError::Stamp`], and those of `ours`, which is called once at most.
pub fn not_ours<F: Fn(&str) -> bool>(
    root: &Path,
    ours: impl FnOnce() -> io::Result<F>,
) -> Result<BTreeSet<String>, StageError> {
    match read_stamp(root)? {
        Some(stamp) if stamp.complete => {}
        Some(stamp) => return Ok(stamp.not_ours),
        None => return Ok(BTreeSet::new()),
    }
    let is_ours = ours()?;
    let files = sweep::content_files(root).map(|path| relative_path(root, &path));
    Ok(files.filter(|file| !is_ours(file)).collect())
}

/// Whether a file is in the manifest of a folder.
fn in_manifest(root: &Path) -> io::Result<impl Fn(&str) -> bool + use<>> {
    #[derive(Deserialize)]
    struct Line {
        file: String,
    }
    let manifest = match jsonl::read::<Line>(&root.join(MANIFEST_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let files: BTreeSet<String> = manifest.into_iter().map(|line| line.file).collect();
    Ok(move |file: &str| files.contains(file))
}

/// Removes the files by which an earlier run would count; its images are swept at the end. The stamp is there at any
/// moment: a folder without one would be taken for the user's.
fn forget_results(root: &Path) -> io::Result<()> {
    for name in [MANIFEST_FILE, DISCARDED_FILE, REPORT_FILE] {
        atomic::remove_if_there(&root.join(name))?;
    }
    Ok(())
}

/// Removes what a run left in a complete folder that was killed before it changed its stamp, or after its end.
fn remove_leftovers(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry
            .file_name()
            .to_string_lossy()
            .ends_with(TEMPORARY_SUFFIX)
        {
            fs::remove_file(entry.path())?;
        }
    }
    atomic::remove_if_there(&root.join(JOURNAL_FILE))
}

/// Whether a folder holds only what a stage leaves that is killed while it writes its stamp.
fn is_empty(root: &Path) -> io::Result<bool> {
    match fs::read_dir(root) {
        Ok(entries) => {
            for entry in entries {
                let name = entry?.file_name();
                if name != LOCK_FILE && !name.to_string_lossy().ends_with(TEMPORARY_SUFFIX) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Describes which inputs differ: by number of files, as digests mean nothing to a person.
fn changed_inputs(old: &Value, new: &Value, tools: &[&str]) -> Vec<String> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return Vec::new();
    };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = names
        .into_iter()
        .filter(|name| !tools.contains(&name.as_str()) && old.get(*name) != new.get(*name));
    let text = |name: &String| {
        let files =
            |inputs: &serde_json::Map<String, Value>| inputs.get(name)?.get("files")?.as_u64();
        match (files(old), files(new)) {
            (Some(before), Some(now)) if before != now => {
                format!(
                    "its input `{name}` has {} instead of {before}",
                    counted(now, "file")
                )
            }
            _ => format!("its input `{name}` has changed"),
        }
    };
    changed.map(text).collect()
}

/// What differs between two JSON values, field by field.
fn differences(prefix: &str, old: &Value, new: &Value) -> Vec<String> {
    if let (Value::Object(old), Value::Object(new)) = (old, new) {
        let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
        names.sort();
        names.dedup();
        let value = |fields: &serde_json::Map<String, Value>, name: &str| {
            fields.get(name).cloned().unwrap_or(Value::Null)
        };
        return names
            .into_iter()
            .flat_map(|name| {
                differences(
                    &format!("{prefix}{name} "),
                    &value(old, name),
                    &value(new, name),
                )
            })
            .collect();
    }
    if old == new {
        Vec::new()
    } else {
        vec![format!("{}: {old} → {new}", prefix.trim_end())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn begin_of(
        root: &Path,
        settings: &Value,
        inputs: &Value,
        remake: Remake,
    ) -> Result<Begin, StageError> {
        let request = Request {
            stage: Stage::Crop,
            settings,
            inputs,
            tools: &["embedder"],
        };
        begin(root, &request, remake)
    }

    fn open(root: &Path, settings: Value, force: bool) -> Result<Begin, StageError> {
        let remake = if force {
            Remake::Everything
        } else {
            Remake::default()
        };
        begin_of(root, &settings, &json!({"files": 3}), remake)
    }

    fn work(begin: Result<Begin, StageError>) -> OpenStage {
        match begin.expect("begins") {
            Begin::Work(open) => open,
            Begin::UpToDate(_) => panic!("it is work"),
        }
    }

    #[test]
    fn a_complete_stage_is_up_to_date_until_a_setting_changes() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path().join("crops");
        let Ok(Begin::Work(stage)) = open(&root, json!({"margin": 0.2}), false) else {
            panic!("a new folder is work");
        };
        fs::write(stage.path(JOURNAL_FILE), "1\n").expect("writes");
        let second = open(&root, json!({"margin": 0.2}), false).expect_err("is at work");
        let own = std::process::id();
        assert!(matches!(second, StageError::Busy { process: Some(id), .. } if id == own));
        drop(stage);
        let Ok(Begin::Work(stage)) = open(&root, json!({"margin": 0.2}), false) else {
            panic!("an interrupted stage goes on");
        };
        assert!(
            root.join(JOURNAL_FILE).exists(),
            "an interrupted stage keeps its journal"
        );
        stage.finish(BTreeMap::new()).expect("finishes");
        assert!(!root.join(LOCK_FILE).exists());
        assert!(matches!(
            open(&root, json!({"margin": 0.2}), false),
            Ok(Begin::UpToDate(_))
        ));
        let error = open(&root, json!({"margin": 0.3}), false).expect_err("margin changed");
        assert!(error.to_string().ends_with("margin: 0.2 → 0.3"), "{error}");
        assert!(matches!(
            open(&root, json!({"margin": 0.3}), true),
            Ok(Begin::Work(_))
        ));
    }

    #[test]
    fn what_a_run_left_that_was_killed_at_its_first_or_last_step_is_removed() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        let begin = || open(root, json!({}), false).expect("opens");
        let Begin::Work(stage) = begin() else {
            panic!("a new folder is work");
        };
        stage.finish(BTreeMap::new()).expect("finishes");
        let left = [
            LOCK_FILE.to_owned(),
            JOURNAL_FILE.to_owned(),
            format!(".{STAMP_FILE}.1-1{TEMPORARY_SUFFIX}"),
        ];
        for name in &left {
            fs::write(root.join(name), "1\n").expect("writes");
        }
        assert!(matches!(begin(), Begin::UpToDate(_)));
        for name in &left {
            assert!(!root.join(name).exists(), "{name}");
        }
    }

    #[test]
    fn other_data_is_an_update_and_is_described_without_digests() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let begin_with = |files: u64, digest: &str, remake| {
            let inputs = json!({"photos": {"files": files, "digest": digest}});
            begin_of(folder.path(), &json!({}), &inputs, remake)
        };
        let plain = Remake::default();
        let first = work(begin_with(3, "aa", plain));
        assert_eq!((&first.begun, first.update()), (&Begun::Anew, None));
        first.finish(BTreeMap::new()).expect("ends");
        let refused = begin_with(4, "bb", Remake::Nothing).expect_err("more photos");
        let text = "its input `photos` has 4 files instead of 3";
        assert!(refused.to_string().ends_with(text), "{refused}");
        let more = work(begin_with(4, "bb", plain));
        assert_eq!(more.begun, Begun::Update(vec![text.to_owned()]));
        assert!(more.update().is_some_and(|update| update.ends_with(text)));
        drop(more);
        // Of an update that was interrupted, and then of other data again.
        let same = work(begin_with(4, "bb", plain));
        assert_eq!(same.begun, Begun::Continued);
        drop(same);
        let other = work(begin_with(4, "cc", plain));
        let changed = vec!["its input `photos` has changed".to_owned()];
        assert_eq!(other.begun, Begun::Update(changed));
    }

    #[test]
    fn other_tools_are_other_settings_and_an_agreement_to_these_continues() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let begin_with = |embedder: &str, remake| {
            let inputs = json!({"photos": {"files": 3}, "embedder": embedder});
            begin_of(folder.path(), &json!({}), &inputs, remake)
        };
        drop(work(begin_with("sface", Remake::default())));
        let refused = begin_with("dlib", Remake::default()).expect_err("another tool");
        let text = r#"embedder: "sface" → "dlib""#;
        assert!(refused.to_string().ends_with(text), "{refused}");
        for begun in [Begun::Anew, Begun::Continued] {
            assert_eq!(work(begin_with("dlib", Remake::OtherSettings)).begun, begun);
        }
        let anew = work(begin_with("dlib", Remake::Everything));
        assert_eq!(anew.begun, Begun::Anew);
    }

    #[test]
    fn a_stage_that_was_killed_while_it_wrote_its_stamp_starts_again() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let unfinished = format!(".{STAMP_FILE}.1-1{TEMPORARY_SUFFIX}");
        fs::write(folder.path().join(unfinished), "{").expect("writes");
        assert!(matches!(
            open(folder.path(), json!({}), false),
            Ok(Begin::Work(_))
        ));
    }

    #[test]
    fn a_folder_with_the_users_files_is_refused_even_by_force() {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::write(folder.path().join("thesis.doc"), "x").expect("writes");
        for force in [false, true] {
            let result = open(folder.path(), json!({}), force);
            assert!(matches!(result, Err(StageError::Foreign { .. })));
        }
    }

    #[test]
    fn the_users_files_stay_whatever_their_names() {
        let root = tempfile::tempdir().expect("temporary folder");
        let out = root.path().join("out");
        let names = [
            "a/0123456789abcdef.png",
            "a/fedcba9876543210.png",
            "a/1111111111111111.png",
        ];
        let write = |name: &str| {
            let path = out.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
            fs::write(path, name).expect("writes");
        };
        let open = || match open(&out, json!(1), true).expect("begins") {
            Begin::Work(open) => open,
            Begin::UpToDate(_) => panic!("it is forced"),
        };
        let first = open();
        write(names[0]);
        jsonl::write(
            &out.join(MANIFEST_FILE),
            &[serde_json::json!({"file": names[0]})],
        )
        .expect("writes");
        first.finish(BTreeMap::new()).expect("ends");
        // The user's, beside the stage's own; then a killed run writes one more.
        write(names[1]);
        drop(open());
        write(names[2]);
        let again = open();
        again.sweep(&BTreeSet::new()).expect("sweeps");
        let left: Vec<_> = names
            .iter()
            .filter(|name| out.join(name).exists())
            .collect();
        assert_eq!(left, [&names[1]]);
        let stamp = again.finish(BTreeMap::new()).expect("ends");
        assert_eq!(stamp.not_ours, BTreeSet::new());
    }
}
