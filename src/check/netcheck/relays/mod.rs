//! Relays asked over HTTPS: when UDP is silent, when one region or one family is, and before a region becomes home.

mod wish;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub(super) use self::wish::{RegionView, View};
use super::names::Names;
use super::plan::{self, Place, relay_place};
use super::schedule::Shown;
use super::{Input, timing};
use crate::check::Operator;
use crate::model::{Family, Node, RegionId, is_global};

use crate::probe::{Cause, Failure, HttpsTarget, Moment, Outcome, Stage};

/// All relays of the map that may be asked, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Relays {
    regions: Vec<RegionId>,
    attempts: Vec<Attempt>,
    via_proxy: bool,
    /// Index of the node in its region, and region: first nodes first.
    nodes: Arc<[(usize, usize)]>,
    /// Some relay has answered.
    any_success: bool,
}

/// One way to one relay.
#[derive(Clone, Debug)]
struct Attempt {
    region: usize,
    /// Index in the region's nodes.
    node: usize,
    /// `None`: through a proxy, which picks the family.
    family: Option<Family>,
    /// How many times this way was tried before.
    turn: u8,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    New,
    Waiting {
        since: Moment,
        until: Moment,
        address: Option<IpAddr>,
    },
    Success {
        address: Option<IpAddr>,
        round_trip: Duration,
        request: Duration,
        took: Duration,
        since: Moment,
        /// No SYN had to be sent again.
        at_once: bool,
    },
    Failed(Failure),
}

/// How an attempt reaches its relay.
enum Way {
    Direct(IpAddr),
    /// The proxy finds the address.
    Proxy,
}

impl Relays {
    /// Every relay of every region that is measured.
    pub(super) fn of(input: &Input) -> Self {
        let via_proxy = input.host.proxy.https.is_some();
        let mut regions = Vec::new();
        let mut attempts = Vec::new();
        let mut nodes = Vec::new();
        for region in input.map.regions.values().filter(|region| input.skip(region).is_none()) {
            let relays = region.nodes.iter().enumerate().filter(|(_, node)| !node.stun_only);
            for (node, _) in relays.take(2) {
                let families: &[Option<Family>] =
                    if via_proxy { &[None] } else { &[Some(Family::V4), Some(Family::V6)] };
                for family in families {
                    let (region, family) = (regions.len(), *family);
                    attempts.push(Attempt { region, node, family, turn: 0, state: State::New });
                }
            }
            nodes.extend((0..region.nodes.len()).map(|node| (node, regions.len())));
            regions.push(region.id);
        }
        nodes.sort_unstable();
        let again = |turn| move |first: &Attempt| Attempt { turn, ..first.clone() };
        let direct = |attempt: &&Attempt| attempt.family.is_some();
        let first = attempts.clone();
        for turn in 1..=timing::MOST_AGAIN {
            attempts.extend(first.iter().filter(direct).map(again(turn)));
        }
        Self { regions, attempts, via_proxy, nodes: nodes.into(), any_success: false }
    }

    /// Number of regions measured.
    pub(super) fn len(&self) -> usize {
        self.regions.len()
    }

