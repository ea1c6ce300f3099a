//! What `syncd init` sets up: what the account is (`account`), the configuration as text (`written`), the first sync before it is made (`preview`), the files
//! that come of it (`place`).
//!
//! Never here: a question, a terminal. Nothing is written before everything was checked, and what could not be written
//! whole is taken back.

pub(crate) mod account;
pub(crate) mod place;
pub(crate) mod preview;
pub(crate) mod written;
