//! Errors of the operating system as [`Cause`]s, and deadlines as [`Failure`]s.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::https::cause_of_tls;
use crate::model::Family;
use crate::probe::{Cause, Failure, Stage};

/// What an error of a socket means.
pub(super) fn cause_of(error: &io::Error) -> Cause {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Cause::Refused,
        // EADDRNOTAVAIL: there is no local address to reach that destination from.
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::AddrNotAvailable => {
            Cause::Unreachable
        }
        Kind::PermissionDenied => Cause::NotPermitted,
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Cause::Reset,
        Kind::UnexpectedEof => Cause::Closed,
        _ => Cause::Os { message: error.to_string() },
    }
}

/// A failure of reading or writing at `stage`; of TLS, where that is what broke.
pub(in crate::drive) fn failure_of(stage: Stage, error: &io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => Failure::new(Stage::Tls, cause_of_tls(error, "")),
        None => Failure::new(stage, cause_of(error)),
    }
}

/// Why a socket of `family` could not even be opened.
pub(super) fn cause_of_opening(error: &io::Error, family: Family) -> Cause {
    if lacks_family(error) {
        return Cause::Unsupported { what: format!("{family} sockets") };
    }
    match cause_of(error) {
        // Not a statement about a destination: no destination was named yet.
        Cause::Unreachable => Cause::Unsupported { what: format!("{family} sockets") },
        other => other,
    }
}

/// Whether the error is EAFNOSUPPORT: the system has no such address family.
pub(super) fn lacks_family(error: &io::Error) -> bool {
    let code = if cfg!(windows) {
        10047
    } else if cfg!(any(target_os = "linux", target_os = "android")) {
        97
    } else {
        47
    };
    error.raw_os_error() == Some(code)
}

/// One time limit for all steps of a probe.
#[derive(Clone, Debug)]
pub(super) struct Deadline {
    at: Instant,
    after: Duration,
    reached: Reached,
}

/// The step a probe has come to, for whoever asks while it is under way.
#[derive(Clone, Debug)]
pub(super) struct Reached(Arc<Mutex<Stage>>);

impl Reached {
    /// At this step.
    pub(super) fn new(stage: Stage) -> Self {
        Self(Arc::new(Mutex::new(stage)))
    }

    /// The step.
    pub(super) fn stage(&self) -> Stage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }
}

impl Deadline {
    /// The limit this long from `now`.
    pub(super) fn new(now: Instant, after: Duration, reached: Reached) -> Self {
        /// Longer waits than this are not meant, and may not be representable.
        const LONGEST: Duration = Duration::from_secs(24 * 3600);
        Self { at: now + after.min(LONGEST), after, reached }
    }

    /// Lets a step run no longer than the limit; beyond it the step has timed out.
    pub(super) async fn within<T>(
        &self,
        stage: Stage,
        step: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.reached.set(stage);
        self.beside(stage, step).await
    }

    /// The same for a step taken beside another one, which is the one the probe has come to.
    pub(super) async fn beside<T>(
        &self,
        stage: Stage,
        step: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout_at(self.at, step).await {
            Ok(result) => result,
            Err(_) => Err(Failure::new(stage, Cause::TimedOut { after: self.after })),
        }
    }
}

/// A failure as part of a sentence in a log.
pub(in crate::drive) fn failure_words(failure: &Failure) -> String {
    format!("{:?}: {}", failure.stage, super::https::words(&failure.cause))
}
