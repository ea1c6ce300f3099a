//! Names of conflict copies: `NAME (conflict 2026-11-23 141503 DEVICE).EXT` (design M12).
//!
//! The copy is uploaded, so its name fits both sides, and all that is inserted survives an upload. It is recognised by
//! its name alone, on every machine: open copies are counted by path and device. The time is the version's own
//! modification time; no clock is read.

use alloc::format;
use alloc::string::String;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::REMOTE_NAME_MAX;
use super::escape::escape_for_server;
use super::fold::is_ignorable;
use super::stem::{Shape, inserted, split};
use crate::name::LocalName;
use crate::policy::DiskTraits;

const MARK: &str = " (conflict ";
/// Longest device in such a name, in characters (`interface.md`: `device_name`).
const DEVICE_MAX: usize = 20;
/// Bytes of `2026-11-23 141503`.
const WHEN_LEN: usize = 17;

/// What a conflict copy's name says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConflictName {
    /// The name it is a copy of; its stem may have been shortened, see [`is_conflict_of`].
    pub plain: String,
    /// Modification time in UTC, as it stands in the name.
    pub when: String,
    /// The machine that kept it, as [`device_label`] spells it.
    pub device: String,
    /// 1, or the number after the device.
    pub attempt: u32,
}

/// The name for a copy of `name` (design M12).
///
/// `mtime_ns` is the copy's own modification time in nanoseconds since 1970, shown in UTC. `attempt` 2 and more add a
/// number, for when the name is taken. The stem is shortened by whole characters to fit the disk and the account.
#[must_use]
pub fn conflict(
    name: &LocalName,
    mtime_ns: i64,
    device: &str,
    attempt: u32,
    shape: Shape,
    disk: &DiskTraits,
) -> LocalName {
    named(name, &when(mtime_ns), &device_label(device), attempt, shape, disk)
}

/// The device as it stands in conflict names: at most 20 characters, none of which either side would change or this
/// room could mistake for the end of the device. An unusable device is `device`.
#[must_use]
pub fn device_label(device: &str) -> String {
    let usable = |char: char| {
        !char.is_control() && char <= '\u{ffff}' && !is_ignorable(char) && !"/\\<>:\"'|?*%()⟦⟧".contains(char)
    };
    let label: String = device
        .trim()
        .chars()
        .map(|char| match char {
            _ if char.is_whitespace() => ' ',
            _ if usable(char) => char,
            _ => '-',
        })
        .take(DEVICE_MAX)
        .collect();
    let label = label.trim();
    match label.rsplit_once(' ') {
        // "host 2" would read as the second copy of "host".
        Some((before, last)) if attempt_of(last).is_some() => format!("{before}-{last}"),
        Some(_) | None if label.is_empty() => String::from("device"),
        Some(_) | None => String::from(label),
    }
}

/// What the name says, if it is one of a conflict copy, of any machine.
#[must_use]
pub fn is_conflict_copy(name: &LocalName) -> Option<ConflictName> {
    let (stem, tail) = split(name.as_str(), Shape::File);
    read(stem, tail).or_else(|| read(name.as_str(), ""))
}

/// What the name says, if it is one of a conflict copy of `of`; also where the stem had to be shortened.
#[must_use]
pub fn is_conflict_of(
    copy: &LocalName,
    of: &LocalName,
    shape: Shape,
    disk: &DiskTraits,
) -> Option<ConflictName> {
    let said = is_conflict_copy(copy)?;
    let again = named(of, &said.when, &said.device, said.attempt, shape, disk);
    super::same_on_disk(again.as_str(), copy.as_str(), disk).then_some(said)
}

fn named(
    name: &LocalName,
    when: &str,
    device: &str,
    attempt: u32,
    shape: Shape,
    disk: &DiskTraits,
) -> LocalName {
    let suffix = if attempt < 2 {
        format!("{MARK}{when} {device})")
    } else {
        format!("{MARK}{when} {device} {attempt})")
    };
    inserted(name, shape, &suffix, |text| {
        text.len() <= disk.name_max && escape_for_server(text, false).chars().count() <= REMOTE_NAME_MAX
    })
}

