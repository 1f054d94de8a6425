//! Files that change while the relay runs: lists of clients, limits, certificates.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::gate::Gate;
use super::identity::{Identity, Reloaded};
use super::service::Service;
use super::throttle::{Throttle, ThrottleFile};

/// Looks at the files every so often, and when told to.
#[derive(Debug)]
pub(super) struct Reload {
    service: Arc<Service>,
    identity: Option<Arc<Identity>>,
    limits: Option<ThrottleFile>,
    gate: Arc<Gate>,
    every: Duration,
    now: Arc<Notify>,
}

/// Makes a relay look at its files at once.
#[derive(Clone, Debug)]
pub struct Reloader(Arc<Notify>);

impl Reloader {
    /// Reads lists, limits and certificates again. What cannot be read or understood stays as it was, with a line in the log.
    pub fn reload(&self) {
        self.0.notify_one();
    }
}

impl Reload {
    /// `limits` are those in force from the start, and the file they are from.
    pub(super) fn new(
        service: Arc<Service>,
        identity: Option<Arc<Identity>>,
        limits: Option<(ThrottleFile, Throttle)>,
        every: Duration,
    ) -> Self {
        let (limits, throttle) = limits.unzip();
        let reload = Self { service, identity, limits, gate: Arc::default(), every, now: Arc::default() };
        if let Some(throttle) = throttle {
            reload.throttle(&throttle);
        }
        reload
    }

    /// What every listener asks.
    pub(super) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    pub(super) fn reloader(&self) -> Reloader {
        Reloader(Arc::clone(&self.now))
    }

    pub(super) async fn run(self) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut complaints = Complaints::default();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.now.notified() => complaints = Complaints::default(),
            }
            self.look(&mut complaints);
        }
    }

    fn look(&self, complaints: &mut Complaints) {
        if self.service.admission().reload() {
            self.service.close_the_no_longer_admitted();
        }
        if let Some(limits) = &self.limits {
            let outcome = limits.reload();
            if let Ok(Some(throttle)) = &outcome {
                self.throttle(throttle);
                tracing::info!("the limits have changed and are in force from now on");
            }
            note(&mut complaints.limits, "the limits stay as they were", outcome.err());
        }
        if let Some(identity) = &self.identity {
            let outcome = identity.reload();
            if matches!(outcome, Ok(Reloaded::Changed)) {
                tracing::info!(pin = %identity.pin(), "the certificate has changed and is served from now on");
            }
            note(&mut complaints.certificate, "the certificate stays as it was", outcome.err());
        }
    }

    fn throttle(&self, throttle: &Throttle) {
        self.service.throttle(throttle);
        self.gate.set(Instant::now().into_std(), throttle.accepts, throttle.handshakes_per_address);
    }
}

/// What was complained about at the last look.
#[derive(Debug, Default)]
struct Complaints {
    limits: Option<String>,
    certificate: Option<String>,
}

/// Complains once, and not at every look.
fn note(before: &mut Option<String>, what: &str, error: Option<io::Error>) {
    let error = error.map(|error| error.to_string());
    if let Some(error) = &error
        && before.as_ref() != Some(error)
    {
        tracing::warn!("{what}: {error}");
    }
    *before = error;
}
