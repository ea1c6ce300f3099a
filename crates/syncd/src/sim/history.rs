//! What happens in a simulated world, step by step, out of one number. Each step has a seed of its own, so that leaving one
//! out changes no other: that is how a failing history gets shorter.

use super::rng::Rng;

/// One thing that happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    /// Somebody changes a machine's folder a few times.
    Disk(usize),
    /// Somebody changes the account a few times.
    Web,
    /// A machine makes a pass; what else happens meanwhile follows from the seed.
    Pass(usize),
    /// Two machines make passes at the same time.
    Both(usize, usize),
    /// Nothing, for so many seconds.
    Wait(u64),
}

/// A deed and its own seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    pub(crate) deed: Deed,
    pub(crate) seed: u64,
}

/// A world and what happens in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct History {
    /// Where it comes from.
    pub(crate) seed: u64,
    /// Machines: 1 to 3.
    pub(crate) machines: usize,
    /// The tick of the disks' clocks, in nanoseconds.
    pub(crate) tick_ns: i64,
    /// What happens.
    pub(crate) steps: Vec<Step>,
}

/// Ticks of file systems: the multigrain clocks of new kernels, a jiffy, whole seconds.
const TICKS: [i64; 3] = [1, 4_000_000, 1_000_000_000];

impl History {
    /// The history of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let machines = [1, 1, 2, 2, 3].get(rng.below(5)).copied().unwrap_or(1);
        let tick_ns = rng.pick(&TICKS).copied().unwrap_or(1);
        let count = 3_usize.saturating_add(rng.below(12));
        let steps = (0..count)
            .map(|_| {
                let (one, other) = (rng.below(machines), rng.below(machines));
                let deed = match rng.below(12) {
                    0..=3 => Deed::Disk(one),
                    4 | 5 => Deed::Web,
                    6 if one != other => Deed::Both(one, other),
                    7 if rng.one_in(3) => {
                        Deed::Wait([5, 700, 100_000].get(rng.below(3)).copied().unwrap_or(5))
                    }
                    _ => Deed::Pass(one),
                };
                Step {
                    deed,
                    seed: rng.draw(),
                }
            })
            .collect();
        Self {
            seed,
            machines,
            tick_ns,
            steps,
        }
    }

    /// The same without steps that are not needed for it to fail.
    pub(crate) fn shrunk(&self, fails: &dyn Fn(&Self) -> bool) -> Self {
        let mut best = self.clone();
        let mut size = best.steps.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < best.steps.len() {
                let mut shorter = best.clone();
                let end = at.saturating_add(size).min(shorter.steps.len());
                shorter.steps.drain(at..end);
                if fails(&shorter) {
                    best = shorter;
                } else {
                    at = end;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        best
    }
}
