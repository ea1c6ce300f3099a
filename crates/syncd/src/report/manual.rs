//! What went wrong with a command about the account, told for the file or folder it is about.

use crate::manual::Fault;
use crate::remote::apply::Failure;

use super::{Kind, Report};

/// What can always be done to see how things are.
const LOOK: &str = "look with \"syncd remote ls\", then run it again if it is not there";

/// Where names that are there are seen.
const LIST: &str = "\"syncd remote ls\" shows what is there";

/// Where it is seen what may be sent.
const LIMITS: &str = "\"syncd remote package\" shows the account's limits";

impl Report {
    /// Something that was not done in the account at this address.
    pub(crate) fn from_manual(fault: &Fault, api_url: &str) -> Self {
        match fault {
            Fault::BadTarget { text, why } => bad_target(text, why),
            Fault::BadPattern { text, why } => bad_pattern(text, why),
            Fault::NotFound { path, near } => not_found(path, near.as_deref()),
            Fault::NoMatch { path } => no_match(path),
            Fault::Ambiguous { path, ids } => ambiguous(path, ids),
            Fault::Dead { path } => dead(path),
            Fault::NotAFolder { path } => {
                Self::new(Kind::Usage, "not a folder", "it is a file", "name a folder").at(path.as_str())
            }
            Fault::NotAFile { path, next } => {
                Self::new(Kind::Usage, "a folder, not a file", "", *next).at(path.as_str())
            }
            Fault::Unfit {
                path,
                happened,
                why,
                next,
            } => Self::new(Kind::Refused, *happened, why.as_str(), next.as_str()).at(path.as_str()),
            Fault::Taken { path, happened, next } => taken(path, happened, next),
            Fault::Unnameable { path, happened, why } => unnameable(path, happened, why),
            Fault::Empty { path } => empty(path),
            Fault::Changed { path } => changed(path),
            Fault::Local {
                path,
                happened,
                error,
            } => local(path, happened, error),
            Fault::Api {
                path,
                happened,
                error,
            } => Self::of_call(error, api_url, path, happened),
            Fault::Step {
                path,
                happened,
                failure,
            } => step(path, happened, failure, api_url),
            Fault::Unclear { path, happened, why } => {
                let report = Self::new(Kind::Server, *happened, why.as_str(), LOOK);
                report.at(path.as_str()).data("Nothing was sent twice.")
            }
        }
    }

    /// A call that failed at a path, with what was not done.
    fn of_call(error: &api::ApiError, api_url: &str, path: &str, happened: &str) -> Self {
        if crate::remote::apply::is_fatal(error) {
            return Self::from_api(error, api_url);
        }
        let limits = matches!(
            error,
            api::ApiError::TooBig { .. } | api::ApiError::UploadRefused { .. }
        );
        let (kind, next) = if limits {
            (Kind::Refused, LIMITS)
        } else if let api::ApiError::NotFound { .. } = error {
            (Kind::NotFound, "look with \"syncd remote ls\": it may be gone")
        } else if let api::ApiError::Unsupported { .. } = error {
            (Kind::Refused, "ask the site which functions of the API it offers")
        } else {
            (Kind::Server, "run it again")
        };
        if let api::ApiError::Unsupported { said } = error {
            let cause = format!("the server does not support this call: {said}");
            return Self::new(kind, happened, cause, next).at(path);
        }
        let told = Self::from_api(error, api_url);
        let cause = if told.cause.is_empty() {
            told.happened
        } else {
            format!("{}: {}", told.happened, told.cause)
        };
        Self::new(kind, happened, cause, next).at(path)
    }
}

fn bad_target(text: &str, why: &str) -> Report {
    let next = "write a path such as /docs/a.txt, or an id such as id:123";
    Report::new(Kind::Usage, "names nothing in the account", why, next).at(text)
}

