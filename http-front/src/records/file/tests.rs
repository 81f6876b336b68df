//! Tests of the file, on a real file system.

use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

fn lines(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| format!("{text}\n").into_bytes()).collect()
}

fn put(log: &mut LogFile, texts: &[&str]) {
    let (count, result) = log.append(&lines(texts));
    assert_eq!((count, result.err().map(|e| e.to_string())), (texts.len(), None));
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn lines_are_appended_and_the_file_is_for_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    put(&mut LogFile::open(&path, 1000).unwrap(), &["a", "b"]);
    put(&mut LogFile::open(&path, 1000).unwrap(), &["c"]);
    assert_eq!(text(&path), "a\nb\nc\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(LogFile::open(&dir.path().join("none/access.log"), 1000).is_err());
    assert!(LogFile::open(dir.path(), 1000).is_err());
}

#[test]
fn a_full_file_is_renamed_and_no_line_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("usage.log");
    let mut log = LogFile::open(&path, 12).unwrap();
    put(&mut log, &["one", "two", "three", "four", "five", "six"]);
    // The first two fit, "three" is where it would be too large.
    assert_eq!((text(&rotated(&path)), text(&path)), ("three\nfour\n".to_owned(), "five\nsix\n".to_owned()));
    put(&mut log, &["a line that is longer than the bound"]);
    put(&mut log, &["x"]);
    assert_eq!(text(&path), "x\n");
    for file in fs::read_dir(dir.path()).unwrap() {
        assert!(file.unwrap().metadata().unwrap().len() <= 40);
    }
}

#[test]
fn two_fronts_rotate_one_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("usage.log");
    let (mut one, mut two) = (LogFile::open(&path, 8).unwrap(), LogFile::open(&path, 8).unwrap());
    put(&mut one, &["one", "two"]);
    put(&mut one, &["new"]);
    put(&mut two, &["too"]);
    assert_eq!((text(&rotated(&path)), text(&path)), ("one\ntwo\n".to_owned(), "new\ntoo\n".to_owned()));
}

#[test]
fn what_was_renamed_is_written_to_until_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (path, old) = (dir.path().join("access.log"), dir.path().join("access.log.old"));
    let mut log = LogFile::open(&path, 1000).unwrap();
    put(&mut log, &["a"]);
    fs::rename(&path, &old).unwrap();
    put(&mut log, &["b"]);
    log.reopen().unwrap();
    put(&mut log, &["c"]);
    assert_eq!((text(&old), text(&path)), ("a\nb\n".to_owned(), "c\n".to_owned()));
}

#[test]
fn a_file_that_was_removed_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("logs");
    let path = folder.join("access.log");
    fs::create_dir(&folder).unwrap();
    let mut log = LogFile::open(&path, 1000).unwrap();
    put(&mut log, &["a"]);
    fs::remove_file(&path).unwrap();
    put(&mut log, &["b"]);
    assert_eq!(text(&path), "b\n");
    fs::remove_dir_all(&folder).unwrap();
    let (count, result) = log.append(&lines(&["c", "d"]));
    assert!(count == 0 && result.is_err(), "no folder, no lines");
    assert!(log.reopen().is_err());
    fs::create_dir(&folder).unwrap();
    put(&mut log, &["e"]);
    assert_eq!(text(&path), "e\n");
}

#[test]
fn a_half_line_of_a_crash_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    fs::write(&path, "whole\nha").unwrap();
    put(&mut LogFile::open(&path, 1000).unwrap(), &["next"]);
    assert_eq!(text(&path), "whole\nha\nnext\n");
}

#[test]
fn a_disk_without_room_takes_nothing_and_a_pipe_without_a_reader_is_refused() {
    let mut full = LogFile::open(Path::new("/dev/full"), 1).unwrap();
    let (count, result) = full.append(&lines(&["a", "b"]));
    assert_eq!((count, result.unwrap_err().kind()), (0, io::ErrorKind::StorageFull));
    let mut null = LogFile::open(Path::new("/dev/null"), 1).unwrap();
    put(&mut null, &["more", "than the bound"]);
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = LogFile::open(&pipe, 1).unwrap_err();
    assert!(error.to_string().contains("nobody reads"), "and it doesn't hang: {error}");
}

#[test]
fn a_full_file_behind_a_link_is_what_is_renamed() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real"), dir.path().join("usage.log"));
    fs::create_dir(&real).unwrap();
    symlink("real/a.log", &link).unwrap();
    let mut log = LogFile::open(&link, 8).unwrap();
    put(&mut log, &["one", "two", "new"]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(text(&link), "new\n");
    assert_eq!(text(&real.join("a.log.full")), "one\ntwo\n");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn what_the_system_names_is_never_renamed() {
    let dir = tempfile::tempdir().unwrap();
    let (out, link) = (dir.path().join("out"), dir.path().join("usage.log"));
    let open = File::create(&out).unwrap();
    let named = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&open));
    symlink(&named, &link).unwrap();
    for path in [Path::new(&named), &link] {
        let mut log = LogFile::open(path, 4).unwrap();
        put(&mut log, &["one", "two", "three"]);
        assert_eq!(log.stuck().map(|error| error.to_string()), None);
    }
    assert_eq!(text(&out), "one\ntwo\nthree\none\ntwo\nthree\n");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    assert!(!Path::new(&format!("{named}.full")).exists());
    assert!(Place::of(Path::new("/dev/stdout")).unwrap().system);
    assert!(!Place::of(Path::new("/dev/shm/usage.log")).unwrap().system);
}

