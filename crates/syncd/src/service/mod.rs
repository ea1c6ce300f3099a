//! What a process needs besides its pairs (the session's token on disk, locks, preparation), and the service that runs
//! them for months. Read `run` (start to end) and `pair` (the life of one pair) first.

pub(crate) mod board;
pub(crate) mod control;
pub(crate) mod desk;
mod events;
pub(crate) mod instance;
pub(crate) mod limiter;
pub(crate) mod lock;
mod log;
pub(crate) mod logs;
mod notices;
mod pace;
mod pair;
pub(crate) mod pause;
mod pauses;
pub(crate) mod prepare;
mod progress;
mod ready;
pub(crate) mod run;
mod slate;
pub(crate) mod token;
pub(crate) mod unit;
mod watch;
mod window;
