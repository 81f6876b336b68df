//! Tests of the folder, on a real file system.

use super::*;
use std::{os::unix::fs::symlink, time::UNIX_EPOCH};

const SECOND: Duration = Duration::from_secs(1);

fn name(at: u64) -> FileName {
    let id = format!("req_{at:032x}");
    FileName::read(&format!(
        "{}-{id}.json",
        shared::time::compact(UNIX_EPOCH + SECOND * u32::try_from(at).unwrap())
    ))
    .unwrap()
}

fn wall(at: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(at)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_are_whole_and_for_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/trace-buffer");
    let mut folder = Folder::open(path.clone(), 9, SECOND).unwrap();
    folder.write(&name(5), b"{}\n", SECOND).unwrap();
    assert_eq!(names(&path), [name(5).to_string()]);
    assert_eq!((mode(&path), mode(&path.join(name(5).to_string()))), (0o700, 0o600));
    assert_eq!(mode(&dir.path().join("state")), 0o700);
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    Folder::open(path.clone(), 9, SECOND).unwrap();
    assert_eq!(mode(&path), 0o700, "one that is too open is closed");
    // With anything else in it, it is not ours to close: nobody wants `/tmp` or `/var/log` at 0700.
    for (name, mode_of, fits) in [("notes", 0o755, true), ("notes", 0o1777, false)] {
        fs::write(path.join(name), "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode_of)).unwrap();
        assert_eq!(Folder::open(path.clone(), 9, SECOND).is_ok(), fits, "{mode_of:o}");
        assert_eq!(mode(&path), mode_of & 0o777);
    }
    // Gone meanwhile, it is made again.
    fs::remove_dir_all(&path).unwrap();
    folder.write(&name(6), b"{}\n", SECOND).unwrap();
    folder.scan(SECOND, wall(7)).unwrap();
    assert_eq!((folder.len(), names(&path)), (1, vec![name(6).to_string()]));
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(Folder::open(file, 9, SECOND).is_err());
}

#[test]
fn what_is_not_ours_is_never_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let outside = tempfile::NamedTempFile::new().unwrap();
    let mut folder = Folder::open(path.to_owned(), 0, SECOND).unwrap();
    for foreign in ["notes.txt", "20261121T193001.123Z-req_1.json", "x.json.part"] {
        fs::write(path.join(foreign), "mine").unwrap();
    }
    symlink(outside.path(), path.join(name(1).to_string())).unwrap();
    symlink(outside.path(), path.join(name(2).part())).unwrap();
    fs::create_dir(path.join(name(3).to_string())).unwrap();
    let before = names(path);
    for at in [1, 100, 100_000] {
        folder.scan(SECOND * at, wall(2_000_000_000)).unwrap();
        let (gone, result) = folder.prune(SECOND * at);
        assert!(gone.is_empty() && result.is_ok() && folder.len() == 0);
    }
    assert_eq!(names(path), before);
    // Not even through a link that has the name of what is written next.
    assert!(folder.write(&name(2), b"{}", SECOND).is_err());
    assert_eq!(fs::read(outside.path()).unwrap(), b"");
}

#[test]
fn what_a_crash_left_goes_and_what_another_writes_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    fs::write(path.join(name(1).part()), "{").unwrap();
    let now = SystemTime::now();
    let mut folder = Folder::open(path.to_owned(), 9, SECOND * 9).unwrap();
    folder.scan(SECOND, now).unwrap();
    assert_eq!(folder.prune(SECOND).0, [], "it may be another front's, which writes it now");
    assert_eq!(folder.prune(SECOND * 61).0, [Reason::Leftover]);
    // One that is older than that when the program starts goes at once.
    fs::write(path.join(name(1).part()), "{").unwrap();
    let mut folder = Folder::open(path.to_owned(), 9, SECOND * 9).unwrap();
    folder.scan(SECOND, now + SECOND * 100).unwrap();
    assert_eq!(folder.prune(SECOND).0, [Reason::Leftover]);
    assert_eq!(names(path), [""; 0]);
}

/// The wall clock says something else at each look; ages go on as the uptime does.
#[test]
fn a_clock_that_jumps_changes_no_age() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = Folder::open(dir.path().to_owned(), 9, SECOND * 50).unwrap();
    folder.write(&name(1_000), b"{}", SECOND * 10).unwrap();
    for (at, wall_at) in [(11, 9_000_000), (30, 0), (59, 1_000)] {
        folder.scan(SECOND * at, wall(wall_at)).unwrap();
        assert_eq!(folder.prune(SECOND * at).0, [], "at {at}");
    }
    assert_eq!(folder.prune(SECOND * 60).0, [Reason::Ttl]);
    // Of what others wrote, the name tells; what is of the future is new.
    for at in [1_000, 9_000] {
        fs::write(dir.path().join(name(at).to_string()), "{}").unwrap();
    }
    folder.scan(SECOND * 100, wall(1_100)).unwrap();
    assert_eq!(folder.prune(SECOND * 100).0, [Reason::Ttl]);
    assert_eq!(names(dir.path()), [name(9_000).to_string()]);
}

#[test]
fn two_fronts_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Folder::open(dir.path().to_owned(), 3, SECOND * 1000).unwrap();
    let (mut one, mut two) = (open(), open());
    for at in 0..10_u64 {
        let now = SECOND * u32::try_from(at).unwrap();
        let writer = if at % 2 == 0 { &mut one } else { &mut two };
        writer.write(&name(at), b"{}", now).unwrap();
        writer.scan(now, wall(at)).unwrap();
        assert!(writer.prune(now).1.is_ok(), "what the other one removed is no trouble");
        assert!(names(dir.path()).len() <= 3);
    }
    assert_eq!(names(dir.path()), [7, 8, 9].map(|at| name(at).to_string()));
}
