//! What a process needs besides the pairs: the session's token on disk locks among processes, pauses;
//! and what can be asked of a running service, by whom and how (`desk`, `control`).

#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "the service that is asked is built beside it, and serves it"
    )
)]
pub(crate) mod control;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "the service that is asked is built beside it, and serves it"
    )
)]
pub(crate) mod desk;
pub(crate) mod lock;
pub(crate) mod pause;
pub(crate) mod token;
