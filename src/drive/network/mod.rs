//! Performs probes: the one loop that runs every check against the real network.
//!
//! [`run`] asks a [`Check`] for probes, sends them, and tells it what was heard. It does not know which check it
//! runs, judges nothing, and retries nothing: a copy is a probe of its own, asked for by the check. A failure of the
//! network is an observation; [`DriveError`] is for what the user or this host got wrong.
//!
//! Everything heard is bounded. When the future is dropped, as on Ctrl-C, no task of it runs on; a name lookup by
//! the C library, which cannot be called off, may occupy a thread of the runtime for some seconds more, so a
//! program that ends should shut its runtime down in the background.

mod causes;
mod derp;
mod http;
mod https;
mod icmp;
mod options;
mod portal;
mod recent_ports;
mod relay;
mod resolve;
mod router;
mod sockets;
mod socks;
mod stream;
mod stun;
mod stun_codec;

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

pub(in crate::drive) use causes::failure_of;
use causes::{Deadline, Reached};
pub use derp::RelayAt;
pub(in crate::drive) use derp::{Dialer, Dialled};
use https::Https;
pub(in crate::drive) use https::of_environment as proxies_of_environment;
pub use options::{Nameservers, NetworkOptions, Proxies, Trust};
pub use recent_ports::RecentPorts;
use resolve::Names;
use sockets::Routes;
pub(in crate::drive) use sockets::{Binding, UdpError};
use stream::Streams;
use stun::{Request, StunSockets};

use super::clock::Clock;
use crate::probe::{
    Cause, Check, Failure, Moment, Observation, Outcome, Probe, ProbeId, Question, ResolveAnswer, Stage,
};

/// Observations waiting to be told before listeners have to wait.
const HEARD_MAX: usize = 1024;
/// A check that is not done and wants to be asked again at once is not asked more often than this.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// The real network, for one run.
#[derive(Debug)]
pub struct Network {
    options: NetworkOptions,
}

impl Network {
    /// A network reached as the options say. Opens nothing yet.
    #[must_use]
    pub const fn new(options: NetworkOptions) -> Self {
        Self { options }
    }
}

/// Why a run could not be begun or carried on. Never the fault of the network.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The address to bind to is not to be had.
    #[error("cannot send from {address}: {source}; --bind-address must be an address of this host")]
    BindAddress {
        /// Which address.
        address: IpAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The port to bind to is not to be had.
    #[error("cannot send from port {port}: {source}; give --bind-port another one, or leave it out")]
    BindPort {
        /// Which port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// Sockets cannot be bound to the interface.
    #[error(
        "cannot send through interface {name}: {source}; is that its name? `ip link` on Linux and `ifconfig` elsewhere list \
             them"
    )]
    Interface {
        /// Its name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Randomness(getrandom::Error),
}

/// Called with the time and the check after everything that was told, and whenever the check had asked to be woken.
pub type Watcher<'a, C> = &'a mut dyn FnMut(Moment, &C);

/// Runs a check to its end, and says when that was.
pub async fn run<C: Check + ?Sized>(
    check: &mut C,
    network: Network,
    mut watcher: Option<Watcher<'_, C>>,
) -> Result<Moment, DriveError> {
    let clock = Clock::start();
    let mut driver = Driver::new(clock, network.options)?;
    loop {
        // All that has been heard is told before the check is asked again: it must not take for silence what only has
        // not been told yet, however busy the machine is. A flood is no reason not to ask at all.
        for observation in std::iter::from_fn(|| driver.heard_already()).take(HEARD_MAX) {
            tell(check, clock, observation, &mut watcher);
        }
        // The time is read for every probe: launching a long flight takes some, and the check's budget must count it.
        if let Some(probe) = check.poll_probe(clock.now()) {
            tracing::debug!(id = %probe.id, question = ?probe.question, "asked");
            driver.launch(probe)?;
            continue;
        }
        if check.is_done() {
            for observation in driver.unfinished() {
                tell(check, clock, observation, &mut watcher);
            }
            return Ok(clock.now());
        }
        let wake_at = check.poll_timeout().map(|moment| moment.max(clock.now() + SHORTEST_WAIT));
        match driver.heard(wake_at).await {
            Some(observation) => tell(check, clock, observation, &mut watcher),
            None => watched(check, clock, &mut watcher),
        }
    }
}

fn tell<C: Check + ?Sized>(
    check: &mut C,
    clock: Clock,
    observation: Observation,
    watcher: &mut Option<Watcher<'_, C>>,
) {
    // Strings of strangers are escaped by their `Debug`.
    tracing::debug!(of = ?observation.probe, took = ?observation.round_trip(), outcome = ?observation.outcome, "heard");
    check.observe(clock.now(), observation);
    watched(check, clock, watcher);
}

