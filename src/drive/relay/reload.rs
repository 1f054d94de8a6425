//! Files that change while the relay runs: lists of clients, certificates.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::identity::{Identity, Reloaded};
use super::service::Service;

/// Looks at the files every so often, and when told to.
#[derive(Debug)]
pub(super) struct Reload {
    service: Arc<Service>,
    identity: Option<Arc<Identity>>,
    every: Duration,
    now: Arc<Notify>,
}

/// Makes a relay look at its files at once.
#[derive(Clone, Debug)]
pub struct Reloader(Arc<Notify>);

impl Reloader {
    /// Reads lists and certificates again. What cannot be read or understood stays as it was, with a line in the log.
    pub fn reload(&self) {
        self.0.notify_one();
    }
}

impl Reload {
    pub(super) fn new(service: Arc<Service>, identity: Option<Arc<Identity>>, every: Duration) -> Self {
        Self { service, identity, every, now: Arc::default() }
    }

    pub(super) fn reloader(&self) -> Reloader {
        Reloader(Arc::clone(&self.now))
    }

    pub(super) async fn run(self) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut complaint = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.now.notified() => complaint = None,
            }
            self.look(&mut complaint);
        }
    }

    fn look(&self, complaint: &mut Option<String>) {
        if self.service.admission().reload() {
            self.service.close_the_no_longer_admitted();
        }
        let Some(identity) = &self.identity else { return };
        match identity.reload() {
            Ok(Reloaded::Same) => *complaint = None,
            Ok(Reloaded::Changed) => {
                *complaint = None;
                tracing::info!(pin = %identity.pin(), "the certificate has changed and is served from now on");
            }
            Err(error) => {
                let error = error.to_string();
                // Once, and not at every look.
                if complaint.as_ref() != Some(&error) {
                    tracing::warn!("the certificate stays as it was: {error}");
                }
                *complaint = Some(error);
            }
        }
    }
}
