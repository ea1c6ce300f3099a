//! The laws of naming over random names, against the server of `wire.md` §4 written down as functions.

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::*;
use crate::hold::Unnameable;
use crate::id::{FileId, FolderId, RemoteId};
use crate::name::{LocalName, RemoteName};
use crate::policy::{DiskTraits, ServerTraits, Unstorable};
use crate::pretend::cases;

const TRIM: [char; 6] = [' ', '\t', '\r', '\n', '\0', '\x0b'];

/// What `file/edit`, `folder/create` and `folder/edit` store (rows 2 and 3, and the line on emoji).
fn stored_by_edit(name: &str, keeps_astral: bool) -> String {
    let mut stripped = String::new();
    let mut rest = name;
    while let Some(char) = rest.chars().next() {
        let after = &rest[char.len_utf8()..];
        let spared = after.starts_with(|char: char| char.is_ascii_whitespace() || char == '\x0b');
        rest = match char {
            '<' if !spared => after.split_once('>').map_or("", |(_, after)| after),
            '\0' => after,
            _ => {
                stripped.push(char);
                after
            }
        };
    }
    cut(stripped.trim_matches(TRIM), keeps_astral)
}

/// What an upload into a folder stores, where nothing is equal.
fn stored_by_upload(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap();
    let name = name.strip_prefix('.').unwrap_or(name).trim_matches(TRIM);
    let name = if name.is_empty() { "202611231415" } else { name };
    cut(&name.replace(['"', '\'', '\r', '\n'], ""), false)
}

/// What an upload stores where an equal name is there; bytes, for numbering may break characters.
fn numbered_by_upload(name: &str, number: u32) -> Vec<u8> {
    let extension = name.rsplit('.').next().unwrap();
    let stem = name
        .len()
        .checked_sub(extension.len() + 1)
        .unwrap_or(name.len() - 1);
    let mut stored = name.as_bytes()[..stem].to_vec();
    stored.extend(format!(" ({number}).").bytes());
    stored.extend(extension.to_ascii_lowercase().bytes());
    stored
}

fn cut(name: &str, keeps_astral: bool) -> String {
    name.chars()
        .take_while(|char| keeps_astral || *char <= '\u{ffff}')
        .take(255)
        .collect()
}

/// Names made of what hurts.
fn text() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "a",
        "B",
        "n",
        ".",
        "..",
        " ",
        "  ",
        "<",
        ">",
        "< ",
        "⟦",
        "⟧",
        "2",
        "0",
        "F",
        "27E6",
        "⟦20⟧",
        "⟦27E6⟧",
        "⟦1F600⟧",
        "⟦2F⟧",
        "⟦3C⟧",
        "⟦0⟧",
        "⟦A⟧",
        "⟦41⟧",
        "/",
        "\\",
        "\0",
        "\t",
        "\n",
        "\x0b",
        "\x7f",
        "\u{85}",
        "\"",
        "'",
        "%",
        "😀",
        "é",
        "e\u{301}",
        "ß",
        "SS",
        "日本",
        "\u{200b}",
        "\u{a0}",
        "(",
        ")",
        " (2)",
        " (id 7)",
        ".txt",
        ".JPG",
        ":",
        "con",
    ]);
    let pieces = prop::collection::vec(parts, 0..8).prop_map(|parts| parts.concat());
    let long = (pieces.clone(), 0_usize..300).prop_map(|(part, times)| {
        let mut text = part;
        text.push_str(&"n".repeat(times));
        text
    });
    prop_oneof![6 => pieces, 1 => long, 2 => any::<String>(), 2 => "[a-cA-Cé日 .(2)]{1,12}"]
}

/// Two names that are likelier than others to be mistaken for each other.
fn twins() -> impl Strategy<Value = (String, String)> {
    let near: fn(&str) -> String = |text| escape::meant_by(text);
    let ways = prop::sample::select(vec![
        near,
        |text| escape::escape_for_server(text, false),
        |text| {
            to_local(&RemoteName::new(text), &WIDE, Unstorable::Escape)
                .map_or_else(|_| text.into(), |name| name.as_str().into())
        },
        |text| text.replace(['/', ':'], "⟦2F⟧"),
        |text| text.to_uppercase(),
        |text| text.nfd().collect(),
        |text| text.nfc().collect(),
        |text| [text, "\u{200b}"].concat(),
    ]);
    prop_oneof![
        3 => (text(), ways).prop_map(|(text, way)| { let twin = way(&text); (text, twin) }),
        1 => (text(), text()),
    ]
}

