//! syncd
fn main() {}
