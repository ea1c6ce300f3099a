//! Ids as the server writes them, and where a row says it lies.
//!
//! An id exists only for canonical digits (no sign, blank, leading zero, text), because text in an id reaches the
//! server's SQL (wire.md §1.1) and `0` means "root" or "limbo" there. Two kinds of id are two types.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde_json::Value;

/// The text is not a canonical, positive decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: only digits, without a leading zero, and not 0")]
pub struct NotAnId;

fn canonical(text: &str) -> Option<NonZeroU64> {
    let digits = text.as_bytes();
    let first = *digits.first()?;
    if first == b'0' || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    text.parse().ok()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU64);

        impl $name {
            /// The id of this number; 0 is none.
            #[must_use]
            pub const fn new(number: u64) -> Option<Self> {
                match NonZeroU64::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0.get()
            }

            /// Reads a JSON string or integer; anything else, and everything not canonical, is none.
            #[must_use]
            pub fn from_json(value: &Value) -> Option<Self> {
                match value {
                    Value::String(text) => text.parse().ok(),
                    Value::Number(number) => number.as_u64().and_then(Self::new),
                    Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
                }
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                canonical(text).map(Self).ok_or(NotAnId)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

id! {
    /// A file in the account. Never reused by the server; a new upload is a new id (wire.md §5).
    FileId
}
id! {
    /// A folder in the account.
    FolderId
}
id! {
    /// The account itself, as `/authorize` names it.
    AccountId
}
id! {
    /// A scheduled import of a public address.
    ScheduledId
}

/// Where something lies, or shall lie.
///
/// `Limbo` is the server's folder 0: in no listing, though info still answers (wire.md Q13). It is only ever an
/// observation; a call that is asked to put something there answers [`crate::ApiError::BadRequest`] unsent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parent {
    /// The account's root (`null` on the wire).
    Top,
    /// A folder.
    In(FolderId),
    /// Folder 0: neither the root nor a folder.
    Limbo,
}

impl Parent {
    /// Reads `folderId`/`parentId`: null or absent is the root, 0 is limbo; none for what is neither nor an id.
    #[must_use]
    pub fn from_json(value: Option<&Value>) -> Option<Self> {
        match value {
            None | Some(Value::Null) => Some(Self::Top),
            Some(Value::String(text)) if text == "0" => Some(Self::Limbo),
            Some(Value::Number(number)) if number.as_u64() == Some(0) => Some(Self::Limbo),
            Some(other) => FolderId::from_json(other).map(Self::In),
        }
    }

    /// The folder, if it is one.
    #[must_use]
    pub const fn folder(self) -> Option<FolderId> {
        match self {
            Self::In(folder) => Some(folder),
            Self::Top | Self::Limbo => None,
        }
    }
}

impl From<FolderId> for Parent {
    fn from(folder: FolderId) -> Self {
        Self::In(folder)
    }
}

impl From<Option<FolderId>> for Parent {
    /// No folder is the account's root.
    fn from(folder: Option<FolderId>) -> Self {
        folder.map_or(Self::Top, Self::In)
    }
}

/// A true MD5 in 32 lower-case hex digits. What a server gives in another shape is a placeholder (wire.md §1.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Md5Hex(String);

impl Md5Hex {
    /// The digest, if the text is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        hex.then(|| Self(text.to_owned()))
    }

    /// Of the 16 bytes of a digest.
    #[must_use]
    pub fn of(digest: [u8; 16]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(32);
        for byte in digest {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The 32 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_canonical_digits_are_an_id() {
        for good in [
            json!("7"),
            json!(7),
            json!("18446744073709551615"),
            json!(u64::MAX),
        ] {
            assert!(FileId::from_json(&good).is_some(), "{good}");
        }
        for bad in [
            json!("0"),
            json!(0),
            json!(""),
            json!("07"),
            json!("+7"),
            json!("-7"),
            json!(-7),
            json!(" 7"),
            json!("7 "),
            json!("7.0"),
            json!(7.5),
            json!("abc"),
            json!("18446744073709551616"),
            json!(null),
            json!(true),
            json!(["7"]),
            json!("٧"),
        ] {
            assert_eq!(FileId::from_json(&bad), None, "{bad}");
        }
    }

    #[test]
    fn null_is_the_root_and_zero_is_limbo() {
        assert_eq!(Parent::from_json(None), Some(Parent::Top));
        assert_eq!(Parent::from_json(Some(&json!(null))), Some(Parent::Top));
        assert_eq!(Parent::from_json(Some(&json!("0"))), Some(Parent::Limbo));
        assert_eq!(Parent::from_json(Some(&json!(0))), Some(Parent::Limbo));
        assert_eq!(
            Parent::from_json(Some(&json!("12"))),
            FolderId::new(12).map(Parent::In)
        );
        assert_eq!(Parent::from_json(Some(&json!("x"))), None);
        assert_eq!(Parent::from_json(Some(&json!(false))), None);
    }

    #[test]
    fn only_32_lower_case_hex_digits_are_an_md5() {
        assert!(Md5Hex::parse("2f4105bc2c626232544275c2d890168b").is_some());
        assert!(Md5Hex::parse("2F4105bc2c626232544275c2d890168b").is_none());
        assert!(Md5Hex::parse("1700000000-c626232544275c2d89016").is_none());
        assert_eq!(Md5Hex::of([0xab; 16]).as_str(), "ab".repeat(16));
    }
}