fn watched<C: Check + ?Sized>(check: &C, clock: Clock, watcher: &mut Option<Watcher<'_, C>>) {
    if let Some(watch) = watcher {
        watch(clock.now(), check);
    }
}

/// Makes an association with the SOCKS5 proxy of the options and drops it again: what the proxy says is better known
/// before everything is asked through it. Without one there is nothing to find out.
pub async fn try_socks5(options: &NetworkOptions) -> Result<Result<(), Failure>, DriveError> {
    let Some(proxy) = &options.socks5 else { return Ok(Ok(())) };
    let binding = Binding::verified(options)?;
    let association = socks::Association::new(Arc::new(proxy.clone()), binding, None);
    Ok(association.made().await.map(drop))
}

/// What is in flight.
struct Driver {
    clock: Clock,
    binding: Binding,
    https: Arc<Https>,
    routes: Routes,
    stun: StunSockets,
    streams: Streams,
    names: Arc<Names>,
    /// Where each STUN probe went.
    servers: HashMap<ProbeId, IpAddr>,
    heard: mpsc::Receiver<Observation>,
    /// Observations made in the act of launching.
    immediate: VecDeque<Observation>,
    tasks: JoinSet<Observation>,
    /// Whose task it is and how far it has come, should it panic or not end in time.
    probes: HashMap<Id, (ProbeId, Reached, Moment)>,
}

impl Driver {
    fn new(clock: Clock, options: NetworkOptions) -> Result<Self, DriveError> {
        let binding = Binding::verified(&options)?;
        let (sender, heard) = mpsc::channel(HEARD_MAX);
        Ok(Self {
            clock,
            https: Arc::new(Https::new(clock, binding.clone(), &options.proxies, options.trust.clone())),
            routes: Routes::new(binding.clone()),
            streams: Streams::new(binding.clone(), options.bind_port),
            stun: StunSockets::new(clock, binding.clone(), &options, sender),
            binding,
            names: Arc::new(Names::new(options.nameservers)),
            servers: HashMap::new(),
            heard,
            immediate: VecDeque::new(),
            tasks: JoinSet::new(),
            probes: HashMap::new(),
        })
    }

    fn launch(&mut self, probe: Probe) -> Result<(), DriveError> {
        let id = probe.id;
        match probe.question {
            Question::Stun { slot, server, form } => {
                self.servers.insert(id, server.ip());
                let failed = self.stun.launch(&Request { probe: id, slot, server, form })?;
                self.immediate.extend(failed);
            }
            Question::StunStream { slot, server, tls, timeout } => {
                let reached = Reached::new(Stage::Connect);
                let connecting = match self.streams.prepare(slot, server)? {
                    Ok(connecting) => connecting,
                    Err(failure) => {
                        self.immediate.push_back(failed_at(id, self.clock.now(), failure));
                        return Ok(());
                    }
                };
                let (https, clock) = (Arc::clone(&self.https), self.clock);
                let deadline = self.deadline(timeout, &reached);
                self.spawn_timed(id, reached, async move { connecting.ask(clock, &https, tls, deadline).await });
            }
            Question::Resolve { host, family, timeout } => {
                let reached = Reached::new(Stage::Dns);
                let (names, deadline) = (Arc::clone(&self.names), self.deadline(timeout, &reached));
                self.spawn(id, reached, async move {
                    match names.addresses(&host, family, deadline).await {
                        Ok(addresses) => Outcome::Resolved(ResolveAnswer { addresses }),
                        Err(failure) => Outcome::Failed(failure),
                    }
                });
            }
            Question::HttpsLatency { target, timeout } => {
                let reached = Reached::new(Stage::Connect);
                let (https, deadline) = (Arc::clone(&self.https), self.deadline(timeout, &reached));
                self.spawn(id, reached, async move {
                    match https.measure(&target, deadline).await {
                        Ok(answer) => Outcome::Https(answer),
                        Err(failure) => Outcome::Failed(failure),
                    }
                });
            }
            Question::Icmp { address, timeout } => {
                let reached = Reached::new(Stage::Icmp);
                let (binding, clock, deadline) = (self.binding.clone(), self.clock, self.deadline(timeout, &reached));
                self.spawn_timed(id, reached, async move { icmp::echo(clock, &binding, address, deadline).await });
            }
            Question::CaptivePortal { address, host, timeout } => {
                let reached = Reached::new(Stage::Http);
                let (binding, deadline) = (self.binding.clone(), self.deadline(timeout, &reached));
                self.spawn(id, reached, async move {
                    match portal::ask(&binding, address, &host, deadline).await {
                        Ok(answer) => Outcome::Portal(answer),
                        Err(failure) => Outcome::Failed(failure),
                    }
                });
            }
            Question::PortMapping { service, gateway, timeout } => {
                let binding = self.binding.clone();
                self.spawn(id, Reached::new(Stage::PortMapping), async move {
                    router::ask(&binding, service, gateway, timeout).await
                });
            }
            Question::Relay(question) => {
                let reached = Reached::new(Stage::Connect);
                let (https, deadline) = (Arc::clone(&self.https), self.deadline(question.timeout, &reached));
                let clock = self.clock;
                self.spawn(id, reached, async move {
                    Outcome::Relay(Box::new(relay::ask(clock, &https, &question, deadline).await))
                });
            }
        }
        Ok(())
    }

