//! The loop that drives a source and its downloads.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::ask::hand_over;
use super::download::Downloader;
use super::examine::LeftOut;
use super::item::{Finished, Tools, fetch};
use super::memory::{Item, ItemId, Memory, Outcome, Request};
use super::retry::DownloadError;
use super::{Activity, FetchError, POLL, Settings};
use crate::context::Context;
use crate::ports::{ImageSource, SourceRequest, SourceStep, TaskProgress};
use crate::types::{Candidate, Discarded, Provenance, Reason};

/// Candidates under way for each connection: enough that one slow host does not hold up others.
const AHEAD: usize = 8;

/// Runs jobs, one after the other.
pub(super) struct Engine<'a> {
    memory: Memory,
    settings: &'a Settings,
    context: &'a Context,
    tools: Arc<Tools>,
    activity: Activity,
    failures: Failures,
}

/// What was left out in this run.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// Items by reason code.
    pub(super) reasons: BTreeMap<String, u64>,
    /// The first message.
    pub(super) example: String,
}

/// What a task brings back.
enum Done {
    Page(SourceRequest, Result<Vec<u8>, DownloadError>),
    Image(Box<Finished>),
}

type Tasks = JoinSet<io::Result<Done>>;

/// The state of one job.
struct JobState {
    number: u32,
    /// The label of all that a search finds; `None` for lists.
    search_label: Option<String>,
    /// Items that the source gave so far.
    position: u64,
    ended: bool,
    waits_for_page: bool,
    /// A candidate that waits until it is known whether the limit leaves room for it.
    held: Option<Box<Candidate>>,
    /// Candidates under way by label.
    under_way: HashMap<String, u64>,
    /// Hashes of the labels and addresses that were offered so far.
    offered: HashSet<u64>,
    bar: Box<dyn TaskProgress>,
}

/// Whether the limit leaves room for one more image of a label.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Free,
    /// That depends on what is under way.
    Unsure,
    Full,
}

impl<'a> Engine<'a> {
    pub(super) fn new(
        memory: Memory,
        downloader: Downloader,
        settings: &'a Settings,
        out: &Path,
        context: &'a Context,
    ) -> Self {
        let tools = Tools {
            downloader,
            decoders: Semaphore::new(context.threads.get()),
            out: out.to_owned(),
            min_size: settings.min_size,
            max_bytes: settings.max_bytes,
        };
        Self {
            memory,
            settings,
            context,
            tools: Arc::new(tools),
            activity: Activity::default(),
            failures: Failures::default(),
        }
    }

    pub(super) fn finish(self) -> (Memory, Activity, Failures) {
        (self.memory, self.activity, self.failures)
    }

    /// Items that sources have offered so far.
    pub(super) fn offered(&self) -> u64 {
        self.activity.offered
    }

    /// Fetches all that a source offers, up to the limit.
    pub(super) async fn run_job(
        &mut self,
        number: u32,
        request: &Request,
        source: &mut dyn ImageSource,
    ) -> Result<(), FetchError> {
        let mut job = JobState {
            number,
            search_label: request.label.clone().filter(|_| !source.is_list()),
            position: 0,
            ended: false,
            waits_for_page: false,
            held: None,
            under_way: HashMap::new(),
            offered: HashSet::new(),
            bar: self.context.progress.start("fetch", source.total()),
        };
        self.count_finished_search(&mut job);
        let mut tasks = Tasks::new();
        // A source that fails still gets what it offered before fetched.
        let mut failure = None;
        loop {
            self.context.interrupt.check()?;
            if failure.is_none() {
                failure = self.fill(&mut job, source, &mut tasks)?;
            }
            if tasks.is_empty() && (job.ended || failure.is_some()) {
                return failure.map_or(Ok(()), Err);
            }
            let done = tokio::select! {
                done = tasks.join_next() => done,
                () = tokio::time::sleep(POLL) => None,
            };
            let Some(done) = done else { continue };
            match done.map_err(io::Error::other)?? {
                Done::Image(finished) => self.take_in(&mut job, *finished)?,
                Done::Page(asked, answer) => {
                    job.waits_for_page = false;
                    let answered = hand_over(source, &request.source, &asked, answer);
                    failure = failure.or(answered.err());
                }
            }
        }
    }

