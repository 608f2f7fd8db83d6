//! Time, so that tests need not wait.

use std::time::{Duration, Instant, SystemTime};

use facepipe_core::context::{Interrupt, Interrupted};

/// How often an interruption is checked while waiting.
const POLL: Duration = Duration::from_millis(100);

/// The time, and waiting.
pub trait Clock: Send + Sync {
    /// A time that only goes forward.
    fn now(&self) -> Instant;

    /// The time of day, which dates in headers are compared with.
    fn time_of_day(&self) -> SystemTime;

    /// Waits.
    ///
    /// # Errors
    /// [`Interrupted`] as soon as the user wants to stop.
    fn wait(&self, pause: Duration) -> Result<(), Interrupted>;
}

/// The machine's own clock.
#[derive(Debug, Clone)]
pub struct SystemClock {
    interrupt: Interrupt,
}

impl SystemClock {
    /// A clock whose waits end when `interrupt` is raised.
    #[must_use]
    pub fn new(interrupt: Interrupt) -> Self {
        Self { interrupt }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn time_of_day(&self) -> SystemTime {
        SystemTime::now()
    }

    fn wait(&self, pause: Duration) -> Result<(), Interrupted> {
        let deadline = Instant::now() + pause;
        loop {
            self.interrupt.check()?;
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(());
            }
            std::thread::sleep(rest.min(POLL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_ends_the_wait() {
        let interrupt = Interrupt::default();
        let clock = SystemClock::new(interrupt.clone());
        assert_eq!(clock.wait(Duration::from_millis(1)), Ok(()));
        interrupt.raise();
        let started = Instant::now();
        assert_eq!(clock.wait(Duration::from_secs(60)), Err(Interrupted));
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
