//! Which bytes an item gets: what changed where, and who wins where both did (M10, M12, M17, M18; first merge, §6).
//!
//! Two contents are equal only by BLAKE3; different sizes are never equal. What is not known yet is asked for, and the
//! item's bytes are left alone meanwhile. Never may a version that exists on one side only be overwritten here, unless
//! the user chose a policy that says so.

use crate::hold::{Reason, Side};
use crate::id::LocalKey;
use crate::merge::item::Item;
use crate::merge::verdict::{Bytes, Copying, Note};
use crate::merge::{Compare, Content, Context};
use crate::policy::{ConflictPolicy, Direction, FirstMerge, Policy};
use crate::rule::Rule;
use crate::tree::{Gone, LocalFile, RemoteFile, SyncedFile};

const NS_PER_SECOND: i128 = 1_000_000_000;

/// What the disk did to an agreed version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Here {
    /// Nothing.
    Same,
    /// The bytes are the same, the times are not.
    Touched,
    /// Other bytes.
    Changed,
    /// No bytes any more (M18).
    Emptied,
    /// Its hash decides.
    Unknown,
    /// It cannot be judged now.
    Shut,
}

/// What the account did to an agreed version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum There {
    /// Nothing.
    Same,
    /// The bytes are the same, under another version.
    Renewed,
    /// Other bytes, or not known to be the same.
    Changed,
}

/// Compares this disk's file with the agreed version (S12).
pub(crate) fn here(base: &SyncedFile, file: &LocalFile) -> Here {
    let same_size = file.size == base.size;
    let untouched = same_size && base.stamp == Some(file.stamp);
    if (file.busy || file.unreadable) && !untouched {
        return Here::Shut;
    }
    if file.size == 0 && !same_size {
        return Here::Emptied;
    }
    let same = if untouched { Here::Same } else { Here::Touched };
    match (file.hash, base.hash) {
        _ if !same_size => Here::Changed,
        _ if file.size == 0 => same,
        (Some(hash), Some(agreed)) if hash == agreed => same,
        (Some(_), Some(_)) => Here::Changed,
        (None, Some(_)) if !untouched => Here::Unknown,
        // An unverified version has nothing but its times.
        (_, None) if !untouched => Here::Changed,
        (None, Some(_)) | (_, None) => Here::Same,
    }
}

/// Compares the account's file with the agreed version: id, short URL and size, or the hash where it is known.
pub(crate) fn there(base: &SyncedFile, item: &Item<'_>) -> There {
    let Some((row, file)) = item.row().and_then(|row| Some((row, row.file()?))) else {
        return There::Same;
    };
    let same_url = match (&file.short_url, &base.short_url) {
        (Some(shown), Some(agreed)) => shown == agreed,
        (None, _) | (_, None) => true,
    };
    let same_version = row.file_id() == Some(base.remote) && same_url;
    let told_more = file.short_url.is_some() && base.short_url.is_none();
    match (file.hash, base.hash) {
        _ if file.size != base.size => There::Changed,
        (Some(hash), Some(agreed)) if hash != agreed => There::Changed,
        _ if same_version && told_more => There::Renewed,
        _ if same_version => There::Same,
        (Some(_), Some(_)) => There::Renewed,
        _ if file.size == 0 => There::Renewed,
        (_, None) | (None, _) => There::Changed,
    }
}

/// Whether two versions are equal; `None`: not known yet, and what must be hashed is asked for.
fn equal(
    cx: &mut Context<'_>,
    key: LocalKey,
    file: &LocalFile,
    item: &Item<'_>,
    row: &RemoteFile,
) -> Option<bool> {
    if file.size != row.size {
        return Some(false);
    }
    if file.size == 0 {
        return Some(true);
    }
    if let (Some(hash), Some(other)) = (file.hash, row.hash) {
        return Some(hash == other);
    }
    if file.busy || file.unreadable {
        return None;
    }
    if file.hash.is_none() {
        cx.compare.insert(Compare::Local(key));
    }
    if let Some(id) = item.row().and_then(|row| row.file_id())
        && row.hash.is_none()
    {
        cx.compare.insert(Compare::Remote(id));
    }
    None
}

/// Why this file cannot be uploaded, if so.
pub(crate) fn upload_refused(file: &LocalFile, policy: &Policy) -> Option<Note> {
    if let Some(note) = touch_refused(file) {
        return Some(note);
    }
    match policy.server.max_upload {
        _ if file.size == 0 => Some(Note::skipped(Side::Local, Reason::Empty)),
        Some(limit) if file.size > limit => Some(Note::held(Side::Local, Reason::TooLarge(limit))),
        Some(_) | None => None,
    }
}

/// Why this file may neither be read nor replaced now, if so.
pub(crate) fn touch_refused(file: &LocalFile) -> Option<Note> {
    let reason = match () {
        () if file.unreadable => Reason::Unreadable("it cannot be opened".into()),
        () if file.busy => Reason::Busy,
        () => return None,
    };
    Some(Note::held(Side::Local, reason))
}

