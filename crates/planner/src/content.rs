//! What a file holds, as far as it is known, and when it was last touched.

use core::fmt;

/// BLAKE3 of a file's bytes. Two contents are equal only if these are (design M12).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The times by which an unchanged file is recognised (design S12), in nanoseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Stamp {
    /// Modification time: what programs set at will.
    pub mtime_ns: i64,
    /// Change time: what only the kernel sets.
    pub ctime_ns: i64,
}
