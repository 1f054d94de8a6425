//! Certificates from an authority that speaks ACME (RFC 8555): had, kept, and replaced in time, while the relay serves.
//!
//! The authority is asked when there is no certificate of its, or a third of its lifetime is left. What fails is told
//! with the authority's words and tried again, each time later; the certificate in force stays.

mod account;
mod authority;
mod challenge;
mod failure;
mod order;
mod schedule;
mod standing;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::identity::{Identity, Reloaded};
use super::options::AcmeOptions;
use crate::drive::wall_clock;
use authority::Authority;
use challenge::Way;
use failure::Failure;
use order::{Issued, Tried};

pub(super) use challenge::{ALPN, Challenges, is_challenge};
pub(super) use standing::{Facts, Standing};

/// For all requests of an attempt.
const PATIENCE: Duration = Duration::from_secs(300);

/// A clock that is set, or a host that slept, is noticed after this.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);

/// Certificates that are good for minutes are those of an authority that is tried out.
const LEAST_BETWEEN: Duration = Duration::from_secs(10);

/// What all that have to do with it share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) challenges: Challenges,
    pub(super) standing: Standing,
    /// The owner wants it tried again now.
    hurry: Notify,
}

impl Shared {
    /// An attempt that waits for its time does not any more.
    pub(super) fn hurry(&self) {
        self.hurry.notify_one();
    }
}

/// Keeps a relay in certificates.
#[derive(Debug)]
pub(super) struct Acme {
    options: AcmeOptions,
    authority: Authority,
    identity: Arc<Identity>,
    shared: Arc<Shared>,
    /// Whether there is a listener for HTTP-01.
    http: bool,
    /// The way to begin with.
    way: Way,
}

impl Acme {
    /// `http`: there is a listener for HTTP-01.
    pub(super) fn new(options: AcmeOptions, identity: Arc<Identity>, http: bool) -> io::Result<Self> {
        let authority = Authority::new(options.ca.as_deref())?;
        let shared = identity.acme().map(Arc::clone).unwrap_or_default();
        Ok(Self { options, authority, identity, shared, http, way: Way::TlsAlpn })
    }

