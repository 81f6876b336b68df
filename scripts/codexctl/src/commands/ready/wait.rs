//! Asking again until the gateway is ready. The clock is the caller's, so nothing has to be waited for where this is tested.

use super::Told;
use crate::failure::Failure;
use std::{
    thread,
    time::{Duration, Instant},
};

/// The time between an answer and the next question: short beside a start, and a question costs some ms of processor time.
const PAUSE: Duration = Duration::from_millis(250);

/// A clock that begins at 0.
pub(super) trait Clock {
    /// How long it has been running.
    fn elapsed(&self) -> Duration;
    /// Returns once so much more time has gone by.
    fn pause(&self, time: Duration);
}

/// The system's.
#[derive(Debug)]
pub(super) struct Now(Instant);

impl Default for Now {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Now {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a command without a runtime; between two questions there is nothing to wait for"
    )]
    fn pause(&self, time: Duration) {
        thread::sleep(time);
    }
}

/// Asks until the gateway is ready or `wait` is over, and once more at its end; gives what was said last. It takes as long as `wait`
/// and one question. What was asked for wrongly is not asked again.
///
/// # Errors
/// That of the last question.
pub(super) fn until_ready(
    wait: Duration,
    clock: &impl Clock,
    mut ask: impl FnMut() -> Result<Told, Failure>,
) -> Result<Told, Failure> {
    loop {
        let said = ask();
        let is_over = match &said {
            Ok(told) => told.word.is_ready,
            Err(failure) => failure.is_usage(),
        };
        let left = wait.saturating_sub(clock.elapsed());
        if is_over || left.is_zero() {
            return said;
        }
        clock.pause(PAUSE.min(left));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Word, *};
    use serde_json::Value;
    use std::cell::Cell;

    /// A clock that goes on by what is paused, and by what somebody adds.
    #[derive(Default)]
    struct Turned(Cell<Duration>);

    impl Clock for Turned {
        fn elapsed(&self) -> Duration {
            self.0.get()
        }

        fn pause(&self, time: Duration) {
            assert!(!time.is_zero(), "nothing is paused in between");
            self.0.set(self.0.get() + time);
        }
    }

    fn told(is_ready: bool) -> Result<Told, Failure> {
        Ok(Told { word: Word { is_ready, text: String::new() }, answer: Value::Null })
    }

    /// The times at which it was asked, and whether what came last was good; each question takes so long.
    fn asked(
        wait: Duration,
        takes: Duration,
        mut say: impl FnMut(usize) -> Result<Told, Failure>,
    ) -> (Vec<Duration>, Result<bool, Failure>) {
        let (clock, mut times) = (Turned::default(), Vec::new());
        let said = until_ready(wait, &clock, || {
            times.push(clock.elapsed());
            clock.0.set(clock.elapsed() + takes);
            say(times.len())
        });
        (times, said.map(|told| told.word.is_ready))
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_is_asked_until_it_is_ready() {
        let (times, said) = asked(SECOND, Duration::ZERO, |_| told(true));
        assert_eq!((times.len(), said.unwrap()), (1, true));
        let (times, said) = asked(SECOND, Duration::ZERO, |nth| match nth {
            1 => Err(Failure::failed("nobody is there")),
            2 => told(false),
            _ => told(true),
        });
        assert_eq!((times, said.unwrap()), (vec![Duration::ZERO, PAUSE, 2 * PAUSE], true));
    }

    #[test]
    fn it_is_asked_until_the_time_is_over_and_at_its_end() {
        let wait = 2 * PAUSE + PAUSE / 2;
        let (times, said) = asked(wait, Duration::ZERO, |_| told(false));
        assert_eq!((times, said.unwrap()), (vec![Duration::ZERO, PAUSE, 2 * PAUSE, wait], false));
        let (times, said) =
            asked(wait, Duration::ZERO, |nth| if nth == 4 { told(true) } else { told(false) });
        assert_eq!((times.len(), said.unwrap()), (4, true));
        let (_, said) =
            asked(
                wait,
                Duration::ZERO,
                |nth| {
                    if nth == 4 { Err(Failure::failed("gone")) } else { told(false) }
                },
            );
        assert_eq!(said.unwrap_err().to_string(), "gone", "what was said last");
    }

    #[test]
    fn a_question_that_takes_long_is_the_last() {
        let (times, said) = asked(SECOND, 3 * SECOND, |_| told(false));
        assert_eq!((times.len(), said.unwrap()), (1, false));
        let (times, _) = asked(SECOND, SECOND - PAUSE / 2, |_| told(false));
        assert_eq!(times, [Duration::ZERO, SECOND], "no longer pause than there is time");
    }

    #[test]
    fn what_was_asked_for_wrongly_is_not_asked_again() {
        let (times, said) = asked(SECOND, Duration::ZERO, |_| Err(Failure::usage("no address")));
        assert_eq!((times.len(), said.unwrap_err().code()), (1, shared::exit::USAGE));
    }
}
