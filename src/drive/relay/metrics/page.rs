//! The page of metrics, in Prometheus' text format (version 0.0.4).
//!
//! Names are derper's where it has the metric, so that dashboards and alerts made for it fit. `OpenMetrics` has other ones
//! (its counters end in `_total`), and so no library for that writes them.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::acme;
use super::super::mesh::Standing;
use super::tally::{Tally, TlsVersion};
use crate::derp::{Census, Pace, Snapshot};
use crate::wire::exposition::Page;

/// What the page is made of.
pub(super) struct Facts<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) census: &'a Census,
    pub(super) mesh: MeshFacts,
    pub(super) tally: &'a Tally,
    /// For each client.
    pub(super) pace: Pace,
    pub(super) started: SystemTime,
    pub(super) uptime: Duration,
    pub(super) certificate_expires: Option<SystemTime>,
    /// Where certificates come from an authority.
    pub(super) acme: Option<&'a acme::Facts>,
    /// Where the system tells.
    pub(super) open_files: Option<usize>,
}

/// How it is with the other relays of the mesh.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MeshFacts {
    /// Those that this one connects to.
    nodes: usize,
    /// Those it watches.
    joined: usize,
}

impl MeshFacts {
    pub(super) fn of(standings: &[Standing]) -> Self {
        let count = |which: fn(&Standing) -> bool| standings.iter().filter(|standing| which(standing)).count();
        Self {
            nodes: count(|standing| *standing != Standing::Itself),
            joined: count(|standing| matches!(standing, Standing::Joined { .. })),
        }
    }
}

/// The text of the page.
pub(super) fn render(facts: &Facts<'_>) -> String {
    let mut page = Page::default();
    clients(&mut page, facts);
    packets(&mut page, facts.snapshot);
    connections(&mut page, facts);
    process(&mut page, facts);
    page.finish()
}

fn clients(page: &mut Page, Facts { census, mesh, snapshot, .. }: &Facts<'_>) {
    page.gauge("derp_current_connections", "Connections of clients.", census.connections);
    page.gauge("derp_current_home_connections", "Those whose client has its home here.", census.home_connections);
    page.gauge(
        "derp_current_notideal_connections",
        "Those whose client would rather be at another node.",
        census.not_ideal_connections,
    );
    page.gauge("derp_clients_total", "Keys that can be reached.", census.clients_local + census.clients_remote);
    page.gauge("derp_clients_local", "Keys that are here.", census.clients_local);
    page.gauge("derp_clients_remote", "Keys that are at other nodes of the mesh.", census.clients_remote);
    page.gauge("derp_current_dup_client_keys", "Keys with several connections.", census.dup_client_keys);
    page.gauge("derp_current_dup_client_conns", "Connections of those keys.", census.dup_client_conns);
    page.gauge("derp_watchers", "Connections that watch who comes and goes.", census.watchers);
    page.gauge("natscope_mesh_nodes", "Other nodes of the mesh that this one connects to.", mesh.nodes);
    page.gauge("natscope_mesh_nodes_joined", "Those it is connected to, and watches.", mesh.joined);
    page.gauge("natscope_bytes_held", "Bytes of packets and notices in memory.", census.bytes_held);
    page.counter("derp_accepts", "Clients that were let in.", snapshot.accepts);
    page.counter(
        "derp_total_dup_client_conns",
        "Connections that came while their key had another one.",
        snapshot.total_dup_client_conns,
    );
    page.counter("derp_home_moves_in", "Clients that made this their home later than at once.", snapshot.home_moves_in);
    page.counter("derp_home_moves_out", "Clients that chose another home.", snapshot.home_moves_out);
}

