//! The kinds of values a key can have: their notation, their check, their meaning. Pure; a kind, its parser and its
//! tests side by side.
//!
//! An error text never quotes a value that may hold a secret ([`Kind::may_be_secret`]).

use std::time::Duration;

use jiff::civil::Time;
use url::{Host, Url};

use super::RemoteSpec;

/// A value as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Number(i64),
    /// `true` or `false`.
    Flag(bool),
    /// An array of strings.
    List(Vec<String>),
}

/// What a key takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A path; `~` and `$VAR` are expanded.
    Path,
    /// The name of this machine, at most 20 characters.
    Device,
    /// The API's address.
    ApiUrl,
    /// A proxy's address.
    Proxy,
    /// Bytes, or bytes per second.
    Bytes,
    /// A time between these numbers of milliseconds.
    Span(u64, u64),
    /// A whole number in this range.
    Number(i64, i64),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// gitignore patterns.
    Patterns,
    /// Days of the week.
    Days,
    /// A time of the day.
    Clock,
    /// The name of a pair.
    PairName,
    /// A folder of the account.
    Remote,
    /// `"auto"` or a number.
    Concurrency,
    /// A log level or filter.
    Level,
}

/// Words that a log level can be.
pub(crate) const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
/// Days of the week, as they are written.
pub(crate) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Names that the command line needs for itself: `syncd --once demo` must not be ambiguous.
const COMMANDS: [&str; 30] = [
    "demo",
    "init",
    "service",
    "status",
    "sync",
    "wait",
    "stop",
    "reload",
    "pause",
    "resume",
    "approve",
    "limit",
    "filestatus",
    "why",
    "conflicts",
    "problems",
    "history",
    "log",
    "restore",
    "rebuild",
    "check",
    "forget",
    "relocate",
    "ignore",
    "doctor",
    "remote",
    "config",
    "completions",
    "man",
    "help",
];
/// Longest pair name in characters: part of paths and of lines for people.
const PAIR_NAME_MAX: usize = 64;
/// Longest device name in characters (interface §2).
pub(crate) const DEVICE_NAME_MAX: usize = 20;
/// Most calls at once that can be asked for.
const CONCURRENCY_MAX: i64 = 256;

impl Kind {
    /// Whether an error must not quote the value.
    pub(crate) const fn may_be_secret(self) -> bool {
        matches!(self, Self::Proxy | Self::ApiUrl)
    }

    /// Whether one environment variable can hold it.
    pub(crate) const fn is_scalar(self) -> bool {
        !matches!(self, Self::Patterns | Self::Days)
    }

    /// A variable's text as a value of this kind; what does not parse stays text, for the check to refuse.
    pub(crate) fn of_variable(self, text: &str) -> Value {
        match (self, text) {
            (Self::Flag, "true" | "1" | "yes" | "on") => Value::Flag(true),
            (Self::Flag, "false" | "0" | "no" | "off") => Value::Flag(false),
            (Self::Bytes | Self::Number(..) | Self::Concurrency, _) => text
                .parse()
                .map_or_else(|_| Value::Text(text.to_owned()), Value::Number),
            _ => Value::Text(text.to_owned()),
        }
    }

    /// What it takes, for error texts and the reference.
    pub(crate) fn expects(self) -> String {
        match self {
            Self::Path => "a path".into(),
            Self::Device => format!("a name of 1 to {DEVICE_NAME_MAX} characters that a file name can hold"),
            Self::ApiUrl => "an https address".into(),
            Self::Proxy => "an http, https, socks5 or socks5h address".into(),
            Self::Bytes => "a size such as \"512MiB\", or a number of bytes".into(),
            Self::Span(min, max) => format!("a time from {} to {}", span_text(min), span_text(max)),
            Self::Number(min, max) => format!("a number from {min} to {max}"),
            Self::Flag => "true or false".into(),
            Self::Choice(words) => one_of(words),
            Self::Patterns => "a list of patterns in gitignore syntax".into(),
            Self::Days => "a list of some of mon, tue, wed, thu, fri, sat, sun".into(),
            Self::Clock => "a time of the day such as \"22:30\"".into(),
            Self::PairName => format!(
                "1 to {PAIR_NAME_MAX} of a-z, A-Z, 0-9, \".\", \"_\", \"-\", beginning with a letter or digit, and not the name of a command"
            ),
            Self::Remote => "a path such as \"/Photos\", or \"id:123\"".into(),
            Self::Concurrency => format!("\"auto\" or a number from 1 to {CONCURRENCY_MAX}"),
            Self::Level => format!("{}, or a filter such as \"syncd=debug\"", one_of(&LEVELS)),
        }
    }

