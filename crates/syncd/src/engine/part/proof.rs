//! In tests and simulations every part is decided about as the whole, too: both must come to the same plan.

use std::collections::BTreeMap;

use planner::merge::{Now, Scope, Trees, merge};
use planner::render;
use planner::transition::transition;
use planner::tree::{RemoteKind, RemoteNode};

use crate::engine::decide::Decision;
use crate::engine::observe::{self, RemoteSeen};
use crate::engine::open::Session;
use crate::local::ignore::Ignore;
use crate::local::scan::Scan;

/// Panics where the whole would have been decided about otherwise.
pub(in crate::engine) fn prove(session: &mut Session, scan: &Scan, decision: &Decision, ignore: &mut Ignore) {
    if !cfg!(test) && crate::sim::time::now_ns().is_none() {
        return;
    }
    let Some(whole) = session.aside.take() else {
        return;
    };
    let part = std::mem::replace(&mut session.synced, whole);
    let files = session.synced.iter().filter(|node| node.file().is_some()).count();
    assert_eq!(
        session.files,
        u64::try_from(files).unwrap_or(u64::MAX),
        "files on record"
    );
    let mut seen = everything(session);
    observe::name(session, ignore, &mut seen);
    know(session, decision, &mut seen);
    let mut local = scan.clone();
    local.take_back(&decision.scan);
    let of_all = lines(
        session,
        Trees {
            synced: &session.synced,
            local: &local.tree,
            remote: &seen.tree,
        },
    );
    let of_part = lines(
        session,
        Trees {
            synced: &part,
            local: &decision.scan.tree,
            remote: &decision.remote.tree,
        },
    );
    assert_eq!(
        of_part, of_all,
        "a part was decided about otherwise than the whole"
    );
    session.aside = Some(std::mem::replace(&mut session.synced, part));
}

fn lines(session: &Session, trees: Trees<'_>) -> Vec<String> {
    let merged = merge(trees, &Scope::Everything, &session.policy, Now(session.now()));
    let plan = transition(trees, &merged, &session.policy);
    let lines = render::lines(trees, &merged, &plan).into_iter();
    lines.map(|line| line.to_string()).collect()
}

/// All live rows of the newest listings.
fn everything(session: &Session) -> RemoteSeen {
    let listings = session.listings.as_ref();
    let live = listings.map(|listings| listings.walk().nodes());
    RemoteSeen::of(live.unwrap_or_default())
}

/// What is known of files beyond their rows: in the part as it is there, elsewhere as on record.
fn know(session: &Session, decision: &Decision, seen: &mut RemoteSeen) {
    let synced: BTreeMap<_, _> = session.synced.iter().map(|node| (node.remote(), node)).collect();
    let rows: Vec<RemoteNode> = seen.tree.nodes.iter().cloned().collect();
    for row in rows {
        let known = decision.remote.tree.nodes.get(row.id).cloned();
        let known = known.unwrap_or_else(|| {
            let base = synced.get(&row.id).and_then(|node| node.file());
            let RemoteKind::File(mut file) = row.kind.clone() else {
                return row;
            };
            let same = base.filter(|base| base.size == file.size && base.short_url == file.short_url);
            file.hash = same.and_then(|base| base.hash);
            RemoteNode {
                kind: RemoteKind::File(file),
                ..row
            }
        });
        seen.tree.nodes.insert(known);
    }
}