/// The bytes of an item that both sides have, and what is to be reported.
pub(crate) fn merge_bytes(cx: &mut Context<'_>, item: &Item<'_>) -> (Bytes, Option<Note>) {
    let Some((entry, file)) = item.entry().and_then(|entry| Some((entry, entry.file()?))) else {
        return (Bytes::folder(Rule::Unchanged), None);
    };
    let row = item.row().and_then(|row| row.file());
    let Some(base) = item.synced.and_then(|node| node.file()) else {
        return match row {
            Some(row) => first_meeting(cx, entry.key, file, item, row),
            None => (Bytes::settled(Rule::Unchanged), None),
        };
    };
    let (here, there) = (here(base, file), there(base, item));
    // A file that the account lost is no older version of the row: that is another file of the same name.
    let lost = matches!(
        item.replaces,
        Some(Gone::Expired | Gone::LostApproved | Gone::DiedYoung)
    );
    let known_elsewhere = item.synced.is_some_and(|node| node.identity != entry.identity);
    match (here, there) {
        (Here::Shut, _) => (Bytes::settled(Rule::Unchanged), touch_refused(file)),
        (Here::Unknown, _) => {
            cx.compare.insert(Compare::Local(entry.key));
            (Bytes::settled(Rule::Unchanged), None)
        }
        (Here::Same, There::Same) if !known_elsewhere => (Bytes::settled(Rule::Unchanged), None),
        (Here::Same | Here::Touched, There::Same | There::Renewed) => (Bytes::settled(Rule::Refreshed), None),
        (Here::Emptied, There::Same | There::Renewed) => (
            Bytes::settled(Rule::EmptiedHere),
            Some(Note::skipped(Side::Local, Reason::Empty)),
        ),
        (Here::Changed, There::Same | There::Renewed) => edited_here(cx, file),
        (Here::Same | Here::Touched, There::Changed) if lost => match row {
            Some(row) => both_changed(cx, entry.key, file, item, row, Rule::SameOnBoth),
            None => (Bytes::settled(Rule::Unchanged), None),
        },
        (Here::Same | Here::Touched, There::Changed) => edited_there(cx, file),
        (Here::Changed | Here::Emptied, There::Changed) => match row {
            Some(row) => both_changed(cx, entry.key, file, item, row, Rule::SameOnBoth),
            None => (Bytes::settled(Rule::Unchanged), None),
        },
    }
}

fn edited_here(cx: &Context<'_>, file: &LocalFile) -> (Bytes, Option<Note>) {
    if cx.policy.direction == Direction::Download {
        return (Bytes::settled(Rule::OneWay), Some(Note::drift(Side::Remote)));
    }
    match upload_refused(file, cx.policy) {
        Some(note) => (Bytes::settled(Rule::Unchanged), Some(note)),
        None => (Bytes::of(Content::FromLocal, Rule::EditedHere), None),
    }
}

fn edited_there(cx: &Context<'_>, file: &LocalFile) -> (Bytes, Option<Note>) {
    if cx.policy.direction == Direction::Upload {
        return (Bytes::settled(Rule::OneWay), Some(Note::drift(Side::Local)));
    }
    match touch_refused(file) {
        Some(note) => (Bytes::settled(Rule::Unchanged), Some(note)),
        None => (Bytes::of(Content::FromRemote, Rule::EditedThere), None),
    }
}

/// Both are there and no agreement is (M12; `first_merge`).
fn first_meeting(
    cx: &mut Context<'_>,
    key: LocalKey,
    file: &LocalFile,
    item: &Item<'_>,
    row: &RemoteFile,
) -> (Bytes, Option<Note>) {
    let unknown = file.hash.is_none() || row.hash.is_none();
    if cx.policy.first_merge == FirstMerge::Size && unknown && file.size == row.size && !file.busy {
        return (Bytes::settled(Rule::AdoptedBySize), None);
    }
    both_changed(cx, key, file, item, row, Rule::Adopted)
}

/// Bytes decide first, then the direction, then the policy.
fn both_changed(
    cx: &mut Context<'_>,
    key: LocalKey,
    file: &LocalFile,
    item: &Item<'_>,
    row: &RemoteFile,
    if_equal: Rule,
) -> (Bytes, Option<Note>) {
    let waits = Bytes::settled(Rule::Unchanged);
    if let Some(note) = touch_refused(file) {
        return (waits, Some(note));
    }
    match equal(cx, key, file, item, row) {
        None => return (waits, None),
        Some(true) => return (Bytes::settled(if_equal), None),
        Some(false) => {}
    }
    let refused = upload_refused(file, cx.policy);
    match cx.policy.direction {
        Direction::Download => (Bytes::of(Content::FromRemote, Rule::OneWay), None),
        Direction::Upload if refused.is_some() => (Bytes::settled(Rule::OneWay), refused),
        Direction::Upload => (Bytes::of(Content::FromLocal, Rule::OneWay), None),
        Direction::Both => match winner(file, row, cx.policy.conflict) {
            Winner::Local if refused.is_none() => {
                (Bytes::of(Content::FromLocal, Rule::ConflictPreferLocal), None)
            }
            Winner::Remote => (Bytes::of(Content::FromRemote, Rule::ConflictPreferRemote), None),
            Winner::Local | Winner::Neither => {
                let copy = Some(match refused {
                    Some(_) => Copying::HereOnly,
                    None => Copying::Upload,
                });
                let bytes = Bytes::of(Content::FromRemote, Rule::ConflictKeepBoth);
                (Bytes { copy, ..bytes }, refused)
            }
        },
    }
}

enum Winner {
    Local,
    Remote,
    Neither,
}

fn winner(file: &LocalFile, row: &RemoteFile, policy: ConflictPolicy) -> Winner {
    match policy {
        ConflictPolicy::KeepBoth => Winner::Neither,
        ConflictPolicy::PreferLocal => Winner::Local,
        ConflictPolicy::PreferRemote => Winner::Remote,
        // The account tells no times: its version came some time between two walks.
        ConflictPolicy::PreferNewer => match row.appeared {
            Some((last_without, first_with)) => {
                let changed = i128::from(file.stamp.mtime_ns);
                if changed > i128::from(first_with) * NS_PER_SECOND {
                    Winner::Local
                } else if changed < i128::from(last_without) * NS_PER_SECOND {
                    Winner::Remote
                } else {
                    Winner::Neither
                }
            }
            None => Winner::Neither,
        },
    }
}