    /// Whether the value is one of this kind.
    pub(crate) fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Path, Value::Text(text)) => !text.is_empty() && !text.contains('\0'),
            (Self::Device, Value::Text(text)) => device(text),
            (Self::ApiUrl, Value::Text(text)) => api_url(text).is_some(),
            (Self::Proxy, Value::Text(text)) => proxy(text),
            (Self::Bytes, _) => bytes(value).is_some(),
            (Self::Span(min, max), Value::Text(text)) => span(text)
                .is_some_and(|it| it >= Duration::from_millis(min) && it <= Duration::from_millis(max)),
            (Self::Number(min, max), Value::Number(number)) => (min..=max).contains(number),
            (Self::Flag, Value::Flag(_)) => true,
            (Self::Choice(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Self::Patterns, Value::List(patterns)) => patterns.iter().all(|pattern| glob(pattern)),
            (Self::Days, Value::List(names)) => days(names).is_some(),
            (Self::Clock, Value::Text(text)) => clock(text).is_some(),
            (Self::PairName, Value::Text(text)) => pair_name(text),
            (Self::Remote, Value::Text(text)) => remote(text).is_some(),
            (Self::Concurrency, Value::Text(text)) => text == "auto",
            (Self::Concurrency, Value::Number(number)) => (1..=CONCURRENCY_MAX).contains(number),
            (Self::Level, Value::Text(text)) => level(text),
            _ => false,
        }
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn span_text(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let fits = UNITS
        .iter()
        .find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit));
    fits.map_or_else(
        || format!("{ms}ms"),
        |(unit, name)| format!("{}{name}", ms / unit),
    )
}

/// A time: a whole number and `ms`, `s`, `m`, `h` or `d`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

/// A size: a whole number of bytes, or one with a unit.
pub(crate) fn bytes(value: &Value) -> Option<u64> {
    let text = match value {
        Value::Number(number) => return u64::try_from(*number).ok(),
        Value::Text(text) => text,
        Value::Flag(_) | Value::List(_) => return None,
    };
    let (number, unit) = split_unit(text)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    // The layers keep numbers as i64: a size beyond that is a mistake anyway.
    number
        .checked_mul(factor)
        .filter(|size| i64::try_from(*size).is_ok())
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

/// The API's address with its trailing slash, if it is one; never with a user name, query or fragment.
pub(crate) fn api_url(text: &str) -> Option<Url> {
    api::Config::new(text).ok().map(|config| config.api_url)
}

/// Whether the address stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn proxy(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h")
            && url.host_str().is_some_and(|host| !host.is_empty())
    })
}

/// Characters that a disk somewhere refuses in a name, and those that would make a conflict name ambiguous.
pub(crate) fn fits_device(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '/' | '\\' | '<' | '>' | ':' | '"' | '|' | '?' | '*' | '(' | ')' | '⟦' | '⟧'
        )
}

fn device(text: &str) -> bool {
    let length = text.chars().count();
    (1..=DEVICE_NAME_MAX).contains(&length) && text.trim() == text && text.chars().all(fits_device)
}

fn pair_name(text: &str) -> bool {
    text.len() <= PAIR_NAME_MAX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !COMMANDS.contains(&text)
}

fn glob(pattern: &str) -> bool {
    ignore::gitignore::GitignoreBuilder::new("/")
        .add_line(None, pattern)
        .is_ok()
}

/// A time of the day: two digits, a colon, two digits.
pub(crate) fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|_| digits)
    };
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

/// Days of the week, from Monday on; `None` for an empty list and for what is no day.
pub(crate) fn days(names: &[String]) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    for name in names {
        let at = DAYS.iter().position(|day| day == name)?;
        *days.get_mut(at)? = true;
    }
    days.contains(&true).then_some(days)
}

fn level(text: &str) -> bool {
    // A bare word would be taken for a module's name by the filter: a misspelt level would silence everything.
    LEVELS.contains(&text)
        || (text.contains('=') && text.parse::<tracing_subscriber::filter::Targets>().is_ok())
}

