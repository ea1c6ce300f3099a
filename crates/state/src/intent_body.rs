//! What an intent says: everything needed to find out, after a crash, whether it happened (design A1, D1).
//!
//! Stored as JSON with a version. Must never happen here: a field that is guessed because an old text lacks it; a new
//! meaning is a new version and a migration.

use rusqlite::types::Type;
use serde::{Deserialize, Serialize};

use crate::row::bad;

/// Version of the text in the `body` column: raised, with a migration, when a variant changes its meaning.
pub(crate) const BODY_VERSION: u32 = 1;

/// What was to be done. Ids are the account's bare numbers, hashes BLAKE3 in hex, paths relative to the pair's root.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IntentBody {
    /// An upload (design A1–A4).
    Upload {
        /// The name it is sent under: an interim, or the real one on the fast path.
        name_on_wire: String,
        /// Sent under its real name.
        fast: bool,
        /// The folder it goes to; `None`: the pair's root.
        folder: Option<u64>,
        /// The name it gets in the end.
        wanted: String,
        /// Bytes.
        size: u64,
        /// The file on this disk.
        path: String,
        /// Our node, if it has one already.
        node: Option<u64>,
        /// File ids of loosely equal name seen before, which it therefore is not (fast path).
        known_ids: Vec<u64>,
        /// The file id, once an answer or a look told.
        landed: Option<u64>,
        /// The old version that it replaces.
        replaces: Option<Replaced>,
        /// BLAKE3 of its bytes, once read.
        blake3: Option<String>,
    },
    /// A folder made in the account.
    CreateFolder {
        /// The folder it goes to; `None`: the pair's root.
        parent: Option<u64>,
        /// Its name.
        name: String,
        /// The folder on this disk.
        path: String,
        /// Folder ids of this name seen before, which it therefore is not.
        known_ids: Vec<u64>,
        /// The folder id, once an answer told.
        #[serde(default)]
        made: Option<u64>,
    },
    /// A rename or move in the account. Repeating it is safe; it is journalled so that a later look knows our own work
    /// from somebody else's.
    Edit {
        /// The file's or folder's id.
        id: u64,
        /// A folder, not a file.
        is_folder: bool,
        /// The name it gets; `None`: it keeps its name.
        name: Option<String>,
        /// It goes to `parent`; else it stays where it is.
        moved: bool,
        /// The folder it goes to; `None`: the pair's root.
        parent: Option<u64>,
        /// Our node.
        node: u64,
        /// Where it is on this disk then.
        path: String,
    },
    /// A file moved to the account's trash. Repeating it is safe; it is journalled so that what is gone by it is not taken
    /// for deleted by somebody else.
    Discard {
        /// The file's id.
        id: u64,
        /// Our node.
        node: u64,
    },
    /// A folder made on this disk.
    MakeFolder {
        /// Where.
        path: String,
    },
    /// A rename or move on this disk, after one in the account. It is one call; it is journalled so that the next scan
    /// knows our own work from the user's.
    Rename {
        /// Our node.
        node: u64,
        /// The node of the folder it goes to; `None`: the pair's root.
        parent: Option<u64>,
        /// Its name in the account then.
        remote_name: String,
        /// Where it was.
        from: String,
        /// Where it goes.
        to: String,
    },
    /// A rename or move on this disk of what has no record, while an upload of it waits for its answer: what arrives is
    /// known by its path here.
    Shift {
        /// Where it was.
        from: String,
        /// Where it goes.
        to: String,
        /// `st_dev`.
        device: u64,
        /// `st_ino`.
        inode: u64,
    },
    /// A download put in its place on the disk (design D1, D2).
    Place {
        /// Where it goes.
        path: String,
        /// The staging file.
        staging: String,
        /// The file in the account.
        file: u64,
        /// Bytes.
        size: u64,
        /// Its hash, if known.
        hash: Option<String>,
        /// The file it takes the place of.
        over: Option<OldFile>,
        /// Our node whose new version it is, if that has a record.
        #[serde(default)]
        node: Option<u64>,
        /// The version's second name.
        #[serde(default)]
        short_url: Option<String>,
        /// Its name in the account.
        #[serde(default)]
        remote_name: Option<String>,
    },
    /// An entry set aside because names change places (design M16).
    Park {
        /// Where it was.
        from: String,
        /// Where it is set aside.
        slot: String,
        /// Where it goes in the end; `None`: not known.
        to: Option<String>,
        /// `st_dev`.
        device: u64,
        /// `st_ino`.
        inode: u64,
    },
    /// A file moved to the local trash.
    Trash {
        /// Where it was.
        path: String,
        /// Where in the trash it goes.
        to: String,
    },
}