/// Names that disks hold: what none does is made one, for what is thrown away would end a long run.
fn local() -> impl Strategy<Value = LocalName> {
    text().prop_map(|text| {
        let text = text.replace(['/', '\0'], "n");
        LocalName::new(text.as_str()).unwrap_or_else(|| LocalName::new([&text, "n"].concat()).unwrap())
    })
}

fn disk() -> impl Strategy<Value = DiskTraits> {
    (any::<[bool; 3]>(), 60_usize..300).prop_map(|([case, form, dos], name_max)| DiskTraits {
        folds_case: case,
        folds_normalisation: form,
        dos_names: dos,
        name_max,
    })
}

fn server(keeps_astral: bool) -> ServerTraits {
    ServerTraits {
        keeps_astral,
        ..ServerTraits::default()
    }
}

/// Long enough for every name of these tests: what is too long is another law.
const WIDE: DiskTraits = DiskTraits {
    folds_case: false,
    folds_normalisation: false,
    dos_names: false,
    name_max: 10_000,
};

fn id(number: u64, folder: bool) -> RemoteId {
    if folder {
        RemoteId::Folder(FolderId::new(number).unwrap())
    } else {
        RemoteId::File(FileId::new(number).unwrap())
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_local_name_comes_back(name in local(), keeps: bool, seen: bool, skip: bool) {
        let how = if skip { Unstorable::Skip } else { Unstorable::Escape };
        if let Ok(set) = to_remote(&name, &server(keeps), how) {
            prop_assert_eq!(stored_by_edit(set.as_str(), keeps), set.as_str(), "the server keeps it");
            prop_assert_eq!(to_local(&set, &WIDE, how), Ok(name.clone()));
            let again = to_remote(&name, &server(seen), Unstorable::Escape);
            let meant = again.map(|again| to_local(&again, &WIDE, how));
            prop_assert!(matches!(meant, Ok(Ok(meant)) if meant == name) || keeps, "on every machine");
        }
    }

    #[test]
    fn different_local_names_are_different_remote_names((a, b) in twins(), keeps: bool) {
        let (Some(a), Some(b)) = (LocalName::new(a), LocalName::new(b)) else { return Ok(()) };
        let set = |name: &LocalName| to_remote(name, &server(keeps), Unstorable::Escape);
        if let (Ok(there), Ok(other)) = (set(&a), set(&b)) {
            prop_assert_eq!(a == b, there == other);
        }
    }

    #[test]
    fn remote_names_come_back_unless_we_could_not_have_set_them(name in text()) {
        let remote = RemoteName::new(name.as_str());
        let Ok(held) = to_local(&remote, &WIDE, Unstorable::Escape) else { return Ok(()) };
        let back = to_remote(&held, &server(false), Unstorable::Escape);
        let ours = stored_by_edit(&name, false) == name
            && !name.chars().any(|char| char.is_control() || char == '/')
            && !["", ".", ".."].contains(&name.as_str());
        // Text that looks like an escape but is none is the one other kind.
        if ours && (held.as_str() != name || !name.contains('⟦')) {
            prop_assert_eq!(back, Ok(remote));
        }
    }

    #[test]
    fn of_two_remote_names_with_one_local_name_one_is_foreign((a, b) in twins(), dos: bool) {
        let disk = DiskTraits { dos_names: dos, ..WIDE };
        let (a, b) = (RemoteName::new(a), RemoteName::new(b));
        let held = |name: &RemoteName| to_local(name, &disk, Unstorable::Escape);
        if a != b && held(&a).is_ok() && held(&a) == held(&b) {
            let foreign = |name: &RemoteName| {
                to_remote(&held(name).unwrap(), &server(false), Unstorable::Escape).ok().as_ref() != Some(name)
            };
            prop_assert!(foreign(&a) || foreign(&b));
        }
    }

    #[test]
    fn a_held_name_is_one_component_that_the_disk_takes(name in text(), disk in disk(), at_root: bool) {
        match to_local(&RemoteName::new(name.as_str()), &disk, Unstorable::Escape) {
            Ok(held) => {
                prop_assert!(held.as_str().len() <= disk.name_max);
                prop_assert!(LocalName::new(held.as_str()).is_some());
                let dos = held.as_str().contains(['"', '*', ':', '<', '>', '?', '|', '\\', '\t'])
                    || held.as_str().ends_with(['.', ' ']);
                prop_assert!(!(disk.dos_names && dos));
                prop_assert_eq!(is_ours(held.as_str(), at_root), is_ours(&name, at_root));
            }
            Err(why) => prop_assert_ne!(why, Unnameable::Unstorable, "an escape always helps"),
        }
    }

    #[test]
    fn a_plain_name_survives_upload_and_edit(name in text(), number in 2_u32..1200) {
        if let Some(plain) = plain(&RemoteName::new(name)) {
            prop_assert_eq!(stored_by_upload(plain.as_str()), plain.as_str());
            prop_assert_eq!(stored_by_edit(plain.as_str(), false), plain.as_str());
            let taken = String::from_utf8(numbered_by_upload(plain.as_str(), number));
            let taken = cut(&taken.expect("numbering keeps UTF-8"), false);
            prop_assert!(numbered_like(&taken, &plain), "{}", taken);
            prop_assert!(!numbered_like(plain.as_str(), &plain));
        }
    }

    #[test]
    fn interims_are_plain_and_read_back(journal: u32, intent: u64, name in text()) {
        let made = interim(journal, intent, &RemoteName::new(name));
        prop_assert_eq!(parse_interim(made.as_str()), Some(Interim { journal, intent }));
        prop_assert!(is_ours(made.as_str(), false));
        let again = plain(&RemoteName::new(made.as_str()));
        prop_assert_eq!(again, Some(made));
    }

    #[test]
    fn repeats_are_known_again_and_differ(name in local(), number in 1_u64.., other in 1_u64.., folder: bool, disk in disk()) {
        // A mark of 27 bytes, an extension of 16 characters of four bytes and one character of the stem always remain: 96
        // bytes at most. No disk in use holds fewer than 143.
        let disk = DiskTraits { name_max: disk.name_max + 60, ..disk };
        let derived = repeated(&name, id(number, folder), &disk);
        prop_assert!(is_repeat_of(&derived, &name, id(number, folder), &disk));
        prop_assert!(base_of_repeat(&derived, id(number, folder)).is_some());
        if name.as_str().len() + 30 < disk.name_max {
            prop_assert_eq!(base_of_repeat(&derived, id(number, folder)), Some(name.clone()));
        }
        prop_assert!(derived.as_str().len() <= disk.name_max);
        prop_assert!(!same_on_disk(derived.as_str(), name.as_str(), &disk) || name.as_str().len() > disk.name_max);
        if number != other {
            prop_assert_ne!(repeated(&name, id(other, folder), &disk), derived);
        }
    }

    #[test]
    fn conflict_copies_are_known_again_and_fit(
        name in local(), mtime: i64, device in ".{0,30}", attempt in 0_u32..9, folder: bool, disk in disk(),
    ) {
        let shape = if folder { Shape::Folder } else { Shape::File };
        let disk = DiskTraits { name_max: disk.name_max + 100, ..disk };
        let made = conflict(&name, mtime, &device, attempt, shape, &disk);
        let said = is_conflict_of(&made, &name, shape, &disk);
        prop_assert_eq!(said.as_ref().map(|said| said.device.clone()), Some(device_label(&device)));
        prop_assert_eq!(said.map(|said| said.attempt), Some(attempt.max(1)));
        prop_assert!(made.as_str().len() <= disk.name_max);
        prop_assert!(to_remote(&made, &server(false), Unstorable::Escape) != Err(Unnameable::TooLong));
        prop_assert_eq!(device_label(&device_label(&device)), device_label(&device));
    }

    #[test]
    fn keys_agree_with_each_other((a, b) in twins(), disk in disk()) {
        prop_assert_eq!(same_on_disk(&a, &b, &disk), fold_key(&a, &disk) == fold_key(&b, &disk));
        if same_on_disk(&a, &b, &disk) {
            prop_assert_eq!(loose_key(&a), loose_key(&b), "the server's comparison is looser than any disk's");
        }
        prop_assert_eq!(loose_key(&loose_key(&a)), loose_key(&a));
    }
}
