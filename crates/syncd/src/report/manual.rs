//! What went wrong with a command about the account, told for the file or folder it is about.

use crate::manual::Fault;
use crate::remote::apply::Failure;

use super::{Kind, Report};

/// What can always be done to see how things are.
const LOOK: &str = "look with \"syncd remote ls\", then run it again if it is not there";

impl Report {
    /// Something that was not done in the account at this address.
    pub(crate) fn from_manual(fault: &Fault, api_url: &str) -> Self {
        written(fault)
            .or_else(|| named(fault))
            .or_else(|| refused(fault))
            .unwrap_or_else(|| failed(fault, api_url))
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
            (
                Kind::Refused,
                "\"syncd remote package\" shows the account's limits",
            )
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

/// What was written makes no sense.
fn written(fault: &Fault) -> Option<Report> {
    let report = |path: &str, happened: &str, cause: &str, next: &str| {
        Some(Report::new(Kind::Usage, happened, cause, next).at(path))
    };
    if let Fault::BadTarget { text, why } = fault {
        return report(
            text,
            "names nothing in the account",
            why,
            "write a path such as /docs/a.txt, or an id such as id:123",
        );
    }
    if let Fault::BadPattern { text, why } = fault {
        return report(
            text,
            "not a pattern",
            why,
            "close every \"[\" and \"{\", or name it by its id",
        );
    }
    None
}

/// What was named is not there, or not so.
fn named(fault: &Fault) -> Option<Report> {
    let report = |kind, path: &str, happened: &str, cause: String, next: String| {
        Some(Report::new(kind, happened, cause, next).at(path))
    };
    match fault {
        Fault::NotFound { path, near } => report(
            Kind::NotFound,
            path,
            "not in the account",
            "nothing that lives has that name or id".to_owned(),
            match near {
                Some(near) => format!("perhaps \"{near}\" is meant"),
                None => "\"syncd remote ls\" shows what is there".to_owned(),
            },
        ),
        Fault::NoMatch { path } => report(
            Kind::NotFound,
            path,
            "nothing in the account fits",
            "no name there matches the pattern".to_owned(),
            "\"syncd remote ls\" shows what is there".to_owned(),
        ),
        Fault::Ambiguous { path, ids } => report(
            Kind::Usage,
            path,
            "several things are meant",
            ids.join(", "),
            "name the one you mean by its id".to_owned(),
        ),
        Fault::Dead { path } => report(
            Kind::NotFound,
            path,
            "in the trash, or gone",
            "it is not live any more".to_owned(),
            "the site can bring it back; \"syncd remote get\" can still download a file by its id".to_owned(),
        ),
        Fault::NotAFolder { path } => report(
            Kind::Usage,
            path,
            "not a folder",
            "it is a file".to_owned(),
            "name a folder".to_owned(),
        ),
        Fault::NotAFile { path, next } => report(
            Kind::Usage,
            path,
            "a folder, not a file",
            String::new(),
            (*next).to_owned(),
        ),
        Fault::BadTarget { .. }
        | Fault::BadPattern { .. }
        | Fault::Unfit { .. }
        | Fault::Taken { .. }
        | Fault::Unnameable { .. }
        | Fault::Empty { .. }
        | Fault::Changed { .. }
        | Fault::Local { .. }
        | Fault::Api { .. }
        | Fault::Step { .. }
        | Fault::Unclear { .. } => None,
    }
}

/// What is refused here, before or without the server.
fn refused(fault: &Fault) -> Option<Report> {
    let report = |kind, path: &str, happened: &str, cause: &str, next: &str| {
        Some(Report::new(kind, happened, cause, next).at(path))
    };
    match fault {
        Fault::Unfit {
            path,
            happened,
            why,
            next,
        } => report(Kind::Refused, path, happened, why, next),
        Fault::Taken { path, happened, next } => Some(
            Report::new(
                Kind::Refused,
                *happened,
                "something in the account has that name",
                *next,
            )
            .at(path.as_str())
            .data("What is there was not touched."),
        ),
        Fault::Unnameable { path, happened, why } => report(
            Kind::Refused,
            path,
            happened,
            why,
            "give it another name on the side it comes from",
        ),
        Fault::Empty { path } => report(
            Kind::Refused,
            path,
            "not uploaded",
            "it is empty, and this API holds no empty files",
            "leave it out",
        ),
        Fault::Changed { path } => Some(
            Report::new(
                Kind::LocalFolder,
                "not transferred",
                "it changed meanwhile",
                "run it again when it is quiet",
            )
            .at(path.as_str())
            .data("No part of it was kept as the whole."),
        ),
        Fault::Local {
            path,
            happened,
            error,
        } => Some(local(path, happened, error)),
        Fault::BadTarget { .. }
        | Fault::BadPattern { .. }
        | Fault::NotFound { .. }
        | Fault::NoMatch { .. }
        | Fault::Ambiguous { .. }
        | Fault::Dead { .. }
        | Fault::NotAFolder { .. }
        | Fault::NotAFile { .. }
        | Fault::Api { .. }
        | Fault::Step { .. }
        | Fault::Unclear { .. } => None,
    }
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

/// What the account's side did not do.
fn failed(fault: &Fault, api_url: &str) -> Report {
    match fault {
        Fault::Api {
            path,
            happened,
            error,
        } => Report::of_call(error, api_url, path, happened),
        Fault::Step {
            path,
            happened,
            failure,
        } => {
            let (cause, next) = match failure {
                Failure::Fatal(error) => return Report::of_call(error, api_url, path, happened),
                Failure::Stale(why) => (why, "run it again: the account changed meanwhile"),
                Failure::Later(why) => (why, "run it again later"),
                Failure::Refused(why) | Failure::Held(why) => {
                    (why, "\"syncd remote package\" shows the account's limits")
                }
                Failure::Unknown(why) => (why, LOOK),
            };
            Report::new(Kind::Server, *happened, cause.as_str(), next).at(path.as_str())
        }
        Fault::Unclear { path, happened, why } => Report::new(Kind::Server, *happened, why.as_str(), LOOK)
            .at(path.as_str())
            .data("Nothing was sent twice."),
        Fault::BadTarget { .. }
        | Fault::BadPattern { .. }
        | Fault::NotFound { .. }
        | Fault::NoMatch { .. }
        | Fault::Ambiguous { .. }
        | Fault::Dead { .. }
        | Fault::NotAFolder { .. }
        | Fault::NotAFile { .. }
        | Fault::Unfit { .. }
        | Fault::Taken { .. }
        | Fault::Unnameable { .. }
        | Fault::Empty { .. }
        | Fault::Changed { .. }
        | Fault::Local { .. } => Report::new(Kind::Internal, "not done", "", "report this as a bug"),
    }
}
