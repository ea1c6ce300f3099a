//! A first sync of trees that are alike: what both sides hold is put on record folder by folder, before all else is decided
//! about. The memory that takes does not grow with the trees, but for what is kept of them anyway.
//!
//! That this is what one pass about everything would put on record is a law of the planner. Nothing is done here to either
//! side, and no look is counted: what is not agreed on meets the pass that follows as if nobody had looked.

use std::sync::Arc;

use planner::part::{Adoption, Part, Whole};
use planner::transition::Step;

use super::decide::{Decision, decide};
use super::open::{Halt, Mode, Session};
use super::part::Look;
use super::tally::Tally;
use super::{execute, observe, part};
use crate::local::scan::Scan;
use crate::local::staging::Staging;
use crate::remote::listings::Listings;

/// Puts on record what both sides hold alike, where that is more than is decided about at once anyway. Only where nothing waits,
/// and both sides may be written.
pub(super) async fn adopt(session: &mut Session, look: Look, tally: &mut Tally) -> Result<Look, Halt> {
    let Look {
        mut scan,
        listed: (listings, listed),
        mut kept,
    } = look;
    let new = scan.tree.nodes.len().saturating_sub(session.synced.len());
    if new > session.adopt_at_once && listings.is_whole() && listings.show_each_once() {
        let at_once = session.adopt_at_once;
        let adoption = ask(session, &scan, &listings, Adoption::begin);
        let known = session.synced.len();
        if let Some(mut adoption) = adoption {
            while !session.stop.is_cancelled()
                && let Some(part) = ask(session, &scan, &listings, |whole| adoption.next(whole, at_once))
            {
                session.aside = Some(std::mem::replace(
                    &mut session.synced,
                    Arc::new(part.synced.clone()),
                ));
                let agreed = agree(session, &scan, part, &mut kept, tally).await;
                part::end(session);
                scan.take_back(&agreed?);
            }
        }
        let records = session.synced.len().saturating_sub(known);
        tracing::debug!(
            pair = session.pair.name,
            records,
            "put on record, folder by folder"
        );
    }
    Ok(Look {
        scan,
        listed: (listings, listed),
        kept,
    })
}

fn ask<T>(
    session: &Session,
    scan: &Scan,
    listings: &Listings,
    question: impl FnOnce(Whole<'_>) -> Option<T>,
) -> Option<T> {
    let rows = listings.rows_by_folder();
    question(Whole {
        synced: &session.synced,
        local: &scan.tree,
        holder: &|identity| scan.holder(identity),
        remote: &rows,
    })
}

/// Puts on record what is agreed on in a part. Answers the scan of the part, with what was learned of files.
async fn agree(
    session: &mut Session,
    scan: &Scan,
    part: Part,
    kept: &mut super::sight::Kept,
    tally: &mut Tally,
) -> Result<Scan, Halt> {
    let cut = scan.of(part.local);
    let remote = observe::named(session, part.remote.nodes, kept.ignore())?;
    let mut decision = decide(session, cut, remote, Mode::Write).await?;
    // Of a file touched a moment ago times tell nothing yet: what its record would be worth the pass itself decides.
    let target = &decision.merged.target;
    let entry = |step: &Step| decision.scan.tree.nodes.get(target.get(step.node?)?.local?);
    let is_old = |step: &Step| {
        let entry = entry(step);
        entry.is_some_and(|entry| entry.is_folder() || decision.trusted.contains_key(&entry.key))
    };
    decision.plan.steps.retain(is_old);
    decision.plan = decision.plan.agreements();
    if decision.plan.steps.is_empty() {
        return Ok(decision.scan);
    }
    session.claim_once()?;
    let executed = execute::execute(session, &decision, tally).await?;
    drop_compared(session, &decision).await;
    match &executed.fatal {
        Some(error) => Err(session.fatal(error)),
        None => Ok(decision.scan),
    }
}

/// Downloads that were only to be compared, and are as what is here: of a large account there is not room for all of them.
async fn drop_compared(session: &Session, decision: &Decision) {
    let target = &decision.merged.target;
    let agreed = decision.plan.steps.iter().filter_map(|step| {
        let file = target.get(step.node?)?.remote?.file()?;
        Some(decision.fetched.get(&file)?.staged.name.clone())
    });
    let (root, names): (_, Vec<_>) = (session.root.clone(), agreed.collect());
    if names.is_empty() {
        return;
    }
    let dropped =
        crate::blocking::run(move || names.iter().try_for_each(|name| Staging::remove(&root, name)));
    if let Some(Err(error)) = dropped.await {
        // The next pass does, before anything else.
        tracing::debug!(%error, "a compared download stays for now");
    }
}