/// A folder of the account.
pub(crate) fn remote(text: &str) -> Option<RemoteSpec> {
    if let Some(id) = text.strip_prefix("id:") {
        let canonical = id.bytes().all(|b| b.is_ascii_digit()) && !id.starts_with('0');
        return id.parse().ok().filter(|_| canonical).map(RemoteSpec::Id);
    }
    if text.is_empty() || text.starts_with("//") {
        return None;
    }
    let path = text.strip_prefix('/').unwrap_or(text);
    let path = path.strip_suffix('/').unwrap_or(path);
    let plain = path.is_empty()
        || path.split('/').all(|part| {
            !part.is_empty() && part != "." && part != ".." && !part.chars().any(char::is_control)
        });
    plain.then(|| RemoteSpec::Path(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(span("60s"), Some(Duration::from_secs(60)));
        assert_eq!(span("10m"), Some(Duration::from_secs(600)));
        assert_eq!(span("1d"), Some(Duration::from_secs(86_400)));
        assert_eq!(span("250ms"), Some(Duration::from_millis(250)));
        for bad in ["60", "", "s", "-1s", "1.5h", "1w", "18446744073709551615d"] {
            assert_eq!(span(bad), None, "{bad}");
        }
        let kind = Kind::Span(1000, 3_600_000);
        assert!(kind.accepts(&text("1s")) && kind.accepts(&text("1h")));
        assert!(!kind.accepts(&text("999ms")) && !kind.accepts(&text("2h")));
        assert_eq!(kind.expects(), "a time from 1s to 1h");
    }

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        assert_eq!(bytes(&text("512MiB")), Some(512 << 20));
        assert_eq!(bytes(&text("1 GB")), Some(1_000_000_000));
        assert_eq!(bytes(&Value::Number(7)), Some(7));
        for bad in ["512M", "MiB", "-1", "1.5GiB", "99999999TiB"] {
            assert_eq!(bytes(&text(bad)), None, "{bad}");
        }
        assert_eq!(bytes(&Value::Number(-1)), None);
    }

    #[test]
    fn a_time_of_the_day_has_four_digits_and_days_are_at_least_one() {
        assert_eq!(clock("07:05"), Time::new(7, 5, 0, 0).ok());
        for bad in [
            "7:05", "24:00", "12:60", "12", "12:5", "-1:00", "+1:00", "12:00:00", "",
        ] {
            assert_eq!(clock(bad), None, "{bad}");
        }
        let of = |names: &[&str]| days(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(
            of(&["sun", "mon", "sun"]).map(|days| days.map(u8::from)),
            Some([1, 0, 0, 0, 0, 0, 1])
        );
        assert_eq!([of(&[]), of(&["Mon"]), of(&["day"])], [None; 3]);
    }

    #[test]
    fn a_pair_name_is_a_folder_name_everywhere() {
        for good in ["main", "Photos-2", "a.b_c", "7"] {
            assert!(pair_name(good), "{good}");
        }
        let long = "a".repeat(65);
        for bad in [
            "",
            ".",
            "..",
            ".a",
            "-a",
            "a/b",
            "a b",
            "ä",
            "config",
            "demo",
            long.as_str(),
        ] {
            assert!(!pair_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_remote_folder_is_a_path_or_an_id() {
        assert_eq!(remote("/"), Some(RemoteSpec::Path(String::new())));
        assert_eq!(remote("/a/b c/"), Some(RemoteSpec::Path("a/b c".into())));
        assert_eq!(remote("a"), Some(RemoteSpec::Path("a".into())));
        assert_eq!(remote("id:123"), Some(RemoteSpec::Id(123)));
        for bad in [
            "", "id:", "id:0", "id:007", "id:x", "id:-1", "//", "/a//b", "/../x", "/a/.",
        ] {
            assert_eq!(remote(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_misspelt_level_is_refused_and_a_filter_is_not() {
        assert!(level("debug") && level("syncd=debug,api=trace"));
        assert!(!level("debgu") && !level("") && !level("syncd=loud"));
    }

    #[test]
    fn loopback_is_this_machine_only() {
        for (url, local) in [
            ("http://localhost:1/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:8/", true),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), local, "{url}");
        }
    }

    #[test]
    fn a_device_name_fits_into_a_file_name() {
        assert!(device("laptop") && device("Anna's Büro"));
        for bad in ["", " a", "a/b", "a(b", "a\n", "123456789012345678901"] {
            assert!(!device(bad), "{bad}");
        }
    }
}