    /// A search that has brought all it may is not asked again: its images count as offered.
    fn count_finished_search(&mut self, job: &mut JobState) {
        let Some(label) = &job.search_label else {
            return;
        };
        if self.room(job, label) == Room::Full {
            let kept = self.memory.kept(job.number, label);
            self.activity.offered += kept;
            self.activity.known += kept;
            self.activity.stored += kept;
            job.ended = true;
        }
    }

    /// Starts tasks until enough are under way. Gives the source's error, if it has one.
    fn fill(
        &mut self,
        job: &mut JobState,
        source: &mut dyn ImageSource,
        tasks: &mut Tasks,
    ) -> Result<Option<FetchError>, FetchError> {
        let most = self.settings.connections * AHEAD;
        while !job.ended && !job.waits_for_page && tasks.len() < most {
            self.context.interrupt.check()?;
            if let Some(candidate) = job.held.take() {
                match self.room(job, &candidate.label) {
                    Room::Free => self.start(job, *candidate, tasks),
                    Room::Full => self.give_up(job, *candidate)?,
                    Room::Unsure => {
                        job.held = Some(candidate);
                        break;
                    }
                }
                continue;
            }
            if let Some(label) = &job.search_label {
                match self.room(job, label) {
                    Room::Free => {}
                    Room::Full => {
                        job.ended = true;
                        break;
                    }
                    Room::Unsure => break,
                }
            }
            match source.step() {
                Ok(SourceStep::End) => job.ended = true,
                Ok(SourceStep::Ask(request)) => {
                    job.waits_for_page = true;
                    let tools = self.tools.clone();
                    tasks.spawn(async move {
                        let answer = tools.downloader.get(&request).await;
                        Ok(Done::Page(request, answer.map(|download| download.bytes)))
                    });
                }
                Ok(SourceStep::Note(line)) => self.context.progress.note(&line),
                Ok(SourceStep::Junk(junk)) => self.set_aside(job, junk)?,
                Ok(SourceStep::Candidate(candidate)) => {
                    job.position += 1;
                    self.activity.offered += 1;
                    if !self.is_settled(job, &candidate)? {
                        job.held = Some(candidate);
                    }
                }
                Err(error) => return Ok(Some(error.into())),
            }
        }
        Ok(None)
    }

    fn room(&self, job: &JobState, label: &str) -> Room {
        let Some(max) = self.settings.max else {
            return Room::Free;
        };
        let kept = self.memory.kept(job.number, label);
        let under_way = job.under_way.get(label).copied().unwrap_or_default();
        if kept >= max {
            Room::Full
        } else if kept + under_way >= max {
            // All that is under way may turn out well.
            Room::Unsure
        } else {
            Room::Free
        }
    }

    /// Whether there is nothing to do for a candidate: it was offered before, or is known.
    fn is_settled(
        &mut self,
        job: &mut JobState,
        candidate: &Candidate,
    ) -> Result<bool, FetchError> {
        let Candidate {
            label, provenance, ..
        } = candidate;
        let mut hasher = DefaultHasher::new();
        (label, &provenance.image_url).hash(&mut hasher);
        if !job.offered.insert(hasher.finish()) {
            let key = format!("{}\n{}", provenance.image_url, job.position);
            let message = "the same address was offered before under this label";
            let left_out = LeftOut::for_good(Reason::ExactDuplicate, message);
            self.leave_out(job, ItemId::new(label, &key), provenance.clone(), left_out)?;
            return Ok(true);
        }
        let id = ItemId::new(label, &provenance.image_url);
        let outcome = self.memory.outcome(&id);
        if let Some(outcome) = outcome.filter(|outcome| !self.is_worth_a_try(outcome)) {
            count_known(&mut self.activity, &mut self.failures, outcome);
            job.bar.advance(1);
            return Ok(true);
        }
        let Err(left_out) = self.settings.licences.check(provenance) else {
            return Ok(false);
        };
        self.leave_out(job, id, provenance.clone(), left_out.into())?;
        Ok(true)
    }

