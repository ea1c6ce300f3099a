//! Both sides as a pass sees them: all of them, a part outside of which all is at rest, or that nothing changed.

use super::calm::Calm;
use super::observe::{self, RemoteSeen};
use super::open::{Halt, Session};
use super::tally::Tally;
use super::{Look, adopt, part, sight};
use crate::local::scan::Scan;
use crate::remote::listings::Wanted;

/// Both sides as they were seen, and what the next look at this one needs.
pub(super) type Trees = (Scan, RemoteSeen, sight::Kept);

/// What both sides showed.
pub(super) enum Seen {
    /// This.
    Trees(Box<Trees>),
    /// A part of both, outside of which everything is at rest.
    Part(Box<part::Parted>),
    /// Only what changed here was wanted, and nothing did.
    NothingHere,
    /// Neither side changed since the calm pass before.
    Nothing {
        /// Folders that were listed.
        listed: usize,
    },
}

/// What is known before a look.
pub(super) enum Known<'a> {
    /// What the pass before left at rest.
    Rest(&'a Calm),
    /// What the journal has, and nothing beside it waits: a part that differs from it may be decided about.
    Record,
    /// Less than that: everything is decided about.
    Less,
}

/// Sees both sides.
pub(super) async fn see(
    session: &mut Session,
    look: Look,
    known: &Known<'_>,
    tally: &mut Tally,
) -> Result<Seen, Halt> {
    let begun = session.now();
    let seen = match look {
        Look::All => all(session, known, tally).await?,
        Look::Changed | Look::Due { .. } => both(session, look, known).await?,
    };
    if look != Look::Changed {
        session.looked_at = Some(begun);
    }
    Ok(seen)
}

/// Looks at everything.
async fn all(session: &mut Session, known: &Known<'_>, tally: &mut Tally) -> Result<Seen, Halt> {
    session.disk = None;
    let listings = session.listings.take();
    session.sink.phase(&session.pair.name, "looking");
    let once = session.hearing.is_none();
    let seen = async {
        let (scan, _, kept) = sight::see(session, None).await?.split();
        Ok(if once {
            (scan.last(), kept.last())
        } else {
            (scan, kept)
        })
    };
    // The disk does not wait for the network.
    let both = futures_util::future::join(seen, observe::list(session, listings, &Wanted::All));
    let (sight, listed) = both.await;
    let (scan, kept): (Scan, sight::Kept) = sight?;
    let mut scan = sight::quiet(session, scan).await?;
    let Some(listed) = listed? else {
        return whole(session, scan, kept, observe::Looked::default());
    };
    let (mut listed, mut kept) = (listed, kept);
    if matches!(known, Known::Record) {
        let look = part::Look { scan, listed, kept };
        let look = adopt::adopt(session, look, tally).await?;
        let taken = if session.synced.is_empty() {
            Err(look)
        } else {
            part::take(session, look, &part::Around::Differences)?
        };
        match taken {
            Ok(parted) => return Ok(Seen::Part(Box::new(parted))),
            Err(look) => part::Look { scan, listed, kept } = look,
        }
    }
    let looked = observe::confirmed(session, listed).await?;
    whole(session, scan, kept, looked)
}

/// Everything is decided about.
fn whole(
    session: &mut Session,
    scan: Scan,
    mut kept: sight::Kept,
    looked: observe::Looked,
) -> Result<Seen, Halt> {
    let remote = observe::translate(session, looked, kept.ignore())?;
    Ok(Seen::Trees(Box::new((scan, remote, kept))))
}

async fn both(session: &mut Session, look: Look, rest: &Known<'_>) -> Result<Seen, Halt> {
    let (disk, known) = (session.disk.take(), session.listings.take());
    let calm = match rest {
        Known::Rest(calm) => Some(*calm),
        Known::Record | Known::Less => None,
    };
    let sure = disk.as_ref().is_some_and(sight::Disk::is_sure);
    let (scan, looked, kept) = sight::see(session, disk).await?.split();
    let same = looked
        .as_ref()
        .is_some_and(|paths| !sight::differs(session, &scan, paths));
    if let (Some(looked), Look::Changed, true) = (&looked, look, same) {
        session.listings = known;
        still(session, scan, kept, looked);
        return Ok(Seen::NothingHere);
    }
    let idle = calm.is_some_and(Calm::is_idle);
    let same = same && idle && sure && scan.young.is_empty();
    session.sink.phase(&session.pair.name, "looking");
    let scan = sight::quiet(session, scan).await?;
    let these = looked
        .as_ref()
        .map(|looked| observe::folders_of(session, &looked.paths));
    let wanted = match (look, these) {
        (Look::Changed, Some(these)) => Wanted::These(these),
        (Look::Due { full, next }, these) => Wanted::Due {
            full,
            next,
            these: these.unwrap_or_default(),
        },
        (Look::All, _) | (Look::Changed, None) => Wanted::All,
    };
    let listed = match observe::list(session, known, &wanted).await? {
        Some((listings, listed)) if same && !listings.brought_news() && listings.stirred().is_empty() => {
            session.listings = Some(listings);
            still(session, scan, kept, &looked.unwrap_or_default());
            return Ok(Seen::Nothing { listed: listed.len() });
        }
        Some(listed) => listed,
        None => return whole(session, scan, kept, observe::Looked::default()),
    };
    let mut found = part::Look { scan, listed, kept };
    if let (Some(calm), Some(looked)) = (calm, &looked) {
        found = match part::take(session, found, &part::Around::Changes(calm, looked))? {
            Ok(parted) => return Ok(Seen::Part(Box::new(parted))),
            Err(found) => found,
        };
    }
    let looked = observe::confirmed(session, found.listed).await?;
    whole(session, found.scan, found.kept, looked)
}

/// The disk is as it was left by the pass before.
fn still(session: &mut Session, scan: Scan, kept: sight::Kept, looked: &sight::Looked) {
    let learned = sight::Learned {
        since: std::mem::take(&mut session.learned),
        synced: &session.synced,
    };
    session.disk = Some(sight::Disk::still(scan, kept, learned, looked));
}
