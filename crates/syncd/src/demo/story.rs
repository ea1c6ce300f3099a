//! What happens in the demo: the sample files, and the acts of the user here and of a web user in the account.
//!
//! An act changes one side (or both) behind syncd's back and says what must be true on both sides afterwards. Nothing
//! in here syncs.
#![expect(
    clippy::disallowed_methods,
    reason = "the demo plays the user on its own folders"
)]

use std::io;
use std::path::Path;

use devcloud::{Control, TreeFile};

use super::check::{Files, Side, account_trash, laptop_trash};

/// Something that happens before a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    /// Both sides have files, and never met.
    FirstSync,
    /// A file is edited on the laptop.
    EditHere,
    /// A file is replaced in the account.
    EditThere,
    /// A folder is renamed on the laptop.
    RenameHere,
    /// A file is renamed in the account.
    RenameThere,
    /// A file is deleted on the laptop.
    DeleteHere,
    /// A file is deleted in the account.
    DeleteThere,
    /// A file is edited on both sides.
    Conflict,
    /// Nothing.
    Nothing,
}

/// Why an act could not be performed or looked at: our own machinery, not syncd's work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoryError {
    /// The laptop's disk.
    #[error("the laptop's folder: {0}")]
    Laptop(#[from] io::Error),
    /// The account's server.
    #[error("the account's server: {0}")]
    Account(#[from] devcloud::Error),
    /// A file that the story needs is gone.
    #[error("{0} is not in the account")]
    Missing(String),
}

/// Both sides, and what they should hold.
pub(crate) struct Scene<'a> {
    /// The laptop's folder.
    pub(crate) laptop: &'a Path,
    /// The account.
    pub(crate) control: &'a Control,
    /// What both sides should hold after the next pass.
    pub(crate) expected: Files,
    /// What only the laptop can hold.
    pub(crate) only_here: Files,
    /// The laptop's version of a file in conflict: it must turn up under a name that only syncd knows.
    pub(crate) homeless: Option<Vec<u8>>,
    /// The id that must still be that of this path.
    pub(crate) follows: Option<(String, u64)>,
}

const TODO: &str = "Notes/todo.txt";
const SHOPPING: &str = "Notes/shopping list.txt";
const EMPTY: &str = "Notes/empty.txt";
const AGENDA: &str = "Shared/agenda.txt";
const AGENDA_COPY: (&str, &str) = ("Shared/agenda (conflict ", " laptop).txt");
const MINUTES: &str = "Shared/minutes.txt";
const HOLIDAY: &str = "Plans/holiday.txt";
const SONG: [&str; 2] = ["Music/song.mp3", "Music/ballad.mp3"];
const PHOTOS: [&str; 2] = ["Photos", "Pictures"];
const HARBOUR: &str = "2024/harbour.jpg";

/// Bytes of a sample picture or song.
const MEDIA: usize = 48 * 1024;

/// Files that begin on the laptop; names included that servers do not take as they are.
fn laptop_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (TODO, b"- try syncd\n".to_vec()),
        (SHOPPING, b"bread\nmilk\n".to_vec()),
        (
            "Notes/it's \"final\".txt",
            b"A name that uploads would change.\n".to_vec(),
        ),
        (
            ".profile",
            b"# A name whose dot uploads would take away.\n".to_vec(),
        ),
        ("Photos/2024/harbour.jpg", media(1)),
        ("Photos/2024/Gr\u{fc}\u{df}e aus K\u{f6}ln.jpg", media(2)),
        (AGENDA, b"1. Welcome\n".to_vec()),
    ]
}

/// Files that begin in the account; one is the same on both sides.
fn account_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (AGENDA, b"1. Welcome\n".to_vec()),
        (MINUTES, b"Nobody came.\n".to_vec()),
        (HOLIDAY, b"The sea.\n".to_vec()),
        (SONG[0], media(3)),
        ("welcome.txt", b"Welcome to your account.\n".to_vec()),
    ]
}

/// Bytes that look like nothing in particular, always the same.
fn media(seed: u8) -> Vec<u8> {
    (0u8..=255)
        .cycle()
        .zip((0u8..=250).cycle())
        .take(MEDIA)
        .map(|(a, b)| a.wrapping_mul(b).wrapping_add(seed))
        .collect()
}

