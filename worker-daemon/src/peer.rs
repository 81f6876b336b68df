//! Who may connect to the socket: the rule, which is pure, and the look-up of groups, which blocks.

use nix::unistd::{Gid, Uid, User, getgrouplist};
use std::{
    ffi::CString,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

/// Who has connected, as the kernel saw it at that moment (`SO_PEERCRED`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its effective uid.
    pub uid: u32,
    /// Its effective gid.
    pub gid: u32,
    /// Its process, where the kernel can name it in our namespace.
    pub pid: Option<i32>,
}

/// What the rule says without asking anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Root, or our own user: may do everything.
    Operator,
    /// Somebody who is listed.
    Client,
    /// Whoever is a member of the socket's group.
    IfMember,
    /// Nobody whom we serve.
    Refused,
}

/// `WORKER_ALLOW_UIDS`, and who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    own: u32,
    listed: Option<Vec<u32>>,
}

impl Rule {
    /// The rule of this process. With `listed` these uids, our own and root are the only ones; else the members of
    /// the socket's group may connect too.
    pub fn new(listed: Option<Vec<u32>>) -> Self {
        Self { own: Uid::effective().as_raw(), listed }
    }

    /// What is known of this uid without a look-up.
    pub fn judge(&self, uid: u32) -> Verdict {
        if uid == 0 || uid == self.own {
            return Verdict::Operator;
        }
        match &self.listed {
            None => Verdict::IfMember,
            Some(listed) if listed.contains(&uid) => Verdict::Client,
            Some(_) => Verdict::Refused,
        }
    }
}

/// The group of the socket at `path`, when it isn't known yet whether the peer belongs to it: then [`is_in`] tells.
///
/// A socket that others can't write to has been connected to by a member: the kernel has looked, at the process's real
/// groups. So is a peer whose gid it is. Looks at the socket's file, and asks nobody.
pub fn unproven(path: &Path, peer: Peer) -> Option<Gid> {
    let (group, open) = match fs::symlink_metadata(path) {
        Ok(meta) => (meta.gid(), meta.permissions().mode() & 0o002 != 0),
        // It is gone, or its folder can't be seen: then the group is ours, and nothing is known of the mode.
        Err(_) => (Gid::effective().as_raw(), true),
    };
    (open && peer.gid != group).then(|| Gid::from_raw(group))
}

/// Whether the peer's user has this group in the group database. That is files at best and a directory server at worst:
/// this blocks, and nothing bounds it.
pub fn is_in(group: Gid, peer: Peer) -> bool {
    groups_of(peer).contains(&group)
}

/// The groups of the peer's user in the database; none for a user whom it doesn't know.
fn groups_of(peer: Peer) -> Vec<Gid> {
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(peer.uid)) else {
        return Vec::new();
    };
    let Ok(name) = CString::new(user.name) else {
        return Vec::new();
    };
    getgrouplist(&name, user.gid).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule() {
        let rule = |listed| Rule { own: 1000, listed };
        for listed in [None, Some(vec![]), Some(vec![7, 8])] {
            assert_eq!(rule(listed.clone()).judge(0), Verdict::Operator);
            assert_eq!(rule(listed).judge(1000), Verdict::Operator);
        }
        assert_eq!(rule(None).judge(7), Verdict::IfMember);
        assert_eq!(rule(Some(vec![7, 8])).judge(7), Verdict::Client);
        assert_eq!(rule(Some(vec![7, 8])).judge(9), Verdict::Refused);
        assert_eq!(rule(Some(vec![])).judge(7), Verdict::Refused);
    }

    #[test]
    fn a_closed_socket_was_looked_at_by_the_kernel_and_an_open_one_by_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        fs::write(&path, "").unwrap();
        // A uid and a gid that no database has.
        let stranger = Peer { uid: 3_999_999_999, gid: 3_999_999_998, pid: None };
        let member = Peer { gid: fs::metadata(&path).unwrap().gid(), ..stranger };
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        set(0o660);
        assert_eq!(unproven(&path, stranger), None);
        set(0o666);
        let group = Some(Gid::from_raw(member.gid));
        assert_eq!(unproven(&path, stranger), group);
        assert_eq!(unproven(&path, member), None);
        assert!(!is_in(Gid::from_raw(member.gid), stranger));
        fs::remove_file(&path).unwrap();
        assert_eq!(unproven(&path, stranger), Some(Gid::effective()));
    }
}
