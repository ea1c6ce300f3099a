//! `syncd` without arguments: the service in the foreground, until it is told to end.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::cli::{Context, logging};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::run::{Service, prepare};

/// After the end, threads that still wait for a disk get so long.
const LEAVE: Duration = Duration::from_millis(500);

/// Runs it.
pub(crate) fn run(context: &Context) -> Exit {
    let served = prepare(&context.choice, &context.env).and_then(|service| serve(context, service));
    match served {
        Ok(()) => Exit::InSync,
        Err(report) => context.output.fail(&report),
    }
}

fn serve(context: &Context, service: Service) -> Result<(), Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        let next = "free memory or processes";
        Report::new(Kind::Internal, "cannot start", error.to_string(), next)
    })?;
    let logs = logging::service(context, service.log(), LevelFilter::INFO);
    let served = runtime.block_on(service.run(logs));
    runtime.shutdown_timeout(LEAVE);
    served
}