fn bad_pattern(text: &str, why: &str) -> Report {
    let next = "close every \"[\" and \"{\", or name it by its id";
    Report::new(Kind::Usage, "not a pattern", why, next).at(text)
}

fn not_found(path: &str, near: Option<&str>) -> Report {
    let next = near.map_or_else(|| LIST.to_owned(), |near| format!("perhaps \"{near}\" is meant"));
    let cause = "nothing that lives has that name or id";
    Report::new(Kind::NotFound, "not in the account", cause, next).at(path)
}

fn no_match(path: &str) -> Report {
    let cause = "no name there matches the pattern";
    Report::new(Kind::NotFound, "nothing in the account fits", cause, LIST).at(path)
}

fn ambiguous(path: &str, ids: &[String]) -> Report {
    let next = "name the one you mean by its id";
    Report::new(Kind::Usage, "several things are meant", ids.join(", "), next).at(path)
}

fn dead(path: &str) -> Report {
    let next = "the site can bring it back; \"syncd remote get\" can still download a file by its id";
    let cause = "it is not live any more";
    Report::new(Kind::NotFound, "in the trash, or gone", cause, next).at(path)
}

fn taken(path: &str, happened: &str, next: &str) -> Report {
    let cause = "something in the account has that name";
    let report = Report::new(Kind::Refused, happened, cause, next).at(path);
    report.data("What is there was not touched.")
}

fn unnameable(path: &str, happened: &str, why: &str) -> Report {
    let next = "give it another name on the side it comes from";
    Report::new(Kind::Refused, happened, why, next).at(path)
}

fn empty(path: &str) -> Report {
    let cause = "it is empty, and this API holds no empty files";
    Report::new(Kind::Refused, "not uploaded", cause, "leave it out").at(path)
}

fn changed(path: &str) -> Report {
    let next = "run it again when it is quiet";
    let report = Report::new(Kind::LocalFolder, "not transferred", "it changed meanwhile", next);
    report.at(path).data("No part of it was kept as the whole.")
}

/// A step of the account's that was not done.
fn step(path: &str, happened: &str, failure: &Failure, api_url: &str) -> Report {
    let (cause, next) = match failure {
        Failure::Fatal(error) => return Report::of_call(error, api_url, path, happened),
        Failure::Stale(why) => (why, "run it again: the account changed meanwhile"),
        Failure::Later(why) => (why, "run it again later"),
        Failure::Refused(why) | Failure::Held(why) => (why, LIMITS),
        Failure::Unknown(why) => (why, LOOK),
    };
    Report::new(Kind::Server, happened, cause.as_str(), next).at(path)
}

fn local(path: &str, happened: &str, error: &crate::local::LocalError) -> Report {
    use crate::local::LocalError;
    let (cause, next) = match error {
        LocalError::Occupied { .. } => (
            "something is there already".to_owned(),
            "move it away, choose another folder with --to, or give --force to replace a file",
        ),
        LocalError::Missing(_) | LocalError::Vanished { .. } => {
            ("it does not exist".to_owned(), "check the path")
        }
        LocalError::NotAFolder(_) => ("it is not a folder".to_owned(), "name a folder"),
        LocalError::Denied { cause, .. } => (
            format!("the system does not permit it ({cause})"),
            "check its permissions and those of its folder",
        ),
        LocalError::NoSpace { cause, .. } => (
            format!("no space is left ({cause})"),
            "free space, then run it again: what came stays and is gone on with",
        ),
        LocalError::Unnameable { cause, .. } => (
            format!("this disk, or the account, cannot hold the name ({cause})"),
            "give it another name",
        ),
        LocalError::Changed { what, .. } => ((*what).to_owned(), "check the path"),
        LocalError::NotEmpty { .. }
        | LocalError::Damaged { .. }
        | LocalError::Rules { .. }
        | LocalError::Io { .. } => (error.to_string(), "check the disk"),
    };
    Report::new(Kind::LocalFolder, happened, cause, next).at(path)
}
