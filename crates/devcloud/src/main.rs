//! devcloud
fn main() {}
