//! The planner's named cases as a user can bring them about: what both sides agreed on, what happens then on this disk and in the
//! account, and what `syncd why` says of a path. Each case has a folder of its own, so that many are in one world.

/// Something that a user does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Do {
    /// Writes a file here.
    Write(&'static str, &'static str),
    /// Writes a file of 2,000 bytes here.
    Large(&'static str),
    /// Writes a new file here and renames it over the old one, as editors do.
    Save(&'static str, &'static str),
    /// Writes the same bytes again, later.
    Touch(&'static str),
    /// Copies a folder here, and puts the copy in its place.
    Anew(&'static str),
    /// Removes a file or folder here.
    Remove(&'static str),
    /// Renames or moves here.
    Rename(&'static str, &'static str),
    /// Makes a folder here.
    Mkdir(&'static str),
    /// Makes a second name for a file here.
    HardLink(&'static str, &'static str),
    /// Makes a symbolic link here.
    Link(&'static str),
    /// Makes a pipe here.
    Pipe(&'static str),
    /// Makes a file or folder here unreadable.
    Shut(&'static str),
    /// Stores a new file in the account.
    WebCreate(&'static str, &'static str),
    /// Stores a new version in the account.
    WebEdit(&'static str, &'static str),
    /// Renames or moves in the account.
    WebMove(&'static str, &'static str),
    /// Trashes in the account.
    WebTrash(&'static str),
    /// Makes a folder in the account.
    WebMkdir(&'static str),
    /// Moves in the account to a place outside of the pair.
    WebLeave(&'static str),
    /// Trashes the older one of two files of this name in the account.
    WebTrashFirst(&'static str),
    /// Moves the newer one of two files of this name into a folder of the account.
    WebMoveLast(&'static str, &'static str),
}
use Do::*;

/// What is said of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Says {
    /// This rule decides: it is the first that is named.
    By(&'static str),
    /// One of these: whether a file's times are old enough to be believed is a matter of moments.
    OneOf(&'static [&'static str]),
    /// These rules, for several things happen to the path.
    All(&'static [&'static str]),
    /// Nothing is decided before bytes are compared, which a look does not do.
    Compare,
    /// It is kept, as this kind, for a reason with these words.
    Kept(&'static str, &'static str),
}
use Says::*;

/// A case; `{NAME}` in a path is the id of the newest file of that name in the account.
pub(super) struct Row {
    /// As the planner's table calls it.
    pub(super) name: &'static str,
    /// What is done before both sides agree.
    pub(super) agreed: &'static [Do],
    /// What is done afterwards.
    pub(super) then: &'static [Do],
    /// Paths, and what is said of them.
    pub(super) says: &'static [(&'static str, Says)],
}

macro_rules! rows {
    ($($name:ident: [$($agreed:expr),*] [$($then:expr),*] [$($path:literal => $says:expr),*])*) => {
        &[$(Row {
            name: stringify!($name),
            agreed: &[$($agreed),*],
            then: &[$($then),*],
            says: &[$(($path, $says)),*],
        }),*]
    };
}

/// Keys of the pair with TOML values; `package.KEY`: of the account's package.
pub(super) type Settings = &'static [(&'static str, &'static str)];

/// Worlds by their settings.
pub(super) const WORLDS: [(Settings, &[Row]); 9] = [
    (&[], USUAL),
    (&[("conflict", "\"prefer-local\"")], PREFER_LOCAL),
    (&[("conflict", "\"prefer-remote\"")], PREFER_REMOTE),
    (&[("conflict", "\"prefer-newer\"")], PREFER_NEWER),
    (&[("first_merge", "\"size\"")], BY_SIZE),
    (&[("direction", "\"upload\"")], UPLOAD),
    (&[("direction", "\"download\"")], DOWNLOAD),
    (&[("unstorable_names", "\"skip\"")], SKIP),
    (&[("package.max_upload_size", "1000")], SMALL),
];

const USUAL: &[Row] = rows! {
    three_equal_trees_want_nothing: [Write("a.txt", "one")] [] ["a.txt" => OneOf(&["Unchanged", "Refreshed"])]

    // Bytes.
    edited_here_goes_up: [Write("a.txt", "one")] [Write("a.txt", "other")] ["a.txt" => By("EditedHere")]
    edited_there_comes_down: [Write("a.txt", "one")] [WebEdit("a.txt", "other")] ["a.txt" => By("EditedThere")]
    an_edit_of_equal_size_is_decided_by_its_hash: [Write("a.txt", "one")] [Write("a.txt", "two")] ["a.txt" => By("EditedHere")]
    a_new_short_url_is_an_edit_even_at_equal_size:
        [Write("a.txt", "one")] [WebEdit("a.txt", "two")] ["a.txt" => By("EditedThere")]
    times_alone_are_only_recorded: [Write("a.txt", "one")] [Touch("a.txt")] ["a.txt" => By("Refreshed")]
    saved_by_rename_is_an_edit: [Write("a.txt", "one")] [Save("a.txt", "other")] ["a.txt" => By("EditedHere")]
    renamed_here_and_edited_there_is_no_conflict:
        [Write("docs/a.txt", "one")]
        [Rename("docs/a.txt", "docs/b.txt"), WebEdit("docs/a.txt", "other")]
        ["docs/b.txt" => All(&["MovedHere", "EditedThere"])]
    edited_here_and_renamed_there_is_no_conflict:
        [Write("a.txt", "one")] [Write("a.txt", "other"), WebMove("a.txt", "b.txt")]
        ["b.txt" => All(&["MovedThere", "EditedHere"])]
    edited_on_both_sides_keeps_both:
        [Write("a.txt", "one")] [Write("a.txt", "here!"), WebEdit("a.txt", "there?")] ["a.txt" => By("ConflictKeepBoth")]
    edited_alike_on_both_sides_is_no_conflict:
        [Write("a.txt", "one")] [Write("a.txt", "two"), WebEdit("a.txt", "two")] ["a.txt" => Compare]
    edited_on_both_sides_at_one_size_compares_first:
        [Write("a.txt", "one")] [Write("a.txt", "two2"), WebEdit("a.txt", "six6")] ["a.txt" => Compare]
    emptied_here_keeps_the_accounts_version: [Write("a.txt", "one")] [Write("a.txt", "")] ["a.txt" => By("EmptiedHere"), "a.txt" => Kept("skipped", "empty")]
    emptied_and_renamed_here_renames_there:
        [Write("a.txt", "one")] [Write("a.txt", ""), Rename("a.txt", "b.txt")] ["b.txt" => By("MovedHere")]
    emptied_here_and_edited_there_is_a_conflict:
        [Write("a.txt", "one")] [Write("a.txt", ""), WebEdit("a.txt", "there?")] ["a.txt" => By("ConflictKeepBoth")]
    the_conflict_copy_follows_the_file_that_moved_there:
        [Write("a.txt", "one"), Mkdir("new")] [Write("a.txt", "here!"), WebEdit("a.txt", "there?"), WebMove("a.txt", "new/b.txt")]
        ["new/b.txt" => By("CreatedThere"), "a.txt" => All(&["ChangeBeatsDeletionThere"])]
    other_devices_copies_do_not_count:
        [Write("a.txt", "one"), Write("a (conflict 2026-11-21 141503 E).txt", "x1"), Write("a (conflict 2026-11-22 141503 E).txt", "x2"),
            Write("a (conflict 2026-11-23 141503 E).txt", "x3")]
        [Write("a.txt", "here!"), WebEdit("a.txt", "there?")] ["a.txt" => By("ConflictKeepBoth")]
    h23_a_derived_name_stays_through_edits:
        [WebCreate("F.txt", "x"), WebCreate("F.txt", "one")] [Write("F (id {F.txt}).txt", "edited")]
        ["F (id {F.txt}).txt" => By("EditedHere")]
    h36_a_fourth_open_copy_is_held:
        [Write("a.txt", "one"), Write("a (conflict 2026-11-21 141503 d1).txt", "y1"), Write("a (conflict 2026-11-22 141503 d1).txt", "y2"),
            Write("a (conflict 2026-11-23 141503 d1).txt", "y3")]
        [Write("a.txt", "here!"), WebEdit("a.txt", "there?")] ["a.txt" => Kept("held", "three")]
    a_conflict_that_was_cut_short_is_finished:
        [Write("a.txt", "one")]
        [Write("a.txt", "here!"), Rename("a.txt", "a (conflict 2026-11-23 141503 d1).txt"), WebEdit("a.txt", "there?")]
        ["a.txt" => By("ChangeBeatsDeletionHere"), "a (conflict 2026-11-23 141503 d1).txt" => By("CreatedHere")]

    // Who is who.
    h25_a_backup_beside_a_new_file_is_an_edit_and_a_new_file:
        [Write("F", "one")] [Rename("F", "F~"), Write("F", "other")] ["F" => By("EditedHere"), "F~" => By("CreatedHere")]
    h25_and_edited_there_is_a_conflict_on_the_file:
        [Write("F", "one")] [Rename("F", "F~"), Write("F", "other"), WebEdit("F", "there?")]
        ["F" => By("ConflictKeepBoth"), "F~" => By("CreatedHere")]
    a_folder_that_took_the_place_of_the_one_it_was_in_moved:
        [Write("b/b/x", "one"), Write("b/b/y", "two")] [Rename("b/b", "t"), Remove("b"), Rename("t", "b")]
        ["b" => All(&["MovedHere", "DeletedHere"])]
    a_folder_that_took_the_place_of_the_one_it_was_in_outlives_their_deletion:
        [Mkdir("b/b")] [Rename("b/b", "t"), Remove("b"), Rename("t", "b"), WebTrash("b")]
        ["b" => All(&["ChangeBeatsDeletionThere", "DeletedBoth"])]
    a_file_that_gave_way_to_another_here_only_is_the_moved_file:
        [Write("a", "one")]
        [Mkdir("b"), Rename("a", "b/a (conflict 2026-11-23 141503 d1)"), WebMkdir("b"), WebMove("a", "b/c"), WebCreate("b/a", "two2")]
        ["b/c" => By("MovedBoth"), "b/a" => By("CreatedThere"), "b" => By("FoldersMerge")]
    a_folder_at_its_conflict_name_is_the_moved_folder:
        [Write("a/x", "one")] [Rename("a", "a (conflict 2026-11-23 141503 d1)")]
        ["a (conflict 2026-11-23 141503 d1)" => By("MovedHere")]
    moved_over_another_is_a_move_and_a_deletion:
        [Write("a", "one"), Write("b", "two")] [Rename("a", "b")] ["b" => All(&["MovedHere", "DeletedHere"])]
    a_folder_made_anew_is_the_same_folder: [Write("docs/a", "one")] [Anew("docs")] ["docs" => By("Refreshed")]
    moved_and_its_place_taken_by_a_link_is_still_a_move:
        [Write("a", "one")] [Rename("a", "b"), Link("a")] ["b" => By("MovedHere"), "a" => Kept("skipped", "link")]

    h27_one_identity_at_two_paths_identifies_nothing:
        [Write("a", "one")] [HardLink("a", "b"), HardLink("a", "c"), Remove("a")] ["b" => By("MovedHere"), "c" => By("CreatedHere")]

    // Places.
    renamed_here_renames_there: [Write("a.txt", "x")] [Rename("a.txt", "b.txt")] ["b.txt" => By("MovedHere"), "a.txt" => By("MovedHere")]
    renamed_there_renames_here: [Write("a.txt", "x")] [WebMove("a.txt", "b.txt")] ["b.txt" => By("MovedThere"), "a.txt" => By("MovedThere")]
    a_folder_moves_as_one_with_all_that_is_in_it:
        [Write("old/a.txt", "x"), Write("old/b.txt", "y")] [Rename("old", "new")] ["new" => By("MovedHere"), "old/a.txt" => By("MovedHere")]
    moved_alike_on_both_sides_is_only_recorded:
        [Write("a.txt", "x")] [Rename("a.txt", "b.txt"), WebMove("a.txt", "b.txt")] ["b.txt" => By("SameOnBoth")]
    moved_differently_the_accounts_place_wins:
        [Write("a.txt", "x")] [Rename("a.txt", "b.txt"), WebMove("a.txt", "c.txt")] ["c.txt" => By("MovedBoth")]
    moved_into_a_new_folder_here_makes_it_there:
        [Write("a.txt", "x")] [Mkdir("new"), Rename("a.txt", "new/a.txt")]
        ["new/a.txt" => By("MovedHere"), "new" => By("CreatedHere")]
    moved_here_out_of_a_folder_deleted_there_is_no_loss:
        [Write("docs/a.txt", "x")] [Rename("docs/a.txt", "a.txt"), WebTrash("docs")]
        ["a.txt" => By("ChangeBeatsDeletionThere"), "docs" => By("DeletedThere")]
    moved_here_into_a_folder_deleted_there_keeps_the_folder:
        [Write("docs/b.txt", "y"), Write("a.txt", "x")] [Rename("a.txt", "docs/a.txt"), WebTrash("docs")]
        ["docs" => By("KeptForChildren"), "docs/a.txt" => By("MovedHere"), "docs/b.txt" => By("DeletedThere")]
    moved_there_into_a_folder_deleted_here_keeps_the_folder:
        [Mkdir("docs"), Write("a.txt", "x")] [Remove("docs"), WebMove("a.txt", "docs/a.txt")]
        ["docs" => By("KeptForChildren"), "docs/a.txt" => By("MovedThere")]
    a_swap_here_is_a_swap_there:
        [Write("a", "one"), Write("b", "two")] [Rename("a", "t"), Rename("b", "a"), Rename("t", "b")] ["a" => All(&["MovedHere"])]
    a_swap_there_is_a_swap_here:
        [Write("a", "one"), Write("b", "two")] [WebMove("a", "t"), WebMove("b", "a"), WebMove("t", "b")]
        ["a" => By("MovedThere"), "b" => All(&["MovedThere", "Parked"])]
    a_chain_of_renames_is_followed_whole:
        [Write("a", "one"), Write("b", "two"), Write("c", "six")] [Rename("c", "d"), Rename("b", "c"), Rename("a", "b")]
        ["b" => All(&["MovedHere"]), "d" => By("MovedHere")]
    two_folders_turned_inside_out_here:
        [Mkdir("a/b")] [Rename("a/b", "b"), Rename("a", "b/a")] ["b/a" => By("MovedHere"), "b" => By("MovedHere")]
    h20_moved_into_each_other_on_both_sides_the_accounts_places_win:
        [Mkdir("a"), Mkdir("b")] [Rename("a", "b/a"), WebMove("b", "a/b")] ["a" => By("Cycle"), "a/b" => By("MovedThere")]
    a_ring_of_three_is_broken:
        [Mkdir("a"), Mkdir("b"), Mkdir("c")] [Rename("a", "b/a"), WebMove("c", "a/c"), WebMove("b", "a/c/b")]
        ["a" => By("Cycle"), "a/c/b" => By("MovedThere"), "a/c" => By("MovedThere")]
    renamed_onto_a_name_that_is_new_there_takes_the_conflict_name:
        [Write("a.txt", "x")] [Rename("a.txt", "b.txt"), WebCreate("b.txt", "other")]
        ["b.txt" => All(&["ConflictKeepBoth", "CreatedThere"])]
    renamed_onto_a_name_that_was_deleted_here_and_edited_there:
        [Write("a.txt", "x"), Write("b.txt", "y")] [Rename("a.txt", "b.txt"), WebEdit("b.txt", "edited")]
        ["b.txt" => All(&["ConflictKeepBoth", "ChangeBeatsDeletionHere"])]
    moved_to_an_ignored_name_here_is_removed_from_the_pair:
        [Write("a.txt", "x")] [Rename("a.txt", "a.swp")] ["a.txt" => By("MovedToIgnored")]
    h17_moved_to_an_ignored_name_there_is_removed_from_the_pair:
        [Write("a.txt", "x")] [WebMove("a.txt", "a.swp")] ["a.txt" => By("MovedToIgnored")]
    a_change_beats_a_move_to_an_ignored_name:
        [Write("a.txt", "x")] [Write("a.txt", "edited"), WebMove("a.txt", "a.swp")] ["a.txt" => By("ChangeBeatsDeletionThere")]
    a_rule_that_changed_only_detaches: [Write("a.o", "x")] [Write(".syncignore", "*.o\n")] ["a.o" => By("Detached")]
    a_folder_that_a_rule_covers_now_detaches_with_all_in_it:
        [Write("build/a.o", "x")] [Write(".syncignore", "build/\n")] ["build" => By("Detached"), "build/a.o" => By("Detached")]
    h16_moved_out_of_the_pair_there_goes_here: [Write("docs/a.txt", "x")] [WebLeave("docs/a.txt")] ["docs/a.txt" => By("LeftPair")]

    // Gone.
    deleted_here_goes_there: [Write("docs/a.txt", "one")] [Remove("docs")] ["docs" => By("DeletedHere"), "docs/a.txt" => By("DeletedHere")]
    deleted_there_goes_here: [Write("docs/a.txt", "one")] [WebTrash("docs")] ["docs" => By("DeletedThere"), "docs/a.txt" => By("DeletedThere")]
    deleted_on_both_sides_is_forgotten:
        [Write("docs/a.txt", "one")] [Remove("docs"), WebTrash("docs")] ["docs" => By("DeletedBoth"), "docs/a.txt" => By("DeletedBoth")]
    edited_here_beats_deleted_there:
        [Write("docs/a.txt", "one"), Write("docs/b.txt", "two")] [Write("docs/a.txt", "other"), WebTrash("docs")]
        ["docs" => By("KeptForChildren"), "docs/a.txt" => By("ChangeBeatsDeletionThere"), "docs/b.txt" => By("DeletedThere")]
    edited_there_beats_deleted_here:
        [Write("docs/a.txt", "one"), Write("docs/b.txt", "two")] [Remove("docs"), WebEdit("docs/a.txt", "other")]
        ["docs" => By("KeptForChildren"), "docs/a.txt" => By("ChangeBeatsDeletionHere"), "docs/b.txt" => By("DeletedHere")]
    moved_there_beats_deleted_here:
        [Write("docs/a.txt", "one")] [Remove("docs/a.txt"), WebMove("docs/a.txt", "b.txt")] ["b.txt" => By("ChangeBeatsDeletionHere")]
    replaced_there_beats_deleted_here:
        [Write("a.txt", "one")] [Remove("a.txt"), WebEdit("a.txt", "two")] ["a.txt" => By("ChangeBeatsDeletionHere")]
    new_here_keeps_the_folder_deleted_there:
        [Write("docs/a.txt", "one")] [Write("docs/new.txt", "two"), WebTrash("docs")]
        ["docs" => By("KeptForChildren"), "docs/new.txt" => By("CreatedHere"), "docs/a.txt" => By("DeletedThere")]
    h06_new_there_keeps_the_folder_deleted_here:
        [Write("docs/a.txt", "one")] [Remove("docs"), WebCreate("docs/new.txt", "two")]
        ["docs" => By("KeptForChildren"), "docs/new.txt" => By("CreatedThere"), "docs/a.txt" => By("DeletedHere")]
    a_folder_renamed_here_and_deleted_there_lives_with_all_in_it:
        [Write("docs/a.txt", "one"), Mkdir("docs/sub")] [Rename("docs", "papers"), WebTrash("docs")]
        ["papers" => By("ChangeBeatsDeletionThere"), "papers/a.txt" => By("ChangeBeatsDeletionThere")]
    a_folder_renamed_there_and_deleted_here_lives_with_all_in_it:
        [Write("docs/a.txt", "one")] [Remove("docs"), WebMove("docs", "papers")]
        ["papers" => By("ChangeBeatsDeletionHere"), "papers/a.txt" => By("ChangeBeatsDeletionHere")]
    a_file_deleted_here_in_a_folder_renamed_there_is_deleted:
        [Write("docs/a.txt", "one"), Write("docs/b.txt", "two")] [Remove("docs/a.txt"), WebMove("docs", "papers")]
        ["papers" => By("MovedThere"), "papers/a.txt" => By("DeletedHere")]
    h21_a_folder_deleted_there_stays_for_what_cannot_be_synced:
        [Write("docs/a.txt", "one")] [Write("docs/empty", ""), WebTrash("docs")]
        ["docs/a.txt" => By("DeletedThere"), "docs/empty" => Kept("skipped", "empty")]
    h21_and_is_not_made_again_there: [] [Write("docs/empty", "")] ["docs" => Kept("skipped", ""), "docs/empty" => Kept("skipped", "empty")]
    h22_a_folder_deleted_here_stays_there_for_what_is_ignored:
        [Write("build/a.c", "one")] [Remove("build"), WebCreate("build/a.swp", "o")]
        ["build/a.c" => By("DeletedHere"), "build" => By("DeletedHere")]
    touched_here_and_deleted_there_waits_for_the_hash:
        [Write("a.txt", "one")] [Touch("a.txt"), WebTrash("a.txt")] ["a.txt" => By("DeletedThere")]
    emptied_here_and_deleted_there_stays_here:
        [Write("a.txt", "one")] [Write("a.txt", ""), WebTrash("a.txt")] ["a.txt" => Kept("skipped", "empty")]
    a_file_that_became_a_folder_here:
        [Write("a", "one")] [Remove("a"), Write("a/b", "two")] ["a" => All(&["CreatedHere", "DeletedHere"]), "a/b" => By("CreatedHere")]
    a_file_that_became_a_folder_there:
        [Write("a", "one")] [WebTrash("a"), WebCreate("a/b", "two")] ["a" => All(&["CreatedThere", "DeletedThere"]), "a/b" => By("CreatedThere")]
    a_folder_deleted_and_made_anew_there_is_the_same_folder:
        [Mkdir("docs")] [WebTrash("docs"), WebMkdir("docs")] ["docs" => By("Refreshed")]
    a_folder_made_anew_there_beats_deleted_here:
        [Mkdir("docs")] [Remove("docs"), WebTrash("docs"), WebMkdir("docs")] ["docs" => By("ChangeBeatsDeletionHere")]

    // New.
    new_here_goes_up_with_its_folders:
        [] [Write("docs/deep/a.txt", "one")] ["docs/deep" => By("CreatedHere"), "docs/deep/a.txt" => By("CreatedHere")]
    new_there_comes_down_with_its_folders:
        [] [WebCreate("docs/deep/a.txt", "one")] ["docs" => By("CreatedThere"), "docs/deep/a.txt" => By("CreatedThere")]
    an_empty_folder_is_worth_making: [] [Mkdir("here"), WebMkdir("there")] ["here" => By("CreatedHere"), "there" => By("CreatedThere")]
    folders_of_one_path_merge:
        [] [Write("docs/a.txt", "one"), WebCreate("docs/b.txt", "two")]
        ["docs" => By("FoldersMerge"), "docs/a.txt" => By("CreatedHere"), "docs/b.txt" => By("CreatedThere")]
    new_on_both_sides_compares_first: [] [Write("a.txt", "one"), WebCreate("a.txt", "two")] ["a.txt" => Compare]
    new_on_both_sides_and_equal_is_adopted: [] [Write("a.txt", "one"), WebCreate("a.txt", "one")] ["a.txt" => Compare]
    different_sizes_are_never_compared: [] [Write("a.txt", "one"), WebCreate("a.txt", "other")] ["a.txt" => By("ConflictKeepBoth")]
    a_file_here_against_a_folder_there:
        [] [Write("docs", "one"), WebCreate("docs/a.txt", "two")]
        ["docs" => All(&["FileAgainstFolder", "CreatedThere"]), "docs/a.txt" => By("CreatedThere")]
    a_folder_here_against_a_file_there:
        [] [Write("docs/a.txt", "one"), WebCreate("docs", "two")] ["docs" => All(&["FileAgainstFolder", "CreatedThere"])]
    empty_odd_and_too_large_files_stay_here:
        [] [Write("a", ""), Link("b"), Pipe("c")]
        ["a" => Kept("skipped", "empty"), "b" => Kept("skipped", "link"), "c" => Kept("skipped", "pipe")]
    an_empty_file_here_against_one_there_is_a_conflict: [] [Write("a", ""), WebCreate("a", "one")] ["a" => By("ConflictKeepBoth")]
    a_name_is_escaped_on_the_way: [] [Write("a<b.txt", "x")] ["a<b.txt" => By("CreatedHere")]
    h19_repeated_new_names_are_told_apart_by_id:
        [] [WebMkdir("F"), WebCreate("F", "two")] ["F" => By("CreatedThere"), "F (id {F})" => By("RepeatedName")]

    a_folder_of_unsyncable_things_is_not_made_there:
        [] [Write("build/a.swp", "x"), Mkdir("links/more"), Link("links/x")]
        ["build" => Kept("skipped", ""), "links" => By("CreatedHere"), "links/more" => By("CreatedHere")]
    a_folder_of_ignored_rows_is_not_made_here: [] [WebCreate("build/a.swp", "x")] ["build" => Kept("skipped", "")]
    h39_our_own_names_never_come_down: [] [WebCreate("docs/.syncd", "x")] ["docs" => By("CreatedThere"), "docs/.syncd" => By("CreatedThere")]
    a_repeat_beside_a_synced_file_waits: [Write("F", "one")] [WebCreate("F", "two2")] ["F" => Kept("unproved", "")]

    // Names.
    a_derived_name_renamed_by_the_user_is_a_rename:
        [WebCreate("F.txt", "x"), WebCreate("F.txt", "two2")] [Rename("F (id {F.txt}).txt", "G.txt")] ["G.txt" => By("MovedHere")]
    a_derived_name_that_moves_folder_there_loses_it:
        [WebCreate("F.txt", "x"), WebCreate("F.txt", "two2"), Mkdir("docs")] [WebMoveLast("F.txt", "docs")]
        ["docs/F.txt" => By("MovedThere")]
    a_derived_name_ends_when_the_plain_one_is_free:
        [WebCreate("F.txt", "one"), WebCreate("F.txt", "two2")] [WebTrashFirst("F.txt")]
        ["F.txt" => All(&["RepeatEnded", "DeletedThere"])]
    renamed_there_onto_an_ignored_name_here_gets_a_derived_one:
        [Write("a", "one"), Write(".syncignore", "/b\n"), Write("b", "mine")] [WebMove("a", "c"), WebMove("c", "b")]
        ["a" => By("MovedToIgnored")]
    new_there_where_a_link_is_here_gets_a_derived_name:
        [] [Link("a"), WebCreate("a", "one")] ["a (id {a})" => By("RepeatedName"), "a" => Kept("skipped", "link")]
    new_here_where_a_file_was_renamed_to_there:
        [Write("a", "one")] [Write("b", "mine"), WebMove("a", "b")] ["b" => All(&["MovedThere", "ConflictKeepBoth"])]

    // Unseen.
    h09_a_link_in_its_place_hides_a_node:
        [Write("docs/a.txt", "one")] [Remove("docs"), Link("docs")] ["docs" => Kept("skipped", "link")]
    what_moved_there_below_a_node_that_a_link_hides_is_held_where_it_is:
        [Mkdir("docs"), Write("papers/a.txt", "one")] [Remove("docs"), Link("docs"), WebMove("papers", "docs/papers")]
        ["papers" => Kept("held", ""), "docs" => Kept("skipped", "link")]
};

const PREFER_LOCAL: &[Row] = rows! {
    prefer_local_sends_its_version:
        [Write("a.txt", "one")] [Write("a.txt", "here!"), WebEdit("a.txt", "there?")] ["a.txt" => By("ConflictPreferLocal")]
    new_on_both_sides_with_prefer_local: [] [Write("a.txt", "one"), WebCreate("a.txt", "other")] ["a.txt" => By("ConflictPreferLocal")]
};

const PREFER_REMOTE: &[Row] = rows! {
    prefer_remote_takes_the_other_version:
        [Write("a.txt", "one")] [Write("a.txt", "here!"), WebEdit("a.txt", "there?")] ["a.txt" => By("ConflictPreferRemote")]
};

const PREFER_NEWER: &[Row] = rows! {
    prefer_newer_takes_the_later_one:
        [Write("a.txt", "one"), Write("b.txt", "one1")]
        [WebEdit("a.txt", "there?"), Write("a.txt", "here!"), Touch("a.txt"), Write("b.txt", "here!"), WebEdit("b.txt", "there?")]
        ["a.txt" => By("ConflictPreferLocal")]
};

const BY_SIZE: &[Row] = rows! {
    first_merge_by_size_believes: [] [Write("a.txt", "one"), WebCreate("a.txt", "two")] ["a.txt" => By("AdoptedBySize")]
};

const UPLOAD: &[Row] = rows! {
    upload_sends_what_changed_here:
        [Write("a", "one"), Write("b", "two"), Write("c", "six")]
        [Write("a", "other"), Rename("b", "d"), Remove("c"), Write("new", "x")]
        ["a" => By("EditedHere"), "d" => By("MovedHere"), "c" => By("DeletedHere"), "new" => By("CreatedHere")]
    upload_leaves_what_changed_there:
        [Write("a", "one"), Write("b", "two"), Write("c", "six")]
        [WebEdit("a", "other"), WebMove("b", "d"), WebTrash("c"), WebCreate("new/x", "x")]
        ["a" => By("OneWay"), "b" => Kept("drift", ""), "c" => Kept("drift", ""), "new" => Kept("drift", "")]
    upload_wins_where_both_changed:
        [Write("a", "one"), Write("b", "two")]
        [Write("a", "other"), Rename("b", "c"), WebEdit("a", "there?"), WebMove("b", "d")]
        ["a" => By("OneWay"), "c" => By("OneWay")]
    upload_takes_the_place_along_with_new_bytes:
        [Write("a", "one")] [Write("a", "other"), WebMove("a", "b")] ["a" => All(&["OneWay", "EditedHere"])]
    upload_leaves_what_was_edited_there_and_deleted_here:
        [Write("a", "one")] [Remove("a"), WebEdit("a", "other")] ["a" => Kept("drift", "")]
    upload_restores_what_was_deleted_there_and_edited_here:
        [Write("docs/a", "one")] [Write("docs/a", "other"), WebTrash("docs")]
        ["docs" => By("KeptForChildren"), "docs/a" => By("ChangeBeatsDeletionThere")]
    upload_replaces_an_unknown_file_of_the_same_path: [] [Write("a", "one"), WebCreate("a", "other")] ["a" => By("OneWay")]
    upload_never_renames_here: [] [Write("a/x", "one"), WebCreate("a", "two")] ["a" => Kept("drift", "")]
};

const DOWNLOAD: &[Row] = rows! {
    download_takes_what_changed_there:
        [WebCreate("a", "one"), WebCreate("b", "two"), WebCreate("c", "six")]
        [WebEdit("a", "other"), WebMove("b", "d"), WebTrash("c"), WebCreate("new/x", "x")]
        ["a" => By("EditedThere"), "d" => By("MovedThere"), "c" => By("DeletedThere"), "new/x" => By("CreatedThere")]
    download_leaves_what_changed_here:
        [WebCreate("a", "one"), WebCreate("b", "two"), WebCreate("c", "six")]
        [Write("a", "other"), Rename("b", "d"), Remove("c"), Write("new/x", "x")]
        ["a" => By("OneWay"), "c" => Kept("drift", ""), "d" => Kept("drift", ""), "new" => Kept("drift", "")]
    download_wins_where_both_changed:
        [WebCreate("a", "one"), WebCreate("b", "two")]
        [Write("a", "other"), Rename("b", "c"), WebEdit("a", "there?"), WebMove("b", "d")]
        ["a" => By("OneWay"), "d" => By("MovedBoth")]
    download_leaves_what_was_edited_here_and_deleted_there:
        [WebCreate("a", "one")] [Write("a", "other"), WebTrash("a")] ["a" => Kept("drift", "")]
};

const SKIP: &[Row] = rows! {
    a_name_that_cannot_cross_is_held: [] [Write("a<b.txt", "x")] ["a<b.txt" => Kept("held", "")]
};

const SMALL: &[Row] = rows! {
    a_file_too_large_for_the_account_keeps_its_conflict_copy_here:
        [] [Large("a"), WebCreate("a", "one"), Large("b")] ["a" => By("ConflictKeepBoth"), "b" => Kept("held", "large")]
};

/// As a user who may not read everything.
pub(super) const UNREADABLE: &[Row] = rows! {
    an_unreadable_file_is_not_removed:
        [Write("a.txt", "one")] [Shut("a.txt"), WebTrash("a.txt")] ["a.txt" => Kept("failed", "read")]
    a_busy_and_an_unreadable_file_wait: [] [Write("b", "two"), Shut("b")] ["b" => Kept("failed", "read")]
    h09_a_hidden_folder_here_hides_what_is_in_it:
        [Write("docs/a.txt", "one")] [Shut("docs"), WebEdit("docs/a.txt", "edited")] ["docs" => Kept("failed", "read")]
    a_hidden_folder_here_is_not_removed:
        [Write("docs/a.txt", "one")] [Shut("docs"), WebTrash("docs")] ["docs" => Kept("failed", "read")]
    nothing_is_put_into_a_hidden_folder_here:
        [Mkdir("docs")] [Shut("docs"), WebCreate("docs/new.txt", "x")] ["docs" => Kept("failed", "read")]
    a_hidden_folder_that_was_renamed_is_renamed_there: [Mkdir("a")] [Rename("a", "b"), Shut("b")] ["b" => By("MovedHere")]
    an_edit_there_waits_for_a_file_that_cannot_be_replaced:
        [Write("a", "one")] [Shut("a"), WebEdit("a", "other")] ["a" => Kept("failed", "read")]
};

/// Named cases that a user who asks does not meet, by the reason.
pub(super) const ELSEWHERE: &[(&str, &[&str])] = &[
    (
        "the pass reads the file and knows; there is nothing to be told before that",
        &[
            "times_that_differ_without_a_hash_ask_for_one",
            "a_stamp_too_young_to_trust_asks_for_a_hash",
            "an_unverified_version_is_judged_by_its_times",
            "whether_it_gave_way_or_was_in_conflict_a_hash_decides",
        ],
    ),
    (
        "a look fetches no bytes, so it says that they must be compared; the pass compares and decides at once",
        &[
            "edited_on_both_sides_at_one_size_and_different_keeps_both",
            "h43_new_on_both_sides_and_different_keeps_both",
            "h24_a_derived_name_is_known_without_the_journal",
            "h42_a_hash_that_differs_under_one_version_is_an_edit",
        ],
    ),
    (
        "the rule is that of a case above, for a name that differs; tests/e2e/conflicts.rs and names.rs have the names",
        &[
            "a_taken_conflict_name_is_numbered",
            "h36_a_copy_that_the_user_chose_to_keep_counts_no_more",
            "h23_and_through_replacements",
            "a_conflict_on_a_derived_name_is_named_after_the_plain_one",
            "and_is_finished_when_it_was_cut_short",
            "an_odd_pair_of_names_is_kept",
        ],
    ),
    (
        "needs a disk without birth times or without identities; that of the tests has both",
        &[
            "without_birth_times_a_move_needs_the_bytes",
            "without_birth_times_an_unhashed_move_waits_for_the_hash",
            "without_birth_times_a_reused_inode_is_a_new_file",
            "without_birth_times_a_folder_is_known_by_a_child",
            "without_identities_equal_bytes_pair_up",
            "equal_sizes_alone_wait_for_a_hash",
            "equal_copies_that_moved_keep_their_names",
            "equal_copies_that_got_new_names_go_by_path_however_the_scan_was_numbered",
            "h26_restored_with_reused_inodes_is_no_rename",
        ],
    ),
    (
        "needs a disk that folds names; that of the tests does not",
        &[
            "folded_renames_of_one_file_are_one_file",
            "h40_names_that_the_disk_folds_are_told_apart",
            "h40_a_name_spelled_differently_by_the_disk_is_the_same",
        ],
    ),
    (
        "what a kill leaves between a step and its record; the next pass puts it right before it plans",
        &[
            "of_two_records_of_one_entry_that_of_its_bytes_is_moved",
            "of_two_records_of_one_folder_that_of_its_path_is_there",
            "of_two_records_of_one_file_that_of_its_path_is_there_though_it_has_no_stamp_yet",
            "a_derived_name_that_only_the_disk_knows_is_no_rename",
        ],
    ),
    (
        "lasts for a moment, while a file is written or until a listing shows an upload",
        &[
            "a_folder_deleted_there_waits_for_what_is_busy_in_it",
            "a_busy_file_waits_but_its_rename_travels",
            "moved_over_another_both_wait_until_the_bytes_can_be_read",
            "a_derived_name_stays_while_its_file_is_worked_on",
            "h29_edited_again_before_a_listing_showed_the_upload",
            "what_is_published_may_be_missing",
            "what_is_published_can_be_deleted",
            "a_repeat_of_a_published_file_waits",
            "h01_a_file_that_died_young_is_put_back",
            "h01_a_file_that_came_into_a_dead_folder_is_kept",
        ],
    ),
    (
        "takes three looks of passes, and the third acts; or a day",
        &[
            "h14_a_repeat_that_stays_gets_a_derived_name",
            "old_foreign_interims_keep_no_folder",
            "only_an_old_foreign_interim_goes_with_its_folder",
        ],
    ),
    (
        "needs an account that does not show a part of itself; a look that meets it ends, or says unproved of what it asked for",
        &[
            "an_absence_without_proof_changes_nothing",
            "local_edits_of_what_is_unproved_wait",
            "a_folder_without_proof_is_reported_once",
            "an_unreadable_folder_there_keeps_its_last_known_state",
            "nothing_is_put_into_an_unreadable_folder_there",
            "an_unreadable_folder_there_is_not_deleted",
            "an_unreadable_new_folder_there_waits",
            "an_unreadable_root_there_takes_nothing_new",
        ],
    ),
    (
        "no user can store an empty file in the account; a row without bytes is what another program left there",
        &["emptied_there_is_emptied_here"],
    ),
    (
        "the account has to expire or lose rows and give their names away; crates/syncd/src/engine/tests/histories.rs",
        &[
            "h02_expired_there_is_uploaded_anew",
            "h03_another_file_under_a_lost_name_is_no_edit",
        ],
    ),
    (
        "the command itself says that the folder cannot be read",
        &["h09_a_hidden_root_hides_everything"],
    ),
];
