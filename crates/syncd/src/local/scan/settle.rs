//! The second of two looks at files that were touched a moment ago (design S13).

use planner::tree::LocalKind;

use super::Scan;
use crate::local::error::LocalError;
use crate::local::root::Root;
use crate::local::sys::Kind;

/// Looks again, beneath the handle, at the files that were young when scanned. To be called once `quiet` has passed on a
/// monotonic clock: a file whose two looks are equal is quiet; one that differs is marked busy, with the stamps of
/// the second look, and nothing is decided about its content. Afterwards no file is young.
pub(crate) fn settle(root: &Root, scan: &mut Scan) -> Result<(), LocalError> {
    for key in std::mem::take(&mut scan.young) {
        let (Some(path), Some(node)) = (scan.path(key), scan.tree.nodes.get(key)) else {
            continue;
        };
        let looked = root.look(&path).ok().filter(|meta| meta.kind == Kind::File);
        let mut node = node.clone();
        let LocalKind::File(file) = &mut node.kind else {
            continue;
        };
        match looked {
            Some(meta) if meta.size == file.size && meta.stamp == file.stamp => continue,
            Some(meta) => {
                file.size = meta.size;
                file.stamp = meta.stamp;
            }
            // Gone, or not to be seen just now: the next scan tells. Until then nothing is decided.
            None => {}
        }
        file.hash = None;
        file.busy = true;
        scan.tree.nodes.insert(node);
    }
    root.check()
}
