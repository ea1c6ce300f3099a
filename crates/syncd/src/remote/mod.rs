//! The account side: seeing it (walk, listings, confirm), acting on it (apply), and looking for what an interrupted run left
//! (resolve). Knows the client and the planner's vocabulary; never the disk, never the journal.

pub(crate) mod account;
pub(crate) mod apply;
mod by_folder;
pub(crate) mod confirm;
#[cfg(test)]
mod fuzz;
mod homes;
pub(crate) mod listings;
pub(crate) mod resolve;
pub(crate) mod root;
pub(crate) mod rows;
pub(crate) mod translate;
pub(crate) mod walk;
