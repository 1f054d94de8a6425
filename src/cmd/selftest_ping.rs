//! The part of the selftest that listens and pings: two peers on loopback, through a relay and then past it.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;

use super::exit::CmdError;
use super::ping::{PingPlan, Tally};
use super::via;
use crate::cli::ProbingArgs;
use crate::derp::peer::{ListenConfig, ListenSession, PeerSession as _, PingSession};
use crate::drive::network::{NetworkOptions, Proxies};
use crate::drive::peer;
use crate::drive::wall_clock;
use crate::model::{DerpMap, NodePrivate};
use crate::report::{PathSide, Ping};

/// Far more than it takes where loopback works.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pings at most; the first that goes directly is the last.
const COUNT: u32 = 50;
const INTERVAL: Duration = Duration::from_millis(100);

/// Pings a peer of this process through the first relay of the map until a pong comes past it. `None`: the map has no
/// relay.
pub(super) async fn run(map: &DerpMap) -> Result<Option<Ping>, CmdError> {
    let Some(relay) = map.regions.values().find_map(via::relay_of) else { return Ok(None) };
    // Nothing is to leave loopback, and no proxy knows the way to it.
    let loopback = ProbingArgs { bind_address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), ..ProbingArgs::default() };
    let joining = |key: NodePrivate| {
        let mut joining = via::joining(vec![relay.clone()], map, key, true, &loopback, Vec::new(), Vec::new());
        joining.options.network =
            NetworkOptions { bind_address: loopback.bind_address, proxies: Proxies::None, ..NetworkOptions::default() };
        joining
    };
    let (ours, theirs) = (joining(peer::fresh_key()?), joining(peer::fresh_key()?));
    let (key, seed) = (theirs.key.clone(), peer::random()?);
    let mut listen = ListenSession::new(ListenConfig { key, seed, direct: true, relays: 1, count: None });
    let plan =
        PingPlan { peer: listen.public(), count: COUNT, interval: INTERVAL, size: 0, direct: true, until_direct: true };
    let mut ping = PingSession::new(plan.config(&ours)?);
    let mut tally = Tally::new(&plan, &ours, wall_clock::now());
    let begun = tokio::time::Instant::now();
    {
        // Neither side tells the other of its NAT: there is none.
        let ((_no_notes, notes), (_none_either, more_notes)) = (mpsc::channel(1), mpsc::channel(1));
        let pinging = peer::run(&mut ping, ours.options, notes, |at, news| {
            tally.note(at, news);
            true
        });
        let listening = pin!(peer::run(&mut listen, theirs.options, more_notes, |_, _| true));
        tokio::select! {
            ended = tokio::time::timeout(PATIENCE, pinging) => if let Ok(ended) = ended { ended? },
            ended = listening => ended?,
        }
    }
    let report = tally.report(begun.elapsed(), ping.sent(), tally.pongs());
    Ok(report.ping.map(|ping| Ping { direct: tally.direct(&PathSide::default()), ..ping }))
}