impl Act {
    /// The whole story, in order.
    pub(crate) const ALL: [Self; 9] = [
        Self::FirstSync,
        Self::EditHere,
        Self::EditThere,
        Self::RenameHere,
        Self::RenameThere,
        Self::DeleteHere,
        Self::DeleteThere,
        Self::Conflict,
        Self::Nothing,
    ];

    /// What is done, in two words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::FirstSync => "first sync",
            Self::EditHere => "edited here",
            Self::EditThere => "edited there",
            Self::RenameHere => "renamed here",
            Self::RenameThere => "renamed there",
            Self::DeleteHere => "deleted here",
            Self::DeleteThere => "deleted there",
            Self::Conflict => "edited on both",
            Self::Nothing => "nothing new",
        }
    }

    /// What is true once it has travelled; checked before it is said.
    pub(crate) const fn outcome(self) -> &'static str {
        match self {
            Self::FirstSync => {
                "signed in; both sides hold all files but Notes/empty.txt: this API takes no empty ones"
            }
            Self::EditHere => "Notes/todo.txt: the account has the new text",
            Self::EditThere => "Shared/minutes.txt: the laptop has the new text",
            Self::RenameHere => "folder Photos, now Pictures: renamed in the account, same files",
            Self::RenameThere => "Music/song.mp3, now ballad.mp3: renamed on the laptop",
            Self::DeleteHere => "Notes/shopping list.txt: in the account's trash",
            Self::DeleteThere => "Plans/holiday.txt: in the laptop's .syncd/trash",
            Self::Conflict => "Shared/agenda.txt: both versions kept, on both sides",
            Self::Nothing => "both sides are the same, nothing was transferred",
        }
    }

    /// Whether it must do without transfers.
    pub(crate) const fn moves_no_bytes(self) -> bool {
        match self {
            Self::RenameHere | Self::RenameThere | Self::DeleteHere | Self::DeleteThere | Self::Nothing => {
                true
            }
            Self::FirstSync | Self::EditHere | Self::EditThere | Self::Conflict => false,
        }
    }

    /// Does it, and writes into the scene what must come of it.
    pub(crate) fn perform(self, scene: &mut Scene<'_>) -> Result<(), StoryError> {
        match self {
            Self::FirstSync => scene.fill()?,
            Self::EditHere => scene.write_here(TODO, b"- try syncd\n- tell a friend\n")?,
            Self::EditThere => scene.replace_there(MINUTES, b"Somebody came after all.\n")?,
            Self::RenameHere => scene.rename_folder_here(PHOTOS)?,
            Self::RenameThere => {
                let file = scene.file_there(SONG[0])?;
                scene.control.rename_file(file.id, "ballad.mp3")?;
                if let Some(bytes) = scene.expected.remove(SONG[0]) {
                    scene.expected.insert(SONG[1].to_owned(), bytes);
                }
            }
            Self::DeleteHere => {
                std::fs::remove_file(scene.laptop.join(SHOPPING))?;
                scene.expected.remove(SHOPPING);
            }
            Self::DeleteThere => {
                let file = scene.file_there(HOLIDAY)?;
                scene.control.trash_file(file.id)?;
                scene.expected.remove(HOLIDAY);
            }
            Self::Conflict => {
                let ours = b"1. Welcome\n2. Written on the laptop\n";
                std::fs::write(scene.laptop.join(AGENDA), ours)?;
                scene.homeless = Some(ours.to_vec());
                scene.replace_there(AGENDA, b"1. Welcome\n2. Written in the account\n")?;
            }
            Self::Nothing => {}
        }
        Ok(())
    }

    /// What is wrong beyond the two trees; empty if nothing is.
    pub(crate) fn doubts(self, scene: &Scene<'_>) -> Result<Vec<String>, StoryError> {
        let lost = |kept: bool, what: &str| if kept { Vec::new() } else { vec![what.to_owned()] };
        Ok(match self {
            Self::DeleteHere => {
                let kept = account_trash(scene.control)?
                    .iter()
                    .any(|bytes| bytes == b"bread\nmilk\n");
                lost(kept, "the deleted file is not in the account's trash")
            }
            Self::DeleteThere => {
                let kept = laptop_trash(scene.laptop)?
                    .iter()
                    .any(|bytes| bytes == b"The sea.\n");
                lost(kept, "the deleted file is not in the laptop's .syncd/trash")
            }
            Self::RenameHere => match &scene.follows {
                Some((path, id)) => {
                    let same = scene.file_there(path).is_ok_and(|file| file.id == *id);
                    lost(
                        same,
                        "the files of the renamed folder are other files in the account now",
                    )
                }
                None => Vec::new(),
            },
            Self::FirstSync
            | Self::EditHere
            | Self::EditThere
            | Self::RenameThere
            | Self::Conflict
            | Self::Nothing => Vec::new(),
        })
    }
}

