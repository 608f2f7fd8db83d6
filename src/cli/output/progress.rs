//! Progress bars on stderr.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::options::globals::Globals;
use crate::cli::output::say::say;
use facepipe_core::ports::{Progress, TaskProgress};

/// How often a bar moves by itself.
const TICK: Duration = Duration::from_millis(120);

/// Bars on a terminal; on anything else only the notes.
#[derive(Debug)]
pub(crate) struct TerminalProgress {
    bars: MultiProgress,
    quiet: bool,
    verbose: bool,
}

impl TerminalProgress {
    /// Bars as the options require.
    pub(crate) fn new(globals: &Globals) -> Self {
        let hidden = globals.no_progress || globals.quiet || !std::io::stderr().is_terminal();
        let target = if hidden {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            quiet: globals.quiet,
            verbose: globals.verbose > 0,
        }
    }
}

impl Progress for TerminalProgress {
    fn start(&self, task: &str, total: Option<u64>) -> Box<dyn TaskProgress> {
        let bar = self
            .bars
            .add(total.map_or_else(ProgressBar::no_length, ProgressBar::new));
        bar.set_style(style(total.is_some()));
        bar.set_prefix(task.to_owned());
        bar.enable_steady_tick(TICK);
        Box::new(Bar { bar })
    }

    fn detail(&self, part: &str) -> Option<Box<dyn TaskProgress>> {
        if !self.verbose {
            return None;
        }
        let bar = self.bars.add(ProgressBar::no_length());
        let style = ProgressStyle::with_template("           {prefix} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(part.to_owned());
        Some(Box::new(Bar { bar }))
    }

    fn note(&self, line: &str) {
        if !self.quiet {
            self.bars.suspend(|| say(line));
        }
    }

    fn undisturbed(&self, work: &mut dyn FnMut()) {
        self.bars.suspend(work);
    }
}

fn style(bounded: bool) -> ProgressStyle {
    let template = if bounded {
        "{prefix:>10} {bar:32} {pos}/{len} {per_sec} eta {eta} {msg}"
    } else {
        "{prefix:>10} {spinner} {pos} {per_sec} {msg}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

struct Bar {
    bar: ProgressBar,
}

impl TaskProgress for Bar {
    fn advance(&self, items: u64) {
        self.bar.inc(items);
    }

    fn message(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    fn set_total(&self, total: u64) {
        self.bar.set_length(total);
        self.bar.set_style(style(true));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
