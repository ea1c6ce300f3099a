//! One-way pairs (M17).

use super::cases;
use crate::policy::Direction;
use crate::tree::Gone;
use crate::tree::build::{Case, case};

fn upload(case: Case) -> Case {
    case.policy(|policy| policy.direction = Direction::Upload)
}

fn download(case: Case) -> Case {
    case.policy(|policy| policy.direction = Direction::Download)
}

cases! {
    upload_sends_what_changed_here {
        upload(case()
            .synced("a  'one'\nb  inode 5  file 1  'two'\nc  'six'")
            .local("a  'other'\nd  inode 5  'two'\nnew  'x'")
            .remote("a  'one'\nb  file 1  'two'\nc  'six'"))
    } => r"
        a  bytes up  EditedHere
        d  there from b as 'd'  MovedHere
        new  there new 'new'  bytes up  CreatedHere
        drop c  remove there c  DeletedHere"

    upload_leaves_what_changed_there {
        upload(case()
            .synced("a  'one'\nb  file 1  'two'\nc  'six'")
            .local("a  'one'\nb  'two'\nc  'six'")
            .remote("a  'other'\nd  file 1  'two'\nnew/x  'x'")
            .gone("c", Gone::Deleted))
    } => r"
        a  OneWay
        b  here left  there left  Unchanged
        c  here left  there none  Unchanged
        Drift a  Local OneWay
        Drift b  Local OneWay
        Drift c  Local OneWay
        Drift new  Local OneWay"

    upload_wins_where_both_changed {
        upload(case()
            .synced("a  'one'\nb  inode 5  file 1  'two'")
            .local("a  'other'\nc  inode 5  'two'")
            .remote("a  'there?'\nd  file 1  'two'"))
    } => r"
        a  bytes up  OneWay
        c  there from d as 'c'  OneWay"

    upload_takes_the_place_along_with_new_bytes {
        upload(case().synced("a  file 1  'one'").local("a  'other'").remote("b  file 1  'one'"))
    } => r"
        a  there from b as 'a'  bytes up  OneWay, EditedHere"

    upload_leaves_what_was_edited_there_and_deleted_here {
        upload(case().all("x").synced("a  'one'").remote("a  'other'"))
    } => r"
        a  here none  there left  Unchanged
        Drift a  Local OneWay"

    upload_restores_what_was_deleted_there_and_edited_here {
        upload(case().synced("docs/a  'one'").local("docs/a  'other'")
            .gone("docs", Gone::Deleted).gone("docs/a", Gone::Deleted))
    } => r"
        docs  there new 'docs'  KeptForChildren
        docs/a  there new 'a'  bytes up  ChangeBeatsDeletionThere"

    upload_replaces_an_unknown_file_of_the_same_path {
        upload(case().local("a  'one'\nsame  'x'").remote("a  'other'\nsame  fetched  'x'"))
    } => r"
        a  bytes up  SameOnBoth, OneWay
        same  SameOnBoth, Adopted"

    upload_never_renames_here {
        upload(case().local("a/x  'one'").remote("a  'two'"))
    } => r"
        Drift a  Local OneWay"

    download_takes_what_changed_there {
        download(case()
            .synced("a  'one'\nb  file 1  'two'\nc  'six'")
            .local("a  'one'\nb  'two'\nc  'six'")
            .remote("a  'other'\nd  file 1  'two'\nnew/x  'x'")
            .gone("c", Gone::Deleted))
    } => r"
        a  bytes down  EditedThere
        d  here from b  MovedThere
        new  here new  CreatedThere
        new/x  here new  bytes down  CreatedThere
        drop c  remove here c  DeletedThere"

    download_leaves_what_changed_here {
        download(case()
            .synced("a  'one'\nb  inode 5  file 1  'two'\nc  'six'")
            .local("a  'other'\nd  inode 5  'two'\nnew/x  'x'")
            .remote("a  'one'\nb  file 1  'two'\nc  'six'"))
    } => r"
        a  OneWay
        d  here left  there left  Unchanged
        c  here none  there left  Unchanged
        Drift a  Remote OneWay
        Drift c  Remote OneWay
        Drift d  Remote OneWay
        Drift new  Remote OneWay"

    download_wins_where_both_changed {
        download(case()
            .synced("a  'one'\nb  inode 5  file 1  'two'")
            .local("a  'other'\nc  inode 5  'two'")
            .remote("a  'there?'\nd  file 1  'two'"))
    } => r"
        a  bytes down  OneWay
        d  here from c  MovedBoth"

    download_leaves_what_was_edited_here_and_deleted_there {
        download(case().synced("a  'one'").local("a  'other'").gone("a", Gone::Deleted))
    } => r"
        a  here left  there none  Unchanged
        Drift a  Remote OneWay"
}
