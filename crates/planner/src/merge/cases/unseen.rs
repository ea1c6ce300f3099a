//! What could not be seen: never gone, never written to (S1, S2, S3, S10, S11; H09, H10).

use super::cases;
use crate::tree::Gone;
use crate::tree::build::case;

cases! {
    an_absence_without_proof_changes_nothing {
        case().all("docs/").synced("docs/a.txt  'one'").local("docs/a.txt  'one'")
    } => r"
        docs/a.txt  here left  there left  Unchanged
        Unproved docs/a.txt  Remote AbsenceUnproved"

    local_edits_of_what_is_unproved_wait {
        case().synced("a.txt  'one'").local("a.txt  'other'")
    } => r"
        a.txt  here left  there left  Unchanged
        Unproved a.txt  Remote AbsenceUnproved"

    a_folder_without_proof_is_reported_once {
        case().synced("docs/a.txt  'one'\ndocs/b.txt  'two'").local("docs/a.txt  'one'\ndocs/new.txt  'x'\ndocs/b.txt  'two'")
    } => r"
        docs  here left  there left  Unchanged
        docs/a.txt  here left  there left  Unchanged
        docs/b.txt  here left  there left  Unchanged
        Unproved docs  Remote AbsenceUnproved"

    what_is_published_may_be_missing {
        case().synced("docs/  published\ndocs/a.txt  published  'one'").local("docs/a.txt  'one'\ndocs/new.txt  'two'")
    } => r"
        docs/new.txt  there new 'new.txt'  bytes up  CreatedHere"

    what_is_published_can_be_deleted {
        case().all("x").synced("a.txt  published  'one'")
    } => r"
        drop a.txt  remove there File(FileId(102))  DeletedHere"

    an_unreadable_folder_there_keeps_its_last_known_state {
        case().synced("docs/a.txt  'one'").local("docs/a.txt  'one'").remote("docs/  unreadable")
    } => r"
        docs/a.txt  here left  there left  Unchanged"

    nothing_is_put_into_an_unreadable_folder_there {
        case()
            .synced("docs/a.txt  'one'\ndocs/b.txt  'two'\nc.txt  inode 5  'six'")
            .local("docs/a.txt  'edited'\ndocs/new.txt  'x'\ndocs/c.txt  inode 5  'six'")
            .remote("docs/  unreadable\nc.txt  'six'")
    } => r"
        c.txt  here left  there left  Unchanged
        docs/a.txt  here left  there left  Unchanged
        docs/b.txt  here none  there left  Unchanged
        Unproved docs/a.txt  Local FolderUnreadable
        Unproved docs/b.txt  Local FolderUnreadable
        Unproved docs/c.txt  Local FolderUnreadable
        Unproved docs/new.txt  Local FolderUnreadable"

    an_unreadable_folder_there_is_not_deleted {
        case().all("x").synced("docs/").remote("docs/  unreadable")
    } => r"
        docs  here none  there left  Unchanged
        Unproved docs  Remote FolderUnreadable"

    an_unreadable_new_folder_there_waits {
        case().remote("docs/  unreadable")
    } => r"
        Unproved docs  Remote FolderUnreadable"

    an_unreadable_root_there_takes_nothing_new {
        case().all("docs/").local("a.txt  'one'\ndocs/b.txt  'two'").unreadable_root()
    } => r"
        docs/b.txt  there new 'b.txt'  bytes up  CreatedHere
        Unproved a.txt  Local FolderUnreadable"

    h09_a_hidden_folder_here_hides_what_is_in_it {
        case().all("x").synced("docs/a.txt  'one'").local("docs/  hidden").remote("docs/a.txt  'edited'")
    } => r"
        docs/a.txt  here none  there left  Unchanged
        Held docs  Local Unreadable"

    nothing_is_put_into_a_hidden_folder_here {
        case().synced("docs/").local("docs/  hidden").remote("docs/new.txt  'x'")
    } => r"
        Held docs  Local Unreadable"

    a_hidden_folder_here_is_not_removed {
        case().all("x").synced("docs/a.txt  'one'").local("docs/  hidden")
            .gone("docs", Gone::Deleted).gone("docs/a.txt", Gone::Deleted)
    } => r"
        docs  here left  there none  Unchanged
        docs/a.txt  here none  there none  Unchanged
        Held docs  Local Unreadable"

    h09_a_hidden_root_hides_everything {
        case().synced("a.txt  'one'\ndocs/b.txt  'two'").remote("a.txt  'one'\ndocs/b.txt  'two'").hidden_root()
    } => r"
        a.txt  here none  there left  Unchanged
        docs  here none  there left  Unchanged
        docs/b.txt  here none  there left  Unchanged
        Held .  Local Unreadable"

    what_moved_there_below_a_node_that_a_link_hides_is_held_where_it_is {
        case()
            .synced("docs/  folder 3\npapers/  folder 4\npapers/a.txt  file 1  'one'")
            .local("docs  symlink\npapers/a.txt  'one'")
            .remote("docs/  folder 3\ndocs/papers/  folder 4\ndocs/papers/a.txt  file 1  'one'")
    } => r"
        docs  here none  there left  Unchanged
        papers  here left  there left  Unchanged
        Skipped docs  Local Odd(Symlink)
        Held papers  Local FolderShut"

    h09_a_link_in_its_place_hides_a_node {
        case().all("x").synced("docs/a.txt  'one'").local("docs  symlink").remote("docs/a.txt  'one'")
    } => r"
        docs  here none  there left  Unchanged
        docs/a.txt  here none  there left  Unchanged
        Skipped docs  Local Odd(Symlink)"

    a_hidden_folder_that_was_renamed_is_renamed_there {
        case().synced("a/  inode 5  folder 3").local("b/  inode 5  hidden").remote("a/  folder 3")
    } => r"
        b  there from a as 'b'  MovedHere
        Held b  Local Unreadable"

    a_busy_file_waits_but_its_rename_travels {
        case().synced("a  inode 5  file 1  'one'").local("b  inode 5  mtime 5  busy  'two'").remote("a  file 1  'one'")
    } => r"
        b  there from a as 'b'  MovedHere
        Held b  Local Busy"

    an_edit_there_waits_for_a_file_that_cannot_be_replaced {
        case().synced("a  'one'\nb  'one'").local("a  unreadable  'one'\nb  busy  'one'").remote("a  'other'\nb  'other'")
    } => r"
        Held a  Local Unreadable
        Held b  Local Busy"
}
