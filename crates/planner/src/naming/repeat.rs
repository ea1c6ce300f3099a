//! Local names for repeated remote ones: `NAME (id 1254).EXT` (design N2; histories H14, H19, H23, H24).
//!
//! Such a name exists on this disk only. It must never reach the account, so it can be recognised without the journal,
//! from the plain name and the id alone.

use alloc::format;
use alloc::string::String;

use super::fold::same_on_disk;
use super::stem::{Shape, inserted, split};
use crate::id::RemoteId;
use crate::name::LocalName;
use crate::policy::DiskTraits;

/// The derived name of the node `id` whose plain local name is `name`.
///
/// The id stands before a file's extension and at the end of a folder's name. A stem that leaves no room for it within
/// `name_max` is shortened by whole characters.
#[must_use]
pub fn repeated(name: &LocalName, id: RemoteId, disk: &DiskTraits) -> LocalName {
    inserted(name, id.into(), &suffix(id), |text| text.len() <= disk.name_max)
}

/// Whether `derived` is the derived name of the node `id` whose plain local name is `plain`, as this disk spells it.
#[must_use]
pub fn is_repeat_of(derived: &LocalName, plain: &LocalName, id: RemoteId, disk: &DiskTraits) -> bool {
    same_on_disk(derived.as_str(), repeated(plain, id, disk).as_str(), disk)
}

/// The name without the mark of this id, if it bears it. A stem that was shortened stays short.
#[must_use]
pub fn base_of_repeat(name: &LocalName, id: RemoteId) -> Option<LocalName> {
    let (stem, tail) = split(name.as_str(), Shape::from(id));
    let base: String = format!("{}{tail}", stem.strip_suffix(&suffix(id))?);
    LocalName::new(base)
}

fn suffix(id: RemoteId) -> String {
    format!(" (id {})", id.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{FileId, FolderId};

    fn local(name: &str) -> LocalName {
        LocalName::new(name).unwrap()
    }

    fn file(id: u64) -> RemoteId {
        RemoteId::File(FileId::new(id).unwrap())
    }

    fn folder(id: u64) -> RemoteId {
        RemoteId::Folder(FolderId::new(id).unwrap())
    }

    #[test]
    fn a_repeated_name_bears_its_id_before_the_extension() {
        let disk = DiskTraits::default();
        for (name, id, wanted) in [
            ("NAME.EXT", file(1254), "NAME (id 1254).EXT"),
            ("README", file(7), "README (id 7)"),
            (".bashrc", file(7), ".bashrc (id 7)"),
            ("a.tar.gz", file(7), "a.tar (id 7).gz"),
            ("v1.2", folder(12), "v1.2 (id 12)"),
            ("NAME", folder(12), "NAME (id 12)"),
        ] {
            let derived = repeated(&local(name), id, &disk);
            assert_eq!(derived, local(wanted));
            assert_eq!(base_of_repeat(&derived, id), Some(local(name)));
            assert!(is_repeat_of(&derived, &local(name), id, &disk));
        }
    }

    #[test]
    fn h24_a_derived_name_is_known_without_the_journal_and_no_other_is() {
        let disk = DiskTraits::default();
        assert_eq!(base_of_repeat(&local("a (id 12).txt"), file(13)), None);
        assert_eq!(base_of_repeat(&local("a (id 12).txt"), folder(12)), None);
        assert_eq!(base_of_repeat(&local("a.txt"), file(12)), None);
        assert_eq!(base_of_repeat(&local(" (id 12)"), file(12)), None);
        assert!(!is_repeat_of(
            &local("b (id 12).txt"),
            &local("a.txt"),
            file(12),
            &disk
        ));
    }

    #[test]
    fn a_long_name_is_shortened_by_whole_characters() {
        let disk = DiskTraits::default();
        let long = local(&["é".repeat(125).as_str(), ".txt"].concat());
        let derived = repeated(&long, file(1254), &disk);
        assert_eq!(
            derived.as_str(),
            ["é".repeat(120).as_str(), " (id 1254).txt"].concat()
        );
        assert_eq!(derived.as_str().len(), 254);
        assert!(is_repeat_of(&derived, &long, file(1254), &disk));
        let folded = DiskTraits {
            folds_normalisation: true,
            ..disk
        };
        let decomposed = local("e\u{301} (id 3)");
        assert!(
            is_repeat_of(&decomposed, &local("\u{e9}"), folder(3), &folded),
            "as the disk spells it"
        );
    }
}
