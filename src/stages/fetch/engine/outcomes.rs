//! Outcomes of candidates: counted, recorded, and files put in their place.

use std::io;

use super::super::FetchError;
use super::super::examine::LeftOut;
use super::super::index::{Known, Placing, move_file};
use super::super::item::{Finished, TemporaryFile};
use super::super::job::JobState;
use super::super::journal::{Item, ItemId, Outcome};
use super::Engine;
use facepipe_core::types::{Candidate, Discarded, Provenance, Reason};

impl Engine<'_> {
    /// A candidate whose address gave `item` already, under another label.
    pub(super) fn take_same(
        &mut self,
        job: &mut JobState,
        candidate: Candidate,
        position: u64,
        item: &Item,
    ) -> Result<(), FetchError> {
        let Candidate {
            label,
            mut provenance,
            ..
        } = candidate;
        let id = ItemId::new(&label, &provenance.image_url);
        let first = &item.provenance;
        provenance.final_url.clone_from(&first.final_url);
        provenance.etag.clone_from(&first.etag);
        provenance.last_modified.clone_from(&first.last_modified);
        provenance.fetched_at = first.fetched_at;
        provenance.http_status = first.http_status;
        let copy = Item {
            order: (job.number, position),
            provenance,
            outcome: item.outcome.clone(),
        };
        let known = match &copy.outcome {
            Outcome::Stored(_) => Known::Stored,
            Outcome::LeftOut(left_out) => Known::LeftOut {
                reason: left_out.reason,
                permanent: left_out.permanent,
            },
        };
        let placing = self.memory.record(id, copy)?;
        self.place(placing, None)?;
        self.count_known(job, known);
        Ok(())
    }

    /// An entry of a list beyond the limit; its known outcome stays.
    pub(super) fn give_up(
        &mut self,
        job: &mut JobState,
        candidate: Candidate,
    ) -> Result<(), FetchError> {
        let id = ItemId::new(&candidate.label, &candidate.provenance.image_url);
        if let Some((_, known)) = self.memory.file_fates(&id).first() {
            self.count_known(job, *known);
            return Ok(());
        }
        let left_out = LeftOut {
            reason: Reason::OverLimit,
            message: "the limit of images was reached before it".to_owned(),
            permanent: false,
        };
        self.leave_out(job, id, candidate.provenance, left_out)
    }

    pub(super) fn set_aside(
        &mut self,
        job: &mut JobState,
        junk: Discarded,
    ) -> Result<(), FetchError> {
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

    pub(super) fn leave_out(
        &mut self,
        job: &mut JobState,
        id: ItemId,
        provenance: Provenance,
        left_out: LeftOut,
    ) -> Result<(), FetchError> {
        self.count_left_out(left_out.reason, &left_out.message);
        job.display.done(false);
        let item = Item {
            order: (job.number, job.position),
            provenance,
            outcome: Outcome::LeftOut(left_out),
        };
        self.memory.record(id, item)?;
        Ok(())
    }

    pub(super) fn take_in(
        &mut self,
        job: &mut JobState,
        finished: Finished,
    ) -> Result<(), FetchError> {
        let Finished {
            id,
            item,
            bytes,
            host,
            file,
        } = finished;
        job.no_longer_under_way(&id.label);
        let Some(item) = item else {
            if let Some(known) = self.memory.known(&id) {
                self.count_known(job, known);
            }
            return Ok(());
        };
        let pending = job.asked.remove(&id.key).unwrap_or_default();
        let same = (!pending.is_empty()).then(|| item.clone());
        self.activity.tried += 1;
        self.activity.bytes += bytes;
        job.display.tried(bytes);
        let is_kept = match &item.outcome {
            Outcome::Stored(_) => {
                self.activity.stored += 1;
                true
            }
            Outcome::LeftOut(left_out) => {
                self.count_left_out(left_out.reason, &left_out.message);
                false
            }
        };
        if let Some(host) = host {
            let progress = self.context.progress.as_ref();
            self.hosts.count(progress, &host, is_kept, bytes);
        }
        let placing = self.memory.record(id, item)?;
        self.place(placing, file)?;
        job.display.done(is_kept);
        if let Some(item) = same {
            for (candidate, position) in pending {
                job.no_longer_under_way(&candidate.label);
                self.take_same(job, candidate, position, &item)?;
            }
        }
        Ok(())
    }

    /// Moves an image to its place, now that the journal has it.
    fn place(&self, placing: Option<Placing>, file: Option<TemporaryFile>) -> io::Result<()> {
        let Some(placing) = placing else {
            return file.map_or(Ok(()), TemporaryFile::remove);
        };
        if let Some(before) = &placing.moved_from {
            move_file(&self.tools.out, before, &placing.file)?;
        }
        match file {
            Some(file) if placing.is_there => file.remove(),
            Some(file) => file.name(&self.tools.out.join(&placing.file)),
            None => Ok(()),
        }
    }

    pub(super) fn count_known(&mut self, job: &mut JobState, known: Known) {
        self.activity.known += 1;
        match known {
            Known::Stored => self.activity.stored += 1,
            Known::LeftOut { reason, .. } => {
                self.count_left_out(reason, "it failed in an earlier run");
            }
        }
        job.display.done(known == Known::Stored);
    }

    fn count_left_out(&mut self, reason: Reason, message: &str) {
        if self.activity.reasons.is_empty() {
            message.clone_into(&mut self.example);
        }
        *self.activity.reasons.entry(reason.to_string()).or_default() += 1;
    }
}
