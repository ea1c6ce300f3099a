//! Edits on one side and on both (M10, M12, M18).

use super::cases;
use crate::tree::Gone;
use crate::tree::build::case;

cases! {
    three_equal_trees_want_nothing {
        case().all("docs/a.txt  'one'\ndocs/deep/b.txt  'two'\nempty/")
    } => ""

    renamed_here_and_edited_there_is_no_conflict {
        case()
            .synced("docs/a.txt  file 1  inode 10  'one'")
            .local("docs/b.txt           inode 10  'one'")
            .remote("docs/a.txt  file 7            'two'")
            .gone("file 1", Gone::Deleted)
    } => r"
        docs/b.txt  there from docs/a.txt as 'b.txt'  bytes down  MovedHere, EditedThere"

    edited_on_both_sides_keeps_both {
        case()
            .synced("a.txt  'one'")
            .local("a.txt  'here!'")
            .remote("a.txt  'there'  url new  fetched")
    } => r"
        a.txt  here new  bytes down  ConflictKeepBoth
        a (conflict 2026-11-26 153558 D).txt  here from a.txt  there new 'a (conflict 2026-11-26 153558 D).txt'  bytes up  ConflictKeepBoth
        conflict a.txt  copy a (conflict 2026-11-26 153558 D).txt  ConflictKeepBoth"

    new_folder_here {
        case().all("x/").local("docs/a.txt  'one'\ndocs/b.txt  'two'")
    } => r"
        docs  there new 'docs'  CreatedHere
        docs/a.txt  there new 'a.txt'  bytes up  CreatedHere
        docs/b.txt  there new 'b.txt'  bytes up  CreatedHere"
    new_there {
        case().all("x/").remote("docs/a.txt  'one'\ndocs/b.txt  'two'\ne/")
    } => r"
        docs  here new  CreatedThere
        e  here new  CreatedThere
        docs/a.txt  here new  bytes down  CreatedThere
        docs/b.txt  here new  bytes down  CreatedThere"
    deleted_here {
        case().all("x/").synced("docs/a.txt  'one'").remote("docs/a.txt  'one'")
    } => r"
        drop docs  remove there docs  DeletedHere
        drop docs/a.txt  remove there docs/a.txt  DeletedHere"
    deleted_there {
        case().all("x/").synced("docs/a.txt  'one'").local("docs/a.txt  'one'").gone("docs/a.txt", Gone::Deleted).gone("docs", Gone::Deleted)
    } => r"
        drop docs  remove here docs  DeletedThere
        drop docs/a.txt  remove here docs/a.txt  DeletedThere"
    swap {
        case().synced("a  inode 1 file 1 'one'\nb  inode 2  file 2  'two'").local("b  inode 1 'one'\na  inode 2 'two'").remote("a  file 1 'one'\nb  file 2  'two'")
    } => r"
        b  there from a as 'b'  MovedHere
        a  there from b as 'a'  MovedHere"
}
