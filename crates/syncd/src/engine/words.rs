//! Reasons in words: what the summary says beside a path that is not in sync.

use api::{ApiError, Lost};
use planner::hold::{ItemKind, Odd, Reason, Unnameable};
use planner::render::{Place, Verb};

/// A reason, without a full stop.
pub(crate) fn reason(kind: ItemKind, reason: &Reason) -> String {
    let text = match reason {
        Reason::Empty => "empty: the account stores no empty files",
        Reason::Odd(odd) => return odd_text(*odd).to_owned(),
        Reason::TooLarge(limit) => {
            return format!(
                "larger than the account takes ({})",
                indicatif::BinaryBytes(*limit)
            );
        }
        Reason::Unnameable(why) => match (why, kind) {
            (Unnameable::TooLong, _) => "the name is too long for the other side: shorten it",
            (Unnameable::Unstorable, _) => {
                "the other side cannot hold this name: rename it, or set unstorable_names = \"escape\""
            }
            (Unnameable::Reserved, _) => "the name is one that syncd keeps for itself: rename it",
        },
        Reason::Unreadable(why) => return format!("cannot be read: {why}"),
        Reason::Busy => "still being written: the next run takes it",
        Reason::AbsenceUnproved => "missing in the account, but nothing proves that it was deleted: kept",
        Reason::RepeatWaiting => {
            "a second file of this name appeared in the account: most likely a replacement on its way, so it waits"
        }
        Reason::ThreeConflicts => "three conflict copies of it are open: settle those first",
        Reason::FolderUnreadable => "its folder in the account could not be listed: kept as it is",
        Reason::OneWay => "differs on the side that this pair never writes",
        Reason::OnlyUnsyncable => "a folder with nothing in it that can be synced",
        Reason::FolderShut => {
            "moved in the account into a folder that is not here, for something that cannot be synced (a link, say) has its \
             place: move that away, or move this back in the account"
        }
    };
    text.to_owned()
}

/// Why nothing is known of a folder in the account's top that may be in the trash.
pub(crate) const UNTOLD: &str = "this server does not say which folders are in the trash, and in the account's top folder there is no \
     other one to compare it with: make a new folder there, on the web site or here with a file in it, and the next run \
     can tell";

/// Whether a listing came back as nothing at all. A server does so where a name in the folder is not whole (`wire.md`
/// Q39), and then for good.
pub(crate) const fn is_unanswered(error: &ApiError) -> bool {
    matches!(error, ApiError::Ambiguous { why: Lost::Empty, .. })
}

/// Why a folder in the account could not be listed.
pub(crate) fn unlisted(error: &ApiError) -> String {
    if is_unanswered(error) {
        return "the server answers nothing when asked what is in it, so nothing in it is changed on either side; if it \
                stays so, a file in it has a name that the server cut in half: find it on the web site (a name with a \
                number such as \" (2)\") and rename it"
            .to_owned();
    }
    format!("it could not be listed: {error}")
}

/// How an item is counted, as programs read it.
pub(crate) const fn kind(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Skipped => "skipped",
        ItemKind::Held => "held",
        ItemKind::Unproved => "unproved",
        ItemKind::Drift => "drift",
    }
}

/// What a step does, as users and programs read it.
pub(crate) const fn step(place: Place, verb: Verb) -> &'static str {
    match (verb, place) {
        (Verb::Create, Place::Remote) => "create folder there",
        (Verb::Create, Place::Local | Place::Record) => "create folder",
        (Verb::Rename | Verb::Move, _) => "move",
        (Verb::Park, _) => "set aside",
        (Verb::Replace, Place::Remote) | (Verb::Upload, _) => "upload",
        (Verb::Replace, Place::Local | Place::Record) | (Verb::Download, _) => "download",
        (Verb::Trash | Verb::Remove, Place::Remote) => "delete there",
        (Verb::Trash | Verb::Remove, Place::Local | Place::Record) => "delete here",
        (Verb::Agree | Verb::Forget, _) => "record",
    }
}

/// Why an entry can never be synced.
pub(crate) fn odd_text(odd: Odd) -> &'static str {
    match odd {
        Odd::Symlink => "a symbolic link: only files and folders are synced",
        Odd::Pipe => "a named pipe: only files and folders are synced",
        Odd::Socket => "a socket: only files and folders are synced",
        Odd::Device => "a device: only files and folders are synced",
        Odd::NotUtf8 => "its name is not UTF-8: the account cannot hold it",
    }
}
