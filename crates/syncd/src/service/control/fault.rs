//! Why a request gets no answer: status, a stable word, a sentence. All errors of the control socket look the same.

use http_body_util::Full;
use hyper::StatusCode;

use super::wire::{Failure, FailureItem};
use crate::report::{Kind, Report};
use crate::service::desk::Refusal;

/// A request that is refused, or failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) message: String,
    /// Methods that the path knows, for 405.
    pub(super) allow: Option<&'static str>,
}

impl Fault {
    /// A pass works on the pair.
    pub(super) fn is_busy(&self) -> bool {
        self.kind == "busy"
    }

    /// A fault of this status.
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            allow: None,
        }
    }

    /// The request makes no sense.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// As the body of an answer.
    pub(super) fn body(&self) -> Full<bytes::Bytes> {
        Full::from(self.text())
    }

    /// As JSON, with a line's end for terminals.
    pub(super) fn text(&self) -> String {
        let failure = Failure {
            error: FailureItem {
                kind: self.kind.to_owned(),
                message: self.message.clone(),
            },
        };
        // Two strings always have a JSON form.
        serde_json::to_string(&failure).unwrap_or_default() + "\n"
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::NoSuchPair(_) => Self::new(StatusCode::NOT_FOUND, "no_such_pair", message),
            Refusal::Bad(_) => Self::bad(message),
            Refusal::Failed(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", message),
            Refusal::Busy => Self::new(StatusCode::CONFLICT, "busy", message),
        }
    }
}

impl From<Report> for Fault {
    fn from(report: Report) -> Self {
        let status = match report.kind {
            Kind::Busy | Kind::LocalFolder => StatusCode::CONFLICT,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Usage => StatusCode::BAD_REQUEST,
            Kind::Config
            | Kind::CredentialsFile
            | Kind::State
            | Kind::Offline
            | Kind::NotThisApi
            | Kind::Server
            | Kind::NoCredentials
            | Kind::Rejected
            | Kind::NoApiAccess
            | Kind::OtherAccount
            | Kind::SafetyStop
            | Kind::NotRunning
            | Kind::NoServiceManager
            | Kind::Refused
            | Kind::Interrupted
            | Kind::OtherPlan
            | Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, report.kind.name(), report.line())
    }
}