fn when(mtime_ns: i64) -> String {
    // All of i64 (the years 1677 to 2262) lies within what a Timestamp holds.
    let time = Timestamp::from_nanosecond(i128::from(mtime_ns)).unwrap_or_default();
    let time = Offset::UTC.to_datetime(time);
    format!(
        "{:04}-{:02}-{:02} {:02}{:02}{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

fn read(stem: &str, tail: &str) -> Option<ConflictName> {
    let (before, said) = stem.strip_suffix(')')?.rsplit_once(MARK)?;
    let (when, rest) = said.split_at_checked(WHEN_LEN)?;
    let device = rest.strip_prefix(' ')?;
    let (device, attempt) = match device.rsplit_once(' ') {
        Some((host, last)) => match attempt_of(last) {
            Some(attempt) => (host, attempt),
            None => (device, 1),
        },
        None => (device, 1),
    };
    let genuine = !before.is_empty() && is_when(when) && device_label(device) == device;
    genuine.then(|| ConflictName {
        plain: format!("{before}{tail}"),
        when: String::from(when),
        device: String::from(device),
        attempt,
    })
}

/// The number of a second or later copy; only as [`named`] writes it.
fn attempt_of(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|attempt| digits && *attempt >= 2)
}

fn is_when(text: &str) -> bool {
    text.len() == WHEN_LEN
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b' ',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23 14:15:03.9 UTC.
    const MTIME: i64 = 1_795_443_303_900_000_000;

    fn copy(name: &str, device: &str, attempt: u32, shape: Shape) -> LocalName {
        let name = LocalName::new(name).unwrap();
        conflict(&name, MTIME, device, attempt, shape, &DiskTraits::default())
    }

    #[test]
    fn a_conflict_copy_says_when_and_where() {
        for (name, attempt, shape, wanted) in [
            (
                "NAME.EXT",
                1,
                Shape::File,
                "NAME (conflict 2026-11-23 141503 DEVICE).EXT",
            ),
            (
                "NAME.EXT",
                2,
                Shape::File,
                "NAME (conflict 2026-11-23 141503 DEVICE 2).EXT",
            ),
            (
                "README",
                1,
                Shape::File,
                "README (conflict 2026-11-23 141503 DEVICE)",
            ),
            (
                ".bashrc",
                3,
                Shape::File,
                ".bashrc (conflict 2026-11-23 141503 DEVICE 3)",
            ),
            (
                "v1.2",
                1,
                Shape::Folder,
                "v1.2 (conflict 2026-11-23 141503 DEVICE)",
            ),
        ] {
            let made = copy(name, "DEVICE", attempt, shape);
            assert_eq!(made.as_str(), wanted);
            let said = is_conflict_copy(&made).unwrap();
            assert_eq!(
                (said.plain.as_str(), said.device.as_str(), said.attempt),
                (name, "DEVICE", attempt)
            );
            let of = LocalName::new(name).unwrap();
            assert_eq!(
                is_conflict_of(&made, &of, shape, &DiskTraits::default()),
                Some(said)
            );
        }
    }

    #[test]
    fn a_device_is_spelled_so_that_it_can_be_read_back() {
        for (device, label) in [
            ("host.lan", "host.lan"),
            ("My Laptop", "My Laptop"),
            ("host 2", "host-2"),
            ("host 1", "host 1"),
            ("a/b\\c<d>(e)", "a-b-c-d--e-"),
            ("😀", "-"),
            ("", "device"),
            (" \t ", "device"),
            ("a\u{200b}b\u{0}c", "a-b-c"),
            ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrst"),
            ("büro", "büro"),
        ] {
            assert_eq!(device_label(device), label);
            let said = is_conflict_copy(&copy("README", device, 1, Shape::File)).unwrap();
            assert_eq!((said.plain.as_str(), said.device.as_str()), ("README", label));
        }
    }

    #[test]
    fn other_names_are_no_conflict_copies() {
        for name in [
            "a (conflict).txt",
            "a (conflict 2026-11-23 141503).txt",
            "a (conflict 2026-11-23 141503 ).txt",
            "a (conflict 2026-11-23 1415 D).txt",
            "a (conflict 2026_11-23 141503 D).txt",
            " (conflict 2026-11-23 141503 D).txt",
            "a (conflict 2026-11-23 141503 D) b.txt",
            "a (conflict 2026-11-23 141503 D 02) (x).txt",
            "a (conflict 2026-11-2é 14150 D).txt",
            "a.txt",
        ] {
            assert_eq!(is_conflict_copy(&LocalName::new(name).unwrap()), None, "{name}");
        }
    }

    #[test]
    fn a_long_name_is_shortened_to_fit_the_disk_and_the_account() {
        let disk = DiskTraits::default();
        let wide = DiskTraits {
            name_max: 1530,
            ..disk
        };
        let long = LocalName::new([&"é".repeat(120), ".txt"].concat()).unwrap();
        let made = conflict(&long, MTIME, "D", 1, Shape::File, &disk);
        assert!(made.as_str().len() <= 255 && made.as_str().len() > 252);
        assert!(made.as_str().ends_with("é (conflict 2026-11-23 141503 D).txt"));
        assert!(is_conflict_of(&made, &long, Shape::File, &disk).is_some());
        assert_ne!(is_conflict_copy(&made).unwrap().plain, long.as_str());

        let escapes = LocalName::new([&"é".repeat(200), &"<".repeat(10), ".txt"].concat()).unwrap();
        let made = conflict(&escapes, MTIME, "D", 1, Shape::File, &wide);
        let set = escape_for_server(made.as_str(), false);
        assert!(set.chars().count() <= 255, "also once escaped");
    }

    #[test]
    fn any_time_has_a_name() {
        assert_eq!(when(i64::MIN), "1677-09-21 001243");
        assert_eq!(when(i64::MAX), "2262-04-11 234716");
        assert_eq!(when(0), "1970-01-01 000000");
        assert_eq!(when(-1), "1969-12-31 235959");
    }
}