    fn is_worth_a_try(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Stored(_) => false,
            Outcome::LeftOut(left_out) => !left_out.permanent || self.settings.retry_failed,
        }
    }

    fn start(&mut self, job: &mut JobState, candidate: Candidate, tasks: &mut Tasks) {
        *job.under_way.entry(candidate.label.clone()).or_default() += 1;
        let id = ItemId::new(&candidate.label, &candidate.provenance.image_url);
        let tried = self.memory.file_outcomes(&id);
        let known = tried
            .filter(|(_, outcome)| !self.is_worth_a_try(outcome))
            .map(|(md5, _)| md5.to_owned())
            .collect();
        let order = (job.number, job.position);
        let tools = self.tools.clone();
        tasks.spawn(async move {
            let finished = fetch(&tools, candidate, order, known).await?;
            Ok(Done::Image(Box::new(finished)))
        });
    }

    /// An entry of a list beyond the limit; what is known of it stays.
    fn give_up(&mut self, job: &JobState, candidate: Candidate) -> Result<(), FetchError> {
        let id = ItemId::new(&candidate.label, &candidate.provenance.image_url);
        if let Some((_, outcome)) = self.memory.file_outcomes(&id).next() {
            count_known(&mut self.activity, &mut self.failures, outcome);
            job.bar.advance(1);
            return Ok(());
        }
        let left_out = LeftOut {
            reason: Reason::OverLimit,
            message: "the limit of images was reached before it".to_owned(),
            permanent: false,
        };
        self.leave_out(job, id, candidate.provenance, left_out)
    }

    fn set_aside(&mut self, job: &mut JobState, junk: Discarded) -> Result<(), FetchError> {
        job.position += 1;
        self.activity.offered += 1;
        let id = ItemId::new(junk.label.as_deref().unwrap_or_default(), &junk.item);
        let provenance = Provenance {
            image_url: junk.item,
            ..Provenance::default()
        };
        let left_out = LeftOut::for_good(junk.reason, junk.message);
        self.leave_out(job, id, provenance, left_out)
    }

    fn leave_out(
        &mut self,
        job: &JobState,
        id: ItemId,
        provenance: Provenance,
        left_out: LeftOut,
    ) -> Result<(), FetchError> {
        self.failures.add(&left_out);
        job.bar.advance(1);
        let item = Item {
            order: (job.number, job.position),
            provenance,
            outcome: Outcome::LeftOut(left_out),
        };
        Ok(self.memory.record(id, item)?)
    }

    fn take_in(&mut self, job: &mut JobState, finished: Finished) -> Result<(), FetchError> {
        let Finished { id, item, bytes } = finished;
        if let Some(count) = job.under_way.get_mut(&id.label) {
            *count -= 1;
        }
        if let Some(item) = item {
            self.activity.tried += 1;
            self.activity.bytes += bytes;
            match &item.outcome {
                Outcome::Stored(_) => self.activity.stored += 1,
                Outcome::LeftOut(left_out) => self.failures.add(left_out),
            }
            self.memory.record(id, item)?;
        } else if let Some(outcome) = self.memory.outcome(&id) {
            count_known(&mut self.activity, &mut self.failures, outcome);
        }
        job.bar.advance(1);
        let Activity {
            stored, offered, ..
        } = self.activity;
        job.bar.message(&format!("{stored} kept of {offered}"));
        Ok(())
    }
}

fn count_known(activity: &mut Activity, failures: &mut Failures, outcome: &Outcome) {
    activity.known += 1;
    match outcome {
        Outcome::Stored(_) => activity.stored += 1,
        Outcome::LeftOut(left_out) => failures.add(left_out),
    }
}

impl Failures {
    fn add(&mut self, left_out: &LeftOut) {
        if self.reasons.is_empty() {
            self.example.clone_from(&left_out.message);
        }
        *self.reasons.entry(left_out.reason.to_string()).or_default() += 1;
    }
}