impl Scene<'_> {
    /// Sample files on both sides.
    fn fill(&mut self) -> Result<(), StoryError> {
        for (path, bytes) in laptop_files() {
            self.write_here(path, &bytes)?;
        }
        std::fs::write(self.laptop.join(EMPTY), "")?;
        self.only_here.insert(EMPTY.to_owned(), Vec::new());
        for (path, bytes) in account_files() {
            let (folder, name) = path
                .rsplit_once('/')
                .map_or((None, path), |(folder, name)| (Some(folder), name));
            let folder = folder.map(|name| self.folder_there(name)).transpose()?;
            self.control.put_file(folder, name, &bytes)?;
            self.expected.insert(path.to_owned(), bytes);
        }
        Ok(())
    }

    fn write_here(&mut self, path: &str, bytes: &[u8]) -> Result<(), StoryError> {
        let at = self.laptop.join(path);
        if let Some(folder) = at.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(at, bytes)?;
        self.expected.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }

    /// As a web user replaces a file: the old one to the trash, the new one in its place.
    fn replace_there(&mut self, path: &str, bytes: &[u8]) -> Result<(), StoryError> {
        let old = self.file_there(path)?;
        self.control.trash_file(old.id)?;
        self.control.put_file(old.folder, &old.name, bytes)?;
        self.expected.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn rename_folder_here(&mut self, [from, to]: [&str; 2]) -> Result<(), StoryError> {
        let followed = self.file_there(&format!("{from}/{HARBOUR}"))?;
        self.follows = Some((format!("{to}/{HARBOUR}"), followed.id));
        std::fs::rename(self.laptop.join(from), self.laptop.join(to))?;
        let files = std::mem::take(&mut self.expected);
        self.expected = files
            .into_iter()
            .map(
                |(path, bytes)| match path.strip_prefix(from).filter(|rest| rest.starts_with('/')) {
                    Some(rest) => (format!("{to}{rest}"), bytes),
                    None => (path, bytes),
                },
            )
            .collect();
        Ok(())
    }

    fn file_there(&self, path: &str) -> Result<TreeFile, StoryError> {
        let tree = self.control.tree()?;
        tree.live_files()
            .into_iter()
            .find(|(at, _)| at.trim_start_matches('/') == path)
            .map(|(_, file)| file.clone())
            .ok_or_else(|| StoryError::Missing(path.to_owned()))
    }

    /// A folder directly in the account's root, made when missing.
    fn folder_there(&self, name: &str) -> Result<u64, StoryError> {
        let tree = self.control.tree()?;
        let found = tree
            .live_folders()
            .into_iter()
            .find(|(path, _)| path.trim_start_matches('/') == name);
        match found {
            Some((_, folder)) => Ok(folder.id),
            None => Ok(self.control.create_folder(None, name)?),
        }
    }

    /// Expects the homeless version where syncd put it, if it put it anywhere.
    pub(crate) fn find_home(&mut self, laptop: &Side) {
        let (before, after) = AGENDA_COPY;
        let copy = laptop
            .files
            .keys()
            .find(|path| path.starts_with(before) && path.ends_with(after));
        if let Some(path) = copy
            && let Some(bytes) = self.homeless.take()
        {
            self.expected.insert(path.clone(), bytes);
        }
    }
}
