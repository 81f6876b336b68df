//! Tests of the file, on a real file system.

use super::*;
use std::os::unix::fs::PermissionsExt;

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
    assert!(LogFile::open(&pipe, 1).is_err(), "and it doesn't hang");
}
