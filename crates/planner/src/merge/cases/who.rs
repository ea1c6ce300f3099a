//! Which entry of the disk is which synced node (M1–M5; H25–H28).

use super::cases;
use crate::tree::Gone;
use crate::tree::build::case;

cases! {
    saved_by_rename_is_an_edit {
        case().synced("a.txt  inode 5  'one'").local("a.txt  inode 6  'other'").remote("a.txt  'one'")
    } => r"
        a.txt  bytes up  EditedHere"

    h25_a_backup_beside_a_new_file_is_an_edit_and_a_new_file {
        case()
            .synced("F  inode 5  file 1  'one'").local("F~  inode 5  'one'\nF  inode 6  'other'").remote("F  file 1  'one'")
    } => r"
        F  bytes up  EditedHere
        F~  there new 'F~'  bytes up  CreatedHere"

    h25_and_edited_there_is_a_conflict_on_the_file {
        case()
            .synced("F  inode 5  file 1  'one'")
            .local("F~  inode 5  'one'\nF  inode 6  mtime 1795443303  'other'")
            .remote("F  file 1  'there?'")
    } => r"
        F  here new  bytes down  ConflictKeepBoth
        F~  there new 'F~'  bytes up  CreatedHere
        F (conflict 2026-11-23 141503 D)  here from F  there new 'F (conflict 2026-11-23 141503 D)'  bytes up  ConflictKeepBoth
        conflict F  copy F (conflict 2026-11-23 141503 D)  ConflictKeepBoth"

    h26_restored_with_reused_inodes_is_no_rename {
        case()
            .synced("a  inode 1  nobirth  'one'\nb  inode 2  nobirth  'two'")
            .local("a  inode 2  nobirth  'one'\nb  inode 1  nobirth  'two'")
            .remote("a  'one'\nb  'two'")
    } => r"
        a  Refreshed
        b  Refreshed"

    without_birth_times_a_move_needs_the_bytes {
        case()
            .synced("a  inode 1  nobirth  file 1  'one'").local("b  inode 1  nobirth  'one'").remote("a  file 1  'one'")
    } => r"
        b  there from a as 'b'  MovedHere"

    without_birth_times_an_unhashed_move_waits_for_the_hash {
        case()
            .synced("a  inode 1  nobirth  file 1  'one'")
            .local("b  inode 1  nobirth  unhashed  'one'")
            .remote("a  file 1  'one'")
    } => r"
        a  here none  there left  Unchanged
        compare here b"

    without_birth_times_a_reused_inode_is_a_new_file {
        case()
            .synced("a  inode 1  nobirth  file 1  'one'").local("b  inode 1  nobirth  'two'").remote("a  file 1  'one'")
    } => r"
        b  there new 'b'  bytes up  CreatedHere
        drop a  remove there a  DeletedHere"

    without_birth_times_a_folder_is_known_by_a_child {
        case()
            .synced("a/  inode 1  nobirth  folder 1\na/x  inode 2  nobirth  file 2  'one'")
            .local("b/  inode 1  nobirth\nb/x  inode 2  nobirth  'one'")
            .remote("a/  folder 1\na/x  file 2  'one'")
    } => r"
        b  there from a as 'b'  MovedHere"

    a_folder_that_took_the_place_of_the_one_it_was_in_moved {
        case()
            .synced("b/  inode 1  folder 1\nb/b/  inode 2  folder 2\nb/b/x  inode 3  file 3  'one'\nb/b/y  inode 4  file 4  'two'")
            .local("b/  inode 2\nb/x  inode 3  'one'\nb/y  inode 4  'two'")
            .remote("b/  folder 1\nb/b/  folder 2\nb/b/x  file 3  'one'\nb/b/y  file 4  'two'")
    } => r"
        b  there from b/b as 'b'  MovedHere
        drop b  remove there b  DeletedHere"

    a_folder_that_took_the_place_of_the_one_it_was_in_outlives_their_deletion {
        case()
            .synced("b/  inode 1  folder 1\nb/b/  inode 2  folder 2").local("b/  inode 2")
            .gone("b", Gone::Deleted).gone("b/b", Gone::Deleted)
    } => r"
        b  there new 'b'  ChangeBeatsDeletionThere
        drop b  DeletedBoth"

    without_identities_equal_bytes_pair_up {
        case()
            .synced("a  noid  file 1  'one'\ndocs/b  noid  file 2  'two'")
            .local("new/a  noid  'one'\ndocs/c  noid  'two'")
            .remote("a  file 1  'one'\ndocs/b  file 2  'two'")
    } => r"
        new/a  there from a as 'a'  MovedHere
        docs/c  there from docs/b as 'c'  MovedHere
        new  there new 'new'  CreatedHere"

    equal_sizes_alone_wait_for_a_hash {
        case()
            .synced("a  noid  file 1  'one'").local("b  noid  unhashed  'two'").remote("a  file 1  'one'")
    } => r"
        a  here none  there left  Unchanged
        compare here b"

    equal_copies_that_moved_keep_their_names {
        case()
            .synced("x/a  noid  file 1  'one'\nx/b  noid  file 2  'one'")
            .local("x/\ny/b  noid  'one'\ny/a  noid  'one'")
            .remote("x/a  file 1  'one'\nx/b  file 2  'one'")
    } => r"
        y/a  there from x/a as 'a'  MovedHere
        y/b  there from x/b as 'b'  MovedHere
        y  there new 'y'  CreatedHere"

    equal_copies_that_got_new_names_go_by_path_however_the_scan_was_numbered {
        case()
            .synced("a  noid  file 1  'one'\nb  noid  file 2  'one'")
            .local("d  noid  'one'\nc  noid  'one'")
            .remote("a  file 1  'one'\nb  file 2  'one'")
    } => r"
        c  there from a as 'c'  MovedHere
        d  there from b as 'd'  MovedHere"

    h27_one_identity_at_two_paths_identifies_nothing {
        case()
            .synced("a  inode 1  file 1  'one'").local("b  inode 1  'one'\nc  inode 1  'one'").remote("a  file 1  'one'")
    } => r"
        b  there from a as 'b'  MovedHere
        c  there new 'c'  bytes up  CreatedHere"

    a_file_that_gave_way_to_another_here_only_is_the_moved_file {
        case()
            .synced("a  inode 1  file 1  'one'")
            .local("b/a (conflict 2026-11-23 141503 D)  inode 1  'one'")
            .remote("b/a  file 2  'two'\nb/c  file 1  'one'")
    } => r"
        b/c  here from b/a (conflict 2026-11-23 141503 D)  MovedBoth
        b  FoldersMerge
        b/a  here new  bytes down  CreatedThere"

    whether_it_gave_way_or_was_in_conflict_a_hash_decides {
        case()
            .synced("a  inode 1  file 1  'one'")
            .local("a (conflict 2026-11-23 141503 D)  inode 1  unhashed  'two'")
            .remote("a  file 1  'one'")
    } => r"
        a  here none  there left  Unchanged
        compare here a (conflict 2026-11-23 141503 D)"

    of_two_records_of_one_entry_that_of_its_bytes_is_moved {
        case()
            .synced("a  inode 1  file 1  'one'\na (conflict 2026-11-23 141503 D)  inode 1  file 2  'mine'")
            .local("a  inode 1  'mine'")
            .remote("a  file 1  'theirs'\na (conflict 2026-11-23 141503 D)  file 2  'mine'")
    } => r"
        a (conflict 2026-10-14 083120 D)  here from a  there from a (conflict 2026-11-23 141503 D) as 'a (conflict 2026-10-14 083120 D)'  ConflictKeepBoth
        a  here new  bytes down  ChangeBeatsDeletionHere
        conflict a  copy a (conflict 2026-10-14 083120 D)  ConflictKeepBoth"

    of_two_records_of_one_folder_that_of_its_path_is_there {
        case()
            .synced("b/  inode 4  folder 4\nc/  inode 7  folder 7\nb/  inode 7  folder 9")
            .local("d/  inode 4\nb/  inode 7")
            .remote("b/  folder 4\nc/  folder 7\nb/  folder 9")
    } => r"
        d  there from b as 'd'  MovedHere
        drop c  remove there c  DeletedHere"

    of_two_records_of_one_file_that_of_its_path_is_there_though_it_has_no_stamp_yet {
        case()
            .synced("a  inode 1  file 1  'one'\nb  inode 1  file 4  young  'one'")
            .local("b  inode 1  'one'")
            .remote("a  file 1  'other'\nb  file 4  'one'")
    } => r"
        a  here new  bytes down  ChangeBeatsDeletionHere
        b  Refreshed"

    a_folder_at_its_conflict_name_is_the_moved_folder {
        case()
            .synced("a/  inode 1  folder 1\na/x  inode 2  file 2  'one'")
            .local("a (conflict 2026-11-23 141503 D)/  inode 1\na (conflict 2026-11-23 141503 D)/x  inode 2  'one'")
            .remote("a/  folder 1\na/x  file 2  'one'")
    } => r"
        a (conflict 2026-11-23 141503 D)  there from a as 'a (conflict 2026-11-23 141503 D)'  MovedHere"

    moved_over_another_is_a_move_and_a_deletion {
        case()
            .synced("a  inode 1  file 1  'one'\nb  inode 2  file 2  'two'")
            .local("b  inode 1  'one'")
            .remote("a  file 1  'one'\nb  file 2  'two'")
    } => r"
        b  there from a as 'b'  MovedHere
        drop b  remove there b  DeletedHere"

    moved_over_another_both_wait_until_the_bytes_can_be_read {
        case()
            .synced("a  inode 1  nobirth  file 1  'one'\nb  inode 2  file 2  'one'")
            .local("b  inode 1  nobirth  busy  unhashed  'one'")
            .remote("a  file 1  'one'\nb  file 2  'one'")
    } => r"
        a  here none  there left  Unchanged
        b  here none  there left  Unchanged
        Held b  Local Busy"

    a_folder_made_anew_is_the_same_folder {
        case()
            .synced("docs/  inode 5  folder 3\ndocs/a  inode 6  file 1  'one'")
            .local("docs/  inode 8\ndocs/a  inode 9  mtime 7  'one'")
            .remote("docs/  folder 3\ndocs/a  file 1  'one'")
    } => r"
        docs  Refreshed
        docs/a  Refreshed"

    moved_and_its_place_taken_by_a_link_is_still_a_move {
        case()
            .synced("a  inode 1  file 1  'one'").local("b  inode 1  'one'\na  symlink").remote("a  file 1  'one'")
    } => r"
        b  there from a as 'b'  MovedHere
        Skipped a  Local Odd(Symlink)"

    a_derived_name_that_only_the_disk_knows_is_no_rename {
        case()
            .all("a.txt  'x'")
            .synced("b.txt  inode 1  file 7  there 'a.txt'  'one'")
            .local("a (id 7).txt  inode 1  'one'")
            .remote("a.txt  file 7  'one'")
    } => r"
        a (id 7).txt  Refreshed"
}
