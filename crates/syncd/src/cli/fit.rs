//! Lines made to fit a terminal. Pure: who asks knows the width. Nothing is left out, so a path may go over several lines;
//! what is not a terminal gets every line whole.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// In fewer columns nothing can be laid out: the terminal may break the lines as it likes.
const COLUMNS_MIN: usize = 24;

/// Breaks lines that are wider than so many columns: between words, within a path after a `/`, and anywhere only where a
/// single name is wider than a line. What goes on stands below the last column of a table, else it is indented.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if columns < COLUMNS_MIN {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        if line.width() <= columns {
            out.push_str(line);
        } else {
            let mut flow = Flow::new(columns, hang(line, columns));
            line.split_inclusive(' ').for_each(|word| flow.word(word));
            out.push_str(&flow.out);
        }
        out.push_str(end);
    }
    out
}

/// Where what goes on begins: at the last column of a table, which two blanks or more stand before.
fn hang(line: &str, columns: usize) -> usize {
    let most = columns / 2;
    let (mut at, mut blanks, mut lead, mut found) = (0usize, 0usize, None, None);
    for c in line.chars() {
        if c == ' ' {
            blanks = blanks.saturating_add(1);
        } else {
            if lead.is_none() {
                lead = Some(at);
            } else if blanks >= 2 && at <= most {
                found = Some(at);
            }
            blanks = 0;
        }
        at = at.saturating_add(c.width().unwrap_or(0));
    }
    found
        .unwrap_or_else(|| lead.unwrap_or(0).saturating_add(2))
        .min(most)
}

/// A line that is being broken.
struct Flow {
    out: String,
    /// Columns used of the line at the end of `out`.
    at: usize,
    /// Nothing is on that line yet but blanks.
    fresh: bool,
    columns: usize,
    hang: usize,
}

impl Flow {
    const fn new(columns: usize, hang: usize) -> Self {
        Self {
            out: String::new(),
            at: 0,
            fresh: true,
            columns,
            hang,
        }
    }

    fn has_room(&self, width: usize) -> bool {
        self.at.saturating_add(width) <= self.columns
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.at = self.at.saturating_add(text.width());
        self.fresh = self.fresh && text.trim_matches(' ').is_empty();
    }

    fn next_line(&mut self) {
        let kept = self.out.trim_end_matches(' ').len();
        self.out.truncate(kept);
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', self.hang));
        self.at = self.hang;
        self.fresh = true;
    }

    /// A word, with the blank behind it if there is one.
    fn word(&mut self, word: &str) {
        let bare = word.trim_end_matches(' ');
        if !self.has_room(bare.width()) && !self.fresh {
            self.next_line();
        }
        if self.has_room(bare.width()) {
            self.put(bare);
        } else {
            bare.split_inclusive('/').for_each(|part| self.part(part));
        }
        // At the end of a line it is not needed; the next word breaks the line then.
        self.put(word.get(bare.len()..).unwrap_or_default());
    }

    /// A part of a word that is wider than a line.
    fn part(&mut self, part: &str) {
        if !self.has_room(part.width()) && !self.fresh {
            self.next_line();
        }
        let mut bytes = [0; 4];
        for c in part.chars() {
            if !self.has_room(c.width().unwrap_or(0)) {
                self.next_line();
            }
            self.put(c.encode_utf8(&mut bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_of_a_table_goes_on_below_its_last_column() {
        let row = "  failed    2026-11-24T14:15:03Z  photos/2026/summer/harbour.jpg: the account is full\n  held      -  b: c\n";
        assert_snapshot!(fit(row, 80), @"
          failed    2026-11-24T14:15:03Z  photos/2026/summer/harbour.jpg: the account is
                                          full
          held      -  b: c
        ");
        // A column that would leave less than half of the line is none.
        assert_snapshot!(fit(row, 60), @"
          failed    2026-11-24T14:15:03Z
                    photos/2026/summer/harbour.jpg: the account is
                    full
          held      -  b: c
        ");
    }

    #[test]
    fn a_path_is_broken_after_a_slash_and_a_name_only_where_it_is_wider_than_a_line() {
        assert_snapshot!(fit("main: photographs/of-the-summer/at-the-sea/harbour.jpg: no", 30), @"
        main:
          photographs/of-the-summer/
          at-the-sea/harbour.jpg: no
        ");
        assert_snapshot!(fit("x/aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd", 24), @"
        x/
          aaaaaaaaaabbbbbbbbbbcc
          ccccccccdddddddddd
        ");
    }

    #[test]
    fn wide_letters_count_as_what_they_are() {
        assert_eq!(fit("漢字漢字漢字 漢字漢字漢字", 25), "漢字漢字漢字 漢字漢字漢字");
        assert_eq!(
            fit("漢字漢字漢字 漢字漢字漢字", 24),
            "漢字漢字漢字\n  漢字漢字漢字"
        );
    }

    #[test]
    fn a_terminal_of_almost_no_width_gets_what_there_is() {
        let text = "a line that is wider than anything such a terminal shows";
        assert_eq!(fit(text, COLUMNS_MIN - 1), text);
    }

    proptest! {
        #![proptest_config(crate::cases::cases_or(500))]

        #[test]
        fn no_line_is_too_wide_and_nothing_is_left_out(text in "[ a/漢\u{301}\n-]{0,200}", columns in 24usize..100) {
            let fitted = fit(&text, columns);
            for line in fitted.lines() {
                prop_assert!(line.trim_end_matches(' ').width() <= columns, "{line:?}");
            }
            let bare = |text: &str| text.replace([' ', '\n'], "");
            prop_assert_eq!(bare(&fitted), bare(&text));
        }
    }
}
