//! syncd

#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "wired in by the engine")
)]
pub(crate) mod local;