/// Fronts that fill one file as fast as they can lose none of it, and none of them drops a line.
#[test]
fn fronts_on_one_file_lose_nothing() {
    const EACH: usize = 2000;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("usage.log");
    let (stop, kept) = (std::sync::atomic::AtomicUsize::new(0), dir.path().join("kept"));
    fs::create_dir(&kept).unwrap();
    std::thread::scope(|scope| {
        for front in 0..4 {
            let (path, stop) = (&path, &stop);
            scope.spawn(move || {
                let mut log = LogFile::open(path, 4096).unwrap();
                for line in 0..EACH {
                    put(&mut log, &[&format!("{front} {line}")]);
                }
                stop.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
            });
        }
        scope.spawn(|| {
            // Names keep what a later rename would replace: a file that is lost is one of which no full one was seen.
            let mut at = 0;
            while stop.load(std::sync::atomic::Ordering::Acquire) < 4 {
                let _not_yet = fs::rename(rotated(&path), kept.join(at.to_string()));
                at += 1;
            }
        });
    });
    let mut all: Vec<String> = fs::read_dir(&kept).unwrap().map(|file| text(&file.unwrap().path())).collect();
    let small = all.iter().filter(|text| text.len() < 2048).count();
    assert_eq!(small, 0, "none was renamed before it was full");
    all.extend([text(&rotated(&path)), text(&path)]);
    let lines = all.iter().flat_map(|text| text.lines()).collect::<std::collections::BTreeSet<_>>();
    // What was renamed twice before it was looked at is gone by design; what is there is whole.
    assert!(lines.iter().all(|line| line.split(' ').count() == 2));
}

#[test]
fn a_file_that_cannot_be_renamed_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("usage.log");
    // Its user may be root: a folder with something in it is in the way of anybody.
    fs::create_dir_all(rotated(&path).join("x")).unwrap();
    let mut log = LogFile::open(&path, 8).unwrap();
    put(&mut log, &["one", "two"]);
    assert!(log.stuck().is_none());
    put(&mut log, &["three", "four"]);
    assert!(log.stuck().is_some() && log.stuck().is_none());
    assert_eq!(text(&path), "one\ntwo\nthree\nfour\n");
    fs::remove_dir_all(rotated(&path)).unwrap();
    put(&mut log, &["five"]);
    assert_eq!((text(&path), text(&rotated(&path))), ("five\n".into(), "one\ntwo\nthree\nfour\n".into()));
}

#[test]
fn a_check_says_what_opening_would_and_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("log"), "").unwrap();
    symlink("log", at("link")).unwrap();
    symlink("none/log", at("broken")).unwrap();
    symlink("circle", at("circle")).unwrap();
    let paths = [
        (at("log"), true),
        (at("new"), true),
        (at("link"), true),
        ("/dev/stderr".into(), true),
        ("/dev/null".into(), true),
        (at("broken"), false),
        (at("circle"), false),
        (at("none/log"), false),
        (at("log/log"), false),
        (dir.path().to_owned(), false),
        ("/proc/log".into(), false),
        ("/".into(), false),
    ];
    for (path, good) in paths {
        let before = fs::read_dir(dir.path()).unwrap().count();
        let checked = check(&path);
        assert_eq!(checked.is_ok(), good, "{}: {checked:?}", path.display());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before);
        assert_eq!(LogFile::open(&path, 1).is_ok(), good, "{}", path.display());
    }
}

/// Whoever holds the lock on a full file is renaming it: nobody else does, and nobody waits or drops a line for that.
#[test]
fn a_file_that_another_front_renames_is_left_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("usage.log");
    let (mut log, other) = (LogFile::open(&path, 8).unwrap(), File::open(&path).unwrap());
    put(&mut log, &["one", "two"]);
    other.lock().unwrap();
    put(&mut log, &["three", "four"]);
    assert!(!rotated(&path).exists() && log.stuck().is_none());
    // The other one has renamed it and is about to make the next one, which somebody else has filled meanwhile.
    let about = other.metadata().unwrap();
    other.unlock().unwrap();
    fs::rename(&path, rotated(&path)).unwrap();
    rename(&other, &about, &path).unwrap();
    fs::write(&path, "new\n").unwrap();
    rename(&other, &about, &path).unwrap();
    assert_eq!((text(&rotated(&path)), text(&path)), ("one\ntwo\nthree\nfour\n".into(), "new\n".into()));
    put(&mut log, &["five"]);
    assert_eq!((text(&rotated(&path)), text(&path)), ("new\n".into(), "five\n".into()));
}
