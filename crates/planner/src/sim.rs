//! One to three machines and one account, with people at all of them: any interleaving, steps that fail, passes that are
//! cut off. Afterwards everybody rests, and everything must have come together.

use proptest::prelude::*;

use crate::policy::Policy;
use crate::pretend::{Account, Habit, Ledger, Machine, Rng, Trouble, cases, disturb_account, disturb_disk};

/// Passes of every machine after which all is at rest. Counted looks (design N3) and conflicts take some.
const ROUNDS: usize = 12;

/// All that takes part.
struct World {
    machines: Vec<Machine>,
    account: Account,
    ledger: Ledger,
}

impl World {
    fn new(machines: usize) -> Self {
        let policy = |number: usize| Policy { device: format!("D{number}").into(), ..Policy::default() };
        Self {
            machines: (0..machines).map(|number| Machine::new(policy(number))).collect(),
            account: Account::default(),
            ledger: Ledger::default(),
        }
    }

    /// Somebody does something somewhere, or a machine makes a pass during which others go on.
    fn happen(&mut self, rng: &mut Rng, habit: Habit, trouble: Trouble) -> Result<(), String> {
        let number = rng.below(self.machines.len());
        match rng.below(6) {
            0 | 1 => disturb_disk(&mut self.machines[number].disk, &mut self.ledger, rng, habit),
            2 | 3 => disturb_account(&mut self.account, &mut self.ledger, rng, habit),
            4 => {
                self.machines[number].pass(&mut self.account, rng, trouble)?;
            }
            _ => {
                let decision = self.machines[number].decide(&self.account);
                for _ in 0..rng.below(3) {
                    disturb_account(&mut self.account, &mut self.ledger, rng, habit);
                }
                let other = rng.below(self.machines.len());
                if other == number {
                    disturb_disk(&mut self.machines[number].disk, &mut self.ledger, rng, habit);
                } else {
                    self.machines[other].pass(&mut self.account, rng, trouble)?;
                }
                self.machines[number].act(&mut self.account, &decision, rng, trouble)?;
            }
        }
        Ok(())
    }

    /// Nobody changes anything any more: passes until no plan has a step.
    fn rest(&mut self, rng: &mut Rng) -> Result<(), String> {
        for _ in 0..ROUNDS {
            let mut done = 0;
            for machine in &mut self.machines {
                done += machine.pass(&mut self.account, rng, Trouble::Never)?;
                let waits = machine.decide(&self.account).merged.held.len();
                done += usize::from(waits > 0 && machine.is_waiting(&self.account));
            }
            if done == 0 {
                return Ok(());
            }
        }
        let plans: Vec<String> =
            self.machines.iter_mut().map(|machine| machine.decide(&self.account).text()).collect();
        Err(format!("no rest after {ROUNDS} rounds:\n{}", plans.join("\n")))
    }

    /// Every content that nobody destroyed lives everywhere, and only once where it was written once.
    fn check(&mut self) -> Result<(), String> {
        let mut at_rest = true;
        for machine in &mut self.machines {
            let decision = machine.decide(&self.account);
            let held = decision.merged.held.len();
            at_rest &= held == 0;
            machine
                .check_agreement(&self.account, held)
                .map_err(|why| format!("{why}\nheld {:?}", decision.merged.held))?;
        }
        let mut places = vec![self.account.contents()];
        places.extend(self.machines.iter().map(|machine| machine.disk.contents()));
        for bytes in self.ledger.required() {
            let counts: Vec<usize> =
                places.iter().map(|all| all.iter().filter(|other| **other == bytes).count()).collect();
            let lost = if at_rest { counts.contains(&0) } else { counts.iter().all(|count| *count == 0) };
            if lost {
                return Err(format!("content {bytes} is lost: {counts:?}"));
            }
            if !self.ledger.copied.contains(&bytes) && counts.iter().any(|count| *count > 1) {
                return Err(format!("content {bytes} is there twice: {counts:?}"));
            }
        }
        Ok(())
    }
}

fn run(seed: u64, machines: usize, habit: Habit, trouble: Trouble) -> Result<(), String> {
    let rng = &mut Rng::new(seed);
    let mut world = World::new(machines);
    let events = 4 + rng.below(30);
    for _ in 0..events {
        world.happen(rng, habit, trouble)?;
    }
    world.rest(rng)?;
    world.check()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn one_machine_and_its_account_come_together(seed: u64) {
        run(seed, 1, Habit::Anything, Trouble::Others).map_err(|why| TestCaseError::fail(format!("{seed}: {why}")))?;
    }

    #[test]
    fn one_machine_comes_together_whatever_fails(seed: u64) {
        run(seed, 1, Habit::Anything, Trouble::Often).map_err(|why| TestCaseError::fail(format!("{seed}: {why}")))?;
    }

    #[test]
    fn two_machines_come_together(seed: u64) {
        run(seed, 2, Habit::Plain, Trouble::Others).map_err(|why| TestCaseError::fail(format!("{seed}: {why}")))?;
    }

    #[test]
    fn three_machines_come_together_whatever_fails(seed: u64) {
        run(seed, 3, Habit::Anything, Trouble::Often).map_err(|why| TestCaseError::fail(format!("{seed}: {why}")))?;
    }
}
