//! Names, connections, this host.

use super::super::finding::text;
use super::{elsewhere, failure, pasted};
use crate::probe::Cause;
use crate::render::catalogue::{FindingText, snippet};
use crate::report::{FileProblem, PortUnknown, RelayFault};

#[allow(clippy::too_many_lines, reason = "one arm a fault, nothing else")]
pub(super) fn words(node: &str, fault: &RelayFault) -> FindingText {
    match fault {
        RelayFault::NoAddress { host, failure: how, pinned: false, only } => pasted(
            text(
                match only {
                    Some(family) => format!("{host} has no {family} address"),
                    None => format!("{host} has no address"),
                },
                match only {
                    Some(family) => format!("{}; {family} alone was asked for.", failure(how)),
                    None => format!("{}.", failure(how)),
                },
                &[
                    "the name is mistyped",
                    "its A or AAAA record is missing, or not published yet",
                    "the resolver filters it",
                ],
                "Publish an A record (and AAAA where there is IPv6) for the name, or give the node its address in the map \
                 (IPv4, IPv6).",
            ),
            snippet::resolve(host),
        ),
        RelayFault::NoAddress { host, failure: how, pinned: true, only: _ } => text(
            format!("{host} has no address in DNS; the map has one"),
            format!("{}.", failure(how)),
            &["the name exists for the certificate alone", "its record is missing"],
            "Nothing, as long as the map has its address: clients do without DNS.",
        ),
        RelayFault::NotLookedUp { host, failure: how } => pasted(
            text(
                format!("{host} could not be looked up from this host"),
                format!("{}. That says nothing of the name itself.", failure(how)),
                &[
                    "this host's resolver does not answer, or refuses",
                    "the name servers of the domain do not answer",
                    "the network is down",
                ],
                "See that this host resolves other names (/etc/resolv.conf), and ask another resolver for this one.",
            ),
            snippet::resolve(host),
        ),
        RelayFault::AddressDiffers { host, map, resolved } => pasted(
            text(
                format!("{host} has another address than the map"),
                format!(
                    "The map says {map}; DNS says {}.",
                    resolved.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                ),
                &["the relay has moved, and one of them is old", "DNS answers by place, or with a proxy's address"],
                "Clients dial the map's address. Correct the one that is wrong; without an address in the map, clients ask \
                 DNS.",
            ),
            snippet::resolve(host),
        ),
        RelayFault::FakeAddress { host, address } => text(
            format!("{host} is answered with a fake address"),
            format!("{host} resolves to {address}, which is in 198.18.0.0/15."),
            &["a proxy in fake-IP mode (Clash, sing-box, Surge and the like) answers DNS on this host or its router"],
            "Exempt the relay's name from fake-IP and route its UDP directly. Until then what is seen here is the proxy's way \
             to the relay.",
        ),
        RelayFault::Tcp { address, failure: how, others, stun } => {
            let causes: &[&str] = match how.cause {
                Cause::Refused => &[
                    "nothing listens on that port: the relay is not running, or on another port or address",
                    "a firewall answers in its place",
                ],
                Cause::TimedOut { .. } => &[
                    "a firewall drops it: the host's, or the provider's (security group)",
                    "the address is not the relay's (any more)",
                    "the host is down",
                ],
                _ => &["the way to the address is broken", "a firewall on the way forbids it"],
            };
            let mut observed = format!("{address}: {}.", failure(how));
            if *stun {
                observed.push_str(" STUN is answered at that address, so the host is up.");
            }
            let title = if *others {
                format!("No TCP connection to {address}; another address of the relay takes them")
            } else {
                format!("No TCP connection to {address}")
            };
            pasted(
                text(
                    title,
                    observed,
                    causes,
                    "On the relay, see that it listens on that port and address, and open the port in both firewalls: the \
                     host's and the provider's. In a map, DERPPort says which port it is.",
                ),
                snippet::open_tcp(address.port()),
            )
        }
        RelayFault::Proxy { failure: how } => text(
            "The proxy of the environment does not lead to the relay",
            format!("{}.", failure(how)),
            &["the proxy allows CONNECT to few hosts and ports", "it wants a login", "its address is wrong"],
            "Allow CONNECT to the relay in the proxy, or take the relay out: add its name to NO_PROXY.",
        ),
        RelayFault::OneSided { here: true } => text(
            format!("{node} answers STUN elsewhere, not here"),
            "TCP gets through from both hosts, UDP from the other one alone.".to_owned(),
            &[
                "a firewall or a provider near this host drops UDP to that port",
                "the relay's firewall lets in only some",
            ],
            "It is no general fault of the relay: look at this host's network. `natscope netcheck` tells whether UDP gets out \
             at all.",
        ),
        RelayFault::OneSided { here: false } => text(
            format!("{node} answers STUN here, not elsewhere"),
            "TCP gets through from both hosts, UDP from this one alone.".to_owned(),
            &[
                "a firewall or a provider near the other host drops UDP to that port",
                "the relay's firewall lets in only some",
            ],
            "It is no general fault of the relay: look at the other host's network, with `natscope netcheck` there.",
        ),
        RelayFault::NotListening { udp, port } => pasted(
            text(
                format!("Nothing on this host listens on {} port {port}", protocol(*udp)),
                format!(
                    "No {} socket of this host (in this network namespace) is bound to port {port}.",
                    protocol(*udp)
                ),
                &[
                    "the relay is not running, or on another port",
                    "it runs in a container that does not publish the port",
                ],
                "Start the relay, and see its log for a bind error; derper says nothing when it cannot bind the STUN port.",
            ),
            if *udp { snippet::open_udp(*port) } else { snippet::open_tcp(*port) },
        ),
        RelayFault::PortUnknown { udp, port, why } => text(
            format!("Whether anything listens on {} port {port} of this host is not known", protocol(*udp)),
            match why {
                PortUnknown::Unreadable => "The system does not tell which ports are listened on (/proc/net).".to_owned(),
                PortUnknown::OtherNamespace => {
                    "Nothing does in this network namespace. A derper runs in one of its own, as in a container, or in one that \
                     only root is told of."
                        .to_owned()
                }
                PortUnknown::Answered => {
                    "Nothing does in this network namespace, and the relay answers on that port all the same.".to_owned()
                }
            },
            match why {
                PortUnknown::Unreadable => &["this is not Linux", "what runs natscope is confined"][..],
                PortUnknown::OtherNamespace => &["the container's port is published by address translation alone"],
                PortUnknown::Answered => {
                    &["the container's port is published by address translation alone", "the relay is on another host"]
                }
            },
            "Nothing is wrong by this. To see more, run it as root, in the container, or on the host the relay is on.",
        ),
        RelayFault::LoopbackOnly { udp, port } => text(
            format!("{} port {port} is bound to loopback alone", protocol(*udp)),
            format!("Every {} socket on port {port} is bound to a loopback address.", protocol(*udp)),
            &[
                "the relay stands behind a proxy on this host, as it should",
                "its listen address is 127.0.0.1 by mistake",
            ],
            "Behind a proxy that is right for TCP. For everything else bind it to the public address, or to all (-a :443).",
        ),
        RelayFault::ClockUnsynchronized => pasted(
            text(
                "Nothing keeps this host's clock right",
                "timedatectl says NTPSynchronized=no.".to_owned(),
                &["no time service runs", "its servers cannot be reached (UDP 123)"],
                "Start one: certificates and logins depend on the time.",
            ),
            snippet::clock(),
        ),
        RelayFault::NoTailscaled { socket } => text(
            "derper is to ask tailscaled, which is not there",
            format!("It runs with -verify-clients, and there is no socket {socket}."),
            &["tailscaled does not run on this host", "in a container, its socket is not mounted"],
            "Run tailscaled beside it and join it to the tailnet, or mount /var/run/tailscale into the container; -socket says \
             where else it is. Without it every client is refused.",
        ),
        RelayFault::CertificateFile { path, problem } => pasted(
            text(
                match problem {
                    FileProblem::Missing => "derper's certificate file is not there",
                    FileProblem::Unreadable { .. } => "derper's certificate file could not be looked at",
                    FileProblem::NoCertificate => "derper's certificate file holds no certificate",
                    FileProblem::Expired => "The certificate in derper's file has expired",
                    FileProblem::NotPresented => "The relay shows another certificate than the one in its file",
                },
                match problem {
                    FileProblem::Unreadable { said } => format!("{path}: {said}."),
                    _ => format!("{path}."),
                },
                match problem {
                    FileProblem::Missing => &["-certdir or -hostname is another one", "it was never written"][..],
                    FileProblem::Unreadable { .. } => &["it is another user's: only root may read it"],
                    FileProblem::NoCertificate => &["it is empty, or the key's", "it is not in PEM"],
                    FileProblem::Expired => &["its renewal fails, or writes elsewhere"],
                    FileProblem::NotPresented => {
                        &["it was renewed, and derper reads it only at its start", "a proxy in front has its own"]
                    }
                },
                match problem {
                    FileProblem::Unreadable { .. } => "Nothing is wrong by this. To have it looked at, run it as root.",
                    _ => "Have the renewal write to that file, and restart derper afterwards.",
                },
            ),
            snippet::renew(),
        ),
        other => elsewhere(other),
    }
}

const fn protocol(udp: bool) -> &'static str {
    if udp { "UDP" } else { "TCP" }
}