    /// Every node of every region measured, per family: region, index of the node, family; first nodes first.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (usize, usize, Family)> + use<> {
        let nodes = Arc::clone(&self.nodes);
        (0..nodes.len())
            .filter_map(move |at| nodes.get(at).copied())
            .flat_map(|(node, region)| Family::BOTH.into_iter().map(move |family| (region, node, family)))
    }

    /// A node by the indices of [`nodes`](Self::nodes).
    pub(super) fn node<'a>(&self, input: &'a Input, region: usize, node: usize) -> Option<&'a Node> {
        input.map.regions.get(self.regions.get(region)?)?.nodes.get(node)
    }

    /// Whether a region has a STUN server that may be asked.
    fn has_stun(&self, region: usize, input: &Input) -> bool {
        let nodes = self.regions.get(region).and_then(|id| input.map.regions.get(id)).map(|region| &region.nodes);
        nodes.into_iter().flatten().any(|node| {
            Family::BOTH.into_iter().any(|family| input.allows(family) && plan::stun_place(node, family) != Place::Off)
        })
    }

    /// Whether any relay answered.
    pub(super) const fn any_success(&self) -> bool {
        self.any_success
    }

    /// Whether a relay across the internet, or through a proxy, answered.
    pub(super) fn any_success_beyond(&self) -> bool {
        self.attempts
            .iter()
            .any(|attempt| matches!(attempt.state, State::Success { address, .. } if address.is_none_or(is_global)))
    }

    /// The region's best request time over HTTPS.
    pub(super) fn latency(&self, region: usize) -> Option<Duration> {
        self.of_region(region)
            .filter_map(|attempt| match attempt.state {
                State::Success { request, .. } => Some(request),
                _ => None,
            })
            .min()
    }

    /// TCP round trip to this address; else the slowest to any relay, so that silence is judged by the worst path.
    pub(super) fn tcp_round_trip(&self, server: IpAddr) -> Option<Duration> {
        if !self.any_success {
            return None;
        }
        let all = || {
            self.attempts.iter().filter_map(|attempt| match attempt.state {
                State::Success { address, round_trip, .. } => Some((address, round_trip)),
                _ => None,
            })
        };
        let own = all().filter(|(address, _)| *address == Some(server)).map(|(_, round_trip)| round_trip).max();
        own.or_else(|| all().map(|(_, round_trip)| round_trip).max())
    }

    /// What shows that the way to the operator of the server at this address is up, and the longest round trip of that.
    pub(super) fn up(&self, server: IpAddr) -> Option<(Shown, Duration)> {
        let operator = Operator::of(server);
        let same = |address: Option<IpAddr>| address.is_some_and(|address| Operator::of(address) == operator);
        let shown = self.attempts.iter().filter_map(|attempt| match attempt.state {
            State::Success { address, since, round_trip, at_once: true, .. } if same(address) => {
                Some((Shown::at(since, attempt.turn > 0), round_trip))
            }
            _ => None,
        });
        shown.reduce(|(one, near), (other, far)| (one.min(other), near.max(far)))
    }

    /// Whether any relay answered over a family.
    pub(super) fn any_of_family(&self, family: Family) -> bool {
        let mut of_family = self.attempts.iter().filter(|attempt| attempt.family == Some(family));
        of_family.any(|attempt| matches!(attempt.state, State::Success { .. }))
    }

    /// Whether connections along the way of a family show that packets get lost: one took a second SYN, or came about while
    /// an earlier one to the same relay had not.
    pub(super) fn lose(&self, family: Family) -> bool {
        let of_family = || self.attempts.iter().filter(|attempt| attempt.family == Some(family));
        of_family().any(|attempt| match attempt.state {
            State::Success { at_once: false, .. } => true,
            State::Success { since, .. } => of_family().any(|other| {
                let same = (other.region, other.node) == (attempt.region, attempt.node);
                let overtaken = match &other.state {
                    State::Waiting { since: before, .. } => *before < since,
                    State::Failed(failure) => matches!(failure.cause, Cause::TimedOut { .. }),
                    _ => false,
                };
                same && overtaken
            }),
            _ => false,
        })
    }

    /// Attempts to launch for a region: none while one is under way or has succeeded; else those of the first node
    /// not yet tried, of the preferred family first where there is one.
    fn next_attempts(&self, region: usize, view: &View<'_>, prefer: Option<Family>) -> Vec<usize> {
        if self.succeeded(region) || self.waiting(region).next().is_some() {
            return Vec::new();
        }
        let mut ready: Vec<(usize, &Attempt)> = self
            .attempts
            .iter()
            .enumerate()
            .filter(|(_, attempt)| attempt.region == region && attempt.turn == 0)
            .filter(|(_, attempt)| matches!(attempt.state, State::New))
            .filter(|(_, attempt)| self.way(attempt, view).is_some())
            .collect();
        if let Some(family) = prefer {
            ready.sort_by_key(|(_, attempt)| (attempt.node, attempt.family != Some(family)));
            ready.truncate(1);
        }
        let Some(node) = ready.first().map(|(_, attempt)| attempt.node) else { return Vec::new() };
        ready.into_iter().filter(|(_, attempt)| attempt.node == node).map(|(index, _)| index).collect()
    }

    /// Nothing is left to try for the region.
    fn exhausted(&self, region: usize, view: &View<'_>) -> bool {
        !self.succeeded(region)
            && self.waiting(region).next().is_none()
            && self.next_attempts(region, view, None).is_empty()
    }

    /// Where an attempt would go; `None` when that is not known (yet).
    fn way(&self, attempt: &Attempt, view: &View<'_>) -> Option<Way> {
        let node = self.node(view.input, attempt.region, attempt.node)?;
        let Some(family) = attempt.family else { return Some(Way::Proxy) };
        let address = match relay_place(node, family) {
            Place::Known(address) => address,
            Place::ByName => view.names.address(&node.host_name, family)?,
            Place::Off => return None,
        };
        view.input.may_send(address).then_some(Way::Direct(address))
    }

    fn of_region(&self, region: usize) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.region == region)
    }

    fn succeeded(&self, region: usize) -> bool {
        self.of_region(region).any(|attempt| matches!(attempt.state, State::Success { .. }))
    }

    fn waiting(&self, region: usize) -> impl Iterator<Item = Moment> {
        self.of_region(region).filter_map(|attempt| match attempt.state {
            State::Waiting { since, .. } => Some(since),
            _ => None,
        })
    }

    /// When the last answer still expected of a region is overdue.
    fn overdue(&self, region: usize) -> Option<Moment> {
        let ends = self.of_region(region).filter_map(|attempt| match attempt.state {
            State::Waiting { until, .. } => Some(until),
            _ => None,
        });
        ends.max()
    }

    /// The region an attempt is for.
    pub(super) fn region_of(&self, index: usize) -> Option<usize> {
        self.attempts.get(index).map(|attempt| attempt.region)
    }

    fn failure(&self, region: usize) -> Option<Failure> {
        self.of_region(region).find_map(|attempt| match &attempt.state {
            State::Failed(failure) => Some(failure.clone()),
            _ => None,
        })
    }

    /// Marks an attempt as launched and says what to ask.
    pub(super) fn ask(
        &mut self,
        index: usize,
        input: &Input,
        names: &Names,
        now: Moment,
        timeout: Duration,
    ) -> Option<(HttpsTarget, Duration)> {
        let view = View {
            input,
            names,
            now,
            heard_udp: false,
            slowest: Duration::ZERO,
            tracks_settled: false,
            stun: Vec::new(),
            families: BTreeSet::new(),
        };
        let attempt = self.attempts.get(index)?;
        let address = match self.way(attempt, &view)? {
            Way::Direct(address) => Some(address),
            Way::Proxy => None,
        };
        let target = plan::https_target(self.node(input, attempt.region, attempt.node)?, address);
        self.attempts.get_mut(index)?.state = State::Waiting { since: now, until: now + timeout, address };
        Some((target, timeout))
    }

    /// Takes the answer.
    pub(super) fn hear(&mut self, index: usize, now: Moment, outcome: &Outcome) {
        let Some(attempt) = self.attempts.get_mut(index) else { return };
        let State::Waiting { since, address, .. } = attempt.state else { return };
        attempt.state = match outcome {
            Outcome::Https(answer) if answer.status <= 299 => State::Success {
                address,
                round_trip: answer.connect.max(answer.request),
                request: answer.request,
                took: now.since(since),
                since,
                at_once: answer.connect < timing::SYN_SENT_AGAIN,
            },
            Outcome::Https(answer) => State::Failed(Failure::new(Stage::Http, Cause::Status { code: answer.status })),
            Outcome::Failed(failure) => State::Failed(failure.clone()),
            _ => return,
        };
        self.any_success |= matches!(attempt.state, State::Success { .. });
    }
}
