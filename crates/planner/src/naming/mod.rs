//! Remote names to local names and back: the only room that turns one into the other (design N1–N5, A2, A3, M12).
//!
//! Everything here is a function of the name and of what the two sides are known to do to names; nothing remembers.
//! A synced node keeps the pair of names the journal has for it: these functions are asked for new pairs only.
//! What must never happen: a name that leaves its folder, one that reaches into our own area, or two names taken for
//! one because they look alike.

mod conflict;
mod escape;
mod fold;
mod interim;
#[cfg(test)]
mod laws;
mod plain;
mod repeat;
mod reserved;
mod stem;

pub use conflict::{ConflictName, conflict, device_label, is_conflict_copy, is_conflict_of};
pub use escape::{Again, set_again, to_local, to_remote};
pub use fold::{fold_key, same_on_disk};
pub use interim::{Interim, interim, is_interim_like, parse_interim};
pub use plain::{loose_key, numbered_like, plain};
pub use repeat::{base_of_repeat, is_repeat_of, repeated};
pub use reserved::is_ours;
pub use stem::Shape;

/// Longest name in the account, in characters; what is longer is cut without a word (`wire.md` Q27).
pub const REMOTE_NAME_MAX: usize = 255;