fn packets(page: &mut Page, snapshot: &Snapshot) {
    page.counter("derp_packets_received", "Packets clients sent.", snapshot.packets_received);
    page.counter("derp_bytes_received", "Bytes of their payloads.", snapshot.bytes_received);
    page.counter("derp_packets_sent", "Packets given out to be written.", snapshot.packets_sent);
    page.counter("derp_bytes_sent", "Bytes of their payloads.", snapshot.bytes_sent);
    page.head("derp_packets_received_kind", "counter", "Packets clients sent, by what they look like.");
    page.sample("derp_packets_received_kind", &[("kind", "disco")], snapshot.packets_received_disco);
    page.sample("derp_packets_received_kind", &[("kind", "other")], snapshot.packets_received_other);
    page.counter("derp_packets_forwarded_in", "Packets from other nodes.", snapshot.packets_forwarded_in);
    page.counter("derp_packets_forwarded_out", "Packets to other nodes.", snapshot.packets_forwarded_out);
    page.counter(
        "derp_multiforwarder_created",
        "Keys that came to be at a second other node.",
        snapshot.multiforwarder_created,
    );
    page.counter("derp_multiforwarder_deleted", "Those that are at one again.", snapshot.multiforwarder_deleted);
    page.counter(
        "derp_packet_forwarder_delete_other_value",
        "Keys a node said to be gone while they were known at another one only.",
        snapshot.packet_forwarder_delete_other_value,
    );
    page.counter(
        "derp_peer_gone_disconnected_frames",
        "Notices that a peer has left.",
        snapshot.peer_gone_disconnected_frames,
    );
    page.counter(
        "derp_peer_gone_not_here_frames",
        "Notices that a peer is not here.",
        snapshot.peer_gone_not_here_frames,
    );
    page.gauge(
        "derp_average_queue_duration_ms",
        "Milliseconds that packets given out lately had waited, on average.",
        format_args!("{:.3}", snapshot.average_queue_duration_ms),
    );
    page.head("derp_packets_dropped", "counter", "Packets dropped.");
    for dropped in &snapshot.dropped {
        let labels = [("reason", dropped.reason.label()), ("kind", dropped.kind.label())];
        page.sample("derp_packets_dropped", &labels, dropped.packets);
    }
    page.head("derp_bytes_dropped", "counter", "Bytes of their payloads.");
    for dropped in &snapshot.dropped {
        let labels = [("reason", dropped.reason.label()), ("kind", dropped.kind.label())];
        page.sample("derp_bytes_dropped", &labels, dropped.bytes);
    }
}

fn connections(page: &mut Page, Facts { tally, pace, .. }: &Facts<'_>) {
    page.counter("derp_got_ping", "Pings clients sent to the relay.", tally.got_ping.value());
    page.counter("derp_sent_pong", "Those that are answered.", tally.sent_pong.value());
    page.counter("derp_websocket_accepts", "Clients that came over a WebSocket.", tally.websocket_accepts.value());
    page.counter(
        "derp_sclient_write_timeouts",
        "Clients cut off as they did not read.",
        tally.sclient_write_timeouts.value(),
    );
    page.head(
        "derp_tcp_rtt",
        "counter",
        "How long the TCP of a client takes there and back, each asked every ten seconds: those between two limits.",
    );
    for (class, clients) in tally.tcp_rtt.classes() {
        page.sample("derp_tcp_rtt", &[("le", class)], clients);
    }
    page.counter("natscope_clients_refused", "Clients that were not let in.", tally.refused.value());
    page.counter(
        "tls_listener_accepted_connections",
        "Connections to HTTPS that were accepted.",
        tally.tls_listener_accepted.value(),
    );
    page.counter(
        "tls_listener_rejected_connections",
        "Those closed at once, beyond a limit.",
        tally.tls_listener_rejected.value(),
    );
    page.head("derper_tls_request_version", "counter", "HTTP requests over TLS, by its version.");
    for version in TlsVersion::ALL {
        let count = version.of_each(&tally.tls_requests).value();
        page.sample("derper_tls_request_version", &[("version", version.label())], count);
    }
    page.head("derper_tls_active_version", "gauge", "Connections over TLS now, by its version.");
    for version in TlsVersion::ALL {
        let count = version.of_each(&tally.tls_active).load(Ordering::Relaxed);
        page.sample("derper_tls_active_version", &[("version", version.label())], count);
    }
    if let Some(rate) = pace.bytes {
        page.gauge("derp_rate_limit_per_client_bytes_per_second", "What a client may send.", rate.per_second);
        page.gauge("derp_rate_limit_per_client_burst_bytes", "And at once.", rate.burst);
    }
    let stun = &tally.stun;
    page.head("stun_requests", "counter", "Datagrams to STUN, by what became of them.");
    for (disposition, counter) in [
        ("success", &stun.success),
        ("not_stun", &stun.not_stun),
        ("read_error", &stun.read_error),
        ("write_error", &stun.write_error),
    ] {
        page.sample("stun_requests", &[("disposition", disposition)], counter.value());
    }
    page.counter(
        "natscope_stun_in_kernel",
        "Of those with success, the ones answered in the kernel.",
        stun.in_kernel.value(),
    );
    page.head("stun_addrfamily", "counter", "STUN requests answered, by address family.");
    for (family, counter) in [("ipv4", &stun.ipv4), ("ipv6", &stun.ipv6)] {
        page.sample("stun_addrfamily", &[("family", family)], counter.value());
    }
}

