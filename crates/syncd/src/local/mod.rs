//! This disk: seeing it and acting on it (design §3 Local, §5).
//!
//! Data comes in as paths below a pair's root and goes out as the planner's vocabulary ([`scan`]) or as what a step found
//! ([`apply::Done`]). All of it blocks; the engine calls it where blocking is allowed. What is absent: the account, the
//! journal, the merge, and any decision. What must never happen: a file of the user's overwritten or unlinked. Bytes
//! leave their place only by a rename, and only into the local trash, a parking place or beside it.

mod error;
mod probe;
mod stamp;
pub(crate) mod sys;
#[cfg(test)]
mod testing;

pub(crate) mod apply;
pub(crate) mod bell;
pub(crate) mod deliver;
pub(crate) mod hash;
pub(crate) mod ignore;
pub(crate) mod marker;
pub(crate) mod pick;
pub(crate) mod recover;
pub(crate) mod retire;
pub(crate) mod root;
pub(crate) mod scan;
pub(crate) mod source;
pub(crate) mod staging;
pub(crate) mod trash;
pub(crate) mod two;
pub(crate) mod versions;

pub(crate) use error::LocalError;
pub(crate) use root::Root;