    pub(super) async fn run(mut self) {
        let mut failures = 0;
        let mut not_before = Instant::now();
        loop {
            self.wait(not_before).await;
            let outcome = match timeout(PATIENCE, self.attempt(failures)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Failure::network("the order", format!("not done in {} s", PATIENCE.as_secs()))),
            };
            let asked_for = self.authority.take_asked_for();
            let pause = match outcome {
                Ok(()) => {
                    failures = 0;
                    self.shared.standing.obtained();
                    LEAST_BETWEEN
                }
                Err(failure) => {
                    failures += 1;
                    let now = wall_clock::now();
                    self.shared.standing.failed(now, &failure);
                    let pause = schedule::pause(failures, failure.kind, asked_for, random());
                    self.complain(&failure, now, pause);
                    pause
                }
            };
            not_before = Instant::now() + pause;
        }
    }

    /// When the authority is to be asked: at once, where what is served is not of its.
    fn due(&self) -> SystemTime {
        match self.identity.term() {
            Some(term) if term.authority.as_deref() == Some(&*self.options.directory) => {
                schedule::renewal(term.not_before, term.not_after)
            }
            _ => SystemTime::UNIX_EPOCH,
        }
    }

    /// Until a certificate is due, and not before that; the owner's wish goes before.
    async fn wait(&self, not_before: Instant) {
        loop {
            // What is due is looked at anew: files change, and clocks are set.
            let now = wall_clock::now();
            let due = self.due().duration_since(now).unwrap_or_default();
            let left = not_before.saturating_duration_since(Instant::now()).max(due);
            self.shared.standing.next(now + left);
            if left.is_zero() {
                return;
            }
            let hurried = timeout(left.min(LONGEST_SLEEP), self.shared.hurry.notified()).await.is_ok();
            if hurried && due.is_zero() {
                return;
            }
        }
    }

    async fn attempt(&mut self, failures: u32) -> Result<(), Failure> {
        tracing::info!(directory = %self.options.directory, "asking for a certificate for {}", self.identity.host_name());
        self.identity.check_directory().map_err(|error| Failure::local("the directory of certificates", &error))?;
        let (mut outcome, tried) = self.order().await;
        // A port that is closed, or something in front that ends TLS, stands in one way and not in the other. Later
        // attempts take one way each: authorities count.
        if let (Err(failure), Some(Tried { way, or_else: Some(other) })) = (&outcome, tried)
            && failure.kind == failure::Kind::Validation
        {
            self.way = other;
            if failures == 0 {
                tracing::warn!("{failure}; trying {other}");
                (outcome, _) = self.order().await;
                if matches!(&outcome, Err(failure) if failure.kind == failure::Kind::Validation) {
                    self.way = way;
                }
            }
        }
        self.keep(&outcome?)
    }

    async fn order(&self) -> (Result<Issued, Failure>, Option<Tried>) {
        let ways = if self.http { &[self.way, self.way.other()][..] } else { &[Way::TlsAlpn] };
        let mut tried = None;
        let outcome = self.order_by(ways, &mut tried).await;
        (outcome, tried)
    }

    async fn order_by(&self, ways: &[Way], tried: &mut Option<Tried>) -> Result<Issued, Failure> {
        let name = self.identity.host_name();
        let account = account::open(&self.options, &self.authority).await?;
        match order::place(&account, name, ways, &self.shared.challenges, tried).await {
            Err(failure) if failure.account_is_gone => {
                tracing::warn!("{failure}; a new account is made");
                let account = account::make(&self.options, &self.authority).await?;
                order::place(&account, name, ways, &self.shared.challenges, tried).await
            }
            outcome => outcome,
        }
    }

    fn keep(&self, issued: &Issued) -> Result<(), Failure> {
        let kept = self.identity.replace(&issued.chain, &issued.key, &self.options.directory);
        let kept = kept.map_err(|error| Failure::local("the new certificate", &error))?;
        if kept == Reloaded::Changed
            && let Some(term) = self.identity.term()
        {
            let until = humantime::format_rfc3339_seconds(term.not_after);
            tracing::info!("a new certificate is served from now on, until {until}");
        }
        // Another one, and then another, would not help.
        if self.due() <= wall_clock::now() {
            let cause = "by this host's clock it is to be renewed already: is the clock right?".to_owned();
            return Err(Failure::local("the new certificate", &io::Error::other(cause)));
        }
        Ok(())
    }

    fn complain(&self, failure: &Failure, now: SystemTime, pause: Duration) {
        let again = humantime::format_duration(Duration::from_secs(pause.as_secs().max(1)));
        let Some(term) = self.identity.term() else {
            tracing::error!("no certificate yet, and handshakes are refused: {failure}; trying again in {again}");
            return;
        };
        let Ok(left) = term.not_after.duration_since(now) else {
            tracing::error!("the certificate has expired and is not renewed: {failure}; trying again in {again}");
            return;
        };
        // Half of what was left when it was due has gone by.
        let lifetime = term.not_after.duration_since(term.not_before).unwrap_or_default();
        let left_text = humantime::format_duration(Duration::from_secs(left.as_secs()));
        if left < lifetime / 6 {
            tracing::error!(
                "the certificate expires in {left_text} and is not renewed: {failure}; trying again in {again}"
            );
        } else {
            tracing::warn!(
                "the certificate is not renewed, and is good for {left_text}: {failure}; trying again in {again}"
            );
        }
    }
}

fn random() -> u8 {
    let mut random = [0];
    // Without randomness, relays that failed together come again together.
    let _ = getrandom::fill(&mut random);
    u8::from_le_bytes(random)
}