/// A version in the account that an upload replaces, as it was in Synced.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// Its file id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its folder; `None`: the pair's root.
    pub folder: Option<u64>,
    /// Bytes.
    pub size: u64,
    /// The server's second name of it.
    pub short_url: Option<String>,
}

/// A file on the disk that a download takes the place of, as it was last seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldFile {
    /// Bytes.
    pub size: u64,
    /// Modification time in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Change time in nanoseconds since 1970.
    pub ctime_ns: i64,
    /// BLAKE3, if known.
    pub hash: Option<String>,
}

impl IntentBody {
    /// The name on the wire, if it is an upload.
    pub(crate) fn wire_name(&self) -> Option<&str> {
        match self {
            Self::Upload { name_on_wire, .. } => Some(name_on_wire),
            Self::CreateFolder { .. }
            | Self::Edit { .. }
            | Self::Discard { .. }
            | Self::MakeFolder { .. }
            | Self::Rename { .. }
            | Self::Shift { .. }
            | Self::Place { .. }
            | Self::Park { .. }
            | Self::Trash { .. } => None,
        }
    }

    /// The file on this disk, if it is about something in the account.
    #[must_use]
    pub fn account_path(&self) -> Option<&str> {
        match self {
            Self::Upload { path, .. } | Self::CreateFolder { path, .. } | Self::Edit { path, .. } => {
                Some(path)
            }
            Self::Discard { .. }
            | Self::MakeFolder { .. }
            | Self::Rename { .. }
            | Self::Shift { .. }
            | Self::Place { .. }
            | Self::Park { .. }
            | Self::Trash { .. } => None,
        }
    }

    /// The file id that an upload came to, as far as an answer or a look told.
    #[must_use]
    pub fn made_file(&self) -> Option<u64> {
        match self {
            Self::Upload { landed, .. } => *landed,
            Self::CreateFolder { .. }
            | Self::Edit { .. }
            | Self::Discard { .. }
            | Self::MakeFolder { .. }
            | Self::Rename { .. }
            | Self::Shift { .. }
            | Self::Place { .. }
            | Self::Park { .. }
            | Self::Trash { .. } => None,
        }
    }

    /// The folder id that making a folder in the account came to, as far as an answer told.
    #[must_use]
    pub fn made_folder(&self) -> Option<u64> {
        match self {
            Self::CreateFolder { made, .. } => *made,
            Self::Upload { .. }
            | Self::Edit { .. }
            | Self::Discard { .. }
            | Self::MakeFolder { .. }
            | Self::Rename { .. }
            | Self::Shift { .. }
            | Self::Place { .. }
            | Self::Park { .. }
            | Self::Trash { .. } => None,
        }
    }

    /// As stored.
    pub(crate) fn encode(&self) -> rusqlite::Result<String> {
        serde_json::to_string(self).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }

    /// From what was stored under a version.
    pub(crate) fn decode(version: u32, text: &str) -> rusqlite::Result<Self> {
        if version != BODY_VERSION {
            return Err(bad(format!("an intent of version {version}")));
        }
        serde_json::from_str(text)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::change::Change;
    use crate::testing::Home;

    type Text = Option<String>;

    fn any_upload() -> impl Strategy<Value = IntentBody> {
        let replaced =
            any::<(u64, String, Option<u64>, u64, Text)>().prop_map(|(id, name, folder, size, short_url)| {
                Replaced {
                    id,
                    name,
                    folder,
                    size,
                    short_url,
                }
            });
        let texts = any::<(String, String, String, Text)>();
        let numbers = any::<(bool, Option<u64>, u64, Option<u64>, Vec<u64>, Option<u64>)>();
        (texts, numbers, proptest::option::of(replaced)).prop_map(
            |(
                (name_on_wire, wanted, path, blake3),
                (fast, folder, size, node, known_ids, landed),
                replaces,
            )| {
                IntentBody::Upload {
                    name_on_wire,
                    fast,
                    folder,
                    wanted,
                    size,
                    path,
                    node,
                    known_ids,
                    landed,
                    replaces,
                    blake3,
                }
            },
        )
    }

    fn any_place() -> impl Strategy<Value = IntentBody> {
        let over = any::<(u64, i64, i64, Text)>().prop_map(|(size, mtime_ns, ctime_ns, hash)| OldFile {
            size,
            mtime_ns,
            ctime_ns,
            hash,
        });
        (
            any::<(String, String, u64, u64, Text)>(),
            proptest::option::of(over),
            any::<(Option<u64>, Text, Text)>(),
        )
            .prop_map(
                |((path, staging, file, size, hash), over, (node, short_url, remote_name))| {
                    IntentBody::Place {
                        path,
                        staging,
                        file,
                        size,
                        hash,
                        over,
                        node,
                        short_url,
                        remote_name,
                    }
                },
            )
    }

    fn any_body() -> impl Strategy<Value = IntentBody> {
        let create = any::<(Option<u64>, String, String, Vec<u64>, Option<u64>)>().prop_map(
            |(parent, name, path, known_ids, made)| IntentBody::CreateFolder {
                parent,
                name,
                path,
                known_ids,
                made,
            },
        );
        let park = any::<(String, String, Text, u64, u64)>().prop_map(|(from, slot, to, device, inode)| {
            IntentBody::Park {
                from,
                slot,
                to,
                device,
                inode,
            }
        });
        let trash = any::<(String, String)>().prop_map(|(path, to)| IntentBody::Trash { path, to });
        let discard = any::<(u64, u64)>().prop_map(|(id, node)| IntentBody::Discard { id, node });
        let make = any::<String>().prop_map(|path| IntentBody::MakeFolder { path });
        let edit = any::<(u64, bool, Text, bool, Option<u64>, u64, String)>().prop_map(
            |(id, is_folder, name, moved, parent, node, path)| IntentBody::Edit {
                id,
                is_folder,
                name,
                moved,
                parent,
                node,
                path,
            },
        );
        let rename = any::<(u64, Option<u64>, String, String, String)>().prop_map(
            |(node, parent, remote_name, from, to)| IntentBody::Rename {
                node,
                parent,
                remote_name,
                from,
                to,
            },
        );
        let shift =
            any::<(String, String, u64, u64)>().prop_map(|(from, to, device, inode)| IntentBody::Shift {
                from,
                to,
                device,
                inode,
            });
        prop_oneof![
            any_upload(),
            create,
            edit,
            discard,
            make,
            rename,
            shift,
            any_place(),
            park,
            trash
        ]
    }

    proptest! {
        #![proptest_config(crate::cases::cases_or(32))]

        #[test]
        fn every_intent_comes_back_as_it_was_begun_or_updated(
            bodies in prop::collection::vec((any_body(), any::<i64>()), 1..8),
            later in any_body(),
        ) {
            let home = Home::new();
            let mut journal = home.open();
            let mut begun: Vec<_> = bodies
                .into_iter()
                .map(|(body, now)| journal.begin(body, now).unwrap())
                .collect();
            begun[0].body = later.clone();
            journal.commit(&[Change::UpdateIntent(begun[0].id, later)]).unwrap();
            drop(journal);
            prop_assert_eq!(home.open().open_intents().unwrap(), begun);
        }
    }
}
