//! What a process needs besides the pairs: the session's token on disk and locks among processes.

pub(crate) mod desk;
pub(crate) mod lock;
pub(crate) mod token;
