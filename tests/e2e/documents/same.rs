//! What differs from run to run, and what a document shows in its place: folders, ports, times, process ids.

use std::path::Path;

/// The home that the documents speak of.
const HOME: &str = "/home/ann";
/// The first port that they speak of; more count on.
const PORT: u16 = 8123;
const LOOPBACK: &str = "127.0.0.1:";

/// In a pattern `9` is a digit, `#` a number and `~` a number in hexadecimal; everything else is itself. The longer ones first.
const CHANGING: [(&str, &str); 12] = [
    // Of a plan, which names files by their ids: which of several uploads at once comes first decides those.
    ("digest ~;", "digest 636f43de1235b4f89048ab33de38a56d;"),
    ("expect ~\"", "expect 636f43de1235b4f89048ab33de38a56d\""),
    ("9999-99-99T99:99:99Z", "2026-03-14T09:30:00Z"),
    ("9999-99-99 999999", "2026-03-14 093000"),
    ("9999-99-99", "2026-03-14"),
    ("process #", "process 4711"),
    ("uid #)", "uid 1000)"),
    ("in # s;", "in 59 s;"),
    ("listing # s old", "listing 0 s old"),
    ("# requests in the last hour", "14 requests in the last hour"),
    (" # s ago", " just now"),
    (" # min ago", " just now"),
];

/// What a pass says of transfers, in the order in which they are shown: several run at a time, and end when they end.
const TRANSFERS: [&str; 2] = ["upload ", "download "];

/// Names for what differs, both ways.
pub(super) struct Same {
    home: String,
    /// Addresses as they are, in the order of the ports that stand for them.
    addresses: Vec<String>,
}

impl Same {
    /// Of a home.
    pub(super) fn of(home: &Path) -> Self {
        Self {
            home: home.to_str().unwrap().to_owned(),
            addresses: Vec::new(),
        }
    }

    fn ports(&self) -> impl Iterator<Item = (&String, String)> {
        let ports = (PORT..).map(|port| format!("{LOOPBACK}{port}"));
        self.addresses.iter().zip(ports)
    }

    /// A command of a document as it is run.
    pub(super) fn run(&self, command: &str) -> String {
        let mut text = command.replace(HOME, &self.home);
        for (address, shown) in self.ports() {
            text = text.replace(&shown, address);
        }
        text
    }

    /// Output as a document shows it.
    pub(super) fn shown(&mut self, output: &str) -> String {
        self.learn(output);
        let mut text = output.replace(&self.home, HOME);
        for (address, shown) in self.ports() {
            text = text.replace(address, &shown);
        }
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let found = CHANGING
                .iter()
                .find_map(|(pattern, shown)| Some((matched(rest, pattern)?, shown)));
            // A number is looked at from its begin on.
            let inside = first.is_ascii_digit() && out.ends_with(|c: char| c.is_ascii_digit());
            if let Some((length, shown)) = found.filter(|_| !inside) {
                out += shown;
                rest = &rest[length..];
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        in_order(&out)
    }

    /// Addresses that are new.
    pub(super) fn learn(&mut self, output: &str) {
        for (at, _) in output.match_indices(LOOPBACK) {
            if let Some(length) = matched(&output[at..], "127.0.0.1:#") {
                let address = output[at..at + length].to_owned();
                if !self.addresses.contains(&address) {
                    self.addresses.push(address);
                }
            }
        }
    }
}

/// How much of the text's begin is as the pattern says.
fn matched(text: &str, pattern: &str) -> Option<usize> {
    let mut rest = text;
    for wanted in pattern.chars() {
        let numbers = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let hex = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_hexdigit()).len();
        let length = match wanted {
            '9' => numbers.min(1),
            '#' => numbers,
            '~' => hex,
            wanted if rest.starts_with(wanted) => wanted.len_utf8(),
            _ => 0,
        };
        if length == 0 {
            return None;
        }
        rest = &rest[length..];
    }
    Some(text.len() - rest.len())
}

/// Transfers that stand together, in one order.
fn in_order(text: &str) -> String {
    let rank = |line: &str| TRANSFERS.iter().position(|step| line.starts_with(step));
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    for together in lines.chunk_by_mut(|one, next| rank(one).is_some() && rank(next).is_some()) {
        together.sort_by_key(|line| (rank(line), *line));
    }
    lines.concat()
}

#[test]
fn what_differs_is_shown_alike_and_commands_go_back() {
    let mut same = Same::of(Path::new("/tmp/x"));
    let said =
        "at http://127.0.0.1:4000/ and 127.0.0.1:5000, /tmp/x/a: 2026-11-29T10:05:46Z (process 12), 10 s\n";
    let shown = "at http://127.0.0.1:8123/ and 127.0.0.1:8124, /home/ann/a: 2026-03-14T09:30:00Z (process 4711), 10 s\n";
    assert_eq!(same.shown(said), shown);
    assert_eq!(same.run("127.0.0.1:8124 /home/ann/b"), "127.0.0.1:5000 /tmp/x/b");
    let steps = "a\ndownload b\nupload z\ndownload a\nb\nupload c\n";
    assert_eq!(
        same.shown(steps),
        "a\nupload z\ndownload a\ndownload b\nb\nupload c\n"
    );
}
