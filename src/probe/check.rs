use super::{Moment, Observation, Probe};

/// A sans-IO investigation: asks for probes, is told observations.
///
/// The driver's loop, in real and in virtual time alike: call [`poll_probe`](Self::poll_probe) until it returns
/// `None`, launching each probe; stop when [`is_done`](Self::is_done); otherwise wait for an observation or for
/// [`poll_timeout`](Self::poll_timeout), whichever comes first, tell the observation, and start over. Spurious calls
/// of any of these are harmless.
pub trait Check {
    /// The next probe to launch at or before `now`.
    fn poll_probe(&mut self, now: Moment) -> Option<Probe>;

    /// When to ask again if nothing is heard. `None`: only an observation can bring news.
    fn poll_timeout(&self) -> Option<Moment>;

    /// Tells what was heard. `now` is the moment of telling, at or after `observation.at`.
    fn observe(&mut self, now: Moment, observation: Observation);

    /// Whether nothing more would be learned. May become true by the passing of time alone, so it is asked after
    /// [`poll_probe`](Self::poll_probe) has seen the same `now`.
    fn is_done(&self) -> bool;
}
