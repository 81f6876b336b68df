use super::*;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    os::fd::OwnedFd,
};

/// A descriptor that is written to as a file is.
fn file(descriptor: impl Into<OwnedFd>) -> File {
    File::from(descriptor.into())
}

/// As the setting has it.
const COLLECT: Duration = Duration::from_millis(10);

fn start(out: impl Into<OwnedFd>) -> Writer {
    Writer::start(file(out), "http-front", Look::Json, COLLECT).unwrap()
}

/// Fills a pipe: the writer holds a line that doesn't fit into it, and waits for a reader. The line.
fn fill(writer: &Writer) -> Vec<u8> {
    let mut long = vec![b'x'; 1024 * 1024];
    long.push(b'\n');
    writer.push(&long);
    while !writer.0.lock().lines.is_empty() {
        std::thread::yield_now();
    }
    long
}

/// So many lines are counted as dropped, however long the writer's thread has to wait for the machine.
fn has_dropped(writer: &Writer, lines: u64) {
    let end = Instant::now() + Duration::from_secs(30);
    while writer.dropped() != lines && Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(writer.dropped(), lines);
}

#[test]
fn all_is_written_before_the_end() {
    let (mut read, out) = io::pipe().unwrap();
    let writer = start(out);
    for line in 0..1_000 {
        writer.push(format!("{line}\n").as_bytes());
    }
    writer.close();
    writer.push(b"too late\n");
    assert_eq!(writer.dropped(), 0);
    drop(writer);
    let mut all = String::new();
    read.read_to_string(&mut all).unwrap();
    let expected: String = (0..1_000).map(|line| format!("{line}\n")).collect();
    assert_eq!(all, expected);
}

#[test]
fn lines_collect_until_there_is_enough_or_somebody_waits() {
    let (read, out) = io::pipe().unwrap();
    let writer = start(out);
    let mut read = BufReader::new(read);
    let mut said = |line: &[u8], flush: bool| {
        writer.push(line);
        if flush {
            writer.flush();
        }
        let mut got = Vec::new();
        read.read_until(b'\n', &mut got).unwrap();
        assert_eq!(got.len(), line.len());
    };
    // Asleep, resting, and in a hurry: none is left behind without another one to push it out.
    for _ in 0..50 {
        said(b"alone\n", false);
        said(b"behind it\n", true);
    }
    let mut long = vec![b'x'; ENOUGH];
    long.push(b'\n');
    for _ in 0..3 {
        said(&long, false);
    }
    writer.close();
    assert_eq!(writer.dropped(), 0);
}

#[test]
fn a_pipe_that_nobody_reads_holds_nobody_up_and_what_is_missing_is_told() {
    let (mut read, out) = io::pipe().unwrap();
    let bounds = Bounds { lines: 9, bytes: 1024 * 1024 + 1_001, collect: COLLECT };
    let writer = Writer::bounded(file(out), "http-front", Look::Json, bounds).unwrap();
    let long = fill(&writer);
    // What is being written counts: eight lines and a thousand bytes beside it.
    for _ in 0..20 {
        writer.push(b"line\n");
    }
    assert_eq!(writer.dropped(), 12);
    let reader = std::thread::spawn(move || {
        let mut all = String::new();
        read.read_to_string(&mut all).unwrap();
        all
    });
    writer.close();
    drop(writer);
    let all = reader.join().unwrap();
    let (lines, last) = all.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(lines, format!("{}{}", String::from_utf8(long).unwrap(), "line\n".repeat(8)).trim_end());
    assert!(
        last.contains(r#""level":"warn","component":"http-front","event":"log_lines_dropped""#),
        "{last}"
    );
    assert!(last.contains(r#""log":"stdout","dropped":12"#), "{last}");
}

#[test]
fn bytes_are_bounded_with_those_that_are_being_written() {
    let (read, out) = io::pipe().unwrap();
    let bounds = Bounds { lines: 100, bytes: 1024 * 1024 + 1_001, collect: COLLECT };
    let writer = Writer::bounded(file(out), "http-front", Look::Json, bounds).unwrap();
    fill(&writer);
    writer.push(&[b'x'; 900]);
    writer.push(&[b'y'; 101]);
    assert_eq!(writer.dropped(), 1);
    writer.push(&[b'z'; 100]);
    writer.push(b"\n");
    assert_eq!(writer.dropped(), 2);
    drop(read);
}

#[test]
fn what_stdout_refuses_is_counted() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (read, out) = io::pipe().unwrap();
    drop(read);
    for writer in [start(full), start(out)] {
        for line in 0..1_000 {
            writer.push(format!("{line}\n").as_bytes());
        }
        writer.flush();
        has_dropped(&writer, 1_000);
        // It isn't over with that, and what can't be told isn't counted.
        writer.push(b"line\n");
        writer.close();
        has_dropped(&writer, 1_001);
    }
}

#[test]
fn what_was_refused_is_told_when_lines_are_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // A pipe with a name can have a reader, none, and one again.
    let open = || File::options().read(true).write(true).open(&path).unwrap();
    let first = open();
    let writer = start(File::options().write(true).open(&path).unwrap());
    drop(first);
    writer.push(b"first\nof two\n");
    writer.flush();
    has_dropped(&writer, 2);
    let mut lines = BufReader::new(open()).lines().map(Result::unwrap);
    writer.push(b"third\n");
    assert_eq!(lines.next().unwrap(), "third");
    let told = lines.next().unwrap();
    assert!(told.contains(r#""event":"log_lines_dropped","log":"stdout","dropped":2"#), "{told}");
    writer.push(b"fourth\n");
    assert_eq!(lines.next().unwrap(), "fourth");
    assert_eq!(writer.dropped(), 2);
}

#[test]
fn a_pipe_that_never_blocks_loses_nothing_and_no_line_is_torn() {
    let (mut read, out) = io::pipe().unwrap();
    fcntl(&out, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let writer = start(out);
    // More than a pipe takes, lines of more than a piece among them.
    let line = |number: usize| format!("{number} {}\n", "x".repeat(number % 7 * 1_000));
    let expected: String = (0..1_000).map(line).collect();
    for number in 0..1_000 {
        writer.push(line(number).as_bytes());
    }
    let reader = std::thread::spawn(move || {
        let mut all = String::new();
        read.read_to_string(&mut all).unwrap();
        all
    });
    writer.close();
    assert_eq!(writer.dropped(), 0);
    drop(writer);
    assert!(reader.join().unwrap() == expected, "lines are torn or missing");
}

#[test]
fn the_end_doesnt_wait_for_ever() {
    for flags in [OFlag::empty(), OFlag::O_NONBLOCK] {
        let (read, out) = io::pipe().unwrap();
        fcntl(&out, FcntlArg::F_SETFL(flags)).unwrap();
        let writer = start(out);
        for _ in 0..2 * MAX_LINES {
            writer.push(b"line\n");
        }
        writer.close();
        assert!(writer.dropped() > 0);
        drop(read);
    }
}