    fn deadline(&self, after: Duration, reached: &Reached) -> Deadline {
        Deadline::new(self.clock.instant(self.clock.now()), after, reached.clone())
    }

    /// What is still under way, and how far it has come. The order is that of asking.
    fn unfinished(&self) -> Vec<Observation> {
        let at = self.clock.now();
        let mut left: Vec<_> = self.probes.values().collect();
        left.sort_by_key(|(probe, ..)| *probe);
        left.into_iter()
            .map(|(probe, reached, sent_at)| Observation {
                probe: Some(*probe),
                sent_at: *sent_at,
                at,
                outcome: Outcome::Unfinished { stage: reached.stage() },
            })
            .collect()
    }

    fn spawn(&mut self, id: ProbeId, reached: Reached, performing: impl Future<Output = Outcome> + Send + 'static) {
        let clock = self.clock;
        self.spawn_timed(id, reached, async move {
            let sent_at = clock.now();
            let outcome = performing.await;
            (sent_at, clock.now(), outcome)
        });
    }

    /// As [`spawn`](Self::spawn), for probes that time themselves more closely.
    fn spawn_timed(
        &mut self,
        id: ProbeId,
        reached: Reached,
        performing: impl Future<Output = (Moment, Moment, Outcome)> + Send + 'static,
    ) {
        let launched_at = self.clock.now();
        let task = self.tasks.spawn(async move {
            let (sent_at, at, outcome) = performing.await;
            Observation { probe: Some(id), sent_at, at, outcome }
        });
        self.probes.insert(task.id(), (id, reached, launched_at));
    }

    /// The observation of a task. One that panicked is a failure of natscope's, and still an end of its probe.
    fn ended(&mut self, ended: Result<(Id, Observation), JoinError>) -> Option<Observation> {
        match ended {
            Ok((task, observation)) => {
                self.probes.remove(&task);
                Some(observation)
            }
            Err(error) => {
                let (probe, reached, sent_at) = self.probes.remove(&error.id())?;
                let cause = Cause::Os { message: format!("natscope failed: {error}") };
                let outcome = Outcome::Failed(Failure::new(reached.stage(), cause));
                Some(Observation { probe: Some(probe), sent_at, at: self.clock.now(), outcome })
            }
        }
    }

    /// An observation that need not be waited for.
    fn heard_already(&mut self) -> Option<Observation> {
        if let Some(observation) = self.immediate.pop_front() {
            return Some(observation);
        }
        if let Ok(mut observation) = self.heard.try_recv() {
            self.complete(&mut observation);
            return Some(observation);
        }
        let ended = self.tasks.try_join_next_with_id()?;
        self.ended(ended)
    }

    /// The next observation, or `None` when it is time to wake the check.
    async fn heard(&mut self, wake_at: Option<Moment>) -> Option<Observation> {
        if let Some(observation) = self.immediate.pop_front() {
            return Some(observation);
        }
        let wake_at = wake_at.map(|moment| self.clock.instant(moment));
        let wake = async {
            match wake_at {
                Some(instant) => tokio::time::sleep_until(instant).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(mut observation) = self.heard.recv() => {
                self.complete(&mut observation);
                Some(observation)
            }
            Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
            () = wake => None,
        }
    }

    /// Adds the local address, which a shared socket does not know, to a reply it got.
    fn complete(&mut self, observation: &mut Observation) {
        let (Outcome::Stun(reply) | Outcome::StunDuplicate(reply)) = &mut observation.outcome else { return };
        if let Some(local) = reply.local
            && local.ip().is_unspecified()
        {
            let server = observation.probe.and_then(|probe| self.servers.get(&probe));
            let address = server.and_then(|server| self.routes.local_address(*server));
            reply.local = address.map(|ip| SocketAddr::new(ip, local.port()));
        }
    }
}

fn failed_at(probe: ProbeId, at: Moment, failure: Failure) -> Observation {
    Observation { probe: Some(probe), sent_at: at, at, outcome: Outcome::Failed(failure) }
}

#[cfg(test)]
mod tests;
