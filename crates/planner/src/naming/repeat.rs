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
