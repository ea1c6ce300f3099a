//! From what is to what must be: the ordered steps for both sides.

mod step;

use alloc::vec::Vec;

pub use step::{Action, JournalStep, LocalStep, RemoteParent, RemoteStep, Settles, Step, StepId};

/// Everything that has to be done, in an order in which it can be done one by one. Steps name in
/// [`after`](Step::after) which others they truly need, so that independent ones can run side by side.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// The steps; each comes after all that it names.
    pub steps: Vec<Step>,
}
