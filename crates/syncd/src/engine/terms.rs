//! What a pair is told to keep to when it is opened: the merge by its policy, the client by how much at once. Nothing here
//! looks at either side, but for what the disk does to names.

use std::collections::BTreeSet;

use planner::policy::{Policy, ServerTraits};

use super::Setup;
use super::open::{Halt, Mode};
use crate::config::PairConfig;
use crate::local::Root;
use crate::local::root::Probe;
use crate::report::Report;

pub(super) fn policy(
    setup: &Setup,
    pair: &PairConfig,
    root: &Root,
    package: &api::Package,
    mode: Mode,
) -> Result<Policy, Halt> {
    let probe = if mode == Mode::Write {
        Probe::Write
    } else {
        Probe::ReadOnly
    };
    let disk = root
        .traits(probe)
        .map_err(|error| Halt::Error(Box::new(Report::from_root(&pair.local, &error))))?;
    Ok(Policy {
        direction: pair.direction,
        conflict: pair.conflict,
        first_merge: pair.first_merge,
        unstorable: pair.unstorable,
        disk,
        server: ServerTraits {
            keeps_astral: false,
            max_upload: package.max_upload_size.map(std::num::NonZeroU64::get),
        },
        device: setup.config.device_name.as_str().into(),
        kept_copies: BTreeSet::new(),
    })
}

/// Uploads at once to begin with, and downloads: all uploads recalculate the same folders (`wire.md` §6.1).
const TRANSFERS: usize = 4;
/// More are tried where the server is far away, and kept where they are worth it.
const TRANSFERS_MOST: usize = 16;
/// Short calls at once.
const CALLS: usize = 8;

/// Never more at once than the package allows; as many as the user says, or what is fastest.
pub(super) fn limit(setup: &Setup, package: &api::Package) {
    let own = setup.config.limits.concurrency;
    let bounded = |package: Option<std::num::NonZeroU64>| {
        let package = package.map_or(usize::MAX, |most| {
            usize::try_from(most.get()).unwrap_or(usize::MAX)
        });
        let bounds = own.map_or(
            api::AtOnce {
                usual: TRANSFERS,
                most: TRANSFERS_MOST,
            },
            api::AtOnce::fixed,
        );
        api::AtOnce {
            usual: bounds.usual.min(package),
            most: bounds.most.min(package),
        }
    };
    setup.client.set_concurrency(
        api::AtOnce::fixed(own.unwrap_or(CALLS)),
        bounded(package.concurrent_uploads),
        bounded(package.concurrent_downloads),
    );
}
