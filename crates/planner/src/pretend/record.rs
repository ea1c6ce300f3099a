//! What a finished step lets the journal say: only what it settles, and only from facts (as the engine does it).

use super::Disk;
use super::account::url;
use super::perform::{Known, Pass, Why};
use crate::id::{FileId, LocalKey, NodeId, RemoteId, TargetKey};
use crate::merge::TargetNode;
use crate::transition::Step;
use crate::tree::{Standing, SyncedFile, SyncedKind, SyncedNode};

impl Pass<'_> {
    /// Records what the step settles. It is an error to settle what is not known.
    pub(super) fn record(&mut self, step: &Step, key: TargetKey) -> Result<(), Why> {
        let node = self.merged.target.get(key).ok_or("settles without a node")?;
        let known = self.known[&key];
        let inode = known.inode.ok_or("settled without an entry here")?;
        let row = known.row.ok_or("settled without a row there")?;
        let base = self
            .records
            .get(&key)
            .and_then(|id| self.synced.get(*id))
            .cloned();
        if base.is_none() && !(step.settles.place && step.settles.content) {
            return Err("a first record says everything or nothing".into());
        }
        let mut record = match base {
            Some(base) => base,
            None => {
                *self.next_node += 1;
                blank(NodeId(*self.next_node), node, row)?
            }
        };
        if step.settles.place {
            record.parent = match node.parent {
                None => None,
                Some(parent) => Some(*self.records.get(&parent).ok_or("the folder has no record yet")?),
            };
            record.local_name = node.local_name.clone().ok_or("placed without a name here")?;
            record.remote_name = node.remote_name.clone().ok_or("placed without a name there")?;
        }
        record.identity = Some(Disk::identity(inode));
        if step.settles.content {
            record.kind = match row {
                RemoteId::Folder(id) => SyncedKind::Folder(id),
                RemoteId::File(id) => SyncedKind::File(self.version(known, id, inode)?),
            };
        }
        if known.uploaded {
            record.standing = Standing::Published;
        }
        self.records.insert(key, record.id);
        self.synced.insert(record);
        Ok(())
    }

    /// The version that both sides hold: what a step moved, else what both were seen to hold.
    fn version(&self, known: Known, id: FileId, inode: super::Inode) -> Result<SyncedFile, Why> {
        let row = RemoteId::File(id);
        let seen = self.local.nodes.get(LocalKey(inode)).and_then(|node| node.file());
        let listed = self.remote.nodes.get(row).and_then(|row| row.file());
        let told = known
            .moved
            .map(|(hash, size, stamp)| (Some(hash), size, Some(stamp)));
        let shown = || {
            let (seen, listed) = (seen?, listed?);
            let hash = seen.hash.or(listed.hash);
            let renamed = self
                .restamped
                .get(&inode)
                .filter(|(before, _)| *before == seen.stamp);
            let stamp = renamed.map_or(seen.stamp, |(_, after)| *after);
            (seen.size == listed.size).then_some((hash, seen.size, Some(stamp)))
        };
        let (hash, size, stamp) = told.or_else(shown).ok_or("nothing shows equal bytes")?;
        let short_url = match (known.moved, listed) {
            (None, Some(listed)) => listed.short_url.clone(),
            (Some(_), _) | (None, None) => Some(url(row, self.account.rows[&row].version)),
        };
        Ok(SyncedFile {
            remote: id,
            short_url,
            size,
            hash,
            stamp,
        })
    }
}

/// A record of nothing but ids and names.
fn blank(id: NodeId, node: &TargetNode, row: RemoteId) -> Result<SyncedNode, Why> {
    let kind = match row {
        RemoteId::Folder(id) => SyncedKind::Folder(id),
        RemoteId::File(id) => SyncedKind::File(SyncedFile {
            remote: id,
            short_url: None,
            size: 0,
            hash: None,
            stamp: None,
        }),
    };
    Ok(SyncedNode {
        id,
        parent: None,
        remote_name: node.remote_name.clone().ok_or("recorded without a name there")?,
        local_name: node.local_name.clone().ok_or("recorded without a name here")?,
        identity: None,
        standing: Standing::Agreed,
        kind,
    })
}
