//! `syncd stop` and `syncd reload`: told to the running service.

use std::time::{Duration, Instant};

use super::pairs;
use crate::cli::Context;
use crate::cli::control::{Control, Trouble};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::control::wire::Done;

/// A service ends within ten seconds; some more for a machine that is busy.
const END_TIME: Duration = Duration::from_secs(20);

/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(100);

/// Ends the service, and waits for its end.
pub(crate) fn stop(context: &Context) -> Exit {
    tell(context, "/v1/stop", "syncd has stopped\n", |control| {
        let end = Instant::now() + END_TIME;
        while Instant::now() < end {
            let asked: Result<serde_json::Value, _> = control.get("/v1/status", &[]);
            if matches!(asked, Err(Trouble::NoService(_))) {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        Err(Report::new(
            Kind::Refused,
            "syncd is still ending",
            "it was told to, and finishes the step it is at",
            "look again with \"syncd status\"",
        ))
    })
}

/// Lets it read its configuration again.
pub(crate) fn reload(context: &Context) -> Exit {
    tell(context, "/v1/reload", "the configuration is in force\n", |_| {
        Ok(())
    })
}

fn tell(
    context: &Context,
    path: &str,
    text: &str,
    then: impl FnOnce(&Control) -> Result<(), Report>,
) -> Exit {
    let told = pairs::configured(context).and_then(|config| {
        let control = Control::of(&config);
        let done: Done = control
            .post(path, None, &serde_json::json!({}))
            .map_err(|trouble| trouble.report())?;
        then(&control)?;
        Ok(done)
    });
    match told {
        Ok(done) if context.output.is_json() => context.output.object(&done),
        Ok(_) => context.output.text(text),
        Err(report) => return context.output.fail(&report),
    }
    Exit::InSync
}
