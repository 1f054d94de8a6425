//! STUN.

use super::super::finding::text;
use super::{elsewhere, failure, pasted};
use crate::probe::Cause;
use crate::render::catalogue::{FindingText, snippet};
use crate::report::RelayFault;

pub(super) fn words(fault: &RelayFault) -> FindingText {
    match fault {
        RelayFault::NoStun { server, failure: how, relay_works, plain } => {
            let causes: &[&str] = match how.cause {
                Cause::Refused => &[
                    "no STUN server listens there: derper ran into a bind error and says nothing of it, or runs with \
                     -stun=false",
                    "in a container, the port is not published as UDP",
                ],
                _ => &[
                    "UDP is closed in the provider's firewall (security group) or the host's",
                    "in a container, the port is published as TCP alone (-p needs /udp)",
                    "UDP does not get out of this host's own network",
                ],
            };
            let mut observed = format!("{server}: {}.", failure(how));
            if *plain {
                observed.push_str(" A request without attributes is answered.");
            }
            if *relay_works {
                observed.push_str(" The relay itself works.");
            }
            pasted(
                text(
                    format!("STUN is not answered at {server}"),
                    observed,
                    causes,
                    "Open the UDP port all the way to the relay; without it clients cannot measure the relay and will not \
                     choose it. If other networks get an answer (see --compare), it is this one. A relay without STUN says \
                     so in the map: STUNPort -1.",
                ),
                snippet::open_udp(server.port()),
            )
        }
        RelayFault::TailnodeOnly { server } => text(
            "STUN answers Tailscale's form of request alone",
            format!("{server} answers requests of Tailscale's clients, and none without attributes."),
            &["derper and Headscale do so on purpose"],
            "Nothing. Other STUN testers will call it dead; it is not.",
        ),
        RelayFault::MappedOdd { server, mapped, near: _ } => pasted(
            text(
                "STUN tells an address that this host cannot have there",
                format!("{server} sees this host at {mapped}."),
                &[
                    "the server is in a container whose network translates addresses on the way in (docker's userland proxy or \
                     masquerading)",
                    "a load balancer stands before it",
                    "this host and the relay are behind one router, which turned the request back (hairpinning): strangers may \
                     be seen as they are",
                ],
                "If a host outside is told an address of this kind too, clients would offer it to their peers in vain: run the \
                 server on the host's own network.",
            ),
            snippet::host_network(),
        ),
        RelayFault::NoStunOver { family, server, failure: how } => pasted(
            text(
                format!("STUN is not answered over {family}"),
                format!(
                    "{server}: {}. TCP gets through over {family}, and STUN is answered over the other family.",
                    failure(how)
                ),
                &["the firewall has a rule for one family alone", "the STUN server is bound to one family alone"],
                "Open the UDP port for both families (ip6tables has rules of its own; nft's inet family has both).",
            ),
            snippet::open_udp(server.port()),
        ),
        RelayFault::StunFromElsewhere { server, from } => text(
            "STUN is answered from another address than was asked",
            format!("{server} was asked, {from} answered."),
            &["the server has several addresses, and answers from another one of them"],
            "Clients and NATs drop such answers. Bind the server to the address it is asked at (derper -a ADDRESS:443).",
        ),
        other => elsewhere(other),
    }
}
