//! Edits on one side and on both (M10, M12, M18; S12, §1).

use super::cases;
use crate::policy::ConflictPolicy;
use crate::tree::Gone;
use crate::tree::build::case;

cases! {
    three_equal_trees_want_nothing {
        case().all("docs/a.txt  'one'\ndocs/deep/b.txt  'two'\nempty/\nnothing.txt  ''")
    } => ""

    edited_here_goes_up {
        case().synced("a.txt  'one'").local("a.txt  'other'").remote("a.txt  'one'")
    } => r"
        a.txt  bytes up  EditedHere"

    edited_there_comes_down {
        case().synced("a.txt  'one'").local("a.txt  'one'").remote("a.txt  'other'")
    } => r"
        a.txt  bytes down  EditedThere"

    an_edit_of_equal_size_is_decided_by_its_hash {
        case().synced("a.txt  'one'").local("a.txt  'two'").remote("a.txt  'one'")
    } => r"
        a.txt  bytes up  EditedHere"

    times_alone_are_only_recorded {
        case().synced("a.txt  'one'").local("a.txt  mtime 5  'one'").remote("a.txt  'one'")
    } => r"
        a.txt  Refreshed"

    times_that_differ_without_a_hash_ask_for_one {
        case().synced("a.txt  'one'").local("a.txt  mtime 5  unhashed  'one'").remote("a.txt  'one'")
    } => r"
        compare here a.txt"

    a_stamp_too_young_to_trust_asks_for_a_hash {
        case().synced("a.txt  young  'one'").local("a.txt  unhashed  'one'").remote("a.txt  'one'")
    } => r"
        compare here a.txt"

    an_unverified_version_is_judged_by_its_times {
        case().all("a.txt  unverified  'one'")
            .synced("b.txt  unverified  'one'").local("b.txt  mtime 5  'one'").remote("b.txt  'one'")
    } => r"
        b.txt  bytes up  EditedHere"

    a_new_short_url_is_an_edit_even_at_equal_size {
        case().synced("a.txt  'one'").local("a.txt  'one'").remote("a.txt  url other  'two'")
    } => r"
        a.txt  bytes down  EditedThere"

    h42_a_hash_that_differs_under_one_version_is_an_edit {
        case().synced("a.txt  'one'").local("a.txt  'one'").remote("a.txt  fetched  'two'")
    } => r"
        a.txt  bytes down  EditedThere"

    renamed_here_and_edited_there_is_no_conflict {
        case()
            .synced("docs/a.txt  file 1  inode 10  'one'")
            .local("docs/b.txt           inode 10  'one'")
            .remote("docs/a.txt  file 7            'other'")
            .gone("file 1", Gone::Deleted)
    } => r"
        docs/b.txt  there from docs/a.txt as 'b.txt'  bytes down  MovedHere, EditedThere"

    edited_here_and_renamed_there_is_no_conflict {
        case().synced("a.txt  file 1  'one'").local("a.txt  'other'").remote("b.txt  file 1  'one'")
    } => r"
        b.txt  here from a.txt  bytes up  MovedThere, EditedHere"

    edited_on_both_sides_keeps_both {
        case().synced("a.txt  'one'").local("a.txt  'here!'").remote("a.txt  'there?'")
    } => r"
        a.txt  here new  bytes down  ConflictKeepBoth
        a (conflict 2026-11-26 153558 D).txt  here from a.txt  there new 'a (conflict 2026-11-26 153558 D).txt'  bytes up  ConflictKeepBoth
        conflict a.txt  copy a (conflict 2026-11-26 153558 D).txt  ConflictKeepBoth"

    edited_alike_on_both_sides_is_no_conflict {
        case().synced("a.txt  'one'").local("a.txt  'two'").remote("a.txt  url other  fetched  'two'")
    } => r"
        a.txt  SameOnBoth"

    edited_on_both_sides_at_one_size_compares_first {
        case().synced("a.txt  'one'").local("a.txt  unhashed  'two2'").remote("a.txt  'six6'")
    } => r"
        compare here a.txt
        compare there a.txt"

    edited_on_both_sides_at_one_size_and_different_keeps_both {
        case().synced("a.txt  'one'").local("a.txt  'two2'").remote("a.txt  fetched  'six6'")
    } => r"
        a.txt  here new  bytes down  ConflictKeepBoth
        a (conflict 2027-02-09 232116 D).txt  here from a.txt  there new 'a (conflict 2027-02-09 232116 D).txt'  bytes up  ConflictKeepBoth
        conflict a.txt  copy a (conflict 2027-02-09 232116 D).txt  ConflictKeepBoth"

    prefer_local_sends_its_version {
        case().synced("a.txt  'one'").local("a.txt  'here!'").remote("a.txt  'there?'")
            .policy(|policy| policy.conflict = ConflictPolicy::PreferLocal)
    } => r"
        a.txt  bytes up  ConflictPreferLocal
        conflict a.txt  ConflictPreferLocal"

    prefer_remote_takes_the_other_version {
        case().synced("a.txt  'one'").local("a.txt  'here!'").remote("a.txt  'there?'")
            .policy(|policy| policy.conflict = ConflictPolicy::PreferRemote)
    } => r"
        a.txt  bytes down  ConflictPreferRemote
        conflict a.txt  ConflictPreferRemote"

    prefer_newer_takes_the_later_one {
        case()
            .synced("a.txt  'one'\nb.txt  'one'\nc.txt  'one'\nd.txt  'one'")
            .local("a.txt  mtime 99  'here!'\nb.txt  mtime 9  'here!'\nc.txt  mtime 15  'here!'\nd.txt  mtime 9  'here!'")
            .remote("a.txt  appeared 10 20  'there?'\nb.txt  appeared 10 20  'there?'")
            .remote("c.txt  appeared 10 20  'there?'\nd.txt  'there?'")
            .policy(|policy| policy.conflict = ConflictPolicy::PreferNewer)
    } => r"
        a.txt  bytes up  ConflictPreferLocal
        b.txt  bytes down  ConflictPreferRemote
        c.txt  here new  bytes down  ConflictKeepBoth
        d.txt  here new  bytes down  ConflictKeepBoth
        c (conflict 1970-01-01 000015 D).txt  here from c.txt  there new 'c (conflict 1970-01-01 000015 D).txt'  bytes up  ConflictKeepBoth
        d (conflict 1970-01-01 000009 D).txt  here from d.txt  there new 'd (conflict 1970-01-01 000009 D).txt'  bytes up  ConflictKeepBoth
        conflict a.txt  ConflictPreferLocal
        conflict b.txt  ConflictPreferRemote
        conflict c.txt  copy c (conflict 1970-01-01 000015 D).txt  ConflictKeepBoth
        conflict d.txt  copy d (conflict 1970-01-01 000009 D).txt  ConflictKeepBoth"

    the_conflict_copy_follows_the_file_that_moved_there {
        case()
            .synced("a.txt  file 1  'one'\nnew/")
            .local("a.txt  mtime 1795443303  'here!'\nnew/")
            .remote("new/b.txt  file 1  'there?'")
    } => r"
        new/b.txt  here new  bytes down  MovedThere, ConflictKeepBoth
        new/b (conflict 2026-11-23 141503 D).txt  here from a.txt  there new 'b (conflict 2026-11-23 141503 D).txt'  bytes up  ConflictKeepBoth
        conflict new/b.txt  copy new/b (conflict 2026-11-23 141503 D).txt  ConflictKeepBoth"

    a_taken_conflict_name_is_numbered {
        case().all("a (conflict 2026-11-23 141503 D).txt  'old'")
            .synced("a.txt  'one'").local("a.txt  mtime 1795443303  'here!'").remote("a.txt  'there?'")
    } => r"
        a.txt  here new  bytes down  ConflictKeepBoth
        a (conflict 2026-11-23 141503 D 2).txt  here from a.txt  there new 'a (conflict 2026-11-23 141503 D 2).txt'  bytes up  ConflictKeepBoth
        conflict a.txt  copy a (conflict 2026-11-23 141503 D 2).txt  ConflictKeepBoth"

    h36_a_fourth_open_copy_is_held {
        case()
            .all("a (conflict 2026-11-21 141503 D).txt  'x'\na (conflict 2026-11-22 141503 D).txt  'x'")
            .all("a (conflict 2026-11-23 141503 D).txt  'x'\na (conflict 2026-11-23 141503 E).txt  'x'")
            .synced("a.txt  'one'").local("a.txt  'here!'").remote("a.txt  'there?'")
    } => r"
        Held a.txt  Local ThreeConflicts"

    h36_a_copy_that_the_user_chose_to_keep_counts_no_more {
        case()
            .policy(|policy| {
                policy.kept_copies = crate::path::RelPath::parse("a (conflict 2026-11-22 141503 D).txt").into_iter().collect();
            })
            .all("a (conflict 2026-11-20 141503 D).txt  'x'\na (conflict 2026-11-21 141503 D).txt  'x'")
            .all("a (conflict 2026-11-22 141503 D).txt  'x'")
            .synced("a.txt  'one'").local("a.txt  mtime 1795443303  'here!'").remote("a.txt  'there?'")
    } => r"
        a.txt  here new  bytes down  ConflictKeepBoth
        a (conflict 2026-11-23 141503 D).txt  here from a.txt  there new 'a (conflict 2026-11-23 141503 D).txt'  bytes up  ConflictKeepBoth
        conflict a.txt  copy a (conflict 2026-11-23 141503 D).txt  ConflictKeepBoth"

    other_devices_copies_do_not_count {
        case()
            .all("a (conflict 2026-11-21 141503 E).txt  'x'\na (conflict 2026-11-22 141503 E).txt  'x'")
            .all("a (conflict 2026-11-23 141503 E).txt  'x'")
            .synced("a.txt  'one'").local("a.txt  mtime 1795443303  'here!'").remote("a.txt  'there?'")
    } => r"
        a.txt  here new  bytes down  ConflictKeepBoth
        a (conflict 2026-11-23 141503 D).txt  here from a.txt  there new 'a (conflict 2026-11-23 141503 D).txt'  bytes up  ConflictKeepBoth
        conflict a.txt  copy a (conflict 2026-11-23 141503 D).txt  ConflictKeepBoth"

    a_conflict_that_was_cut_short_is_finished {
        case()
            .synced("a.txt  file 1  inode 5  'one'")
            .local("a (conflict 2026-11-23 141503 D).txt  inode 5  'here!'")
            .remote("a.txt  file 1  'there?'")
    } => r"
        a.txt  here new  bytes down  ChangeBeatsDeletionHere
        a (conflict 2026-11-23 141503 D).txt  there new 'a (conflict 2026-11-23 141503 D).txt'  bytes up  CreatedHere"

    emptied_here_keeps_the_accounts_version {
        case().synced("a.txt  'one'").local("a.txt  ''").remote("a.txt  'one'")
    } => r"
        a.txt  EmptiedHere
        Skipped a.txt  Local Empty"

    emptied_and_renamed_here_renames_there {
        case().synced("a.txt  inode 5  file 1  'one'").local("b.txt  inode 5  ''").remote("a.txt  file 1  'one'")
    } => r"
        b.txt  there from a.txt as 'b.txt'  MovedHere, EmptiedHere
        Skipped b.txt  Local Empty"

    emptied_here_and_edited_there_is_a_conflict {
        case().synced("a.txt  'one'").local("a.txt  mtime 1795443303  ''").remote("a.txt  'there?'")
    } => r"
        a.txt  here new  bytes down  ConflictKeepBoth
        a (conflict 2026-11-23 141503 D).txt  here from a.txt  there none  ConflictKeepBoth
        conflict a.txt  copy a (conflict 2026-11-23 141503 D).txt  ConflictKeepBoth
        Skipped a.txt  Local Empty"

    emptied_there_is_emptied_here {
        case().synced("a.txt  'one'").local("a.txt  'one'").remote("a.txt  ''")
    } => r"
        a.txt  bytes down  EditedThere"

    h29_edited_again_before_a_listing_showed_the_upload {
        case().synced("a.txt  published  'one'").local("a.txt  'other'")
    } => r"
        a.txt  bytes up  EditedHere"

    h23_a_derived_name_stays_through_edits {
        case().all("F.txt  'x'")
            .synced("F (id 1254).txt  file 1254  there 'F.txt'  'one'")
            .local("F (id 1254).txt  'edited'")
            .remote("F.txt  file 1254  'one'")
    } => r"
        F (id 1254).txt  bytes up  EditedHere"

    h23_and_through_replacements {
        case().all("F.txt  'x'")
            .synced("F (id 1254).txt  file 1260  there 'F.txt'  'one'")
            .local("F (id 1254).txt  'edited'")
            .remote("F.txt  file 1260  'one'")
    } => r"
        F (id 1254).txt  bytes up  EditedHere"

    a_conflict_on_a_derived_name_is_named_after_the_plain_one {
        case().all("F.txt  'x'")
            .synced("F (id 7).txt  file 7  there 'F.txt'  'one'")
            .local("F (id 7).txt  mtime 1795443303  'here!'")
            .remote("F.txt  file 7  'there?'")
    } => r"
        F (id 7).txt  here new  bytes down  ConflictKeepBoth
        F (conflict 2026-11-23 141503 D).txt  here from F (id 7).txt  there new 'F (conflict 2026-11-23 141503 D).txt'  bytes up  ConflictKeepBoth
        conflict F (id 7).txt  copy F (conflict 2026-11-23 141503 D).txt  ConflictKeepBoth"

    and_is_finished_when_it_was_cut_short {
        case().all("F.txt  'x'")
            .synced("F (id 7).txt  file 7  inode 5  there 'F.txt'  'one'")
            .local("F (conflict 2026-11-23 141503 D).txt  inode 5  'here!'")
            .remote("F.txt  file 7  'there?'")
    } => r"
        F (id 7).txt  here new  bytes down  ChangeBeatsDeletionHere
        F (conflict 2026-11-23 141503 D).txt  there new 'F (conflict 2026-11-23 141503 D).txt'  bytes up  CreatedHere"
}
