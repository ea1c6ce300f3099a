//! What is new on one side or on both (M12, M13, M15, N1, N3).

use super::cases;
use crate::policy::{ConflictPolicy, FirstMerge, Unstorable};
use crate::tree::build::case;

cases! {
    new_here_goes_up_with_its_folders {
        case().local("docs/deep/a.txt  'one'\ndocs/b.txt  'two'")
    } => r"
        docs  there new 'docs'  CreatedHere
        docs/deep  there new 'deep'  CreatedHere
        docs/b.txt  there new 'b.txt'  bytes up  CreatedHere
        docs/deep/a.txt  there new 'a.txt'  bytes up  CreatedHere"

    new_there_comes_down_with_its_folders {
        case().remote("docs/deep/a.txt  'one'\ndocs/b.txt  ''")
    } => r"
        docs  here new  CreatedThere
        docs/deep  here new  CreatedThere
        docs/b.txt  here new  bytes down  CreatedThere
        docs/deep/a.txt  here new  bytes down  CreatedThere"

    an_empty_folder_is_worth_making {
        case().local("here/").remote("there/")
    } => r"
        there  here new  CreatedThere
        here  there new 'here'  CreatedHere"

    folders_of_one_path_merge {
        case().local("docs/a.txt  'one'").remote("docs/b.txt  'two'")
    } => r"
        docs  FoldersMerge
        docs/b.txt  here new  bytes down  CreatedThere
        docs/a.txt  there new 'a.txt'  bytes up  CreatedHere"

    new_on_both_sides_compares_first {
        case().local("a.txt  unhashed  'one'").remote("a.txt  'two'")
    } => r"
        a.txt  here left  there left  Unchanged
        compare here a.txt
        compare there a.txt"

    new_on_both_sides_and_equal_is_adopted {
        case().local("a.txt  'one'\nempty  ''").remote("a.txt  fetched  'one'\nempty  ''")
    } => r"
        a.txt  SameOnBoth, Adopted
        empty  SameOnBoth, Adopted"

    h43_new_on_both_sides_and_different_keeps_both {
        case().local("a.txt  mtime 1795443303  'one'").remote("a.txt  fetched  'two'")
    } => r"
        a.txt  here new  bytes down  SameOnBoth, ConflictKeepBoth
        a (conflict 2026-11-23 141503 D).txt  here from a.txt  there new 'a (conflict 2026-11-23 141503 D).txt'  bytes up  ConflictKeepBoth
        conflict a.txt  copy a (conflict 2026-11-23 141503 D).txt  ConflictKeepBoth"

    different_sizes_are_never_compared {
        case().local("a.txt  mtime 1795443303  unhashed  'one'").remote("a.txt  'other'")
    } => r"
        a.txt  here new  bytes down  SameOnBoth, ConflictKeepBoth
        a (conflict 2026-11-23 141503 D).txt  here from a.txt  there new 'a (conflict 2026-11-23 141503 D).txt'  bytes up  ConflictKeepBoth
        conflict a.txt  copy a (conflict 2026-11-23 141503 D).txt  ConflictKeepBoth"

    first_merge_by_size_believes {
        case().local("a.txt  unhashed  'one'").remote("a.txt  'two'")
            .policy(|policy| policy.first_merge = FirstMerge::Size)
    } => r"
        a.txt  SameOnBoth, AdoptedBySize"

    new_on_both_sides_with_prefer_local {
        case().local("a.txt  'one'").remote("a.txt  'other'")
            .policy(|policy| policy.conflict = ConflictPolicy::PreferLocal)
    } => r"
        a.txt  bytes up  SameOnBoth, ConflictPreferLocal
        conflict a.txt  ConflictPreferLocal"

    a_file_here_against_a_folder_there {
        case().local("docs  mtime 1795443303  'one'").remote("docs/a.txt  'two'")
    } => r"
        docs  here new  CreatedThere
        docs (conflict 2026-11-23 141503 D)  here from docs  there new 'docs (conflict 2026-11-23 141503 D)'  bytes up  FileAgainstFolder, CreatedHere
        docs/a.txt  here new  bytes down  CreatedThere
        conflict docs  copy docs (conflict 2026-11-23 141503 D)  FileAgainstFolder"

    a_folder_here_against_a_file_there {
        case().local("docs/a.txt  mtime 1795443303  'one'").remote("docs  'two'")
    } => r"
        docs  here new  bytes down  CreatedThere
        docs (conflict 2026-11-23 141503 D)  here from docs  there new 'docs (conflict 2026-11-23 141503 D)'  FileAgainstFolder, CreatedHere
        docs (conflict 2026-11-23 141503 D)/a.txt  here from docs/a.txt  there new 'a.txt'  bytes up  CreatedHere
        conflict docs  copy docs (conflict 2026-11-23 141503 D)  FileAgainstFolder"

    empty_odd_and_too_large_files_stay_here {
        case()
            .local("a  ''\nb  symlink\nc  pipe\nd  size 11\ndocs/  others 2")
            .policy(|policy| policy.server.max_upload = Some(10))
    } => r"
        Skipped a  Local Empty
        Skipped b  Local Odd(Symlink)
        Skipped c  Local Odd(Pipe)
        Held d  Local TooLarge(10)
        Skipped docs  Local Odd(NotUtf8)
        Skipped docs  Local OnlyUnsyncable"

    a_busy_and_an_unreadable_file_wait {
        case().local("a  busy\nb  unreadable")
    } => r"
        Held a  Local Busy
        Held b  Local Unreadable"

    an_empty_file_here_against_one_there_is_a_conflict {
        case().local("a  mtime 1795443303  ''").remote("a  'one'")
    } => r"
        a  here new  bytes down  SameOnBoth, ConflictKeepBoth
        a (conflict 2026-11-23 141503 D)  here from a  there none  ConflictKeepBoth
        conflict a  copy a (conflict 2026-11-23 141503 D)  ConflictKeepBoth
        Skipped a  Local Empty"

    a_file_too_large_for_the_account_keeps_its_conflict_copy_here {
        case()
            .local("a  mtime 1795443303  'much too large'").remote("a  'one'")
            .policy(|policy| policy.server.max_upload = Some(10))
    } => r"
        a  here new  bytes down  SameOnBoth, ConflictKeepBoth
        a (conflict 2026-11-23 141503 D)  here from a  there none  ConflictKeepBoth
        conflict a  copy a (conflict 2026-11-23 141503 D)  ConflictKeepBoth
        Held a  Local TooLarge(10)"

    a_folder_of_unsyncable_things_is_not_made_there {
        case().local("build/a.o  ignored\nlinks/x  symlink\nlinks/more/")
    } => r"
        links  there new 'links'  CreatedHere
        links/more  there new 'more'  CreatedHere
        Skipped build  Local OnlyUnsyncable
        Skipped links/x  Local Odd(Symlink)"

    a_folder_of_ignored_rows_is_not_made_here {
        case().remote("build/a.o  ignored")
    } => r"
        Skipped build  Remote OnlyUnsyncable"

    old_foreign_interims_keep_no_folder {
        case()
            .remote("old/syncd-up-00000001-0000000000000001  ignored  appeared 1700000000 1700000060")
            .remote("new/syncd-up-00000001-0000000000000002  ignored  appeared 1795443000 1795443060")
    } => r"
        old  here new  CreatedThere
        Skipped new  Remote OnlyUnsyncable"

    a_name_is_escaped_on_the_way {
        case().local("a<b.txt  'x'").remote("docs/  name 'x/y'")
    } => r"
        x⟦2F⟧y  here new  CreatedThere
        a<b.txt  there new 'a⟦3C⟧b.txt'  bytes up  CreatedHere"

    a_name_that_cannot_cross_is_held {
        case()
            .local("a<b.txt  'x'").remote("docs/  name 'x/y'")
            .policy(|policy| policy.unstorable = Unstorable::Skip)
    } => r"
        Held a<b.txt  Local Unnameable(Unstorable)
        Held x⟦2F⟧y  Remote Unnameable(Unstorable)"

    h39_our_own_names_never_come_down {
        case().remote("a/  name '.SYNCD'\nb  name '.syncd-park-1'\ndocs/c  name '.syncd'")
    } => r"
        docs  here new  CreatedThere
        docs/.syncd  here new  bytes down  CreatedThere
        Skipped .SYNCD  Remote Unnameable(Reserved)
        Skipped .syncd-park-1  Remote Unnameable(Reserved)"

    a_repeat_beside_a_synced_file_waits {
        case().all("F  file 1  'one'").remote("F  file 2  looks 2  'two'")
    } => r"
        Unproved F  Remote RepeatWaiting"

    h14_a_repeat_that_stays_gets_a_derived_name {
        case().all("F.txt  file 9  'one'").remote("F.txt  file 2  looks 3  'two'")
    } => r"
        F (id 2).txt  here new  bytes down  RepeatedName, CreatedThere"

    h19_repeated_new_names_are_told_apart_by_id {
        case().remote("F  file 5  'one'\nF  file 4  'two'\nF/  folder 9\nF/  folder 8")
    } => r"
        F  here new  CreatedThere
        F (id 9)  here new  RepeatedName, CreatedThere
        F (id 4)  here new  bytes down  RepeatedName, CreatedThere
        F (id 5)  here new  bytes down  RepeatedName, CreatedThere"

    a_repeat_of_a_published_file_waits {
        case().all("x").synced("F  published  'one'").local("F  'one'").remote("F  file 2  'two'")
    } => r"
        Unproved F  Remote RepeatWaiting"

    h24_a_derived_name_is_known_without_the_journal {
        case().local("F.txt  'one'\nF (id 7).txt  'two'").remote("F.txt  file 5  fetched  'one'\nF.txt  file 7  fetched  'two'")
    } => r"
        F.txt  SameOnBoth, Adopted
        F (id 7).txt  SameOnBoth, Adopted"

    h40_names_that_the_disk_folds_are_told_apart {
        case().remote("A.txt  file 5  'one'\na.txt  file 4  'two'").policy(|policy| policy.disk.folds_case = true)
    } => r"
        a.txt  here new  bytes down  CreatedThere
        A (id 5).txt  here new  bytes down  RepeatedName, CreatedThere"

    h40_a_name_spelled_differently_by_the_disk_is_the_same {
        case().local("e\u{301}  'one'").remote("\u{e9}  fetched  'one'").policy(|policy| policy.disk.folds_normalisation = true)
    } => r"
        é  SameOnBoth, Adopted"

    h01_a_file_that_came_into_a_dead_folder_is_kept {
        case().synced("docs/  folder 3").local("docs/").remote("docs/  folder 3\ndocs/new.txt  file 9  'x'")
            .without_row("folder 3").gone("folder 3", crate::tree::Gone::Deleted)
    } => r"
        docs  there new 'docs'  KeptForChildren
        docs/new.txt  here new  there from File(FileId(9)) as 'new.txt'  bytes down  CreatedThere"
}
