//! Renames and moves (M1–M5 as far as places go, M10, M11, M14, M16).

use super::cases;
use crate::tree::Gone;
use crate::tree::build::case;

cases! {
    renamed_here_renames_there {
        case().synced("a.txt  inode 5  file 1  'x'").local("b.txt  inode 5  'x'").remote("a.txt  file 1  'x'")
    } => r"
        b.txt  there from a.txt as 'b.txt'  MovedHere"

    renamed_there_renames_here {
        case().synced("a.txt  file 1  'x'").local("a.txt  'x'").remote("b.txt  file 1  'x'")
    } => r"
        b.txt  here from a.txt  MovedThere"

    a_folder_moves_as_one_with_all_that_is_in_it {
        case()
            .synced("old/  inode 5  folder 3\nold/a.txt  inode 6  file 1  'x'\nold/b.txt  inode 7  file 2  'y'")
            .local("new/  inode 5\nnew/a.txt  inode 6  'x'\nnew/b.txt  inode 7  'y'")
            .remote("old/  folder 3\nold/a.txt  file 1  'x'\nold/b.txt  file 2  'y'")
    } => r"
        new  there from old as 'new'  MovedHere"

    moved_alike_on_both_sides_is_only_recorded {
        case().synced("a.txt  inode 5  file 1  'x'").local("b.txt  inode 5  'x'").remote("b.txt  file 1  'x'")
    } => r"
        b.txt  SameOnBoth"

    moved_differently_the_accounts_place_wins {
        case().synced("a.txt  inode 5  file 1  'x'").local("b.txt  inode 5  'x'").remote("c.txt  file 1  'x'")
    } => r"
        c.txt  here from b.txt  MovedBoth"

    moved_into_a_new_folder_here_makes_it_there {
        case().synced("a.txt  inode 5  file 1  'x'").local("new/a.txt  inode 5  'x'").remote("a.txt  file 1  'x'")
    } => r"
        new/a.txt  there from a.txt as 'a.txt'  MovedHere
        new  there new 'new'  CreatedHere"

    moved_here_out_of_a_folder_deleted_there_is_no_loss {
        case()
            .synced("docs/  folder 3\ndocs/a.txt  inode 5  file 1  'x'")
            .local("docs/\na.txt  inode 5  'x'")
            .gone("docs", Gone::Deleted).gone("file 1", Gone::Deleted)
    } => r"
        a.txt  there new 'a.txt'  bytes up  ChangeBeatsDeletionThere
        drop docs  remove here docs  DeletedThere"

    moved_here_into_a_folder_deleted_there_keeps_the_folder {
        case()
            .synced("docs/\ndocs/b.txt  'y'\na.txt  inode 5  file 1  'x'")
            .local("docs/a.txt  inode 5  'x'\ndocs/b.txt  'y'")
            .remote("a.txt  file 1  'x'")
            .gone("docs", Gone::Deleted).gone("docs/b.txt", Gone::Deleted)
    } => r"
        docs  there new 'docs'  KeptForChildren
        docs/a.txt  there from a.txt as 'a.txt'  MovedHere
        drop docs/b.txt  remove here docs/b.txt  DeletedThere"

    moved_there_into_a_folder_deleted_here_keeps_the_folder {
        case()
            .synced("docs/  folder 3\na.txt  file 1  'x'")
            .local("a.txt  'x'")
            .remote("docs/  folder 3\ndocs/a.txt  file 1  'x'")
    } => r"
        docs  here new  KeptForChildren
        docs/a.txt  here from a.txt  MovedThere"

    a_swap_here_is_a_swap_there {
        case()
            .synced("a  inode 1  file 1  'one'\nb  inode 2  file 2  'two'")
            .local("b  inode 1  'one'\na  inode 2  'two'")
            .remote("a  file 1  'one'\nb  file 2  'two'")
    } => r"
        b  there from a as 'b'  MovedHere
        a  there from b as 'a'  MovedHere"

    a_swap_there_is_a_swap_here {
        case()
            .synced("a  inode 1  file 1  'one'\nb  inode 2  file 2  'two'")
            .local("a  inode 1  'one'\nb  inode 2  'two'")
            .remote("b  file 1  'one'\na  file 2  'two'")
    } => r"
        b  here from a  MovedThere
        a  here from b  MovedThere"

    a_chain_of_renames_is_followed_whole {
        case()
            .synced("a  inode 1  file 1  'one'\nb  inode 2  file 2  'two'\nc  inode 3  file 3  'six'")
            .local("b  inode 1  'one'\nc  inode 2  'two'\nd  inode 3  'six'")
            .remote("a  file 1  'one'\nb  file 2  'two'\nc  file 3  'six'")
    } => r"
        b  there from a as 'b'  MovedHere
        c  there from b as 'c'  MovedHere
        d  there from c as 'd'  MovedHere"

    two_folders_turned_inside_out_here {
        case()
            .synced("a/  inode 1  folder 1\na/b/  inode 2  folder 2")
            .local("b/  inode 2\nb/a/  inode 1")
            .remote("a/  folder 1\na/b/  folder 2")
    } => r"
        b/a  there from a as 'a'  MovedHere
        b  there from a/b as 'b'  MovedHere"

    h20_moved_into_each_other_on_both_sides_the_accounts_places_win {
        case()
            .synced("a/  inode 1  folder 1\nb/  inode 2  folder 2")
            .local("b/  inode 2\nb/a/  inode 1")
            .remote("a/  folder 1\na/b/  folder 2")
    } => r"
        a  here from b/a  Cycle
        a/b  here from b  MovedThere"

    a_ring_of_three_is_broken {
        case()
            .synced("a/  inode 1  folder 1\nb/  inode 2  folder 2\nc/  inode 3  folder 3")
            .local("b/  inode 2\nb/a/  inode 1\nc/  inode 3")
            .remote("a/  folder 1\na/c/  folder 3\na/c/b/  folder 2")
    } => r"
        a  here from b/a  Cycle
        a/c/b  here from b  MovedThere
        a/c  here from c  MovedThere"

    renamed_onto_a_name_that_is_new_there_takes_the_conflict_name {
        case()
            .synced("a.txt  inode 5  file 1  'x'")
            .local("b.txt  inode 5  mtime 1795443303  'x'")
            .remote("a.txt  file 1  'x'\nb.txt  file 9  'other'")
    } => r"
        b (conflict 2026-11-23 141503 D).txt  here from b.txt  there from a.txt as 'b (conflict 2026-11-23 141503 D).txt'  ConflictKeepBoth, Refreshed
        b.txt  here new  bytes down  CreatedThere
        conflict b.txt  copy b (conflict 2026-11-23 141503 D).txt  ConflictKeepBoth"

    renamed_onto_a_name_that_was_deleted_here_and_edited_there {
        case()
            .synced("a.txt  inode 5  file 1  'x'\nb.txt  file 2  'y'")
            .local("b.txt  inode 5  mtime 1795443303  'x'")
            .remote("a.txt  file 1  'x'\nb.txt  file 2  'edited'")
    } => r"
        b (conflict 2026-11-23 141503 D).txt  here from b.txt  there from a.txt as 'b (conflict 2026-11-23 141503 D).txt'  ConflictKeepBoth, Refreshed
        b.txt  here new  bytes down  ChangeBeatsDeletionHere
        conflict b.txt  copy b (conflict 2026-11-23 141503 D).txt  ConflictKeepBoth"

    moved_to_an_ignored_name_here_is_removed_from_the_pair {
        case().synced("a.txt  inode 5  'x'").local("a.tmp  inode 5  ignored  'x'").remote("a.txt  'x'")
    } => r"
        drop a.txt  remove there a.txt  MovedToIgnored"

    h17_moved_to_an_ignored_name_there_is_removed_from_the_pair {
        case().synced("a.txt  file 1  'x'").local("a.txt  'x'").remote("a.tmp  file 1  ignored  'x'")
    } => r"
        drop a.txt  remove here a.txt  MovedToIgnored"

    a_change_beats_a_move_to_an_ignored_name {
        case().synced("a.txt  file 1  'x'").local("a.txt  'edited'").remote("a.tmp  file 1  ignored  'x'")
    } => r"
        a.txt  there new 'a.txt'  bytes up  ChangeBeatsDeletionThere"

    a_rule_that_changed_only_detaches {
        case().synced("a.o  'x'\nb.o  'x'").local("a.o  ignored  'x'\nb.o  'x'").remote("a.o  'x'\nb.o  ignored  'x'")
    } => r"
        drop a.o  Detached
        drop b.o  Detached"

    a_folder_that_a_rule_covers_now_detaches_with_all_in_it {
        case()
            .synced("build/a.o  'x'").local("build/  ignored").remote("build/  ignored\nbuild/a.o  'x'")
    } => r"
        drop build  Detached
        drop build/a.o  Detached"

    h16_moved_out_of_the_pair_there_goes_here {
        case().all("docs/").synced("docs/a.txt  'x'").local("docs/a.txt  'x'").gone("docs/a.txt", Gone::LeftPair)
    } => r"
        drop docs/a.txt  remove here docs/a.txt  LeftPair"
}
