//! Repeated and contested names (N2, M12, M13).

use super::cases;
use crate::tree::Gone;
use crate::tree::build::case;

cases! {
    a_derived_name_ends_when_the_plain_one_is_free {
        case()
            .synced("F.txt  file 5  'one'\nF (id 7).txt  file 7  inode 9  there 'F.txt'  'two'")
            .local("F.txt  'one'\nF (id 7).txt  inode 9  'two'")
            .remote("F.txt  file 7  'two'")
            .gone("file 5", Gone::Deleted)
    } => r"
        F.txt  here from F (id 7).txt  RepeatEnded
        drop F.txt  remove here F.txt  DeletedThere"

    a_derived_name_stays_while_its_file_is_worked_on {
        case()
            .synced("F (id 7).txt  file 7  there 'F.txt'  'two'")
            .local("F (id 7).txt  busy  'two'")
            .remote("F.txt  file 7  'two'")
    } => ""

    a_derived_name_renamed_by_the_user_is_a_rename {
        case()
            .all("F.txt  file 5  'one'")
            .synced("F (id 7).txt  file 7  inode 9  there 'F.txt'  'two'")
            .local("G.txt  inode 9  'two'")
            .remote("F.txt  file 7  'two'")
    } => r"
        G.txt  there from F.txt as 'G.txt'  MovedHere"

    a_derived_name_that_moves_folder_there_loses_it {
        case()
            .all("F.txt  file 5  'one'\ndocs/")
            .synced("F (id 7).txt  file 7  inode 9  there 'F.txt'  'two'")
            .local("F (id 7).txt  inode 9  'two'")
            .remote("docs/F.txt  file 7  'two'")
    } => r"
        docs/F.txt  here from F (id 7).txt  MovedThere"

    renamed_there_onto_an_ignored_name_here_gets_a_derived_one {
        case().local("b  ignored  'mine'").synced("a  file 1  'one'").local("a  'one'").remote("b  file 1  'one'")
    } => r"
        b (id 1)  here from a  RepeatedName"

    new_there_where_a_link_is_here_gets_a_derived_name {
        case().local("a  symlink").remote("a  file 7  'one'")
    } => r"
        a (id 7)  here new  bytes down  RepeatedName, CreatedThere
        Skipped a  Local Odd(Symlink)"

    new_here_where_a_file_was_renamed_to_there {
        case()
            .synced("a  file 1  'one'")
            .local("a  'one'\nb  mtime 1795443303  'mine'")
            .remote("b  file 1  'one'")
    } => r"
        b  here from a  MovedThere
        b (conflict 2026-11-23 141503 D)  here from b  there new 'b (conflict 2026-11-23 141503 D)'  bytes up  ConflictKeepBoth, CreatedHere
        conflict b  copy b (conflict 2026-11-23 141503 D)  ConflictKeepBoth"

    an_odd_pair_of_names_is_kept {
        case().synced("a  file 1  there '⟦61⟧'  'one'").local("a  'one'").remote("x  name '⟦61⟧'  file 1  'one'")
    } => ""

    folded_renames_of_one_file_are_one_file {
        case()
            .synced("a  inode 5  file 1  'one'").local("a  inode 5  'one'").remote("A  file 1  'one'")
            .policy(|policy| policy.disk.folds_case = true)
    } => r"
        A  here from a  MovedThere"
}
