//! Deletions, and what beats them (property 3; M14, M15, S2, S4, S5, A5; H02, H06, H21, H22).

use super::cases;
use crate::tree::Gone;
use crate::tree::build::case;

cases! {
    deleted_here_goes_there {
        case().all("x").synced("docs/a.txt  'one'").remote("docs/a.txt  'one'")
    } => r"
        drop docs  remove there docs  DeletedHere
        drop docs/a.txt  remove there docs/a.txt  DeletedHere"

    deleted_there_goes_here {
        case().all("x").synced("docs/a.txt  'one'").local("docs/a.txt  'one'")
            .gone("docs", Gone::Deleted).gone("docs/a.txt", Gone::Deleted)
    } => r"
        drop docs  remove here docs  DeletedThere
        drop docs/a.txt  remove here docs/a.txt  DeletedThere"

    deleted_on_both_sides_is_forgotten {
        case().synced("docs/a.txt  'one'").gone("docs", Gone::Deleted).gone("docs/a.txt", Gone::Deleted)
    } => r"
        drop docs  DeletedBoth
        drop docs/a.txt  DeletedBoth"

    edited_here_beats_deleted_there {
        case().synced("docs/a.txt  'one'\ndocs/b.txt  'two'").local("docs/a.txt  'other'\ndocs/b.txt  'two'")
            .gone("docs", Gone::Deleted).gone("docs/a.txt", Gone::Deleted).gone("docs/b.txt", Gone::Deleted)
    } => r"
        docs  there new 'docs'  KeptForChildren
        docs/a.txt  there new 'a.txt'  bytes up  ChangeBeatsDeletionThere
        drop docs/b.txt  remove here docs/b.txt  DeletedThere"

    edited_there_beats_deleted_here {
        case().synced("docs/a.txt  'one'\ndocs/b.txt  'two'").remote("docs/a.txt  'other'\ndocs/b.txt  'two'")
    } => r"
        docs  here new  KeptForChildren
        docs/a.txt  here new  bytes down  ChangeBeatsDeletionHere
        drop docs/b.txt  remove there docs/b.txt  DeletedHere"

    moved_there_beats_deleted_here {
        case().all("docs/").synced("docs/a.txt  file 1  'one'").remote("b.txt  file 1  'one'")
    } => r"
        b.txt  here new  bytes down  ChangeBeatsDeletionHere"

    replaced_there_beats_deleted_here {
        case().synced("a.txt  file 1  'one'").remote("a.txt  file 2  'two'").gone("file 1", Gone::Deleted)
    } => r"
        a.txt  here new  bytes down  ChangeBeatsDeletionHere"

    new_here_keeps_the_folder_deleted_there {
        case().synced("docs/a.txt  'one'").local("docs/a.txt  'one'\ndocs/new.txt  'two'")
            .gone("docs", Gone::Deleted).gone("docs/a.txt", Gone::Deleted)
    } => r"
        docs  there new 'docs'  KeptForChildren
        docs/new.txt  there new 'new.txt'  bytes up  CreatedHere
        drop docs/a.txt  remove here docs/a.txt  DeletedThere"

    h06_new_there_keeps_the_folder_deleted_here {
        case().synced("docs/a.txt  'one'").remote("docs/a.txt  'one'\ndocs/new.txt  'two'")
    } => r"
        docs  here new  KeptForChildren
        docs/new.txt  here new  bytes down  CreatedThere
        drop docs/a.txt  remove there docs/a.txt  DeletedHere"

    a_folder_renamed_here_and_deleted_there_lives_with_all_in_it {
        case()
            .synced("docs/  inode 5  folder 3\ndocs/a.txt  inode 6  file 1  'one'\ndocs/sub/  inode 7  folder 4")
            .local("papers/  inode 5\npapers/a.txt  inode 6  'one'\npapers/sub/  inode 7")
            .gone("folder 3", Gone::Deleted).gone("file 1", Gone::Deleted).gone("folder 4", Gone::Deleted)
    } => r"
        papers  there new 'papers'  ChangeBeatsDeletionThere
        papers/a.txt  there new 'a.txt'  bytes up  ChangeBeatsDeletionThere
        papers/sub  there new 'sub'  ChangeBeatsDeletionThere"

    a_folder_renamed_there_and_deleted_here_lives_with_all_in_it {
        case()
            .synced("docs/  folder 3\ndocs/a.txt  file 1  'one'").remote("papers/  folder 3\npapers/a.txt  file 1  'one'")
    } => r"
        papers  here new  ChangeBeatsDeletionHere
        papers/a.txt  here new  bytes down  ChangeBeatsDeletionHere"

    a_file_deleted_here_in_a_folder_renamed_there_is_deleted {
        case()
            .synced("docs/  inode 5  folder 3\ndocs/a.txt  file 1  'one'")
            .local("docs/  inode 5")
            .remote("papers/  folder 3\npapers/a.txt  file 1  'one'")
    } => r"
        papers  here from docs  MovedThere
        drop docs/a.txt  remove there papers/a.txt  DeletedHere"

    h21_a_folder_deleted_there_stays_for_what_cannot_be_synced {
        case()
            .synced("docs/a.txt  'one'")
            .local("docs/a.txt  'one'\ndocs/empty  ''\ndocs/big  size 11\ndocs/x.o  ignored")
            .gone("docs", Gone::Deleted).gone("docs/a.txt", Gone::Deleted)
            .policy(|policy| policy.server.max_upload = Some(10))
    } => r"
        drop docs  DeletedThere
        drop docs/a.txt  remove here docs/a.txt  DeletedThere
        Skipped docs  Local OnlyUnsyncable
        Held docs/big  Local TooLarge(10)
        Skipped docs/empty  Local Empty"

    h21_and_is_not_made_again_there {
        case()
            .local("docs/empty  ''\ndocs/big  size 11\ndocs/x.o  ignored")
            .policy(|policy| policy.server.max_upload = Some(10))
    } => r"
        Skipped docs  Local OnlyUnsyncable
        Held docs/big  Local TooLarge(10)
        Skipped docs/empty  Local Empty"

    h22_a_folder_deleted_here_stays_there_for_what_is_ignored {
        case().synced("build/a.c  'one'").remote("build/a.c  'one'\nbuild/a.o  ignored")
    } => r"
        drop build  DeletedHere
        drop build/a.c  remove there build/a.c  DeletedHere
        Skipped build  Remote OnlyUnsyncable"

    only_an_old_foreign_interim_goes_with_its_folder {
        case()
            .synced("old/\nnew/")
            .remote("old/syncd-up-00000001-0000000000000001  ignored  appeared 1700000000 1700000060")
            .remote("new/syncd-up-00000001-0000000000000002  ignored  appeared 1795443000 1795443060")
    } => r"
        drop old  remove there old  DeletedHere
        drop new  DeletedHere
        Skipped new  Remote OnlyUnsyncable"

    a_folder_deleted_there_waits_for_what_is_busy_in_it {
        case()
            .synced("docs/a.txt  'one'").local("docs/a.txt  mtime 5  busy  'two'")
            .gone("docs", Gone::Deleted).gone("docs/a.txt", Gone::Deleted)
    } => r"
        docs  here left  there none  Unchanged
        docs/a.txt  here left  there none  Unchanged
        Held docs/a.txt  Local Busy"

    touched_here_and_deleted_there_waits_for_the_hash {
        case()
            .synced("docs/a.txt  'one'").local("docs/a.txt  mtime 5  unhashed  'one'")
            .gone("docs", Gone::Deleted).gone("docs/a.txt", Gone::Deleted)
    } => r"
        docs  here left  there none  Unchanged
        docs/a.txt  here left  there none  Unchanged
        compare here docs/a.txt"

    emptied_here_and_deleted_there_stays_here {
        case().synced("a.txt  'one'").local("a.txt  ''").gone("a.txt", Gone::Deleted)
    } => r"
        drop a.txt  DeletedThere
        Skipped a.txt  Local Empty"

    an_unreadable_file_is_not_removed {
        case().synced("a.txt  'one'").local("a.txt  unreadable  'one'").gone("a.txt", Gone::Deleted)
    } => r"
        a.txt  here left  there none  Unchanged
        Held a.txt  Local Unreadable"

    h02_expired_there_is_uploaded_anew {
        case().synced("docs/a.txt  'one'").local("docs/a.txt  'one'").remote("docs/").gone("docs/a.txt", Gone::Expired)
    } => r"
        docs/a.txt  there new 'a.txt'  bytes up  Expired"

    h03_lost_there_and_approved_is_uploaded_anew {
        case().synced("docs/a.txt  'one'").local("docs/a.txt  'one'")
            .gone("docs", Gone::LostApproved).gone("docs/a.txt", Gone::LostApproved)
    } => r"
        docs  there new 'docs'  LostApproved
        docs/a.txt  there new 'a.txt'  bytes up  LostApproved"

    h03_another_file_under_a_lost_name_is_no_edit {
        case().synced("a.txt  file 1  'one'").local("a.txt  mtime 1795443303  'one'").remote("a.txt  file 2  'other'")
            .gone("file 1", Gone::LostApproved)
    } => r"
        a.txt  here new  bytes down  ConflictKeepBoth
        a (conflict 2026-11-23 141503 D).txt  here from a.txt  there new 'a (conflict 2026-11-23 141503 D).txt'  bytes up  ConflictKeepBoth
        conflict a.txt  copy a (conflict 2026-11-23 141503 D).txt  ConflictKeepBoth"

    h01_a_file_that_died_young_is_put_back {
        case().synced("P/X  published  'one'").local("P/X  'one'").gone("P", Gone::Deleted).gone("P/X", Gone::DiedYoung)
    } => r"
        P  there new 'P'  KeptForChildren
        P/X  there new 'X'  bytes up  DiedYoung"

    a_folder_deleted_and_made_anew_there_is_the_same_folder {
        case()
            .synced("docs/  folder 3\ndocs/a.txt  file 1  'one'").local("docs/a.txt  'one'")
            .remote("docs/  folder 4\ndocs/a.txt  file 2  fetched  'one'")
            .gone("folder 3", Gone::Deleted).gone("file 1", Gone::Deleted)
    } => r"
        docs  Refreshed
        docs/a.txt  Refreshed"

    a_file_that_became_a_folder_here {
        case().synced("a  file 1  inode 5  'one'").local("a/  inode 6\na/b  'two'").remote("a  file 1  'one'")
    } => r"
        a  there new 'a'  CreatedHere
        a/b  there new 'b'  bytes up  CreatedHere
        drop a  remove there a  DeletedHere"

    a_file_that_became_a_folder_there {
        case().synced("a  file 1  'one'").local("a  'one'").remote("a/b  'two'").gone("file 1", Gone::Deleted)
    } => r"
        a  here new  CreatedThere
        a/b  here new  bytes down  CreatedThere
        drop a  remove here a  DeletedThere"

    a_folder_made_anew_there_beats_deleted_here {
        case().all("x").synced("docs/  folder 3").remote("docs/  folder 4").gone("folder 3", Gone::Deleted)
    } => r"
        docs  here new  ChangeBeatsDeletionHere"
}
