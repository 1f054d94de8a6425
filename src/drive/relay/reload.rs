//! Files that change while the relay runs: lists of clients, limits, certificates, the key of the mesh.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::gate::Gate;
use super::identity::{Identity, Reloaded};
use super::key_file::load_mesh_key;
use super::service::Service;
use super::throttle::{Throttle, ThrottleFile};

/// How long a look may take: some files are read.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at the files every so often, and when told to.
#[derive(Debug)]
pub(super) struct Reload {
    service: Arc<Service>,
    identity: Option<Arc<Identity>>,
    limits: Option<ThrottleFile>,
    mesh_key: Option<PathBuf>,
    gate: Arc<Gate>,
    every: Duration,
    now: Reloader,
}

/// Makes a relay look at its files at once.
#[derive(Clone, Debug, Default)]
pub struct Reloader(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    wanted: Notify,
    done: Notify,
}

impl Reloader {
    /// Reads lists, limits, certificates and the key of the mesh again, and returns when that is done, or the relay does not come to it. What
    /// cannot be read or understood stays as it was, with a line in the log.
    pub async fn reload(&self) {
        let done = self.0.done.notified();
        self.0.wanted.notify_one();
        // A relay that has stopped reads nothing any more.
        let _ = tokio::time::timeout(PATIENCE, done).await;
    }
}

impl Reload {
    /// `limits` are those in force from the start, and the file they are from.
    pub(super) fn new(
        service: Arc<Service>,
        identity: Option<Arc<Identity>>,
        limits: Option<(ThrottleFile, Throttle)>,
        mesh_key: Option<PathBuf>,
        every: Duration,
    ) -> Self {
        let (limits, throttle) = limits.unzip();
        let reload =
            Self { service, identity, limits, mesh_key, gate: Arc::default(), every, now: Reloader::default() };
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
        self.now.clone()
    }

    pub(super) async fn run(self) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut complaints = Complaints::default();
        loop {
            let asked = tokio::select! {
                _ = ticks.tick() => false,
                () = self.now.0.wanted.notified() => true,
            };
            if asked {
                complaints = Complaints::default();
                self.rekey();
            }
            self.look(&mut complaints);
            if asked {
                if let Some(acme) = self.identity.as_ref().and_then(|identity| identity.acme()) {
                    acme.hurry();
                }
                self.now.0.done.notify_waiters();
            }
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
                tracing::info!(pin = %identity.pin().unwrap_or_default(), "the certificate has changed and is served from now on");
            }
            note(&mut complaints.certificate, "the certificate stays as it was", outcome.err());
        }
    }

    /// Only when asked: all relays of a mesh are to change their key within a short time, and when that is, is their
    /// owner's to say.
    fn rekey(&self) {
        let Some(file) = &self.mesh_key else { return };
        match load_mesh_key(file) {
            Ok(key) => {
                if self.service.rekey(key) {
                    tracing::info!("the mesh key has changed; relays that are connected stay so");
                }
            }
            Err(error) => tracing::warn!("the mesh key stays as it was: {error}"),
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