fn process(page: &mut Page, facts: &Facts<'_>) {
    let unix = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    page.gauge("process_start_unix_time", "When the relay started, in seconds since 1970.", unix(facts.started));
    page.gauge("uptime_sec", "Seconds since then.", facts.uptime.as_secs());
    if let Some(files) = facts.open_files {
        page.gauge("derp_current_file_descriptors", "Files the process has open.", files);
    }
    if let Some(expires) = facts.certificate_expires {
        page.gauge(
            "natscope_certificate_expires_unix_time",
            "When clients begin to refuse the certificate, in seconds since 1970.",
            unix(expires),
        );
    }
    if let Some(acme) = facts.acme {
        page.counter("natscope_acme_certificates", "Certificates the authority has given.", acme.obtained);
        page.head("natscope_acme_failures", "counter", "Attempts to get one that failed, by whose fault it was.");
        for (kind, failures) in acme.failures() {
            page.sample("natscope_acme_failures", &[("kind", kind.label())], failures);
        }
        page.gauge(
            "natscope_acme_failing",
            "1 while the last attempt is one that failed, else 0.",
            u8::from(acme.failure.is_some()),
        );
    }
    page.head("version", "gauge", "Always 1.");
    page.sample("version", &[("version", env!("CARGO_PKG_VERSION")), ("binary", "natscope")], 1);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::derp::{Limits, Rate, Switchboard};

    fn page(tally: &Tally) -> String {
        let board = Switchboard::new(Limits::default());
        render(&Facts {
            snapshot: &board.counters(),
            census: &board.census(),
            mesh: MeshFacts { nodes: 2, joined: 1 },
            tally,
            pace: Pace { bytes: Some(Rate { per_second: 20_000, burst: 65_568 }), packets: None },
            started: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            uptime: Duration::from_millis(61_900),
            certificate_expires: Some(UNIX_EPOCH + Duration::from_secs(1_800_000_000)),
            acme: Some(&acme::Facts::default()),
            open_files: Some(17),
        })
    }

    /// As Prometheus reads it: each family once, its samples behind its type, none of them twice.
    #[test]
    fn the_page_is_in_the_text_format() {
        let page = page(&Tally::default());
        let mut types = BTreeMap::new();
        let mut samples = BTreeMap::new();
        let mut family = "";
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(matches!(kind, "counter" | "gauge"), "{line}");
                assert_eq!(types.insert(name, kind), None, "{line} comes twice");
                family = name;
            } else if !line.starts_with("# HELP ") {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                assert_eq!(sample.split('{').next(), Some(family), "{line} is not behind its type");
                assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
                assert_eq!(samples.insert(sample, value), None, "{line} comes twice");
            }
        }
        assert!(page.ends_with('\n'));
        assert_eq!(samples["uptime_sec"], "61");
        assert_eq!(samples["derp_rate_limit_per_client_burst_bytes"], "65568");
        assert_eq!(samples["natscope_certificate_expires_unix_time"], "1800000000");
        assert_eq!(samples["derp_packets_dropped{reason=\"queue_head\",kind=\"disco\"}"], "0");
        assert_eq!(samples.keys().filter(|sample| sample.starts_with("derp_bytes_dropped{")).count(), 14);
        assert_eq!(types["derp_accepts"], "counter");
        assert_eq!(types["derp_clients_total"], "gauge");
    }

    #[test]
    fn what_is_counted_is_told() {
        let tally = Tally::default();
        tally.stun.success.add_one();
        tally.stun.success.add_one();
        tally.got_ping.add_one();
        let page = page(&tally);
        assert!(page.contains("\nstun_requests{disposition=\"success\"} 2\n"), "{page}");
        assert!(page.contains("\nderp_got_ping 1\n") && page.contains("\nderp_sent_pong 0\n"), "{page}");
    }
}
