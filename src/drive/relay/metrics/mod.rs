//! Numbers for Prometheus and a health check, on an address of their own: plain HTTP, for whoever can reach it.

mod page;
mod status;
mod tally;

use std::sync::Arc;
use std::time::SystemTime;

use hyper::StatusCode;
use hyper::header::HeaderMap;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::acme;
use super::identity::Identity;
use super::mesh::{Neighbour, Standing};
use super::service::Service;
use crate::drive::door::Door;
use crate::drive::pages::{self, Answer, CONNECTIONS, Pages};
use crate::drive::wall_clock;

pub(super) use tally::{StunTally, Tally, TlsInUse, TlsVersion};

/// What answers on the address.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    service: Arc<Service>,
    identity: Option<Arc<Identity>>,
    /// The other relays of the mesh.
    neighbours: Vec<Arc<Neighbour>>,
    door: Arc<Door>,
    started: (SystemTime, Instant),
    /// The relay is about to stop.
    closing: CancellationToken,
}

impl Metrics {
    pub(super) fn new(
        service: Arc<Service>,
        identity: Option<Arc<Identity>>,
        neighbours: Vec<Arc<Neighbour>>,
        closing: CancellationToken,
    ) -> Self {
        let started = (wall_clock::now(), Instant::now());
        Self { service, identity, neighbours, door: Door::new(CONNECTIONS), started, closing }
    }

    /// Answers until it is dropped.
    pub(super) async fn serve(self, listener: TcpListener) {
        let door = Arc::clone(&self.door);
        pages::serve(self, door, listener).await;
    }

    /// How it is with the authority that gives certificates, where one does.
    fn acme(&self) -> Option<acme::Facts> {
        Some(self.identity.as_ref()?.acme()?.standing.facts())
    }

    fn status(&self) -> String {
        let switchboard = self.service.switchboard();
        let now = Instant::now().into_std();
        let busiest = switchboard.busiest(status::LISTED).into_iter();
        let clients: Vec<_> = busiest.map(|present| (present, now.saturating_duration_since(present.since))).collect();
        let mesh: Vec<_> =
            self.neighbours.iter().map(|neighbour| (neighbour.node().to_string(), neighbour.standing())).collect();
        let (_, since) = self.started;
        let tally = self.service.tally();
        status::render(&status::Facts {
            key: self.service.public_key(),
            access: &self.service.admission().describe(),
            stopping: self.closing.is_cancelled(),
            uptime: since.elapsed(),
            now: wall_clock::now(),
            certificate_expires: self.identity.as_ref().and_then(|identity| identity.expires()),
            acme: self.acme().as_ref(),
            snapshot: &switchboard.counters(),
            census: &switchboard.census(),
            stun_answers: tally.stun.success.value(),
            refused: tally.refused.value(),
            mesh: &mesh,
            clients: &clients,
        })
    }

    fn page(&self) -> String {
        let switchboard = self.service.switchboard();
        let (started, since) = self.started;
        let standings: Vec<Standing> = self.neighbours.iter().map(|neighbour| neighbour.standing()).collect();
        page::render(&page::Facts {
            mesh: page::MeshFacts::of(&standings),
            snapshot: &switchboard.counters(),
            census: &switchboard.census(),
            tally: self.service.tally(),
            pace: self.service.pace(),
            started,
            uptime: since.elapsed(),
            certificate_expires: self.identity.as_ref().and_then(|identity| identity.expires()),
            acme: self.acme().as_ref(),
            open_files: open_files(),
        })
    }
}

impl Pages for Metrics {
    fn answer(&self, path: &str, _: &HeaderMap) -> Answer {
        match path {
            // derper has it there.
            "/metrics" | "/debug/varz" => pages::text(StatusCode::OK, self.page()),
            // A balancer is to send nobody here any more.
            "/healthz" if self.closing.is_cancelled() => pages::text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            "/healthz" => pages::text(StatusCode::OK, "ok\n"),
            "/" => pages::html(self.status()),
            _ => pages::text(StatusCode::NOT_FOUND, "not here: /, /metrics, /healthz\n"),
        }
    }
}

/// How many files this process has open, where the system lists them.
fn open_files() -> Option<usize> {
    // One of them is the listing itself.
    std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1))
}
