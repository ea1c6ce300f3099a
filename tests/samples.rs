//! Sample files made from seeds: the same set in every run, every content different from every other.
//!
//! Names come in every kind of wire.md §4 that a Linux disk can hold; sizes have a median of 8 KiB and a long tail.
//! What can never be synced (links, pipes, names that are not UTF-8) is not here: suites about it make their own.

/// A file to be written.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Relative path.
    pub(crate) path: String,
    /// Bytes; 0 is possible.
    pub(crate) size: u64,
    seed: u64,
}

impl Sample {
    /// A file of that path; equal seeds and sizes are equal contents.
    pub(crate) fn new(path: impl Into<String>, size: u64, seed: u64) -> Self {
        Self {
            path: path.into(),
            size,
            seed,
        }
    }

    /// Its content.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        bytes(self.size, self.seed)
    }
}

/// Bytes that follow from a seed. Two seeds never give equal bytes, from 8 bytes on.
pub(crate) fn bytes(size: u64, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(size).unwrap()];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    for (to, from) in bytes.iter_mut().zip(seed.to_le_bytes()) {
        *to = from;
    }
    bytes
}

/// A small generator of numbers; the same in every run.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    /// The next number (splitmix64).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(u64::try_from(from.len()).unwrap())).unwrap()]
    }

    /// A size between 128 B and 512 KiB whose median is 8 KiB: 2 to the power of 7 to 19, evenly, median 13.
    fn size(&mut self) -> u64 {
        let power = self.below(12);
        let base = 1 << (7 + power);
        base + self.below(base)
    }
}

/// Files of plain names, a tenth as many folders, some of which lie in others.
pub(crate) fn plain(files: u64, seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let folders = (files / 10).max(1);
    (0..files)
        .map(|number| {
            let folder = plain_folder(number % folders);
            Sample::new(
                format!("{folder}/file-{number:05}.txt"),
                dice.size(),
                seed << 32 | number,
            )
        })
        .collect()
}

fn plain_folder(number: u64) -> String {
    // Every third lies in the one before.
    match number % 3 {
        2 => format!("folder-{:03}/folder-{number:03}", number - 1),
        _ => format!("folder-{number:03}"),
    }
}

/// Names of every kind, in blocks of ten that belong into one folder: siblings that are loosely equal lie side by side.
const NAMES: &[[&str; 10]] = &[
    [
        "ReadMe.txt",
        "README.txt",
        "readme.TXT",
        "Été.txt",
        "ete.txt",
        "ETE.TXT",
        "e\u{301}te\u{301}.txt",
        "no extension",
        "ends with a dot.",
        "double..dot",
    ],
    [
        ".bashrc",
        "..two dots",
        ".hidden.tar.gz",
        "it's \"quoted\".txt",
        "its quoted.txt",
        "'",
        "\"",
        "back\\slash.txt",
        "C:\\dir\\x.txt",
        "100%.txt",
    ],
    [
        "a<b.txt",
        "a < b.txt",
        "<b>bold<i>.txt",
        "<",
        "x <",
        "a>b.txt",
        " leading.txt",
        "trailing.txt ",
        " ",
        "  two  blanks  ",
    ],
    [
        "smile 😀.txt",
        "😀",
        "🦀🦀.rs",
        "𝔘nicode.txt",
        "tab\there.txt",
        "line\nfeed.txt",
        "bell\u{7}.txt",
        "⟦41⟧.txt",
        "⟦plain⟧.txt",
        "日本語のファイル.txt",
    ],
    [
        "photo.JPG",
        "photo (2).jpg",
        "photo (3).JPG",
        "photo",
        "null",
        "0",
        "-1",
        "%22half%22.txt",
        "a+b&c=d;e#f?g.txt",
        "~tilde",
    ],
    [
        "Ångström.txt",
        "A\u{30a}ngström.txt",
        "ß.txt",
        "ss.txt",
        "ﬁ.txt",
        "fi.txt",
        "İstanbul.txt",
        "istanbul.txt",
        "*star?.txt",
        "semi:colon|pipe.txt",
    ],
];

/// Names of folders of every kind.
const FOLDERS: &[&str] = &[
    "plain",
    ".dotted",
    "Case",
    "case",
    "it's",
    "a<b",
    " edges ",
    "fire 🔥",
    "back\\slash",
    "e\u{301}",
    "é",
    "100%",
    "⟦20⟧",
    "tab\t",
    "null",
    "folder.d",
];

/// A name of 251 characters, which still fits everywhere.
fn long_name() -> String {
    format!("{}.pdf", "n".repeat(247))
}

/// Files of every kind of name, a tenth as many folders of every kind; every 50th file is empty, one in 150 is larger
/// than 1 MB.
pub(crate) fn every_kind(files: u64, seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let folders = (files / 10).max(1);
    let mut samples = Vec::new();
    for number in 0..files {
        let (folder, slot) = (number % folders, number / folders);
        let name = kind_of_name(folder, slot, number);
        let size = match number {
            n if n % 50 == 49 => 0,
            n if n % 150 == 7 => 1_000_001 + dice.below(1_000_000),
            // The smallest sizes have ways of their own through servers (Q47).
            n if n % 75 == 11 => 1 + n % 4,
            _ => dice.size(),
        };
        samples.push(Sample::new(
            format!("{}/{name}", kind_of_folder(folder)),
            size,
            seed << 32 | number,
        ));
    }
    samples
}

fn kind_of_name(folder: u64, slot: u64, number: u64) -> String {
    let block = NAMES
        .get(usize::try_from(folder / 2).unwrap() % NAMES.len())
        .unwrap();
    match usize::try_from(slot).unwrap() {
        0 if folder == 0 => long_name(),
        slot if folder % 2 == 1 && slot < 10 => block[slot].to_owned(),
        _ => format!("file-{number:05}.txt"),
    }
}

fn kind_of_folder(number: u64) -> String {
    let at = usize::try_from(number).unwrap();
    let name = match FOLDERS.get(at / 2).filter(|_| at.is_multiple_of(2)) {
        Some(name) => (*name).to_owned(),
        None => format!("folder-{number:03}"),
    };
    // Every fifth lies in the first, so that the tree has some depth.
    if number % 5 == 4 {
        format!("{}/{name}", FOLDERS[0])
    } else {
        name
    }
}

#[test]
fn a_set_has_as_many_paths_and_contents_as_it_says() {
    use std::collections::BTreeSet;
    for files in [60, 300, 3000] {
        let set = every_kind(files, 3);
        let paths: BTreeSet<&str> = set.iter().map(|sample| sample.path.as_str()).collect();
        assert_eq!(u64::try_from(paths.len()).unwrap(), files);
        let folders: BTreeSet<&str> = paths
            .iter()
            .filter_map(|path| path.rsplit_once('/'))
            .map(|(f, _)| f)
            .collect();
        assert_eq!(u64::try_from(folders.len()).unwrap(), files / 10);
        let mut sizes: Vec<u64> = set.iter().map(|sample| sample.size).collect();
        assert!(sizes.iter().sum::<u64>() < 600_000_000);
        sizes.sort_unstable();
        assert!(
            (4_000..16_000).contains(&sizes[sizes.len() / 2]),
            "median {}",
            sizes[sizes.len() / 2]
        );
    }
    assert_eq!(
        every_kind(3000, 3)
            .iter()
            .filter(|sample| sample.size > 1_000_000)
            .count(),
        20
    );
    assert_ne!(bytes(8, 1), bytes(8, 2));
    assert_eq!(bytes(100, 1), bytes(100, 1));
}
