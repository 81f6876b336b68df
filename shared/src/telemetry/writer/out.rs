//! Lines on their way into a descriptor.
//!
//! Owns how far they have come. A descriptor may take a part of what it is given, be full for now, or refuse: a line that was
//! begun is finished before another one follows, however long that takes, so that no half line ever has a whole one
//! behind it. What is refused is lost, and how many lines that were is said.

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use std::{
    io::{self, ErrorKind, Write},
    os::fd::AsFd,
};

/// How long a descriptor that is full is waited for before it is asked again, in milliseconds.
const WAIT_MS: u16 = 1000;

/// A descriptor that takes lines.
#[derive(Debug)]
pub(super) struct Out<W> {
    to: W,
    /// What is left of a line that was begun.
    rest: Vec<u8>,
}

impl<W: Write + AsFd> Out<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, rest: Vec::new() }
    }

    /// Writes these lines, each with its end; how many of them were lost. Waits as long as the descriptor is full.
    pub(super) fn write(&mut self, lines: &[u8]) -> u64 {
        let rest = std::mem::take(&mut self.rest);
        if let Err(at) = self.put(&rest) {
            self.rest = rest[at..].to_vec();
            return count(lines);
        }
        let Err(at) = self.put(lines) else { return 0 };
        let (written, left) = lines.split_at(at);
        let is_begun = written.last().is_some_and(|byte| *byte != b'\n');
        let end = memchr::memchr(b'\n', left).map_or(left.len(), |end| end + 1);
        let (rest, lost) = left.split_at(if is_begun { end } else { 0 });
        self.rest = rest.to_vec();
        count(lost)
    }

    /// Writes all of it, or says how many bytes were taken before it was refused.
    fn put(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        while at < bytes.len() {
            match self.to.write(&bytes[at..]) {
                Ok(0) => return Err(at),
                Ok(taken) => at += taken,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait().map_err(|_| at)?,
                Err(_) => return Err(at),
            }
        }
        Ok(())
    }

    /// Waits until there may be room again.
    fn wait(&self) -> io::Result<()> {
        match poll(&mut [PollFd::new(self.to.as_fd(), PollFlags::POLLOUT)], PollTimeout::from(WAIT_MS)) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn count(lines: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', lines).count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{collections::VecDeque, fs::File, os::fd::BorrowedFd};

    /// What a descriptor does when it is written to.
    #[derive(Debug, Clone, Copy)]
    enum Does {
        Takes(usize),
        IsFull,
        IsInterrupted,
        Refuses,
    }

    /// Does these things, and takes everything behind them.
    struct Moody {
        does: VecDeque<Does>,
        taken: Vec<u8>,
        descriptor: File,
    }

    impl Write for Moody {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = match self.does.pop_front() {
                Some(Does::Takes(most)) => bytes.len().min(most),
                Some(Does::IsFull) => return Err(ErrorKind::WouldBlock.into()),
                Some(Does::IsInterrupted) => return Err(ErrorKind::Interrupted.into()),
                Some(Does::Refuses) => return Err(ErrorKind::StorageFull.into()),
                None => bytes.len(),
            };
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl AsFd for Moody {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.descriptor.as_fd()
        }
    }

    fn moody(does: Vec<Does>) -> Out<Moody> {
        // There is always room in it.
        let descriptor = File::options().write(true).open("/dev/null").unwrap();
        Out::new(Moody { does: does.into(), taken: Vec::new(), descriptor })
    }

    #[test]
    fn a_line_that_was_begun_is_finished_first() {
        let mut out = moody(vec![Does::Takes(8), Does::Refuses, Does::Refuses]);
        assert_eq!(out.write(b"first\nsecond\nthird\n"), 1, "the third");
        assert_eq!(out.write(b"fourth\nfifth\n"), 2);
        assert_eq!(out.write(b"sixth\n"), 0);
        assert_eq!(out.to.taken, b"first\nsecond\nsixth\n");
    }

    #[test]
    fn nothing_is_begun_where_a_line_has_its_end() {
        let mut out = moody(vec![Does::Takes(6), Does::Refuses]);
        assert_eq!(out.write(b"first\nsecond\n"), 1);
        assert_eq!(out.write(b"third\n"), 0);
        assert_eq!(out.to.taken, b"first\nthird\n");
    }

    fn does() -> impl Strategy<Value = Does> {
        prop_oneof![
            4 => (0_usize..40).prop_map(Does::Takes),
            1 => Just(Does::IsFull),
            1 => Just(Does::IsInterrupted),
            2 => Just(Does::Refuses),
        ]
    }

    proptest! {
        #[test]
        fn lines_are_whole_in_their_order_and_written_or_counted(
            does in prop::collection::vec(does(), 0..40),
            sizes in prop::collection::vec(prop::collection::vec(0_usize..30, 0..6), 1..12),
        ) {
            let mut out = moody(does);
            let (mut sent, mut lost) = (Vec::new(), 0);
            for piece in sizes {
                let first = sent.len();
                for size in piece {
                    sent.push(format!("{}{}\n", sent.len(), "x".repeat(size)));
                }
                lost += out.write(sent[first..].concat().as_bytes());
            }
            // From here on everything is taken.
            out.to.does.clear();
            prop_assert_eq!(out.write(b"end\n"), 0);
            sent.push("end\n".to_owned());
            let taken = String::from_utf8(out.to.taken).unwrap();
            let mut wanted = sent.iter();
            for line in taken.split_inclusive('\n') {
                prop_assert!(wanted.any(|sent| sent == line), "{:?} in {:?}", line, taken);
            }
            prop_assert_eq!(u64::try_from(taken.lines().count()).unwrap() + lost, u64::try_from(sent.len()).unwrap());
        }
    }
}
