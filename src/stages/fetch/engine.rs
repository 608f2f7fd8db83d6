//! The loop that drives a source and its downloads.

mod outcomes;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::download::Downloader;
use super::download_error::DownloadError;
use super::examine::LeftOut;
use super::index::Known;
use super::item::{Finished, Tools, fetch};
use super::job::{Display, JobState, Room};
use super::journal::{ItemId, Request};
use super::memory::Memory;
use super::report::HostLines;
use super::requests::hand_over;
use super::{Activity, FetchError, POLL, Settings};
use facepipe_core::context::Context;
use facepipe_core::ports::{ImageSource, SourceRequest, SourceStep};
use facepipe_core::types::{Address, Candidate, Reason};

/// Candidates under way for each connection: enough that one slow host does not hold up others.
const AHEAD: usize = 8;

/// Runs jobs, one after the other.
pub(super) struct Engine<'a> {
    memory: Memory,
    settings: &'a Settings,
    context: &'a Context,
    tools: Arc<Tools>,
    activity: Activity,
    example: String,
    hosts: HostLines,
}

/// The result of a task.
enum Done {
    Page(SourceRequest, Result<Vec<u8>, DownloadError>),
    Image(Box<Finished>),
}

type Tasks = JoinSet<io::Result<Done>>;

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
            keep: settings.keep,
            max_bytes: settings.max_bytes,
        };
        Self {
            memory,
            settings,
            context,
            tools: Arc::new(tools),
            activity: Activity::default(),
            example: String::new(),
            hosts: HostLines::default(),
        }
    }

    /// The journal, the counts of this run, and the first message of a left-out item.
    pub(super) fn finish(mut self) -> (Memory, Activity, String) {
        self.activity.hosts = self.hosts.finish();
        (self.memory, self.activity, self.example)
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
        let is_search = !source.is_list();
        let wanted = self.settings.max.filter(|_| is_search);
        let total = wanted.or_else(|| source.total());
        let bar = self.context.progress.start("fetch", total);
        let mut job = JobState {
            number,
            search_label: request.label.clone().filter(|_| is_search),
            position: 0,
            ended: false,
            waits_for_page: false,
            held: None,
            under_way: HashMap::new(),
            asked: HashMap::new(),
            offered: HashSet::new(),
            display: Display::new(bar, wanted.is_some(), total),
        };
        self.count_finished_search(&mut job);
        let mut tasks = Tasks::new();
        // Items that a source offered before it failed are still fetched.
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

    /// A search that has reached its limit is not queried again: its images count as offered.
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
                    Room::Free => self.start(job, *candidate, tasks)?,
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
                Ok(SourceStep::Request(request)) => {
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
            // All downloads under way may succeed.
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
        let known = self.memory.known(&id);
        if let Some(known) = known.filter(|known| !self.is_worth_a_try(*known)) {
            self.count_known(job, known);
            return Ok(true);
        }
        let Err(left_out) = self.settings.licences.check(provenance) else {
            return Ok(false);
        };
        self.leave_out(job, id, provenance.clone(), left_out.into())?;
        Ok(true)
    }

    fn is_worth_a_try(&self, known: Known) -> bool {
        match known {
            Known::Stored => false,
            Known::LeftOut { reason, permanent } => {
                let opted_out = reason == Reason::OptedOut && self.settings.ignore_opt_out;
                !permanent || self.settings.retry_failed || opted_out
            }
        }
    }

    fn start(
        &mut self,
        job: &mut JobState,
        candidate: Candidate,
        tasks: &mut Tasks,
    ) -> Result<(), FetchError> {
        let url = &candidate.provenance.image_url;
        let mut known = Vec::new();
        if matches!(candidate.address, Address::Url(_)) {
            // The same address may be stored under another label, or be under way.
            let is_settled = |known| !self.is_worth_a_try(known);
            if let Some(item) = self.memory.same_address(url, is_settled)? {
                let position = job.position;
                return self.take_same(job, candidate, position, &item);
            }
            if let Some(same_address) = job.asked.get_mut(url) {
                *job.under_way.entry(candidate.label.clone()).or_default() += 1;
                same_address.push((candidate, job.position));
                return Ok(());
            }
            job.asked.insert(url.clone(), Vec::new());
        } else {
            let id = ItemId::new(&candidate.label, url);
            let fates = self.memory.file_fates(&id).into_iter();
            known.extend(
                fates
                    .filter(|(_, known)| !self.is_worth_a_try(*known))
                    .map(|(md5, _)| md5),
            );
        }
        *job.under_way.entry(candidate.label.clone()).or_default() += 1;
        let order = (job.number, job.position);
        let tools = self.tools.clone();
        tasks.spawn(async move {
            let finished = fetch(&tools, candidate, order, known).await?;
            Ok(Done::Image(Box::new(finished)))
        });
        Ok(())
    }
}
